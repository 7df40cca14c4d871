"""Whatever the folders are called: a warehouse below them is published, and holds its own rows and no other warehouse's."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from warehouses import Warehouse, copied, differing, is_whole

from flows.core import pipeline
from flows.core.errors import UsageProblem
from flows.settings import PROJECT

ODD = "l'été*[1]/année=2026"
TAKEN_BY_PATTERN = "l'été et 1/année=2026"
"""What `ODD` would stand for as a pattern of names, beside itself."""


def test_quotes_patterns_and_key_value_in_the_path(first, tmp_path) -> None:
    beside, odd = copied(first, tmp_path / TAKEN_BY_PATTERN), Warehouse(tmp_path / ODD)
    beside.deliver("more", rows=40)
    pipeline.refresh(beside.settings)
    shutil.copytree(first.raw, odd.raw)  # with its receipts
    pipeline.refresh(odd.settings)
    assert odd.tables() == first.tables() != beside.tables()
    assert is_whole(odd.out / "current") and differing(odd) == []
    odd.deliver("later")  # what was kept and what was shown before is found again
    shutil.copy(PROJECT / "data" / "raw" / "surveys" / "enquete-habitants-2026-09.csv", odd.raw)
    pipeline.refresh(odd.settings)
    assert differing(odd) == []


def test_a_question_mark_in_the_path_is_told(first, tmp_path) -> None:
    with pytest.raises(UsageProblem, match="has a question mark"):
        pipeline.refresh(replace(first.settings, out=tmp_path / "why?" / "out"))
    assert list(tmp_path.iterdir()) == []


def test_a_copy_whose_links_were_followed_is_told(first, tmp_path) -> None:
    shutil.copytree(first.raw, tmp_path / "raw")
    shutil.copytree(first.out, tmp_path / "out", symlinks=False)
    copy = Warehouse(tmp_path)
    copy.deliver("later")
    with pytest.raises(UsageProblem, match="is a folder, where a link to the current release belongs"):
        pipeline.refresh(copy.settings)
    assert len(list((copy.out / "releases").iterdir())) == 1
