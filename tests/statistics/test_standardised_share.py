"""Limits of the standardised clear-up: the published figure for two shares, and that they hold what they promise.

The method (Zou, Huang and Zhang 2009) for the weights +1 and −1 is the difference of two shares by Newcombe's method 10. His
example, 56/70 against 48/80, has the limits 0.0524 and 0.3339 (Newcombe 1998, Statistics in Medicine 17: 873–890, Table II).
A difference p − q is 2 × ((p + (1 − q)) / 2) − 1, and the share of two classes with equal weights is what we compute.
"""

from __future__ import annotations

import duckdb
import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

GRAPH = models.load_graph(PROJECT / "sql", load_contracts(PROJECT / "sql" / "0_sources"))


def standardised(classes: list[tuple[int, int, int]]) -> tuple[float, float, float]:
    """Share and limits of one cohort; of each class (cleared, facts, weight)."""
    with duckdb.connect() as con:
        con.execute("create schema intermediate")
        con.execute(
            """create table intermediate.int_clear_up_shown (period_type varchar, period_start date, offence_class varchar,
            months_after integer, fact_count bigint, cleared_count bigint, hidden_status varchar, missing_reason varchar,
            as_of date, is_synthetic boolean)"""
        )
        con.execute(
            "create table intermediate.int_offence_mix_shown (offence_class varchar, weight bigint, is_synthetic boolean)"
        )
        values = "('month', date '2023-01-01', ?, 12, ?, ?, null, null, null, false)"
        row = f"insert into intermediate.int_clear_up_shown values {values}"
        for number, (cleared, facts, weight) in enumerate(classes):
            con.execute(row, [f"class {number}", facts, cleared])
            con.execute(
                "insert into intermediate.int_offence_mix_shown values (?, ?, false)", [f"class {number}", weight]
            )
        con.execute(row, ["all", sum(c[1] for c in classes), sum(c[0] for c in classes)])
        for name in ("int_clear_up_limits", "int_clear_up_standardised"):
            models.build_model(con, GRAPH, GRAPH.by_name[f"intermediate.{name}"])
        return con.execute("select share, lower_95, upper_95 from intermediate.int_clear_up_standardised").fetchone()


def test_newcombe_s_example() -> None:
    share, lower, upper = standardised([(56, 70, 1), (80 - 48, 80, 1)])
    assert round(2 * share - 1, 4) == 0.2
    assert (round(2 * lower - 1, 4), round(2 * upper - 1, 4)) == (0.0524, 0.3339)


def test_one_class_has_wilson_s_limits() -> None:
    from flows.core import statistics

    share, lower, upper = standardised([(81, 263, 5)])
    assert (share, lower, upper) == pytest.approx(
        (81 / 263, *map(float, statistics.wilson_interval(81, 263))), abs=1e-12
    )


def test_none_cleared_is_no_certainty() -> None:
    share, lower, upper = standardised([(0, 10, 1), (0, 12, 3)])
    assert share == 0 and lower == 0 and 0.1 < upper < 0.3


def test_the_limits_hold_the_truth_in_95_of_100_cohorts() -> None:
    """3000 cohorts of a month drawn with the sample's classes; a rule of thumb would miss more in classes without a clearance."""
    import numpy as np

    from flows.core import statistics

    rng = np.random.default_rng(20261123)
    facts, chance, weight = (
        np.array([16, 13, 14, 4, 41, 5]),
        np.array([0.04, 0.05, 0.35, 0.81, 0.04, 0.84]),
        np.array([196, 157, 171, 53, 492, 57]),
    )
    weight = weight / weight.sum()
    cleared = rng.binomial(facts, chance, size=(3000, 6))
    lower, upper = (a.reshape(cleared.shape) for a in statistics.wilson_interval(cleared.ravel(), np.tile(facts, 3000)))
    share, truth = cleared / facts @ weight, chance @ weight
    below = np.sqrt(((weight * (cleared / facts - lower)) ** 2).sum(axis=1))
    above = np.sqrt(((weight * (upper - cleared / facts)) ** 2).sum(axis=1))
    held = ((share - below <= truth) & (truth <= share + above)).mean()
    assert 0.94 < held < 0.98
