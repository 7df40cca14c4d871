"""What earlier releases showed, as arrays, and one system of sums of this release and all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from flows.core.disclosure.attack import Known, find_intervals, find_leaks
from flows.core.disclosure.cube import Cube, Sums, entries, sum_in_words
from flows.core.disclosure.linear import TOLERANCE

# odd numbers that spread cell numbers over all 64 bits (the constants of splitmix64)
SPREAD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class Past:
    """The cells and sums of all earlier releases; a cell is its key and its exact count.

    `mark` is the last one, `known` what follows for everybody from all marks and values, with the needs that were
    certified; `value` is what was shown (-1: nothing), `value_low` and `value_high` the limits said with it.
    """

    dimensions: Mapping[str, np.ndarray]
    count: np.ndarray
    mark: np.ndarray
    value: np.ndarray
    value_low: np.ndarray
    value_high: np.ndarray
    known: Known
    is_public: np.ndarray
    is_fine_small: np.ndarray  # withheld, and hidden by a rule of its own if it were not
    matrix: sparse.csr_array
    hierarchies: np.ndarray  # per sum its hierarchy's name

    def __len__(self) -> int:
        return len(self.count)

    @classmethod
    def nothing(cls, dimensions) -> Past:
        """No earlier release."""
        none, text = np.zeros(0), np.zeros(0, dtype=object)
        known = Known(none, none, none, none)
        whole = np.zeros(0, np.int64)
        matrix = sparse.csr_array((0, 0))
        empty = dict.fromkeys(dimensions, text)
        return cls(empty, whole, text, whole, none, none, known, np.zeros(0, bool), np.zeros(0, bool), matrix, text)

    @cached_property
    def offered(self) -> Past:
        """What was offered: without withheld cells and the sums in which they stand."""
        is_offered = self.mark != "withheld"
        rows = np.flatnonzero(abs(self.matrix) @ (~is_offered).astype(float) == 0)
        cells = np.flatnonzero(is_offered)
        return Past(
            {name: values[cells] for name, values in self.dimensions.items()},
            self.count[cells],
            self.mark[cells],
            self.value[cells],
            self.value_low[cells],
            self.value_high[cells],
            self.known.take(cells),
            self.is_public[cells],
            self.is_fine_small[cells],
            sparse.csr_array(self.matrix[rows][:, cells]),
            self.hierarchies[rows],
        )

    def find(self, cube: Cube) -> np.ndarray:
        """For each cell of a cube its number here; -1 where no earlier release had it with this count."""
        if not len(self):
            return np.full(len(cube), -1)
        names = list(cube.dimensions)
        own = pd.DataFrame({name: np.asarray(cube.dimensions[name], dtype=object) for name in names})
        old = pd.DataFrame({name: np.asarray(self.dimensions[name], dtype=object) for name in names})
        own["count"], old["count"] = cube.count, self.count
        old["cell"] = np.arange(len(old))
        found = own.merge(old, how="left", on=[*names, "count"])["cell"]
        return found.fillna(-1).to_numpy(np.int64)

    def asking(self, cells: np.ndarray) -> Past:
        """The same, where some cells must not be known exactly: one more and one less must stay possible."""
        need_low, need_high = self.known.need_low.copy(), self.known.need_high.copy()
        need_low[cells], need_high[cells] = self.count[cells] - 1, self.count[cells] + 1
        return replace(self, known=replace(self.known, need_low=need_low, need_high=need_high))

    def name(self, cell: int) -> str:
        """The cell in words, for messages."""
        return " · ".join(str(values[cell]) for values in self.dimensions.values()) + " (earlier release)"


@dataclass(frozen=True)
class Before:
    """Of each cell of this release what earlier ones made of it."""

    is_known: np.ndarray
    is_shown: np.ndarray
    is_hidden: np.ndarray  # with a mark of its own: latent cells have none
    mark: np.ndarray
    value: np.ndarray
    value_low: np.ndarray
    value_high: np.ndarray


@dataclass(frozen=True)
class System:
    """This release's cells (the first `own`) and those of earlier ones that differ, with every sum of every release."""

    matrix: sparse.csr_array
    exact: np.ndarray
    own: int
    alone: np.ndarray  # of the cells after the first `own` the numbers in `Past`
    known: Known
    is_shown: np.ndarray
    is_before: np.ndarray  # an earlier release had the cell
    is_new_row: np.ndarray
    is_new_sum: np.ndarray  # the same for the sums of this release, as they came in
    is_new_need: np.ndarray
    is_public: np.ndarray
    low_before: np.ndarray
    high_before: np.ndarray
    before_of_own: Before
    need_before: Known = field(repr=False)
    describe: Callable[[int], str] = field(repr=False)
    name: Callable[[int], str] = field(repr=False)

    def with_known(self, own: Known, is_shown: np.ndarray | None = None) -> System:
        """With what is known and asked of this release's cells, and with what was public before asked no more."""
        own_part = slice(0, self.own)
        low, high = self.low_before.copy(), self.high_before.copy()
        need_low, need_high = self.need_before.need_low.copy(), self.need_before.need_high.copy()
        low[own_part] = np.maximum(low[own_part], own.low)
        high[own_part] = np.minimum(high[own_part], own.high)
        wider = (own.need_low < need_low[own_part]) | (own.need_high > need_high[own_part])
        need_low[own_part] = np.minimum(need_low[own_part], own.need_low)
        need_high[own_part] = np.maximum(need_high[own_part], own.need_high)
        is_new_need = np.zeros(len(self.exact), bool)
        is_new_need[own_part] = wider & ~self.is_public[own_part]
        is_public = self.is_public | self._given_away(is_new_need & self.is_before, need_low, need_high)
        need_low[is_public], need_high[is_public] = np.inf, -np.inf
        is_new_need &= ~is_public
        shown = np.zeros(len(self.exact), bool)
        shown[own_part] = np.zeros(self.own, bool) if is_shown is None else is_shown
        return replace(
            self,
            known=Known(low, high, need_low, need_high),
            is_new_need=is_new_need,
            is_public=is_public,
            is_shown=shown,
        )

    def _given_away(self, asked: np.ndarray, need_low: np.ndarray, need_high: np.ndarray) -> np.ndarray:
        """What earlier releases gave away together is public: nothing that is hidden now brings it back."""
        gone = np.zeros(len(self.exact), bool)
        if asked.any():
            known = Known(
                self.low_before,
                self.high_before,
                np.where(asked, need_low, np.inf),
                np.where(asked, need_high, -np.inf),
            )
            old = self.matrix[np.flatnonzero(~self.is_new_row)]
            gone[[leak.cell for leak in find_leaks(old, known, self.exact).leaks]] = True
        return gone

    def left_before(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ranges that earlier releases leave of some cells when this one shows nothing: no release can leave more.

        With all sums that are known now: a sum of which an earlier release did not offer a cell could be made by everybody
        then. And for somebody who knows which counts did not change: what is left between them is known to him as well.
        """
        known = replace(self.known, low=self.low_before, high=self.high_before)
        low, high = find_intervals(self.matrix, known, self.exact, cells)
        return np.ceil(low[cells] - TOLERANCE), np.floor(high[cells] + TOLERANCE)

    def ask_what_is_left(self, cells: np.ndarray) -> bool:
        """Ask of some cells no more than earlier releases left of their ranges; whether that is less than was asked."""
        if not self.is_before.any():
            return False
        low, high = self.left_before(cells)
        need_low, need_high = self.known.need_low, self.known.need_high
        is_less = (low > need_low[cells]) | (high < need_high[cells])
        need_low[cells], need_high[cells] = np.maximum(need_low[cells], low), np.minimum(need_high[cells], high)
        told = cells[low >= high]
        need_low[told], need_high[told] = np.inf, -np.inf
        self.is_public[told] = True
        return bool(is_less.any())


def stack(cube: Cube, sums: Sums, past: Past) -> System:
    """One system of this release and the earlier ones; nothing is known yet of this release's own cells."""
    own = len(cube)
    at = past.find(cube)
    place = np.full(len(past), -1)
    place[at[at >= 0]] = np.flatnonzero(at >= 0)
    alone = np.flatnonzero(place < 0)
    place[alone] = own + np.arange(len(alone))
    size = own + len(alone)
    matrix, first, is_old = _distinct(_placed(sums.matrix, np.arange(own), size), _placed(past.matrix, place, size))
    low, high = np.zeros(size), np.full(size, np.inf)
    need_low, need_high = np.full(size, np.inf), np.full(size, -np.inf)
    is_public, is_before = np.zeros(size, bool), np.zeros(size, bool)
    if len(past):
        low[place], high[place] = past.known.low, past.known.high
        need_low[place], need_high[place] = past.known.need_low, past.known.need_high
        is_public[place], is_before[place] = past.is_public, True
    sum_count = sums.matrix.shape[0]
    is_new_sum = ~is_old[_inverse_of(first, sum_count)] if sum_count else np.zeros(0, bool)

    def name(cell: int) -> str:
        return cube.name(cell) if cell < own else past.name(alone[cell - own])

    def describe(row: int) -> str:
        of_now = first.kept[row] < sum_count
        hierarchy = (
            sums.hierarchies[sums.names[first.kept[row]]] if of_now else past.hierarchies[first.kept[row] - sum_count]
        )
        return sum_in_words(hierarchy, *entries(matrix, row), name) + ("" if of_now else " (earlier release)")

    return System(
        matrix=matrix,
        exact=np.concatenate([cube.count, past.count[alone]]).astype(np.int64),
        own=own,
        alone=alone,
        known=Known(low, high, need_low, need_high),
        is_shown=np.zeros(size, bool),
        is_before=is_before,
        is_new_row=~is_old,
        is_new_sum=is_new_sum,
        is_new_need=np.zeros(size, bool),
        is_public=is_public,
        low_before=low,
        high_before=high,
        before_of_own=_before(past, at),
        need_before=Known(low, high, need_low, need_high),
        describe=describe,
        name=name,
    )


def _before(past: Past, at: np.ndarray) -> Before:
    known = at >= 0
    if not len(past):
        size = len(at)
        none = np.zeros(size, bool)
        return Before(none, none, none, np.full(size, ""), np.full(size, -1), np.zeros(size), np.full(size, np.inf))
    mark = np.where(known, past.mark[at].astype(str), "")
    shown = mark == "shown"
    return Before(
        known,
        shown,
        known & ~shown & (mark != "latent") & (mark != "withheld"),
        mark,
        np.where(shown, past.value[at], -1),
        np.where(shown, past.value_low[at], 0.0),
        np.where(shown, past.value_high[at], np.inf),
    )


def _placed(matrix: sparse.csr_array, place: np.ndarray, size: int) -> sparse.csr_array:
    """The same sums over cells with other numbers."""
    indices = place[matrix.indices] if len(matrix.indices) else matrix.indices
    # copies: sorting would turn the signs of the matrix that was given
    moved = sparse.csr_array((matrix.data.copy(), indices.copy(), matrix.indptr), shape=(matrix.shape[0], size))
    moved.sort_indices()
    return moved


@dataclass(frozen=True)
class _First:
    """Of equal rows the first: `kept` are their numbers, `inverse` says for every row which kept one it equals."""

    kept: np.ndarray
    inverse: np.ndarray


def _inverse_of(first: _First, count: int) -> np.ndarray:
    return first.inverse[:count]


def _distinct(now: sparse.csr_array, old: sparse.csr_array) -> tuple[sparse.csr_array, _First, np.ndarray]:
    """Every different sum once, and whether an earlier release had it."""
    matrix = sparse.csr_array(sparse.vstack([now, old], format="csr"))
    matrix.sort_indices()
    # an empty past adds no row and every sum of one release is another one
    if not old.shape[0]:
        every = np.arange(now.shape[0])
        return matrix, _First(every, every), np.zeros(now.shape[0], bool)
    codes, _ = pd.factorize(row_marks(matrix))
    kept = np.flatnonzero(~pd.Series(codes).duplicated().to_numpy())
    is_old = np.zeros(len(kept), bool)
    is_old[codes[now.shape[0] :]] = True
    return matrix[kept], _First(kept, codes), is_old


def row_marks(matrix: sparse.csr_array) -> np.ndarray:
    """A number per row, equal for equal rows alone: by two sums of 64 bits over its spread cell numbers and signs."""
    cells = matrix.indices.astype(np.uint64) * np.uint64(2) + (matrix.data > 0).astype(np.uint64)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    found = []
    for offset in SPREAD[1:]:
        spread = (cells + offset) * SPREAD[0]
        for shift, factor in ((30, SPREAD[1]), (27, SPREAD[2])):
            spread = (spread ^ (spread >> np.uint64(shift))) * factor
        total = np.zeros(matrix.shape[0], np.uint64)
        np.add.at(total, row, spread ^ (spread >> np.uint64(31)))
        found.append(total)
    return pd.factorize(pd.MultiIndex.from_arrays(found))[0]
