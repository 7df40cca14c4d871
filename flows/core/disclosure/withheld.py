"""Whether everything that is published together tells a withheld small count exactly.

A table too fine to be offered has no range to be protected, but a small count in it that follows exactly from the tables
that are offered (because all the others of a sum are zeros, say) would be as good as printed. So the whole system, with
every withheld cell as an unknown, is asked one question: can the cell differ from the true table by 1? An interior-point
method pushes all of them at once (0.2 s for 4 000 unknowns, where the simplex method takes 1 s); what does not move is
asked alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from flows.core.disclosure.attack import DOWN, UP
from flows.core.disclosure.blocks import Block, side_by_side, split
from flows.core.disclosure.cube import Cube, Sums
from flows.core.disclosure.linear import Moves, inner_point
from flows.core.disclosure.past import Past, stack

FIXED = 0.999  # a cell that moves by less in every table is told: counts are whole
ENDLESS = 1e4
# the attack on a release asks what protecting it asked: the same question has the same answer
_ANSWERS: dict[bytes, np.ndarray] = {}
MOST_ANSWERS = 5000
POINTS = 4  # joint pushes before single cells are asked


@dataclass(frozen=True)
class Told:
    """Cells that are told exactly, of this release and (numbers of `Past`) of earlier ones; all cells of their blocks."""

    cells: np.ndarray
    of_past: np.ndarray
    around: np.ndarray

    @classmethod
    def nothing(cls) -> Told:
        """No cell is told."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none)

    def __len__(self) -> int:
        return len(self.cells) + len(self.of_past)


def told_withheld(
    deep: Cube, sums: Sums, past: Past, low: np.ndarray, high: np.ndarray, asked: np.ndarray, is_new: np.ndarray
) -> Told:
    """The cells among `asked`, and the small ones withheld before, that have one possible value only.

    `deep` is the cube of the release in which nothing is withheld, with its rests and `sums`; the arrays speak of all its
    cells: `low` and `high` what is known of each by itself, `is_new` where something is shown that was not before.
    """
    system = stack(deep, sums, past)
    size, own = len(system.exact), len(deep)
    floor, ceiling = system.low_before.copy(), system.high_before.copy()
    floor[:own], ceiling[:own] = np.maximum(floor[:own], low), np.minimum(ceiling[:own], high)
    wanted, changed = np.zeros(size, bool), np.zeros(size, bool)
    wanted[:own], changed[:own] = asked, is_new
    wanted[own:] = past.is_fine_small[system.alone]
    # a block is changed by what is known beside it, too
    beside = np.diff(system.matrix.indptr) > 0
    beside[beside] = np.maximum.reduceat(changed[system.matrix.indices], system.matrix.indptr[:-1][beside])
    blocks = [
        block
        for block in split(system.matrix, ceiling > floor)
        if wanted[block.cells].any() and beside[block.rows].any()
    ]
    fixed = side_by_side(
        blocks, lambda block: _fixed(block, system.exact, floor, ceiling, np.flatnonzero(wanted[block.cells]))
    )
    told, around = [np.flatnonzero(wanted & (floor == ceiling))], []
    for block, found in zip(blocks, fixed, strict=True):
        if len(found):
            told.append(block.cells[found])
            around.append(block.cells[block.cells < own])
    cells = np.concatenate(told)
    near = np.concatenate(around) if around else np.zeros(0, np.int64)
    return Told(cells[cells < own], system.alone[cells[cells >= own] - own], near)


def _question(*arrays: np.ndarray) -> bytes:
    digest = hashlib.sha256()
    for values in arrays:
        digest.update(np.ascontiguousarray(values, dtype=float).tobytes() + b"|")
    return digest.digest()


def _fixed(block: Block, exact: np.ndarray, floor: np.ndarray, ceiling: np.ndarray, suspects: np.ndarray) -> np.ndarray:
    """The places among `suspects` that cannot move."""
    own = exact[block.cells]
    low, high = floor[block.cells] - own, np.minimum(ceiling[block.cells] - own, ENDLESS)
    matrix = block.matrix
    question = _question(matrix.indptr, matrix.indices, matrix.data, low, high, suspects)
    answer = _ANSWERS.get(question)
    if answer is None:
        answer = _asked(block, low, high, suspects)
        if len(_ANSWERS) >= MOST_ANSWERS:
            _ANSWERS.clear()
        _ANSWERS[question] = answer
    return answer


def _asked(block: Block, low: np.ndarray, high: np.ndarray, suspects: np.ndarray) -> np.ndarray:
    coin = np.random.default_rng(len(low))
    for _ in range(POINTS):
        # what is left is pushed, each to the side of a tossed coin
        cost = np.zeros(len(low))
        cost[suspects] = coin.random(len(suspects)) - 0.5
        point = inner_point(block.matrix, low, high, cost)
        if point is not None:
            suspects = suspects[np.abs(point[suspects]) < FIXED]
        if not len(suspects):
            return suspects
    moves = Moves(block.matrix, low, high)
    return suspects[[not any(_goes(moves, place, sign) for sign in (UP, DOWN)) for place in suspects]]


def _goes(moves: Moves, place: int, sign: int) -> bool:
    cost = np.zeros(moves.size)
    cost[place] = -sign
    moves.set_costs(cost)
    return bool(abs(moves.solve()[place]) >= FIXED)
