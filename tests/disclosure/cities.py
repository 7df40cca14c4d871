"""Small made-up cities for the tests of disclosure control."""

from __future__ import annotations

import itertools

import numpy as np

from flows.core.disclosure.cube import Cube, Hierarchy
from flows.core.disclosure.rules import POLICE, rule_book

BOOK = rule_book({"incidents": POLICE})


def table(rows: list[list[int]], version: list[list[str]] | None = None) -> Cube:
    """Zones × kinds with both margins and the grand total; `version` for the inner cells, a total's is that of them."""
    inner = np.array(rows)
    zones = [f"zone {number}" for number in range(len(rows))]
    kinds = [f"kind {number}" for number in range(len(rows[0]))]
    names, counts, versions = [], [], []
    said = np.array(version if version else [[""] * len(kinds)] * len(zones), dtype=object)
    for zone, kind in itertools.product([*range(len(zones)), slice(None)], [*range(len(kinds)), slice(None)]):
        names.append(
            (zones[zone] if isinstance(zone, int) else "city", kinds[kind] if isinstance(kind, int) else "all")
        )
        counts.append(int(inner[zone, kind].sum()))
        part = said[zone, kind]
        versions.append(part if isinstance(part, str) else "+".join(np.ravel(part)))
    return Cube(
        {
            "measure": np.full(len(counts), "incidents"),
            "zone": np.array([zone for zone, _ in names]),
            "kind": np.array([kind for _, kind in names]),
        },
        np.array(counts),
        version=np.array(versions),
    )


def hierarchies(zones: int, kinds: int) -> list[Hierarchy]:
    """Zones make the city, kinds make all."""
    return [
        Hierarchy("zone", "zones of the city", {f"zone {number}": "city" for number in range(zones)}),
        Hierarchy("kind", "kinds", {f"kind {number}": "all" for number in range(kinds)}),
    ]


def city(zones: int, kinds: int, mean: float, seed: int) -> tuple[Cube, list[Hierarchy]]:
    """Zones × the months of a year × kinds, with quarters, the year and all margins; Poisson counts."""
    base = np.random.default_rng(seed).poisson(mean, (zones, 12, kinds))
    full = np.concatenate([base, base.sum(0, keepdims=True)])
    quarters = full.reshape(zones + 1, 4, 3, kinds).sum(2)
    full = np.concatenate([full, quarters, full.sum(1, keepdims=True)], 1)
    full = np.concatenate([full, full.sum(2, keepdims=True)], 2)
    months = [f"2026-{month:02d}" for month in range(1, 13)]
    quarter_names = [f"2026 Q{quarter}" for quarter in range(1, 5)]
    axes = (
        [f"zone {number}" for number in range(zones)] + ["city"],
        [*months, *quarter_names, "2026"],
        [f"kind {number}" for number in range(kinds)] + ["all"],
    )
    grid = [part.ravel() for part in np.meshgrid(*[np.array(axis) for axis in axes], indexing="ij")]
    cube = Cube(
        {"measure": np.full(full.size, "incidents"), "zone": grid[0], "period": grid[1], "kind": grid[2]}, full.ravel()
    )
    periods = [
        Hierarchy("period", "months of the quarter", {name: quarter_names[i // 3] for i, name in enumerate(months)}),
        Hierarchy("period", "quarters of the year", dict.fromkeys(quarter_names, "2026")),
    ]
    return cube, [*hierarchies(zones, kinds), *periods]


def all_tables(matrix: np.ndarray, low: np.ndarray, high: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Every table of whole numbers within the limits that keeps all sums: tried one by one, no programme involved."""
    free = np.flatnonzero(high > low)
    found: list[np.ndarray] = []
    point = exact.astype(float).copy()
    last = {row: max(np.flatnonzero(matrix[row, free]), default=-1) for row in range(len(matrix))}

    def place(position: int) -> None:
        if position == len(free):
            found.append(point.copy())
            return
        done = [row for row, end in last.items() if end == position]
        for value in range(int(low[free[position]]), int(high[free[position]]) + 1):
            point[free[position]] = value
            if all(matrix[row] @ point == 0 for row in done):
                place(position + 1)
        point[free[position]] = exact[free[position]]

    place(0)
    return np.array(found)
