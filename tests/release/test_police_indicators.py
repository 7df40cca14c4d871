"""Police indicators of the sample counted a second way, and those of the publishers' real files beside the sample's."""

from __future__ import annotations

import csv
import shutil
from calendar import monthrange
from dataclasses import replace
from datetime import date, datetime

import duckdb
import pytest

from flows.core import landing, pipeline
from flows.settings import PROJECT, Settings

POLICE = PROJECT / "data" / "raw" / "police"
LAST_CLEARANCE_TOLD = {"affaires-2023-2025.csv": date(2026, 10, 22), "affaires-2026.csv": date(2026, 10, 31)}
LEFT_OUT = {"Usage de stupéfiants", "Cybercriminalité"}  # the second is no class of the contract and was set aside

# SSMSI, département 63, people implicated, edition of January 2025; 2016 to 2022 where the edition of July 2023 says the same
USE_63 = {2016: 765, 2017: 878, 2018: 1138, 2019: 995, 2020: 979, 2021: 1231, 2022: 1346, 2023: 1193, 2024: 1642}
TRAFFICKING_63 = {2022: 360, 2024: 319}


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def day_of(text: str) -> date | None:
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def facts_of_the_sample() -> list[tuple[date, date | None, date]]:
    """Facts of the two files as they were sent, by plain Python: (fact, clearance, day until which the file tells clearances)."""
    facts = []
    for name, encoding, columns in (
        ("affaires-2023-2025.csv", "cp1252", ("Date des faits", "Date élucidation", "Classe infraction")),
        ("affaires-2026.csv", "utf-8-sig", ("date_faits", "elucide_le", "infraction")),
    ):
        with (POLICE / name).open(encoding=encoding, newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                fact, cleared, label = (row[column] for column in columns)
                fact_on, cleared_on = day_of(fact), day_of(cleared)
                if fact_on and label not in LEFT_OUT and not (cleared_on and cleared_on < fact_on):
                    facts.append((fact_on, cleared_on, LAST_CLEARANCE_TOLD[name]))
    return facts


@pytest.mark.parametrize("months", [3, 6, 9, 12])
def test_cohorts_are_those_of_a_second_count(release, months) -> None:
    expected = {}
    facts = facts_of_the_sample()
    for month in sorted({fact.replace(day=1) for fact, _, _ in facts}):
        cohort = [fact for fact in facts if fact[0].replace(day=1) == month]
        over_on = months_later(date(month.year, month.month, monthrange(month.year, month.month)[1]), months)
        if all(cleared or told >= over_on for _, cleared, told in cohort) and over_on <= date(2026, 10, 31):
            cleared = [fact for fact, day, _ in cohort if day and day <= months_later(fact, months)]
            expected[month] = (len(cohort), len(cleared))
    rows = release.execute(
        """select cohort_month, fact_count, cleared_count, obs_status from marts.clear_up_cohorts
        where offence_class = 'all' and months_after = ? and obs_status <> 'M'""",
        [months],
    ).fetchall()
    shown = {month: (count, cleared) for month, count, cleared, status in rows if status in ("A", "Z")}
    assert {month for month, *_ in rows} == set(expected)
    assert shown == {month: expected[month] for month in shown}
    assert {status for month, *_, status in rows if month not in shown} <= {"S", "C"}
    small = {month for month, (_, cleared) in expected.items() if 1 <= cleared <= 5}
    assert not small & set(shown), "a count of the police from 1 to 5 is hidden"
    assert len(expected) == {3: 43, 6: 40, 9: 37, 12: 33}[months]
    if months == 12:
        assert len(shown) > 0.8 * len(expected), "the horizon that is asked for first is hidden last"


def test_a_year_with_a_hidden_class_is_not_standardised(release) -> None:
    sql = """select indicator_id, value, obs_status from marts.indicator_values where period_type = 'year' and breakdown = 'total'
        and period_start = date '2024-01-01' and indicator_id in ('clear_up_12m', 'clear_up_12m_standardised')"""
    values = {name: told for name, *told in release.execute(sql).fetchall()}
    assert values["clear_up_12m"] == [pytest.approx(186 / 1155, abs=1e-12), "A"]
    hidden = release.execute(
        """select count(*) from marts.indicator_values where indicator_id = 'clear_up_12m' and period_type = 'year'
        and period_start = date '2024-01-01' and breakdown = 'offence_class' and value is null"""
    ).fetchone()[0]
    assert hidden > 0 and values["clear_up_12m_standardised"] == [None, "C"]


def test_years_and_quarters_of_cohorts_add_up(release) -> None:
    sql = """select period_type, sum(numerator), sum(denominator) from marts.indicator_values where breakdown = 'total'
        and indicator_id = 'clear_up_12m' and extract(year from period_start) = 2024 group by period_type
        having count(numerator) = count(*)"""
    found = {period: told for period, *told in release.execute(sql).fetchall()}
    assert {"quarter", "year"} <= set(found) and all(told == [186, 1155] for told in found.values())


def test_the_classes_are_those_of_the_contract(release) -> None:
    from flows.core.contracts import load_contracts

    contract = load_contracts(PROJECT / "sql" / "0_sources")["police_cases"]
    known = next(dict(e.kwargs)["value_set"] for e in contract.expectations if e.id == "class_known")
    with (PROJECT / "sql" / "reference" / "clear_up_classes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["offence_class"] for row in rows} == set(known)
    assert {row["reference_year"] for row in rows} == {"2024"}, "one mix for all classes"
    assert [row["offence_class"] for row in rows if row["is_counted"] == "false"] == ["usage_stupefiants"]
    shown = release.execute("select distinct offence_class from marts.clear_up_cohorts").fetchall()
    assert {row[0] for row in shown} == set(known) - {"usage_stupefiants"} | {"all"}


def test_the_ratio_of_the_press_is_marked_as_reconciling_only(release) -> None:
    level, direction, caveats = release.execute(
        "select logic_level, direction, caveats from marts.indicators where indicator_id = 'clear_up_ratio'"
    ).fetchone()
    assert (level, direction) == ("context", "none") and "reconciling" in caveats
    comment = release.execute(
        """select comment from duckdb_columns() where table_name = 'clear_up_cohorts' and schema_name = 'marts'
        and column_name = 'press_ratio_of_year'"""
    ).fetchone()[0]
    assert comment.startswith("For reconciling only")


def edition(drawn_on: date) -> str:
    """The sample's cases as one file drawn on a day: what was recorded until then, with the clearances known by then."""
    lines = ["id_affaire;date_faits;date_constatation;infraction;quartier;elucide_le"]
    for name, encoding in (("affaires-2023-2025.csv", "cp1252"), ("affaires-2026.csv", "utf-8-sig")):
        with (POLICE / name).open(encoding=encoding, newline="") as file:
            rows = list(csv.reader(file, delimiter=";"))
        for case, fact, recorded, label, zone, cleared in rows[1:]:
            if day_of(recorded) and day_of(recorded) <= drawn_on:
                known = cleared if day_of(cleared) and day_of(cleared) <= drawn_on else ""
                lines.append(";".join((case, fact, recorded, label, zone, known)))
    return "\n".join(lines) + "\n"


def land(settings: Settings, name: str, text: str, received_at: str) -> None:
    path = settings.raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    receipt = landing.new_receipt(path, landing.sha256_of(path), received_at, None)
    landing.write_receipt(path.with_name(path.name + landing.RECEIPT_ENDING), receipt)


def curve(settings: Settings) -> dict[date, tuple]:
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        rows = con.execute(
            """select cohort_month, fact_count, cleared_count, obs_status from marts.clear_up_cohorts
            where offence_class = 'all' and months_after = 12 and obs_status <> 'M'"""
        ).fetchall()
    return {month: counts for month, *counts in rows}


def test_each_edition_shows_the_cohorts_that_were_old_enough_then(tmp_path) -> None:
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    zones = "code_zone;type_zone;nom;code_parent\n63113;commune;Clermont-Ferrand;D63\n"
    land(settings, "reference/zones.csv", zones, "2025-01-01T00:00:00Z")
    land(settings, "police/affaires-tirage-1.csv", edition(date(2025, 3, 31)), "2025-04-02T08:00:00Z")
    pipeline.refresh(settings)
    first = curve(settings)
    # of the cohort of March 2024 the last year ended on the day of the edition, the last clearance it shows is two days older
    assert max(first) == date(2024, 2, 1) and len(first) == 14

    land(settings, "police/affaires-tirage-2.csv", edition(date(2026, 10, 31)), "2026-11-02T08:00:00Z")
    pipeline.refresh(settings)
    second = curve(settings)
    assert max(second) == date(2025, 10, 1) and len(second) == 34
    assert {month: second[month] for month in first} == first, (
        "a year after the fact nothing is left to be cleared in time"
    )

    then = replace(settings, out=tmp_path / "then", as_of=date(2025, 6, 30))
    pipeline.refresh(then)
    assert curve(then) == first, "the time since then adds nothing that was not delivered"


@pytest.fixture(scope="module")
def together(real_data, tmp_path_factory):
    """A release of the sample with the SSMSI's real files beside it."""
    folder = tmp_path_factory.mktemp("together")
    for source in ("police", "reference"):
        shutil.copytree(PROJECT / "data" / "raw" / source, folder / "raw" / source)
    (folder / "raw" / "police" / "ssmsi").mkdir()
    for path in (real_data / "police" / "ssmsi").iterdir():
        if path.name != "communes-2025-dep63-and-peers.csv":  # a layout of ours, for checking results only
            shutil.copy(path, folder / "raw" / "police" / "ssmsi" / path.name)
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    outcome = pipeline.refresh(settings)
    assert not outcome.has_refused, outcome.deliveries
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        yield con


def published(con, indicator: str, zone: str) -> dict[int, tuple]:
    rows = con.execute(
        """select extract(year from period_start), numerator, value, obs_status, is_synthetic from marts.indicator_values
        where indicator_id = ? and zone_code = ?""",
        [indicator, zone],
    ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_departement_63_is_as_published(together) -> None:
    use = published(together, "drug_use_recorded", "D63")
    assert {year: row[0] for year, row in use.items()} == USE_63
    trafficking = published(together, "trafficking_recorded", "D63")
    assert {year: trafficking[year][0] for year in TRAFFICKING_63} == TRAFFICKING_63
    assert {row[2:] for row in (*use.values(), *trafficking.values())} == {("A", False)}


def test_clermont_ferrand_is_as_published(together) -> None:
    count, rate, status, is_synthetic = published(together, "drug_use_recorded", "63113")[2025]
    assert (count, round(rate, 2), status, is_synthetic) == (1527, 10.43, "A", False)
    assert published(together, "drug_use_fined", "63113")[2025][0] == 1143
    assert published(together, "trafficking_recorded", "63113")[2025][0] == 215


def test_the_real_files_leave_the_sample_s_own_figures_alone(together, release) -> None:
    sql = """select indicator_id, period_type, period_start, breakdown_value, value from marts.indicator_values
        where source in ('police_incidents', 'police_interventions', 'police_cases') and zone_code = '63113' order by all"""
    ours = release.execute(sql).fetchall()
    assert len(ours) > 1000 and together.execute(sql).fetchall() == ours
