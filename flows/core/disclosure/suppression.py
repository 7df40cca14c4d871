"""What else must be hidden so that the small counts stay hidden, losing as little as possible.

The sequential method of linear programming: for every small cell in turn, and for both ends of the range that its rule
asks for, the cheapest way to move it there while every sum still holds; the shown cells that have to move are hidden.
The moved table is the proof that the cell is safe, and often that others are.

One programme per block lives through all of it: up and down are moves of their own, and of a shown cell the moves within
its rounding are free while those beyond are paid for, until it is hidden.

Sources: Robertson (1993), "Cell suppression at Statistics Canada" (CONFID); Fischetti and Salazar-González (2001), section
4 (the heuristic). Exact in protection, not in optimality: the smallest possible loss is a mixed-integer programme that no
city's cube allows. The cost of a cell is 1 + log(1 + count), so that few and small cells are hidden, in this order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from flows.core.disclosure.attack import DOWN, ENDLESS, UP, Attack, Findings, Known, Proofs, out_of_reach
from flows.core.disclosure.blocks import Block
from flows.core.disclosure.linear import TOLERANCE, Moves, cheapest_whole, is_whole

NEAR = 1e-4  # the price of moving a hidden cell: otherwise they swing to and fro for nothing
TILTS = 2  # slightly other prices tried for a corner without fractions
HIDINGS = 8  # after so many cells that took partners, all open ones are pushed together
TRIALS_A_PARTNER = 2  # programmes spent on showing partners again, times their number; a count, so that runs agree


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

    def __post_init__(self) -> None:
        self.is_secondary = np.zeros(len(self.exact), bool)

    def is_hopeless(self) -> bool:
        """Whether some cell could not be kept even if every cell were hidden that may be."""
        known = Known(
            np.where(self.may_hide, self.hidden_low, self.known.low),
            np.where(self.may_hide, self.hidden_high, self.known.high),
            self.known.need_low,
            self.known.need_high,
        )
        return out_of_reach(self.as_block(), known, self.exact)

    def as_block(self) -> Block:
        """The whole system as one block."""
        return Block(np.arange(self.matrix.shape[0]), np.arange(len(self.exact)), self.matrix)

    def hide(self, cells: np.ndarray) -> None:
        """Hide shown cells as partners."""
        self.is_secondary[cells] = True
        self.known.low[cells] = np.minimum(self.known.low[cells], self.hidden_low[cells])
        self.known.high[cells] = np.maximum(self.known.high[cells], self.hidden_high[cells])


@dataclass
class Proof:
    """One cell, one direction, and the cells that move in a table that reaches what is asked."""

    cell: int
    sign: int
    moved: np.ndarray


def hide_partners(state: State) -> list[int]:
    """Hide what must be hidden besides (`state.is_secondary`); returns the cells that cannot be protected at all."""
    proofs = Proofs(state.known, state.exact)
    lost = _out_of_reach(state, proofs)
    every = np.arange(len(state.exact))
    attack = Attack([state.as_block()], state.known, state.exact, proofs, Findings())
    attack.push_together()
    if not proofs.count():
        return lost
    attack.tables.clear()  # needs no partner
    programme = _Programme(state)
    found: list[Proof] = []
    new: list[np.ndarray] = []
    for cell, sign in _in_order(state, proofs):
        if not proofs.is_open[sign][cell]:
            continue
        moves = programme.cheapest(cell, sign, proofs)
        if moves is None:
            lost.append(cell)
            proofs.close(cell)
            continue
        beyond = np.flatnonzero(state.may_hide & ~state.is_secondary & _is_beyond(state, moves))
        programme.hide(beyond)
        proven = proofs.see(every, state.exact + moves)
        found += [Proof(*other, np.flatnonzero(np.abs(moves) > TOLERANCE)) for other in proven]
        new += [beyond] if len(beyond) else []
        if len(new) >= HIDINGS:
            # what is hidden by now often serves cells that are still open: found at once, where one by one is dear
            attack.widen(np.concatenate(new))
            attack.push_together(idle_rounds=1)
            new.clear()
    found += [Proof(*end, moved) for ends, moved in attack.tables for end in ends]
    programme.show_again(found)
    return sorted(set(lost))


def _is_beyond(state: State, moves: np.ndarray) -> np.ndarray:
    point = state.exact + moves
    return (point < state.known.low - TOLERANCE) | (point > state.known.high + TOLERANCE)


def _out_of_reach(state: State, proofs: Proofs) -> list[int]:
    """Cells of which it is known by itself that they cannot lie where the rule asks for."""
    low, high = state.known.low, state.known.high
    narrow = (proofs.is_open[UP] & (high < proofs.need[UP])) | (proofs.is_open[DOWN] & (low > proofs.need[DOWN]))
    for cell in np.flatnonzero(narrow):
        proofs.close(cell)
    return np.flatnonzero(narrow).tolist()


def _in_order(state: State, proofs: Proofs) -> Iterator[tuple[int, int]]:
    """Open cells, those that need the longest move first: what they hide often serves the others."""
    moves = []
    for sign in (UP, DOWN):
        cells = np.flatnonzero(proofs.is_open[sign])
        length = np.abs(proofs.need[sign][cells] - state.exact[cells])
        moves += [(-size, int(cell), sign) for size, cell in zip(length, cells, strict=True)]
    for _, cell, sign in sorted(moves):
        yield cell, sign


class _Programme:
    """The living programme: columns are free moves up, free moves down, paid moves up, paid moves down."""

    def __init__(self, state: State):
        self.state = state
        self.size = len(state.exact)
        self.paid = np.flatnonzero(state.may_hide)
        self.place_of = np.full(self.size, -1)
        self.place_of[self.paid] = np.arange(len(self.paid))
        exact, known, count = state.exact, state.known, len(self.paid)
        free_up, free_down = np.minimum(known.high - exact, ENDLESS), np.minimum(exact - known.low, ENDLESS)
        paid_up = np.clip(state.hidden_high[self.paid] - np.maximum(known.high, exact)[self.paid], 0, ENDLESS)
        paid_down = np.clip(np.minimum(known.low, exact)[self.paid] - state.hidden_low[self.paid], 0, ENDLESS)
        self.high = np.concatenate([free_up, free_down, paid_up, paid_down])
        cost = state.cost[self.paid]
        self.cost = np.concatenate([np.full(2 * self.size, NEAR), cost, cost])
        own = state.matrix
        self.matrix = sparse.csr_array(sparse.hstack([own, -own, own[:, self.paid], -own[:, self.paid]], format="csr"))
        self.moves = Moves(self.matrix, np.zeros(len(self.high)), self.high)
        self.moves.set_costs(self.cost)
        self.paid_at = 2 * self.size, 2 * self.size + count

    def net(self, columns: np.ndarray) -> np.ndarray:
        """The move of each cell."""
        up, down = self.paid_at
        moves = columns[: self.size] - columns[self.size : up]
        moves[self.paid] += columns[up:down] - columns[down:]
        return moves

    def cheapest(self, cell: int, sign: int, proofs: Proofs) -> np.ndarray | None:
        """The moves that bring a cell to what is asked at the least cost, whole numbers where they are found."""
        need = abs((proofs.need[sign][cell]) - self.state.exact[cell])
        at = cell if sign == UP else self.size + cell
        if need > self.high[at]:
            return None
        self._fix(cell, at, need)
        columns = self._whole_columns(cell, at, need)
        self._fix(cell, at, None)
        return None if columns is None else self.net(columns)

    def _fix(self, cell: int, at: int, need: float | None) -> None:
        """Ask for a move of a cell, and that it does not come back the other way; or take both back."""
        other = self.size + cell if at == cell else cell
        if need is None:
            self.moves.set_limits([at, other], [0, 0], self.high[[at, other]])
        else:
            self.moves.set_limits([at, other], [need, 0], [need, 0])

    def _whole_columns(self, cell: int, at: int, need: float) -> np.ndarray | None:
        # a corner with fractions is often one of several as cheap: slightly other prices lead to a whole one far faster
        # than the whole-number programme, which has the last word
        coin = np.random.default_rng(at)
        used = np.zeros(len(self.cost), bool)
        for turn in range(1 + TILTS):
            if turn:
                self.moves.set_costs(self.cost * (1 + 0.1 * coin.random(len(self.cost))))
            columns = self.moves.solve()
            if columns is None or is_whole(columns, self.matrix):
                break
            used |= columns > TOLERANCE
        if turn:
            self.moves.set_costs(self.cost)
        if columns is None or is_whole(columns, self.matrix):
            return columns if columns is None else np.round(columns)
        return self._searched(cell, at, need, used, columns)

    def _searched(self, cell: int, at: int, need: float, used: np.ndarray, columns: np.ndarray) -> np.ndarray | None:
        """By whole-number search: among the moves that the corners used and all free ones beside them, then among all."""
        other = self.size + cell if at == cell else cell
        rows = np.unique(self.matrix[:, np.flatnonzero(used)].nonzero()[0])
        beside = np.unique(self.matrix[rows].indices)
        near = np.union1d(np.flatnonzero(used), beside[self.cost[beside] <= NEAR])
        for among in (near, np.arange(len(self.cost))):
            low, high = np.zeros(len(self.high)), self.high.copy()
            low[at] = high[at] = need
            high[other] = 0
            part = self.matrix[:, among]
            touched = np.flatnonzero(np.diff(part.indptr))
            found, is_decided = cheapest_whole(part[touched], low[among], high[among], self.cost[among])
            if found is not None:
                whole = np.zeros(len(self.cost))
                whole[among] = found
                return whole
        # a search cut short leaves the fractions: proven by linear programming, which the attack says
        return None if is_decided else columns

    def hide(self, cells: np.ndarray) -> None:
        """From now on the moves of these cells cost nothing to speak of."""
        self.state.hide(cells)
        for start in self.paid_at:
            for place in self.place_of[cells]:
                self.cost[start + place] = NEAR
                self.moves.set_cost(start + place, NEAR)

    def show_again(self, found: list[Proof]) -> None:
        """Show partners again, the least used first and then the dearest, where all that they prove is proven without."""
        state = self.state
        uses: dict[int, set[int]] = {}
        for number, proof in enumerate(found):
            for cell in proof.moved[state.is_secondary[proof.moved]]:
                uses.setdefault(int(cell), set()).add(number)
        partners = np.flatnonzero(state.is_secondary)
        self._close(np.flatnonzero(state.may_hide & ~state.is_secondary))
        trials = TRIALS_A_PARTNER * len(partners)
        for cell in sorted(partners, key=lambda cell: (len(uses.get(int(cell), ())), -state.cost[cell], cell)):
            users = sorted(uses.get(int(cell), ()))
            if len(users) > trials:
                continue
            trials -= len(users)
            self._try_without(int(cell), users, found, uses)

    def _close(self, cells: np.ndarray) -> None:
        for start in self.paid_at:
            places = start + self.place_of[cells]
            self.high[places] = 0
            self.moves.set_limits(places, np.zeros(len(places)), np.zeros(len(places)))

    def _try_without(self, cell: int, users: list[int], found: list[Proof], uses: dict[int, set[int]]) -> None:
        state = self.state
        places = [start + self.place_of[cell] for start in self.paid_at]
        before = self.high[places].copy()
        self._close(np.array([cell]))
        others: dict[int, Proof] = {}
        need = {UP: state.known.need_high, DOWN: state.known.need_low}
        for number in users:
            proof = found[number]
            at = proof.cell if proof.sign == UP else self.size + proof.cell
            asked = abs(need[proof.sign][proof.cell] - state.exact[proof.cell])
            self._fix(proof.cell, at, asked)
            columns = self.moves.solve()
            self._fix(proof.cell, at, None)
            if columns is None or not is_whole(columns, self.matrix):
                self.high[places] = before
                self.moves.set_limits(places, np.zeros(2), before)
                return
            others[number] = Proof(proof.cell, proof.sign, np.flatnonzero(np.abs(self.net(columns)) > TOLERANCE))
        state.is_secondary[cell] = False
        for number, proof in others.items():
            for old in found[number].moved:
                uses.get(int(old), set()).discard(number)
            for new in proof.moved[state.is_secondary[proof.moved]]:
                uses.setdefault(int(new), set()).add(number)
            found[number] = proof
