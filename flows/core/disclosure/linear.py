"""Linear programmes over moves of a table, by HiGHS, kept alive so that the next one starts where the last one ended.

A programme is: moves of cells, whose sums do not change, within limits, at the least cost. Only costs and limits change from
one question to the next, so the simplex method goes on from the last corner: about 1 ms for a block of 1 200 cells, where a
fresh programme through scipy takes 10 to 30.

Source: Huangfu and Hall (2018), "Parallelizing the dual revised simplex method", Mathematical Programming Computation 10.
"""

from __future__ import annotations

import highspy
import numpy as np
from scipy import sparse

TOLERANCE = 1e-6
MOST_NODES = 200  # of a whole-number programme; a count and not a time, so that runs agree
QUIET = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "presolve": "off",
    "solver": "simplex",
}


class SolverError(RuntimeError):
    """HiGHS stopped without an answer: a doubt must not pass for a proof."""


class Moves:
    """One system of sums: `matrix` @ moves = 0, `low` <= moves <= `high` (finite); costs are 0 at first."""

    def __init__(self, matrix: sparse.csr_array, low: np.ndarray, high: np.ndarray):
        self.matrix, self.size = matrix, matrix.shape[1]
        self._all = np.arange(self.size, dtype=np.int32)
        self._highs = _highs(matrix, low, high, QUIET)

    def set_costs(self, cost: np.ndarray) -> None:
        """The cost of a unit of each move."""
        self._highs.changeColsCost(self.size, self._all, np.asarray(cost, dtype=float))

    def set_cost(self, move: int, cost: float) -> None:
        """The cost of a unit of one move."""
        self._highs.changeColCost(int(move), float(cost))

    def set_limits(self, moves: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """New limits of some moves."""
        moves = np.asarray(moves, dtype=np.int32)
        self._highs.changeColsBounds(len(moves), moves, np.asarray(low, dtype=float), np.asarray(high, dtype=float))

    def solve(self) -> np.ndarray | None:
        """The cheapest moves, a corner of all that are possible; None when there are none. Raises SolverError."""
        status = _run(self._highs)
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        return np.array(self._highs.getSolution().col_value)

    def prices(self) -> np.ndarray:
        """The dual value of each sum in the last solution."""
        return np.array(self._highs.getSolution().row_dual)


def cheapest_whole(
    matrix: sparse.csr_array, low: np.ndarray, high: np.ndarray, cost: np.ndarray
) -> tuple[np.ndarray | None, bool]:
    """The cheapest moves among whole numbers, and whether the search came to its end.

    None with True: there are none, which is proven. None with False: none was found within `MOST_NODES` nodes.
    """
    options = QUIET | {"presolve": "on", "solver": "choose", "mip_max_nodes": MOST_NODES}
    highs = _highs(matrix, np.ceil(low), np.floor(high), options, cost)
    integer = np.full(matrix.shape[1], highspy.HighsVarType.kInteger)
    highs.changeColsIntegrality(len(integer), np.arange(len(integer), dtype=np.int32), integer)
    highs.run()
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None, True
    point = np.round(np.array(highs.getSolution().col_value))
    is_feasible = (
        len(point) == matrix.shape[1] and (point >= low).all() and (point <= high).all() and not (matrix @ point).any()
    )
    return (point if is_feasible else None), status == highspy.HighsModelStatus.kOptimal


def is_whole(moves: np.ndarray, matrix: sparse.csr_array) -> bool:
    """Whether the moves are, up to the solver's tolerance, whole numbers that keep every sum exactly."""
    rounded = np.round(moves)
    return bool(np.abs(moves - rounded).max(initial=0) < TOLERANCE and not (matrix @ rounded).any())


def _highs(matrix, low, high, options: dict, cost=None) -> highspy.Highs:
    columns = sparse.csc_array(matrix)
    programme = highspy.HighsLp()
    programme.num_row_, programme.num_col_ = columns.shape
    programme.col_cost_ = np.zeros(columns.shape[1]) if cost is None else np.asarray(cost, dtype=float)
    programme.col_lower_, programme.col_upper_ = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    programme.row_lower_ = programme.row_upper_ = np.zeros(columns.shape[0])
    programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    programme.a_matrix_.start_, programme.a_matrix_.index_ = columns.indptr, columns.indices
    programme.a_matrix_.value_ = columns.data.astype(float)
    highs = highspy.Highs()
    highs.silent()
    for name, value in options.items():
        highs.setOptionValue(name, value)
    highs.passModel(programme)
    return highs


def _run(highs: highspy.Highs) -> highspy.HighsModelStatus:
    highs.run()
    status = highs.getModelStatus()
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
        # a start from the last corner can go astray; from nothing it is the plain method
        highs.clearSolver()
        highs.run()
        status = highs.getModelStatus()
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
        raise SolverError(f"HiGHS neither solved the programme nor proved that it has no solution: {status}")
    return status
