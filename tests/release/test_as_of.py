"""Deliveries come one by one; afterwards `--as-of` rebuilds each state as it was shown on its day, row by row."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from flows.core import pipeline, receiving
from flows.settings import PROJECT, Settings

SAMPLE = PROJECT / "data" / "raw" / "police"
JULY_2023 = "donnee-dep-data.gouv-2022-geographie2023-produit-le2023-07-17.csv.gz"
JANUARY_2025 = "donnee-dep-data.gouv-2024-geographie2024-produit-le2025-01-26.csv"
JUNE_2025 = "donnee-dep-data.gouv-2024-geographie2025-produit-le2025-06-20.csv"
ZONES = "code_zone;type_zone;nom;code_parent\n63113;commune;Clermont-Ferrand;D63\nCF01;quartier;Centre;63113\n"
INCIDENTS = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service\n"
CORRECTION = (
    "K001,departement,63,2022,usage_stupefiants,count,1346,1345,2025-01-26,"
    "One person was counted twice.,Letter,2025-02-10,active\n"
)

LEFT_OUT = {
    "audit.checks": {
        "run_id": "names the run, and a rebuilding is another run",
        "known_since": "speaks of the release before",
        "failed_rows_before": "speaks of the release before",
    },
    "audit.releases": None,  # tells of runs and releases, not of what was known
    "audit.release_checks": None,
}
"""Columns that depend on the run itself, with the reason; None leaves the whole table out."""


@dataclass(frozen=True)
class State:
    """What a release showed: its day, and the rows of each published table without the columns left out."""

    day: date
    tables: dict[str, list[tuple]]
    columns: dict[str, list[str]]

    def rows(self, table: str, **wanted: object) -> list[dict]:
        named = [dict(zip(self.columns[table], row, strict=True)) for row in self.tables[table]]
        return [row for row in named if all(row[name] == value for name, value in wanted.items())]


def shown(settings: Settings) -> State:
    tables, columns = {}, {}
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        names = con.execute("select schema_name || '.' || table_name from duckdb_tables() order by 1").fetchall()
        for (name,) in names:
            left_out = LEFT_OUT.get(name, {})
            if left_out is None:
                continue
            columns[name] = [row[0] for row in con.execute(f"describe {name}").fetchall() if row[0] not in left_out]
            tables[name] = con.execute(f"select {', '.join(columns[name])} from {name} order by all").fetchall()
        day = con.execute("select cast(max(received_at) as date) from audit.deliveries").fetchone()[0]
    return State(day, tables, columns)


def incidents(month: str, count: int) -> str:
    return INCIDENTS + "".join(f"I-{month}-{n};{month}-{n + 1:02d} 14:05;CF01;rixe;oui;v1;pm\n" for n in range(count))


def _rate(row: dict[str, str]) -> str:
    return f"{1000 * int(row['nombre']) / int(row['insee_pop']):.7f}".replace(".", ",")


def edition_of_june(use_of_2022: str) -> str:
    """January's edition with changes in 2022: 63 is changed (back), 13 hidden, 34 left out, 44 has other residents."""
    rows = list(csv.DictReader(io.StringIO((SAMPLE / JANUARY_2025).read_text(encoding="utf-8-sig")), delimiter=";"))
    assert {"13", "34", "44", "63"} <= {row["Code_departement"] for row in rows}
    kept = []
    for row in rows:
        if row["annee"] == "2022" and row["indicateur"] == "Usage de stupéfiants":
            if row["Code_departement"] == "34":
                continue
            if row["Code_departement"] == "63":
                row["nombre"] = use_of_2022
                row["taux_pour_mille"] = _rate(row)
            if row["Code_departement"] == "13":
                row["nombre"] = row["taux_pour_mille"] = ""
            if row["Code_departement"] == "44":
                population = int(row["insee_pop"]) + 5000
                row["insee_pop"] = str(population)
                row["taux_pour_mille"] = _rate(row)
        kept.append(row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(kept)
    return text.getvalue()


@dataclass
class Desk:
    """Where files come in: each is landed with the day on which it was received."""

    settings: Settings
    folder: Path

    def receive(self, name: str, content: str | bytes, day: str) -> None:
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        receiving.receive(self.settings, file, date.fromisoformat(day), "SSMSI" if "donnee" in name else "Ville")


STEPS: list[Callable[[Desk], None]] = [
    lambda desk: (
        desk.receive("zones.csv", ZONES, "2023-07-20"),
        desk.receive(JULY_2023, (SAMPLE / JULY_2023).read_bytes(), "2023-07-20"),
    ),
    lambda desk: (
        desk.receive("incidents-01.csv", incidents("2025-01", 3), "2025-01-30"),
        desk.receive(JANUARY_2025, (SAMPLE / JANUARY_2025).read_bytes(), "2025-01-30"),
    ),
    lambda desk: desk.receive(JUNE_2025, edition_of_june("1344"), "2025-07-01"),
    # the same edition once more, mended, and a file that nobody can use
    lambda desk: (
        desk.receive(JUNE_2025, edition_of_june("1350"), "2025-07-05"),
        desk.receive("photo.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "2025-07-05"),
    ),
    # January's incidents are replaced by a fuller extract; July's edition of 2023 comes a second time, packed otherwise
    lambda desk: (
        desk.receive("incidents-01.csv", incidents("2025-01", 5), "2025-08-01"),
        desk.receive(JULY_2023, gzip.compress(gzip.decompress((SAMPLE / JULY_2023).read_bytes()), 1), "2025-08-01"),
    ),
]


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> tuple[Settings, list[State]]:
    """A warehouse into which deliveries came one by one, and what each release showed."""
    folder = tmp_path_factory.mktemp("history")
    shutil.copytree(PROJECT / "sql", folder / "sql")
    with (folder / "sql/reference/corrections.csv").open("a", encoding="utf-8") as file:
        file.write(CORRECTION)
    (folder / "sent").mkdir()
    settings = Settings(raw=folder / "raw", out=folder / "out", sql=folder / "sql").resolved()
    desk = Desk(settings, folder / "sent")
    states = []
    for step in STEPS:
        step(desk)
        pipeline.refresh(settings)
        states.append(shown(settings))
    return settings, states


def test_each_state_differs_from_the_one_before(history) -> None:
    """Else the comparison below would prove nothing."""
    _, states = history
    days = ["2023-07-20", "2025-01-30", "2025-07-01", "2025-07-05", "2025-08-01"]
    assert [str(state.day) for state in states] == days
    for table in ("marts.police_statistics", "marts.indicator_values", "marts.revisions", "audit.corrections"):
        changes = [before.tables[table] != after.tables[table] for before, after in pairwise(states)]
        assert sum(changes) >= 2, (table, changes)


def test_what_each_state_showed(history) -> None:
    """The figure of 63 in 2022 on its way: 1 344; 1 346, which a correction reads as 1 345; 1 344 again; 1 350."""
    _, states = history
    figures, revised, corrected = [], [], []
    place = {
        "territory_type": "departement",
        "territory_code": "63",
        "year": 2022,
        "indicator_code": "usage_stupefiants",
    }
    for state in states:
        latest = state.rows("marts.police_statistics", **place, is_latest_edition=True)
        figures.append([row["count"] for row in latest])
        revised.append([(row["old_count"], row["new_count"]) for row in state.rows("marts.revisions", **place)])
        corrected += [row["status"] for row in state.rows("audit.corrections", correction_id="K001")]
    assert figures == [[1344], [1345], [1344], [1350], [1350]]
    assert revised == [[], [(1344, 1346)], *[[(1344, 1346), (1346, last)] for last in (1344, 1350, 1350)]]
    assert corrected == ["not_found", "applied", "mended_at_source", "mended_at_source", "mended_at_source"]
    june = states[2].rows("marts.revisions", indicator_code="usage_stupefiants", new_edition_date=date(2025, 6, 20))
    assert {row["territory_code"]: row["change_kind"] for row in june} == {
        "13": "newly_hidden",
        "44": "changed_value",
        "63": "changed_value",
    }
    drug_use = [
        row["obs_status"]
        for state in states
        for row in state.rows(
            "marts.indicator_values", indicator_id="drug_use_recorded", zone_code="D63", period_start=date(2022, 1, 1)
        )
    ]
    assert drug_use == ["A", "E", "A", "A", "A"]


@pytest.mark.parametrize("number", range(len(STEPS) - 1))
def test_as_of_shows_what_was_shown_that_day(history, number) -> None:
    """In the same warehouse, which knows later deliveries, their verdicts and their releases."""
    settings, states = history
    pipeline.refresh(replace(settings, as_of=states[number].day))
    assert_same(shown(settings), states[number])


def test_as_of_in_an_empty_warehouse(history, tmp_path) -> None:
    settings, states = history
    fresh = replace(settings, out=tmp_path / "fresh", as_of=states[3].day)
    pipeline.refresh(fresh)
    assert_same(shown(fresh), states[3])


def test_a_day_between_two_deliveries_knows_the_first(history, tmp_path) -> None:
    """Editions are the same until the next one comes; what grows old meanwhile (lateness, open months) may say so."""
    settings, states = history
    between = replace(settings, out=tmp_path / "between", as_of=date(2025, 6, 30))
    pipeline.refresh(between)
    found = shown(between)
    for table in ("marts.police_statistics", "marts.revisions", "marts.peer_comparison", "audit.corrections"):
        assert found.tables[table] == states[1].tables[table], table
    june = found.rows("audit.completeness", contract="police_incidents", month_on=date(2025, 6, 1))
    assert [row["state"] for row in june] == ["late"]


def assert_same(found: State, kept: State) -> None:
    assert found.tables.keys() == kept.tables.keys()
    for table, rows in kept.tables.items():
        before, now = Counter(rows), Counter(found.tables[table])
        assert before == now, (table, list(before - now)[:3], list(now - before)[:3])


def test_a_file_that_was_overwritten_stays_known_to_the_past(tmp_path) -> None:
    """People also replace a file by hand. The warehouse kept what it had accepted of the first one."""
    (tmp_path / "sent").mkdir()
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    desk = Desk(settings, tmp_path / "sent")
    STEPS[0](desk)
    desk.receive(JANUARY_2025, (SAMPLE / JANUARY_2025).read_bytes(), "2025-01-30")
    pipeline.refresh(settings)
    before = shown(settings)
    (settings.raw / "police" / JANUARY_2025).write_text(edition_of_june("1350"), encoding="utf-8")
    pipeline.refresh(settings)
    assert shown(settings).tables["marts.police_statistics"] != before.tables["marts.police_statistics"]
    pipeline.refresh(replace(settings, as_of=before.day))
    assert_same(shown(settings), before)


def test_the_state_of_each_source_is_that_of_barometer_status(sample_run) -> None:
    """Lateness is told by a command and by a table: on the day of the run they say the same."""
    from flows.core import reporting

    settings, _ = sample_run
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        rows = con.execute(
            """select contract, state, judged_on from audit.completeness
            where month_on = (select max(month_on) from audit.completeness)"""
        ).fetchall()
    told = {row.contract: row.state for row in reporting.status(settings, rows[0][2]).sources}
    assert {contract: state for contract, state, _ in rows} == told
    assert {"on time", "late"} <= set(told.values())
