"""What anybody can work out about the hidden cells from everything that is shown, by linear programming.

The attacker knows every sum, every value shown, that counts are whole and 0 or more, what each mark of a hidden cell
stands for, and all earlier releases. A cell is safe when the whole range that its rule asks for stays possible: for both
ends of that range there is a table **of whole numbers** that agrees with everything known. Where linear programming
reaches an end only with fractions, the whole-number programme decides.

Source: the attacker's subproblems of Fischetti and Salazar-González (2001), "Solving the cell suppression problem on
tabular data with linear constraints", Management Science 47(7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from flows.core.disclosure.blocks import TOLERANCE, Block, is_whole, solve, split

CELLS_AT_ONCE = 4000  # independent blocks are solved together up to this many cells: a call costs more than a block
UNLIMITED = np.inf
# stands for "no upper limit" inside a programme; a lower ceiling only makes the attacker stronger, so it hides no leak
ENDLESS = 1e6


@dataclass(frozen=True)
class Known:
    """What is known of each cell from outside the sums (`low` to `high`), and what must stay possible.

    `need_low` is the value at or below which, `need_high` the one at or above which a cell must still be able to lie:
    +inf and -inf where nothing is asked.
    """

    low: np.ndarray
    high: np.ndarray
    need_low: np.ndarray
    need_high: np.ndarray

    @property
    def is_free(self) -> np.ndarray:
        """The cells whose value is not known by itself."""
        return self.high > self.low


@dataclass(frozen=True)
class Leak:
    """A hidden cell that can be narrowed below its rule: what follows for it, and through which sums."""

    cell: int
    low: float
    high: float
    through: tuple[int, ...]


class Proofs:
    """For which cells, in which direction, a whole table was seen that reaches what the rule asks for."""

    def __init__(self, known: Known, exact: np.ndarray):
        self.need = {1: known.need_high, -1: known.need_low}
        self.is_open = {1: exact < known.need_high, -1: exact > known.need_low}

    def open_cells(self, cells: np.ndarray, sign: int) -> np.ndarray:
        """The positions among `cells` for which the given direction (+1 upwards, -1 downwards) is not yet proven."""
        return np.flatnonzero(self.is_open[sign][cells])

    def see(self, cells: np.ndarray, point: np.ndarray) -> list[tuple[int, int]]:
        """Take note of a whole table; returns the cells and directions that were open and that it proves."""
        proven = []
        for sign, is_open in self.is_open.items():
            reached = cells[is_open[cells] & (sign * (np.round(point) - self.need[sign][cells]) >= 0)]
            is_open[reached] = False
            proven += [(int(cell), sign) for cell in reached]
        return proven

    def close(self, cell: int) -> None:
        """Ask nothing more of a cell."""
        self.is_open[1][cell] = self.is_open[-1][cell] = False


def find_leaks(matrix: sparse.csr_array, known: Known, exact: np.ndarray) -> list[Leak]:
    """Every cell that can be narrowed below its rule, in the order of cells.

    `exact` is the true table: it agrees with all that is known, so that it proves something by itself.
    """
    proofs = Proofs(known, exact)
    leaks: dict[int, Leak] = {}
    for cell in np.flatnonzero(
        (proofs.is_open[1] & (known.high < known.need_high)) | (proofs.is_open[-1] & (known.low > known.need_low))
    ):
        leaks[int(cell)] = Leak(int(cell), known.low[cell], known.high[cell], ())
        proofs.close(cell)
    _settle_loose(matrix, known, proofs)
    for problem in programmes(matrix, known, exact):
        prove_together(problem, proofs)
        for leak in _prove_one_by_one(problem, proofs, known):
            leaks[leak.cell] = leak
    return [leaks[cell] for cell in sorted(leaks)]


@dataclass
class Programme:
    """Some independent blocks in one linear programme."""

    blocks: list[Block]
    matrix: sparse.csr_array
    right: np.ndarray
    cells: np.ndarray
    low: np.ndarray
    high: np.ndarray
    parts: list[slice]  # the places of each block's cells
    sums: list[slice]  # and of its rows

    def of_block(self, number: int) -> tuple[sparse.csr_array, np.ndarray, np.ndarray, np.ndarray]:
        """Matrix, right sides and limits of one block."""
        part = self.parts[number]
        return self.blocks[number].matrix, self.right[self.sums[number]], self.low[part], self.high[part]


def programmes(matrix: sparse.csr_array, known: Known, exact: np.ndarray) -> Iterator[Programme]:
    """The blocks of free cells, several in a programme; known cells stand on the right side of their sums."""
    is_free = known.is_free
    right = -(matrix @ np.where(is_free, 0, exact))
    together: list[Block] = []
    size = 0
    for block in split(matrix, is_free):
        if together and size + len(block.cells) > CELLS_AT_ONCE:
            yield _programme(together, known, right)
            together, size = [], 0
        together.append(block)
        size += len(block.cells)
    if together:
        yield _programme(together, known, right)


def _programme(blocks: list[Block], known: Known, right: np.ndarray) -> Programme:
    cells = np.concatenate([block.cells for block in blocks])
    rows = np.concatenate([block.rows for block in blocks])
    matrix = sparse.csr_array(sparse.block_diag([block.matrix for block in blocks], format="csr"))
    return Programme(
        blocks,
        matrix,
        right[rows],
        cells,
        known.low[cells],
        np.minimum(known.high[cells], ENDLESS),
        _slices([len(block.cells) for block in blocks]),
        _slices([len(block.rows) for block in blocks]),
    )


def _slices(sizes: list[int]) -> list[slice]:
    ends = np.cumsum([0, *sizes])
    return [slice(int(start), int(end)) for start, end in pairwise(ends)]


def prove_together(problem: Programme, proofs: Proofs) -> None:
    """Push all open cells at once, again and again while that still proves some: cheap, and leaves few over."""
    shift = 1.0
    for _ in range(40):
        proven = 0
        for sign in (1, -1):
            open_cells = proofs.open_cells(problem.cells, sign)
            if not len(open_cells):
                continue
            cost = np.zeros(len(problem.cells))
            # uneven weights, turned round by round, so that a sum that is fixed does not make all tables equally good
            cost[open_cells] = -sign * (1 + np.modf(np.arange(len(open_cells)) * 0.6180339887 * shift)[0])
            proven += _see(problem, proofs, solve(cost, problem.matrix, problem.right, problem.low, problem.high).point)
        if not proven:
            return
        shift += 1


def _see(problem: Programme, proofs: Proofs, point: np.ndarray | None) -> int:
    if point is None:
        raise ContradictionError("What is shown contradicts itself: no table of counts agrees with it")
    proven = 0
    for block, part, rows in zip(problem.blocks, problem.parts, problem.sums, strict=True):
        if is_whole(point[part], block.matrix, problem.right[rows]):
            proven += len(proofs.see(block.cells, point[part]))
    return proven


class ContradictionError(ValueError):
    """No table of counts agrees with all that is shown and said of it."""


def _prove_one_by_one(problem: Programme, proofs: Proofs, known: Known) -> Iterator[Leak]:
    """The cells that are left: in each round the first open one of every block, all blocks in one programme."""
    for sign in (1, -1):
        while True:
            cost = np.zeros(len(problem.cells))
            first = []
            for number, block in enumerate(problem.blocks):
                open_cells = proofs.open_cells(block.cells, sign)
                if len(open_cells):
                    first.append((number, open_cells[0]))
                    cost[problem.parts[number].start + open_cells[0]] = -sign
            if not first:
                break
            solution = solve(cost, problem.matrix, problem.right, problem.low, problem.high)
            _see(problem, proofs, solution.point)
            for number, place in first:
                cell = problem.blocks[number].cells[place]
                if proofs.is_open[sign][cell] and not _proven_whole(problem, number, place, sign, proofs):
                    yield _leak(problem, number, place, known, solution.prices[problem.sums[number]])
                    proofs.close(cell)


def _proven_whole(problem: Programme, number: int, place: int, sign: int, proofs: Proofs) -> bool:
    """Whether a table of whole numbers reaches what the linear programme reached with fractions, or not at all."""
    matrix, right, low, high = problem.of_block(number)
    cost = np.zeros(len(low))
    cost[place] = -sign
    point = solve(cost, matrix, right, low, high, whole=True).point
    if point is None:
        raise ContradictionError("What is shown contradicts itself: no table of counts agrees with it")
    proofs.see(problem.blocks[number].cells, point)
    return not proofs.is_open[sign][problem.blocks[number].cells[place]]


def _leak(problem: Programme, number: int, place: int, known: Known, prices: np.ndarray) -> Leak:
    block = problem.blocks[number]
    matrix, right, low, high = problem.of_block(number)
    ends = []
    for sign in (1, -1):
        cost = np.zeros(len(low))
        cost[place] = -sign
        ends.append(solve(cost, matrix, right, low, high, whole=True).point[place])
    through = block.rows[np.abs(prices) > TOLERANCE]
    return Leak(
        int(block.cells[place]), float(round(ends[1])), float(round(ends[0])), tuple(int(row) for row in through)
    )


def _settle_loose(matrix: sparse.csr_array, known: Known, proofs: Proofs) -> None:
    """A cell in no sum is known by its own limits alone."""
    loose = np.diff(sparse.csc_array(matrix).indptr) == 0
    for cell in np.flatnonzero(loose):
        proofs.close(cell)


def find_intervals(
    matrix: sparse.csr_array, known: Known, exact: np.ndarray, tick: Callable[[int], None] = lambda count: None
) -> tuple[np.ndarray, np.ndarray]:
    """For every cell the lowest and highest value that follow from everything known, by linear programming.

    Two programmes a cell (all blocks side by side), so for reports and tests; `find_leaks` decides far faster.
    """
    low, high = known.low.astype(float).copy(), known.high.astype(float).copy()
    for problem in programmes(matrix, known, exact):
        for turn in range(max(len(block.cells) for block in problem.blocks)):
            for sign, found in ((-1, low), (1, high)):
                turned = [number for number, block in enumerate(problem.blocks) if turn < len(block.cells)]
                places = np.array([problem.parts[number].start + turn for number in turned])
                cost = np.zeros(len(problem.cells))
                cost[places] = -sign
                point = solve(cost, problem.matrix, problem.right, problem.low, problem.high).point
                if point is None:
                    raise ContradictionError("What is shown contradicts itself: no table of counts agrees with it")
                found[problem.cells[places]] = point[places]
            tick(turn)
    high[high >= ENDLESS / 2] = UNLIMITED
    return low, high
