"""What else must be hidden so that the small counts stay hidden, losing as little as possible.

The sequential method of linear programming: for every small cell in turn, and for both ends of the range that its rule
asks for, the cheapest way to move it there while every sum still holds; the shown cells that have to move are hidden.
The moved table is the proof that the cell is safe. Then what proves not to be needed is shown again.

Sources: Robertson (1993), "Cell suppression at Statistics Canada" (CONFID); Fischetti and Salazar-González (2001), section
4 (the heuristic). Exact in protection, not in optimality: the smallest possible loss is a mixed-integer programme that no
city's cube allows. The cost of a cell is 1 + log(1 + count), so that few and small cells are hidden, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from flows.core.disclosure.attack import ContradictionError, Known, Proofs, programmes, prove_together
from flows.core.disclosure.blocks import is_whole, solve

REACHES = (2, 5)  # how many sums away partners are looked for, before the whole block
NEAR = 1e-5  # the price of moving a hidden cell: otherwise they swing to and fro for nothing
REWARD = 1e-2  # for moving other open cells where that costs nothing: one programme then proves many
TRIALS = 20  # programmes spent on showing partners again, and one more for 50 cells; a count, not a time: runs agree


def information_cost(count: np.ndarray) -> np.ndarray:
    """What is lost when a count is hidden: one cell, and the logarithm of what it tells of."""
    return 1 + np.log1p(count)


@dataclass
class State:
    """One system of sums under protection: what is shown now, and what becomes known of a cell that would be hidden."""

    matrix: sparse.csr_array
    exact: np.ndarray
    known: Known  # `low` and `high` change as cells are hidden
    may_hide: np.ndarray  # shown cells that may become partners
    hidden_low: np.ndarray  # what is known of each when hidden
    hidden_high: np.ndarray
    cost: np.ndarray
    is_secondary: np.ndarray = field(init=False)
    columns: sparse.csc_array = field(init=False)

    def __post_init__(self) -> None:
        self.is_secondary = np.zeros(len(self.exact), bool)
        self.columns = sparse.csc_array(self.matrix)


@dataclass
class Proof:
    """One cell, one direction, and the moves of a table that reaches what is asked."""

    cell: int
    sign: int
    moved: np.ndarray


def hide_partners(state: State) -> list[int]:
    """Hide what must be hidden besides (`state.is_secondary`); returns the cells that cannot be protected at all."""
    proofs = Proofs(state.known, state.exact)
    for problem in programmes(state.matrix, state.known, state.exact):
        prove_together(problem, proofs)
    found: list[Proof] = []
    lost = []
    for cell, sign in _in_order(state, proofs):
        if not proofs.is_open[sign][cell]:
            continue
        move = _cheapest_move(state, cell, sign, proofs)
        if move is None:
            lost.append(cell)
            proofs.close(cell)
            continue
        cells, by = move
        _hide(state, cells[by != 0])
        proven = proofs.see(cells, state.exact[cells] + by)
        found += [Proof(*other, cells[by != 0]) for other in proven]
    _show_again(state, found)
    return sorted(set(lost))


def _in_order(state: State, proofs: Proofs) -> Iterator[tuple[int, int]]:
    """Open cells, those that need the longest move first: what they hide often serves the others."""
    moves = []
    for sign in (1, -1):
        cells = np.flatnonzero(proofs.is_open[sign])
        length = np.abs(proofs.need[sign][cells] - state.exact[cells])
        moves += [(-size, int(cell), sign) for size, cell in zip(length, cells, strict=True)]
    for _, cell, sign in sorted(moves):
        yield cell, sign


def _cheapest_move(state: State, cell: int, sign: int, proofs: Proofs):
    """The cells around and by how much each moves, whole numbers, or None when no table reaches it."""
    size = 0
    for reach in (*REACHES, None):
        cells = _around(state, cell, reach)
        if len(cells) == size:
            continue  # nothing more came within reach
        size = len(cells)
        move = _solve_move(state, cells, cell, sign, proofs)
        if move is not None:
            return cells, move
    return None


def _around(state: State, cell: int, reach: int | None) -> np.ndarray:
    """Cells within `reach` sums that are hidden or may be, in order."""
    movable = state.known.is_free | state.may_hide
    cells = np.array([cell])
    while reach is None or reach > 0:
        rows = np.unique(_entries(state.columns, cells))
        wider = np.unique(_entries(state.matrix, rows))
        wider = np.union1d(cell, wider[movable[wider]])
        if len(wider) == len(cells):
            break
        cells = wider
        reach = None if reach is None else reach - 1
    return cells


def _entries(matrix, outer: np.ndarray) -> np.ndarray:
    """The inner indices of some rows of a csr matrix (or columns of a csc)."""
    start, length = matrix.indptr[outer], matrix.indptr[outer + 1] - matrix.indptr[outer]
    if not length.sum():
        return np.zeros(0, matrix.indices.dtype)
    offset = np.repeat(start - np.append(0, np.cumsum(length)[:-1]), length)
    return matrix.indices[offset + np.arange(length.sum())]


def _solve_move(state: State, cells: np.ndarray, cell: int, sign: int, proofs: Proofs | None) -> np.ndarray | None:
    """Least cost of moving `cell` to what is asked; up and down apart, so that the cost of a move is linear."""
    exact, known = state.exact[cells], state.known
    is_free = known.is_free[cells]
    low = np.where(is_free, known.low[cells], state.hidden_low[cells]) - exact
    high = np.where(is_free, known.high[cells], state.hidden_high[cells]) - exact
    place = int(np.searchsorted(cells, cell))
    need = (known.need_high if sign > 0 else known.need_low)[cell] - exact[place]
    if need > high[place] or need < low[place]:
        return None
    low[place] = high[place] = need
    cost = np.where(is_free, 0.0, state.cost[cells])
    cost[place] = 0
    rows = np.unique(_entries(state.columns, cells))
    matrix = state.matrix[rows][:, cells]
    doubled = sparse.csr_array(sparse.hstack([matrix, -matrix], format="csr"))
    ups = np.concatenate([np.maximum(high, 0), np.maximum(-low, 0)])
    least = np.concatenate([np.maximum(low, 0), np.maximum(-high, 0)])
    both = np.concatenate([cost + NEAR, cost + NEAR])
    if proofs is not None:
        for side, start in ((1, 0), (-1, len(cells))):
            # only towards what is asked, and never enough to pay for a partner
            also = is_free & proofs.is_open[side][cells] & np.isfinite(np.where(side > 0, high, low))
            both[start : start + len(cells)][also] -= REWARD
            both[(len(cells) if side > 0 else 0) :][: len(cells)][also] += REWARD
    nothing = np.zeros(len(rows))
    for tilt in (0, 1, 2, None):
        # a corner with fractions is often one of several as cheap: slightly other prices lead to a whole one, ten times
        # faster than the whole-number programme, which has the last word
        tilted = both if not tilt else both * (1 + 0.05 * np.modf(np.arange(len(both)) * 0.6180339887 * tilt)[0])
        point = solve(tilted, doubled, nothing, least, ups, whole=tilt is None).point
        if point is None:
            return None
        move = point[: len(cells)] - point[len(cells) :]
        if is_whole(move, matrix, nothing):
            return np.round(move).astype(np.int64)
    return None


def _hide(state: State, cells: np.ndarray) -> None:
    new = cells[~state.known.is_free[cells]]
    state.known.low[new] = state.hidden_low[new]
    state.known.high[new] = state.hidden_high[new]
    state.is_secondary[new] = True


def _show_again(state: State, proofs: list[Proof]) -> None:
    """Show partners again, the least used first and then the dearest, where all that they prove is proven without."""
    uses: dict[int, set[int]] = {}
    for number, proof in enumerate(proofs):
        for cell in proof.moved[state.is_secondary[proof.moved]]:
            uses.setdefault(int(cell), set()).add(number)
    partners = np.flatnonzero(state.is_secondary)
    state.may_hide = np.zeros(len(state.exact), bool)
    trials = TRIALS + len(state.exact) // 50
    for cell in sorted(partners, key=lambda cell: (len(uses.get(int(cell), ())), -state.cost[cell], cell)):
        if trials <= 0:
            return
        hidden_as = state.known.low[cell], state.known.high[cell]
        state.known.low[cell] = state.known.high[cell] = state.exact[cell]
        others: dict[int, Proof] = {}
        for number in sorted(uses.get(int(cell), ())):
            trials -= 1
            other = _proof_without(state, proofs[number])
            if other is None:
                state.known.low[cell], state.known.high[cell] = hidden_as
                break
            others[number] = other
        else:
            state.is_secondary[cell] = False
            _replace(state, proofs, uses, others)


def _replace(state: State, proofs: list[Proof], uses: dict[int, set[int]], others: dict[int, Proof]) -> None:
    for number, proof in others.items():
        for old in proofs[number].moved:
            uses.get(int(old), set()).discard(number)
        for new in proof.moved[state.is_secondary[proof.moved]]:
            uses.setdefault(int(new), set()).add(number)
        proofs[number] = proof


def _proof_without(state: State, proof: Proof) -> Proof | None:
    cells = _around(state, proof.cell, None)
    move = _solve_move(state, cells, proof.cell, proof.sign, None)
    return None if move is None else Proof(proof.cell, proof.sign, cells[move != 0])


__all__ = ["ContradictionError", "State", "hide_partners", "information_cost"]
