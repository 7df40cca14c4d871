"""What anybody can work out about the hidden cells from everything that is shown, by linear programming.

The attacker knows every sum, every value shown, that counts are whole and 0 or more, what each mark of a hidden cell
stands for, and all earlier releases. A cell is safe when the whole range that its rule asks for stays possible: both ends
are reached by linear programming, and where it is affordable by a table **of whole numbers** that agrees with everything
known (`Findings` counts the ends that are reached with fractions only and whose whole-number search was cut short).

The true table agrees with all that is known, so every table is written as moves from it. One programme pushes all open
cells at once, each up or down by the toss of a (fixed) coin; what is left over is pushed alone.

Source: the attacker's subproblems of Fischetti and Salazar-González (2001), "Solving the cell suppression problem on
tabular data with linear constraints", Management Science 47(7).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from flows.core.disclosure.blocks import Block, as_one, split, together
from flows.core.disclosure.linear import TOLERANCE, Moves, cheapest_whole, is_whole

CELLS_AT_ONCE = 1500
UNLIMITED = np.inf
# stands for "no upper limit" inside a programme; a lower ceiling only makes the attacker stronger, so it hides no leak
ENDLESS = 1e6
IDLE_ROUNDS = 3  # so many joint pushes that prove nothing end them
TILTS = 3  # other prices tried for a corner without fractions, before the whole-number search
UP, DOWN = 1, -1


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

    def take(self, cells: np.ndarray) -> Known:
        """That of some cells, a copy."""
        return Known(*(values[cells].copy() for values in (self.low, self.high, self.need_low, self.need_high)))


@dataclass(frozen=True)
class Leak:
    """A hidden cell that can be narrowed below its rule: what follows for it, and through which sums."""

    cell: int
    low: float
    high: float
    through: tuple[int, ...]


@dataclass
class Findings:
    """What an attack came to: leaks, and how many ends of ranges are reached by whole tables or by fractions only."""

    leaks: list[Leak] = field(default_factory=list)
    whole: int = 0
    fractional: int = 0


class Proofs:
    """For which cells, in which direction, a table was seen that reaches what the rule asks for."""

    def __init__(self, known: Known, exact: np.ndarray):
        self.need = {UP: known.need_high, DOWN: known.need_low}
        self.is_open = {UP: exact < known.need_high, DOWN: exact > known.need_low}

    def count(self) -> int:
        """How many ends are open."""
        return int(self.is_open[UP].sum() + self.is_open[DOWN].sum())

    def open_cells(self, cells: np.ndarray, sign: int) -> np.ndarray:
        """The positions among `cells` for which the given direction is not yet proven."""
        return np.flatnonzero(self.is_open[sign][cells])

    def see(self, cells: np.ndarray, point: np.ndarray) -> list[tuple[int, int]]:
        """Take note of a table; returns the cells and directions that were open and that it proves."""
        proven = []
        for sign, is_open in self.is_open.items():
            reached = cells[is_open[cells] & (sign * (point - self.need[sign][cells]) >= -TOLERANCE)]
            is_open[reached] = False
            proven += [(int(cell), sign) for cell in reached]
        return proven

    def close(self, cell: int) -> None:
        """Ask nothing more of a cell."""
        self.is_open[UP][cell] = self.is_open[DOWN][cell] = False


def find_leaks(matrix: sparse.csr_array, known: Known, exact: np.ndarray) -> Findings:
    """Every cell that can be narrowed below its rule, in the order of cells. `exact` is the true table."""
    proofs = Proofs(known, exact)
    found = Findings()
    narrow = (proofs.is_open[UP] & (known.high < known.need_high)) | (
        proofs.is_open[DOWN] & (known.low > known.need_low)
    )
    for cell in np.flatnonzero(narrow):
        found.leaks.append(Leak(int(cell), known.low[cell], known.high[cell], ()))
        proofs.close(cell)
    _settle_loose(matrix, proofs, found)
    for blocks in together(split(matrix, known.is_free), CELLS_AT_ONCE):
        cells = np.concatenate([block.cells for block in blocks])
        if proofs.is_open[UP][cells].any() or proofs.is_open[DOWN][cells].any():
            attack = Attack(blocks, known, exact, proofs, found)
            attack.push_together()
            attack.push_alone()
    found.leaks.sort(key=lambda leak: leak.cell)
    return found


def out_of_reach(block: Block, known: Known, exact: np.ndarray) -> bool:
    """Whether some cell of a block cannot reach what is asked of it, fractions allowed."""
    proofs = Proofs(known, exact)
    attack = Attack([block], known, exact, proofs, Findings(), asks_whole=False)
    attack.push_together()
    for sign in (UP, DOWN):
        while len(open_cells := proofs.open_cells(block.cells, sign)):
            moves = attack.push_one(int(open_cells[0]), sign)
            if (
                sign
                * (
                    exact[block.cells[open_cells[0]]]
                    + moves[open_cells[0]]
                    - proofs.need[sign][block.cells[open_cells[0]]]
                )
                < -TOLERANCE
            ):
                return True
            proofs.is_open[sign][block.cells[open_cells[0]]] = False
    return False


class Attack:
    """Some independent blocks in one living programme."""

    def __init__(
        self,
        blocks: list[Block],
        known: Known,
        exact: np.ndarray,
        proofs: Proofs,
        found: Findings,
        asks_whole: bool = True,
    ):
        self.asks_whole = asks_whole
        self.tables: list[tuple[list[tuple[int, int]], np.ndarray]] = []  # what each table proved, and its moved cells
        self.blocks, self.known, self.exact, self.proofs, self.found = blocks, known, exact, proofs, found
        whole = as_one(blocks)
        self.cells = whole.cells
        self.low = np.maximum(known.low[self.cells], -ENDLESS) - exact[self.cells]
        self.high = np.minimum(known.high[self.cells], exact[self.cells] + ENDLESS) - exact[self.cells]
        self.moves = Moves(whole.matrix, self.low, self.high)
        ends = np.cumsum([0] + [len(block.cells) for block in blocks])
        row_ends = np.cumsum([0] + [len(block.rows) for block in blocks])
        self.parts = [slice(*pair) for pair in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        self.sums = [slice(*pair) for pair in zip(row_ends[:-1].tolist(), row_ends[1:].tolist(), strict=True)]

    def widen(self, places: np.ndarray) -> None:
        """Take over the limits of cells of which less is known now."""
        cells = self.cells[places]
        self.low[places] = np.maximum(self.known.low[cells], -ENDLESS) - self.exact[cells]
        self.high[places] = np.minimum(self.known.high[cells], self.exact[cells] + ENDLESS) - self.exact[cells]
        self.moves.set_limits(places, self.low[places], self.high[places])

    def push_together(self, idle_rounds: int = IDLE_ROUNDS) -> None:
        """Push all open cells at once, again and again while that still proves some."""
        coin = np.random.default_rng(len(self.cells))
        idle = 0
        while idle < idle_rounds:
            cost = np.zeros(len(self.cells))
            is_open = {sign: self.proofs.is_open[sign][self.cells] for sign in (UP, DOWN)}
            if not (is_open[UP] | is_open[DOWN]).any():
                return
            goes_up = np.where(is_open[UP] & is_open[DOWN], coin.random(len(cost)) < 0.5, is_open[UP])
            weight = 1 + coin.random(len(cost))
            cost[is_open[UP] & goes_up] -= weight[is_open[UP] & goes_up]
            cost[is_open[DOWN] & ~goes_up] += weight[is_open[DOWN] & ~goes_up]
            self.moves.set_costs(cost)
            idle = 0 if self._see(self.moves.solve()) else idle + 1

    def push_one(self, place: int, sign: int) -> np.ndarray:
        """Push one cell as far as it goes, and take note of what that proves."""
        cost = np.zeros(len(self.cells))
        cost[place] = -sign
        self.moves.set_costs(cost)
        moves = self.moves.solve()
        self._see(moves)
        return moves

    def _see(self, moves: np.ndarray) -> int:
        """Take note of the tables of the blocks: the whole ones, where these are asked for."""
        proven = 0
        for block, part in zip(self.blocks, self.parts, strict=True):
            own = moves[part]
            if not is_whole(own, block.matrix):
                if self.asks_whole:
                    continue
            else:
                own = np.round(own)
            ends = self.proofs.see(block.cells, self.exact[block.cells] + own)
            if ends:
                self.tables.append((ends, block.cells[np.abs(own) > TOLERANCE]))
            proven += len(ends)
        self.found.whole += proven
        return proven

    def push_alone(self) -> None:
        """The cells that are left: in each round the first open one of every block, all blocks in one programme."""
        for sign in (UP, DOWN):
            while True:
                cost = np.zeros(len(self.cells))
                first = []
                for number, block in enumerate(self.blocks):
                    open_cells = self.proofs.open_cells(block.cells, sign)
                    if len(open_cells):
                        first.append((number, int(open_cells[0])))
                        cost[self.parts[number].start + open_cells[0]] = -sign
                if not first:
                    break
                self.moves.set_costs(cost)
                moves = self.moves.solve()
                prices = self.moves.prices()
                self._see(moves)
                for number, place in first:
                    if self.proofs.is_open[sign][self.blocks[number].cells[place]]:
                        self._decide(number, place, sign, moves, prices)

    def _decide(self, number: int, place: int, sign: int, moves: np.ndarray, prices: np.ndarray) -> None:
        """A cell that no whole table has proven: a leak, or proven with other prices, by search, or with fractions only."""
        block = self.blocks[number]
        cell = int(block.cells[place])
        need = self.proofs.need[sign][cell] - self.exact[cell]
        reached = sign * (moves[self.parts[number]][place] - need) >= -TOLERANCE
        is_decided = True
        if reached:
            found, is_decided = self._whole(number, place, need)
            if found is not None:
                self.found.whole += len(self.proofs.see(block.cells, self.exact[block.cells] + found))
                return
        if reached and not is_decided:
            self.proofs.is_open[sign][cell] = False
            self.found.fractional += 1
            return
        self._leak(number, place, prices)
        self.proofs.close(cell)

    def _whole(self, number: int, place: int, need: float) -> tuple[np.ndarray | None, bool]:
        block, part = self.blocks[number], self.parts[number]
        at = part.start + place
        self.moves.set_limits([at], [need], [need])
        coin = np.random.default_rng(at)
        found = None
        for _ in range(TILTS):
            self.moves.set_costs(coin.random(len(self.cells)) - 0.5)
            moves = self.moves.solve()
            if moves is not None and is_whole(moves[part], block.matrix):
                found = np.round(moves[part])
                break
        self.moves.set_limits([at], [self.low[at]], [self.high[at]])
        if found is not None:
            return found, True
        low, high = self.low[part].copy(), self.high[part].copy()
        low[place] = high[place] = need
        return cheapest_whole(block.matrix, low, high, np.zeros(len(low)))

    def _leak(self, number: int, place: int, prices: np.ndarray) -> None:
        block, part = self.blocks[number], self.parts[number]
        cell = int(block.cells[place])
        ends = []
        for sign in (DOWN, UP):
            cost = np.zeros(len(block.cells))
            cost[place] = -sign
            moves, _ = cheapest_whole(block.matrix, self.low[part], self.high[part], cost)
            ends.append(float(self.exact[cell] + (0 if moves is None else moves[place])))
        through = block.rows[np.abs(prices[self.sums[number]]) > TOLERANCE]
        self.found.leaks.append(Leak(cell, ends[0], ends[1], tuple(int(row) for row in through)))


def _settle_loose(matrix: sparse.csr_array, proofs: Proofs, found: Findings) -> None:
    """A cell in no sum is known by its own limits alone, which are whole."""
    loose = np.diff(sparse.csc_array(matrix).indptr) == 0
    for is_open in proofs.is_open.values():
        found.whole += int((is_open & loose).sum())
        is_open[loose] = False


def find_intervals(
    matrix: sparse.csr_array, known: Known, exact: np.ndarray, cells: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For every cell, or for some, the lowest and highest value that follow from everything known, by linear programming.

    Two programmes a cell; `find_leaks` decides far faster.
    """
    low, high = known.low.astype(float).copy(), known.high.astype(float).copy()
    is_asked = np.full(len(exact), cells is None)
    is_asked[[] if cells is None else cells] = True
    for block in split(matrix, known.is_free):
        places = np.flatnonzero(is_asked[block.cells])
        if not len(places):
            continue
        own = exact[block.cells]
        moves = Moves(
            block.matrix, known.low[block.cells] - own, np.minimum(known.high[block.cells], own + ENDLESS) - own
        )
        for place in places:
            for sign, ends in ((DOWN, low), (UP, high)):
                cost = np.zeros(len(own))
                cost[place] = -sign
                moves.set_costs(cost)
                ends[block.cells[place]] = own[place] + moves.solve()[place]
    high[high >= ENDLESS / 2] = UNLIMITED
    return low, high
