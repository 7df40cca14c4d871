"""Whatever the folders are called: a warehouse below them is published, and holds its own rows and no other warehouse's."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from warehouses import Warehouse, differing, is_whole

from flows.core import pipeline
from flows.core.errors import UsageProblem
from flows.settings import PROJECT

ODD = "l'été*[1]/année=2026"
TAKEN_BY_PATTERN = "l'été et 1/année=2026"
"""What `ODD` would stand for as a pattern of names, beside itself."""


def made(folder) -> Warehouse:
    warehouse = Warehouse(folder)
    warehouse.raw.mkdir(parents=True)
    for name in ("reference/zones.csv", "surveys/enquete-habitants-2026-09.csv"):
        shutil.copy(PROJECT / "data" / "raw" / name, warehouse.raw)
    warehouse.deliver("first")
    return warehouse


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Warehouse:
    warehouse = made(tmp_path_factory.mktemp("plain"))
    pipeline.refresh(warehouse.settings)
    return warehouse


def test_quotes_patterns_and_key_value_in_the_path(plain, tmp_path) -> None:
    beside, odd = made(tmp_path / TAKEN_BY_PATTERN), Warehouse(tmp_path / ODD)
    shutil.copytree(plain.raw, odd.raw)  # with its receipts
    beside.deliver("more", rows=40)
    pipeline.refresh(beside.settings)
    pipeline.refresh(odd.settings)
    assert odd.tables() == plain.tables() != beside.tables()
    for warehouse in (odd, beside):
        assert is_whole(warehouse.out / "current") and differing(warehouse) == []
    odd.deliver("later")  # what was kept and what was shown before is found again
    pipeline.refresh(odd.settings)
    assert differing(odd) == []


def test_a_question_mark_in_the_path_is_told(plain, tmp_path) -> None:
    with pytest.raises(UsageProblem, match="has a question mark"):
        pipeline.refresh(replace(plain.settings, out=tmp_path / "why?" / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_copy_whose_links_were_followed_is_told(plain, tmp_path) -> None:
    shutil.copytree(plain.raw, tmp_path / "raw")
    shutil.copytree(plain.out, tmp_path / "out", symlinks=False)
    copy = Warehouse(tmp_path)
    copy.deliver("later")
    with pytest.raises(UsageProblem, match="is a folder, where a link to the current release belongs"):
        pipeline.refresh(copy.settings)
    assert len(list((copy.out / "releases").iterdir())) == 1
