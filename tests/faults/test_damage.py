"""What a power cut or a careless hand leaves damaged in the warehouse is made anew, and never believed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from warehouses import Warehouse, copied, is_whole, remove

from flows.core import pipeline


def emptied(pattern: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            path.write_bytes(b"")

    return damage


def cut(pattern: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def replaced(pattern: str, text: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            path.write_text(text)

    return damage


def gone(pattern: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            remove(path)

    return damage


DAMAGES = {
    "index_empty": emptied("raw_index.json"),
    "index_of_another_shape": replaced("raw_index.json", '{"police/incidents-2023.csv": 5}'),
    "index_that_is_a_list": replaced("raw_index.json", "[]"),
    "verdicts_empty": emptied("verdicts/*"),
    "verdicts_of_another_shape": replaced("verdicts/*", "{}"),
    "verdicts_that_are_lists": replaced("verdicts/*", "[1]"),
    "staged_rows_gone": gone("staged/*/*"),
    "staged_rows_cut": cut("staged/*/*"),
    "staged_rows_empty": emptied("staged/*/*"),
    "manifest_empty": emptied("releases/*/manifest.json"),
    "database_gone": gone("releases/*/campaign.duckdb"),
    "tables_gone": gone("releases/*/parquet/*"),
    "tables_cut": cut("releases/*/parquet/*"),
    "current_leads_nowhere": gone("releases/*"),
    "holder_of_another_shape": replaced("run.lock", "?"),
    "work_left": lambda out: (out / "work" / "release").mkdir(parents=True),
}


@pytest.fixture(scope="module")
def with_one_more(first, tmp_path_factory) -> Warehouse:
    """What a run gives that found nothing damaged."""
    made = copied(first, tmp_path_factory.mktemp("one_more"))
    made.deliver("one_more")
    pipeline.refresh(made.settings)
    return made


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_anew(damage, first, with_one_more, tmp_path) -> None:
    copy = Warehouse(tmp_path)
    shutil.copytree(with_one_more.raw, copy.raw)
    shutil.copytree(first.out, copy.out, symlinks=True)
    DAMAGES[damage](copy.out)
    pipeline.refresh(copy.settings)
    assert is_whole(copy.out / "current")
    assert copy.tables() == with_one_more.tables()
