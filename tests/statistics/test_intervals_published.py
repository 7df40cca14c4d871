"""Each interval against a published figure: the rows of the README beside this file are the cases."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from flows.core import statistics

README = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+_interval)\(([^)]*)\)(?: / ([\d.]+))?` \|(.*)\|$", re.MULTILINE)
CASES = [(name, ast.literal_eval(f"({arguments},)"), per, cells) for name, arguments, per, cells in ROW.findall(README)]

pytestmark = pytest.mark.filterwarnings("error")


def test_the_readme_lists_every_interval() -> None:
    named = {name for name in vars(statistics) if name.endswith("_interval")}
    assert {name for name, *_ in CASES} == named and len(CASES) >= 24


@pytest.mark.parametrize(("name", "arguments", "per", "cells"), CASES, ids=lambda v: str(v)[:60])
def test_published_and_ours_agree(name, arguments, per, cells) -> None:
    published_lower, published_upper, source, our_lower, our_upper = (cell.strip() for cell in cells.split("|"))
    lower, upper = (float(limit) / float(per or 1) for limit in getattr(statistics, name)(*arguments))
    assert source
    assert (_as_printed(lower, published_lower), _as_printed(upper, published_upper)) == (
        published_lower,
        published_upper,
    )
    assert (_as_printed(lower, our_lower), _as_printed(upper, our_upper)) == (our_lower, our_upper)


def test_the_seeds_change_reads_as_the_readme_says() -> None:
    lower, upper = (float(limit) for limit in statistics.rate_ratio_interval(150, 1, 125, 1))
    assert f"{150 / 125:.2f} ({lower:.2f}–{upper:.2f})" == "1.20 (0.94–1.53)"
    lower, upper = (float(limit) for limit in statistics.rate_ratio_interval(2700, 1, 2400, 1))
    assert f"| 2 400 | 2 700 | {2700 / 2400:.2f} ({lower:.2f}–{upper:.2f}): higher" in README


def _as_printed(value: float, like: str) -> str:
    return f"{value:.{len(like.partition('.')[2])}f}"
