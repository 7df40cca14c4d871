"""Independent blocks of a system of sums, and the one place where a linear programme is solved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse.csgraph import connected_components

TOLERANCE = 1e-6
PRESOLVED_FROM = 3000  # unknowns


@dataclass(frozen=True)
class Block:
    """Cells that hang together through sums: the rows, the cells, and the matrix of both."""

    rows: np.ndarray
    cells: np.ndarray
    matrix: sparse.csr_array


def split(matrix: sparse.csr_array, is_free: np.ndarray) -> Iterator[Block]:
    """The independent blocks of the free cells, in the order of their first cell; a cell without any sum is in none."""
    entries = matrix.tocoo()
    kept = is_free[entries.col]
    row, cell, sign = entries.row[kept], entries.col[kept], entries.data[kept]
    if not len(row):
        return
    row_count, cell_count = matrix.shape
    size = row_count + cell_count
    graph = sparse.csr_array((np.ones(len(row)), (row, cell + row_count)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    order = np.argsort(label[row], kind="stable")
    row, cell, sign, of_entry = row[order], cell[order], sign[order], label[row[order]]
    ends = np.append(np.flatnonzero(np.diff(of_entry)) + 1, len(row))
    start = 0
    for end in ends:
        rows, local_row = np.unique(row[start:end], return_inverse=True)
        cells, local_cell = np.unique(cell[start:end], return_inverse=True)
        part = sparse.csr_array((sign[start:end], (local_row, local_cell)), shape=(len(rows), len(cells)))
        yield Block(rows, cells, part)
        start = end


@dataclass(frozen=True)
class Solution:
    """The best point found, or None when there is none; `prices` are the dual values of the sums."""

    point: np.ndarray | None
    prices: np.ndarray | None = None


def solve(
    cost: np.ndarray, matrix: sparse.csr_array, right: np.ndarray, low: np.ndarray, high: np.ndarray, whole=False
) -> Solution:
    """Minimise cost @ x with matrix @ x = right and low <= x <= high, by HiGHS; `whole`: among whole numbers.

    A solver that stops for another reason than "no such point" raises: a doubt must not pass for a proof.
    """
    if whole:
        constraint = LinearConstraint(sparse.csc_array(matrix), right, right)
        result = milp(cost, integrality=np.ones(len(cost)), bounds=Bounds(low, high), constraints=constraint)
    else:
        # on programmes as small as a block's, presolving costs more than it saves
        options = {"presolve": len(cost) > PRESOLVED_FROM}
        bounds = np.column_stack([low, high])
        result = linprog(cost, A_eq=matrix, b_eq=right, bounds=bounds, method="highs-ds", options=options)
    if result.status == 0:
        return Solution(result.x, None if whole else result.eqlin.marginals)
    if result.status == 2:
        return Solution(None)
    raise RuntimeError(f"HiGHS neither solved the programme nor proved that it has no solution: {result.message}")


def is_whole(point: np.ndarray, matrix: sparse.csr_array, right: np.ndarray) -> bool:
    """Whether the point is, up to the solver's tolerance, a table of whole numbers that keeps every sum exactly."""
    rounded = np.round(point)
    return bool(np.abs(point - rounded).max(initial=0) < TOLERANCE and np.array_equal(matrix @ rounded, right))
