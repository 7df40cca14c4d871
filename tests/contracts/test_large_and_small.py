"""A delivery is judged the same whether its rows are held in memory or read again for each query, by one thread or more."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from flows.core import admission, landing, steps
from flows.settings import PROJECT, Settings

SAMPLE = PROJECT / "data" / "raw"
FILES = (
    "police/incidents-2024.csv",
    "partners/actions-partenaires-2026.jsonl",
    "partners/actions-partenaires-2023.xlsx",
    "surveys/enquete-habitants-2025-03.csv",
)


@pytest.mark.parametrize("file", FILES)
def test_size_decides_on_the_way_and_on_nothing_else(file, tmp_path, contracts, monkeypatch) -> None:
    delivery = next(d for d in landing.land_all(SAMPLE, tmp_path / "index.json") if d.shown_name == file)
    found = []
    for number, (held, small) in enumerate(((100_000, 1_000_000), (0, 0))):
        monkeypatch.setattr(admission, "HELD_ROWS", held)
        monkeypatch.setattr(admission, "SMALL_BYTES", small)
        settings = replace(Settings(out=tmp_path / f"out-{number}"), threads=2).resolved()
        verdict = admission.admit(delivery, contracts, steps.room(settings))
        rows = duckdb.sql(f"select * from read_parquet('{settings.staged / verdict.staged}')").fetchall()
        aside = settings.quarantine / f"{verdict.delivery_id}.parquet"
        found.append((verdict, rows, duckdb.sql(f"from read_parquet('{aside}')").fetchall() if aside.exists() else []))
    assert found[0][0].is_admitted and found[0][1]
    assert found[0] == found[1]


def test_the_way_does_differ(tmp_path, contracts, monkeypatch) -> None:
    """Guards the test above: rows held in memory are a table, others a view."""
    delivery = next(d for d in landing.land_all(SAMPLE, tmp_path / "index.json") if d.shown_name == FILES[0])
    kinds = []
    validated = admission._validated

    def looked_at(con, contract):
        kinds.append(
            con.execute("select table_type from information_schema.tables where table_name = 'candidate'").fetchone()[0]
        )
        kinds.append(con.execute("select current_setting('threads')").fetchone()[0])
        return validated(con, contract)

    monkeypatch.setattr(admission, "_validated", looked_at)
    for held, small in ((100_000, 1_000_000), (0, 0)):
        monkeypatch.setattr(admission, "HELD_ROWS", held)
        monkeypatch.setattr(admission, "SMALL_BYTES", small)
        settings = replace(Settings(out=tmp_path / "out"), threads=2).resolved()
        admission.admit(delivery, contracts, steps.room(settings))
    assert kinds == ["BASE TABLE", 1, "VIEW", 2]
