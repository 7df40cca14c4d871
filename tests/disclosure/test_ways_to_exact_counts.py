"""No published column reaches an exact count of records or persons but through the protected cube.

Read from the lineage: from each published column down every step in which a value goes into the figure or rows are added up;
the walk ends at the protected cube, at a column that reference/disclosure_open.csv lists as no count of records or persons, with
a reason, at what is public anyway, or at a delivery of records or persons. The last is a leak.
"""

from __future__ import annotations

import csv
from collections.abc import Collection
from functools import lru_cache

import pytest

from flows.core import lineage, models
from flows.core.contracts import load_contracts
from flows.core.protecting import PROTECTED
from flows.settings import PROJECT

SQL = PROJECT / "sql"
CONTRACTS = load_contracts(SQL / "0_sources")
GRAPH = models.load_graph(SQL, CONTRACTS)
COUNTED = {
    "police_incidents", "police_interventions", "police_cases", "partner_events", "resident_feedback", "survey_answers",
}  # fmt: skip
"""Contracts whose rows are records of the police, or persons; the others are published by others, or about organisations."""


class Ways:
    """Which columns of deliveries a column is added up from, without passing the protected cube."""

    def __init__(self, steps, ends_at: str | None = PROTECTED, open_columns: Collection[tuple[str, str]] = ()) -> None:
        self.ends_at = ends_at
        self.open_columns = frozenset(open_columns)
        self.up: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        for step in steps:
            is_figure = step.kind in ("value", "aggregation")
            is_rows = (
                step.column_name == step.upstream_column == lineage.ALL_ROWS
            )  # a count of rows goes on to their rows
            if is_figure or is_rows:
                way = (step.upstream_table, step.upstream_column, step.kind)
                self.up.setdefault((step.table_name, step.column_name), []).append(way)
        self.leading_to = lru_cache(maxsize=None)(self._leading_to)

    def _leading_to(self, table: str, column: str) -> frozenset[tuple[str, str, bool]]:
        """(contract, column, whether anything was added up on the way)."""
        found = set()
        if (table, column) in self.open_columns:
            return frozenset()
        for upstream, name, kind in self.up.get((table, column), ()):
            is_added = kind == "aggregation"
            schema, _, contract = upstream.partition(".")
            if upstream == self.ends_at:
                continue
            if schema == "sources":
                if contract in COUNTED:
                    found.add((contract, name, is_added))
                continue
            found |= {(c, n, added or is_added) for c, n, added in self.leading_to(upstream, name)}
        return frozenset(found)

    def counts(self, table: str, column: str) -> set[tuple[str, str]]:
        """The delivered columns (`*`: rows) that are added up in a published column."""
        return {(contract, name) for contract, name, is_added in self.leading_to(table, column) if is_added}


@pytest.fixture(scope="module")
def steps():
    return lineage.trace(GRAPH, CONTRACTS).steps


def published() -> list[tuple[str, str]]:
    return [(model.name, column) for model in GRAPH.models if model.is_published for column in model.columns]


def listed_as_open() -> dict[tuple[str, str], str]:
    with (SQL / "reference" / "disclosure_open.csv").open(encoding="utf-8") as file:
        return {(row["table_name"], row["column_name"]): row["reason"] for row in csv.DictReader(file)}


def test_every_count_passes_the_protected_cube(steps) -> None:
    ways = Ways(steps, open_columns=listed_as_open())
    leaking = {(t, c): sorted(ways.counts(t, c)) for t, c in published() if ways.counts(t, c)}
    assert leaking == {}


def test_nothing_is_listed_as_open_that_is_not_there_or_has_no_reason(steps) -> None:
    ways = Ways(steps)
    listed = listed_as_open()
    assert [place for place, reason in listed.items() if len(reason) < 20] == []
    assert sorted(place for place in listed if not ways.counts(*place)) == []


def test_the_walk_finds_what_the_cube_stands_before(steps) -> None:
    """With the cube passed through, the figures of every family are found to come from exact counts: the walk can fail."""
    through = Ways(steps, ends_at=None)
    found = {contract for table, column in published() for contract, _ in through.counts(table, column)}
    assert found == COUNTED
    assert ("police_incidents", "*") in through.counts("marts.indicator_values", "value")
