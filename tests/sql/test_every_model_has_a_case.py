"""A model without a case in `cases/` is a model whose meaning nobody can read: there is none."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest

from flows.core import models
from flows.core.contracts import load_contracts, load_yaml
from flows.settings import PROJECT

CASES = sorted((Path(__file__).parent / "cases").rglob("*.yml"))
GRAPH = models.load_graph(PROJECT / "sql", load_contracts(PROJECT / "sql" / "0_sources"))

WITHOUT_A_CASE: dict[str, str] = {}
"""Models that may lack a case, each with a dated reason. To be kept empty."""


@lru_cache(maxsize=1)
def _cases() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in CASES:
        found.setdefault(load_yaml(path.read_text(encoding="utf-8"))["model"], []).append(path)
    return found


@pytest.mark.parametrize("model", GRAPH.models, ids=lambda m: m.name)
def test_a_case_tells_what_the_model_means(model) -> None:
    has_case = model.name in WITHOUT_A_CASE or model.name in _cases()
    assert has_case, (
        f"{model.name} has no case: add tests/sql/cases/{model.table}/<what it shows>.yml with given and expected rows"
    )


def test_a_case_lies_with_its_model_and_says_what_it_shows() -> None:
    folders = {model.name: (model.table, f"{model.schema}_{model.table}") for model in GRAPH.models}
    for name, paths in _cases().items():
        assert name in folders, f"{paths[0]} is a case of {name}, which is no model"
        for path in paths:
            assert path.parent.name in folders[name], f"{path} belongs to {folders[name][0]}/"
            opening = path.read_text(encoding="utf-8").splitlines()[0]
            assert opening.startswith("# ") and len(opening) > 20, (
                f"{path} does not open with a sentence on what it shows"
            )


def test_no_exception_outlives_its_reason() -> None:
    assert not set(WITHOUT_A_CASE) & set(_cases()), "these have a case by now"
    assert set(WITHOUT_A_CASE) <= set(GRAPH.by_name), "these are no models"
    assert len(WITHOUT_A_CASE) <= 2
