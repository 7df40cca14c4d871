"""Nothing of a delivery is lost or counted twice: rows read = rows accepted + rows quarantined, also in the files."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from flows.core import admission, landing, row_counts, steps
from flows.core.admission import Verdict
from flows.settings import PROJECT, Settings

sys.path.insert(0, str(PROJECT / "tests" / "faults"))
from bad_files import BAD, LIMITS, incidents, write

SAMPLE = PROJECT / "data" / "raw"
SAMPLE_FILES = sorted(
    path for path in SAMPLE.rglob("*") if path.is_file() and not path.name.endswith(landing.RECEIPT_ENDING)
)
WITH_ROWS = [bad for bad in BAD if bad.content is not None and (not bad.refused or bad.line not in (None, 1))]
"""Bad files that are read: the others are refused before any row is known, which tests/faults looks at."""


def check_that_rows_add_up(settings: Settings, verdict: Verdict) -> None:
    assert verdict.rows_read == verdict.rows_accepted + verdict.rows_quarantined
    assert verdict.rows_quarantined == sum(entry["rows"] for entry in verdict.quarantine)
    for family in row_counts.FAMILIES:
        shown = row_counts.shown(verdict.rows_accepted, verdict.rows_quarantined, row_counts.Counted(family))
        assert shown.read is None or shown.read == shown.accepted + shown.quarantined
    staged = settings.staged / verdict.staged if verdict.staged else None
    quarantine = settings.quarantine / f"{verdict.delivery_id}.parquet"
    if not verdict.is_admitted:
        assert verdict.rows_accepted == 0 and staged is None and not quarantine.exists()
        return
    assert duckdb.sql(f"select count(*) from read_parquet('{staged}')").fetchone()[0] == verdict.rows_accepted
    if not verdict.rows_quarantined:
        assert not quarantine.exists()
        return
    rows = duckdb.sql(f"select delivery_id, line, reason, text from read_parquet('{quarantine}')").fetchall()
    assert len(rows) == verdict.rows_quarantined
    assert {delivery_id for delivery_id, *_ in rows} == {verdict.delivery_id}
    assert all(line > 0 and reason and text is not None for _, line, reason, text in rows)
    by_reason = {entry["reason"]: entry for entry in verdict.quarantine}
    for reason, entry in by_reason.items():
        lines = [line for _, line, why, _ in rows if why == reason]
        assert (len(lines), min(lines)) == (entry["rows"], entry["first_line"])


@pytest.mark.parametrize("path", SAMPLE_FILES, ids=lambda path: path.name)
def test_rows_of_the_sample_add_up(path: Path, contracts, tmp_path) -> None:
    settings = Settings(raw=path.parent, out=tmp_path / "out").resolved()
    receipt = landing.read_receipt(path.with_name(path.name + landing.RECEIPT_ENDING))
    verdict = admission.admit(landing.Delivery(receipt, "", path, None), contracts, steps.room(settings))
    assert verdict.is_admitted and verdict.contract == receipt.contract
    check_that_rows_add_up(settings, verdict)


@pytest.mark.parametrize("bad", WITH_ROWS, ids=lambda bad: bad.id)
def test_rows_of_bad_files_add_up(bad, contracts, tmp_path) -> None:
    limits = {name.removeprefix("BAROMETER_").lower(): int(value) for name, value in LIMITS.items()}
    settings = replace(Settings(raw=tmp_path / "raw", out=tmp_path / "out"), **limits).resolved()
    write(bad, settings.raw)
    (delivery,) = landing.land_all(settings.raw, settings.out / "raw_index.json")
    check_that_rows_add_up(settings, admission.admit(delivery, contracts, steps.room(settings)))


@pytest.mark.parametrize("numbered_below", [0, 1 << 40], ids=["fast", "numbered"])
def test_every_line_of_a_file_is_a_row_or_blank(numbered_below, contracts, tmp_path) -> None:
    """A file with every kind of bad line at once: each physical line below the header is one row, read once."""
    changed = {
        3: {"date_heure": "hier"},
        5: {"categorie": "?"},
        7: {"remarque": '"open'},
        9: {"id_incident": ""},
        11: {"remarque": "a;b"},
        13: {"date_heure": "01/01/1900 10:00"},
    }
    settings = replace(
        Settings(raw=tmp_path / "raw", out=tmp_path / "out"), numbered_below_bytes=numbered_below
    ).resolved()
    settings.raw.mkdir()
    text = incidents("all", 30, changed) + "\n\n" + "short;line\n" + incidents("all", 1).split("\n")[1] + "\n"
    (settings.raw / "a.csv").write_text(text)
    (delivery,) = landing.land_all(settings.raw, settings.out / "raw_index.json")
    verdict = admission.admit(delivery, contracts, steps.room(settings))
    assert (verdict.rows_read, verdict.rows_accepted, verdict.rows_quarantined) == (32, 24, 8)
    check_that_rows_add_up(settings, verdict)


def test_a_row_with_several_faults_is_quarantined_once(contracts, tmp_path) -> None:
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    settings.raw.mkdir()
    (settings.raw / "a.csv").write_text(
        incidents("faults", 10, {4: {"id_incident": "", "date_heure": "hier", "categorie": "?"}})
    )
    (delivery,) = landing.land_all(settings.raw, settings.out / "raw_index.json")
    verdict = admission.admit(delivery, contracts, steps.room(settings))
    assert [(e["reason"], e["rows"]) for e in verdict.quarantine] == [("unreadable:occurred_at", 1)]
    check_that_rows_add_up(settings, verdict)


@pytest.mark.parametrize("numbered_below", [0, 1 << 40], ids=["fast", "numbered"])
def test_very_many_bad_lines_are_all_counted(numbered_below, contracts, tmp_path) -> None:
    """DuckDB forgets some of the lines that it rejects when there are very many."""
    settings = replace(Settings(raw=tmp_path / "raw", out=tmp_path / "out"), numbered_below_bytes=numbered_below)
    settings.raw.mkdir()
    moments = {
        n: {"date_heure": f"{n % 28 + 1:02}/{n // 28 % 12 + 1:02}/2024 {n // 336 % 24:02}:{n // 8064:02}"}
        for n in range(2, 61_002)
    }  # all others would look like one export pasted many times
    text = incidents("many", 61_000, moments) + "".join(f"bad-{n};of;another;width\n" for n in range(60_000))
    (settings.raw / "a.csv").write_text(text)
    (delivery,) = landing.land_all(settings.raw, settings.out / "raw_index.json")
    verdict = admission.admit(delivery, contracts, steps.room(settings))
    assert (verdict.rows_read, verdict.rows_accepted, verdict.rows_quarantined) == (121_000, 61_000, 60_000)
    check_that_rows_add_up(settings, verdict)
