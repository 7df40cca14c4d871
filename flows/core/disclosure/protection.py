"""An exact cube in, a protected one out: primary rules, partners, rounding, and the attacker's last word.

What the marks tell everybody: SMALL "0 up to the rule's limit" (a zero may carry it, as partner of a small count), OTHER
"above the limit, hidden to protect another", UNTOLD "hidden", where telling which would give a small count away.
Earlier releases belong to the system: a cell of the same version is the same unknown, one of another version a new one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from flows.core.disclosure.attack import Known, Leak, find_leaks
from flows.core.disclosure.blocks import Block, split
from flows.core.disclosure.cube import Cube, CubeError, Hierarchy, Sums, link
from flows.core.disclosure.rounding import Rounded, round_counts
from flows.core.disclosure.rules import Kind, RuleBook
from flows.core.disclosure.suppression import State, hide_partners, information_cost

SHOWN, SMALL, OTHER, UNTOLD, LATENT = "shown", "small", "other", "untold", "latent"
CELLS_AT_ONCE = 4000
LEAKS_NAMED = 10
# how far, as a share of the largest contributor, an organisation's figure must stay open on both sides; decided 2026-11-23:
# what is left of a total when 85 per cent is one organisation's
UNCERTAIN = 0.15


class DisclosureError(ValueError):
    """A release that would give a small count away; the message names the cell and the way, never the count."""


@dataclass(frozen=True)
class Protected:
    """A protected cube: per cell its mark, the rule, the value shown (-1: none) and what everybody knows of it."""

    cube: Cube
    sums: Sums
    mark: np.ndarray
    rule: np.ndarray
    is_primary: np.ndarray
    rounded: Rounded
    known: Known
    leaks: tuple[str, ...]
    certificate: dict

    @property
    def value(self) -> np.ndarray:
        """What may be printed; -1 stands for hidden, so that a sum over it is never taken for a count unseen."""
        return np.where(self.mark == SHOWN, self.rounded.value, -1)

    def require(self) -> Protected:
        """Itself, or DisclosureError when a hidden cell can be narrowed below its rule."""
        if self.leaks:
            more = f"\n… and {len(self.leaks) - LEAKS_NAMED} more" if len(self.leaks) > LEAKS_NAMED else ""
            raise DisclosureError("\n".join(self.leaks[:LEAKS_NAMED]) + more)
        return self


def protect(
    cube: Cube,
    hierarchies: Sequence[Hierarchy],
    book: RuleBook,
    earlier: Sequence[Protected] = (),
    with_partners: bool = True,
    tick: Callable[[int], None] = lambda cells: None,
) -> Protected:
    """Protect a cube against everybody who has this release and the `earlier` ones.

    `with_partners=False` leaves out the secondary suppression: only to show that the attacker then succeeds. `tick` is
    told how many cells are done. Raises CubeError for a cube that contradicts itself or an earlier release.
    """
    cube, sums = link(cube, hierarchies)
    limits = _Limits.of(cube, book)
    rule, need_low, need_high = _primary(cube, book, limits)
    latent = cube.column("latent", False).astype(bool)
    hidden = (rule != "") & ~latent
    own = _first_known(cube, limits, hidden, latent, rule, need_low, need_high)
    system = _stack(cube, sums, own, earlier)
    told = np.ones(len(cube), bool)
    secondary = np.zeros(len(cube), bool)
    lost: list[int] = []
    if with_partners:
        secondary, told, lost = _hide_partners(system, limits, ~hidden & ~latent, tick)
    mark = _marks(cube, limits, hidden, latent, rule, secondary, told)
    rounded = round_counts(sums.matrix, cube.count, limits.base, latent)
    known = _known_of(cube, limits, mark, rounded, need_low, need_high)
    final = _stack(cube, sums, known, earlier)
    leaks = tuple(_message(leak, final) for leak in find_leaks(final.matrix, final.known, final.exact))
    certificate = _certificate(cube, sums, book, mark, rule, rounded, final, leaks, lost)
    return Protected(cube, sums, mark, rule, rule != "", rounded, known, leaks, certificate)


def primary_cells(cube: Cube, book: RuleBook) -> np.ndarray:
    """The cells that a rule hides for their own sake."""
    return _primary(cube, book, _Limits.of(cube, book))[0] != ""


@dataclass(frozen=True)
class _Limits:
    """Per cell, of its measure: the largest count that the mark SMALL stands for, whether it exists, the base."""

    high: np.ndarray
    base: np.ndarray

    @classmethod
    def of(cls, cube: Cube, book: RuleBook) -> _Limits:
        measures, code = np.unique(np.asarray(cube.dimensions["measure"]), return_inverse=True)
        high = np.array([book.small_high(str(measure)) for measure in measures], dtype=float)
        base = np.array([book.limit(str(measure), Kind.ROUNDING) for measure in measures], dtype=np.int64)
        return cls(high[code], base[code])

    def when_hidden(self, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What is known of each cell when it is hidden and its mark is told."""
        is_small = (count <= self.high) & (self.high > 0)
        low = np.where(is_small | (self.high == 0), 0.0, self.high + 1)
        return low, np.where(is_small, self.high, np.inf)


def _primary(cube: Cube, book: RuleBook, limits: _Limits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rule that hides each cell ("" for none), and the range that must stay possible for it."""
    count, measure = cube.count, np.asarray(cube.dimensions["measure"])
    rule = np.full(len(cube), "", dtype="<U12")
    need_low, need_high = np.full(len(cube), np.inf), np.full(len(cube), -np.inf)
    group, largest = cube.column("group", -1), cube.column("largest", -1)
    contributors = cube.column("contributors", -1)
    for name in np.unique(measure):
        here = measure == name
        limit = {kind: book.limit(str(name), kind) for kind in Kind}
        small = here & (count > 0) & (count <= limit[Kind.SMALL])
        _ask(small, 1, limit[Kind.SMALL], Kind.SMALL, rule, need_low, need_high)
        all_or_none = here & (group > 0) & (group <= limit[Kind.GROUP]) & ((count == 0) | (count == group))
        _ask(all_or_none, 0, np.minimum(limit[Kind.GROUP], group), Kind.GROUP, rule, need_low, need_high)
        # above the small counts: the range is the part of the largest, which is what must not be learned exactly
        part = np.maximum(np.ceil(UNCERTAIN * np.where(largest > 0, largest, count)), 1)
        if limit[Kind.DOMINANCE]:
            dominated = here & (count > limits.high) & (largest >= 0) & (100 * largest >= limit[Kind.DOMINANCE] * count)
            dominated &= count > 0
            _ask(dominated, count - part, count + part, Kind.DOMINANCE, rule, need_low, need_high)
        few = here & (count > limits.high) & (contributors > 0) & (contributors < limit[Kind.CONTRIBUTORS])
        _ask(few, count - part, count + part, Kind.CONTRIBUTORS, rule, need_low, need_high)
    return rule, need_low, need_high


def _ask(where, low, high, kind: Kind, rule, need_low, need_high) -> None:
    rule[where & (rule == "")] = str(kind)
    need_low[where] = np.minimum(need_low, low)[where]
    need_high[where] = np.maximum(need_high, high)[where]


def _first_known(cube, limits, hidden, latent, rule, need_low, need_high) -> Known:
    low, high = limits.when_hidden(cube.count)
    small = np.isin(rule, (Kind.SMALL, Kind.GROUP))
    low = np.where(hidden, np.where(small, 0.0, low), cube.count)
    high = np.where(hidden, high, cube.count)
    low[latent], high[latent] = 0.0, np.inf
    need_low = np.maximum(need_low, np.where(hidden, low, -np.inf))
    return Known(low.astype(float), high.astype(float), need_low, need_high)


def _known_of(cube, limits, mark, rounded: Rounded, need_low, need_high) -> Known:
    """What everybody knows of each cell from what is shown of it."""
    low, high = limits.when_hidden(cube.count)
    # what is shown and not 0 is above the small counts
    shown_low = np.where(cube.count > 0, np.maximum(rounded.low, np.minimum(limits.high + 1, cube.count)), 0)
    shown_high = np.where(cube.count > 0, rounded.high, 0)
    low = np.select([mark == SHOWN, (mark == UNTOLD) | (mark == LATENT)], [shown_low, 0], low)
    high = np.select([mark == SHOWN, (mark == UNTOLD) | (mark == LATENT)], [shown_high, np.inf], high)
    hidden = (mark != SHOWN) & (mark != LATENT)
    need_low = np.maximum(need_low, np.where(hidden, low, -np.inf))
    return Known(low.astype(float), high.astype(float), need_low, need_high)


def _marks(cube, limits, hidden, latent, rule, secondary, told) -> np.ndarray:
    small = (cube.count <= limits.high) & (limits.high > 0)
    mark = np.full(len(cube), SHOWN, dtype="<U8")
    mark[hidden | secondary] = np.where(small, SMALL, OTHER)[hidden | secondary]
    mark[(hidden | secondary) & ~told] = UNTOLD
    mark[latent] = LATENT
    return mark


@dataclass(frozen=True)
class _System:
    """This release's cells and those of earlier ones that differ from them, with every sum of every release."""

    matrix: sparse.csr_array
    exact: np.ndarray
    known: Known
    own: int  # the first so many cells are this release's
    fixed_before: np.ndarray  # what earlier releases leave possible of each cell
    ceiling_before: np.ndarray
    already_public: int
    describe: Callable[[int], str]
    name: Callable[[int], str]


def _stack(cube: Cube, sums: Sums, known: Known, earlier: Sequence[Protected]) -> _System:
    if not earlier:
        nothing, endless = np.zeros(len(cube)), np.full(len(cube), np.inf)
        return _System(sums.matrix, cube.count, known, len(cube), nothing, endless, 0, sums.describe, cube.name)
    place = {key: cell for cell, key in enumerate(_identities(cube))}
    exact = list(cube.count)
    releases = [(cube, sums, known, np.arange(len(cube)))]
    for release in earlier:
        cells = np.empty(len(release.cube), np.int64)
        for cell, key in enumerate(_identities(release.cube)):
            cells[cell] = place.setdefault(key, len(exact))
            if cells[cell] == len(exact):
                exact.append(release.cube.count[cell])
            elif exact[cells[cell]] != release.cube.count[cell]:
                raise CubeError(
                    f"{release.cube.name(cell)} has the version of an earlier release and another count: "
                    "its version must change with the deliveries behind it"
                )
        releases.append((release.cube, release.sums, release.known, cells))
    size = len(exact)
    low, high = np.zeros(size), np.full(size, np.inf)
    need_low, need_high = np.full(size, np.inf), np.full(size, -np.inf)
    rows, wording = [], []
    before = None
    for number, (_, _, seen, cells) in reversed(list(enumerate(releases))):
        if number == 0:
            before = (low.copy(), high.copy(), need_low.copy(), need_high.copy())
        low[cells], high[cells] = np.maximum(low[cells], seen.low), np.minimum(high[cells], seen.high)
        need_low[cells] = np.minimum(need_low[cells], seen.need_low)
        need_high[cells] = np.maximum(need_high[cells], seen.need_high)
    for number, (_, of_release, _, cells) in enumerate(releases):
        entries = of_release.matrix.tocoo()
        moved = (entries.data, (entries.row, cells[entries.col]))
        rows.append(sparse.csr_array(moved, shape=(of_release.matrix.shape[0], size)))
        wording += [(number, row) for row in range(of_release.matrix.shape[0])]
    matrix = sparse.csr_array(sparse.vstack(rows, format="csr"))
    matrix.sort_indices()
    kept = _distinct_rows(matrix)
    exact = np.array(exact, dtype=np.int64)
    # what earlier releases gave away together is public: nothing that is hidden now brings it back
    old_rows = np.array([number > 0 for number, _ in wording])
    old = Known(*before)
    gone = {leak.cell for leak in find_leaks(matrix[old_rows], old, exact)}
    public = np.array([cell in gone for cell in range(size)]) | ((old.low == old.high) & (need_high > -np.inf))
    need_low[public], need_high[public] = np.inf, -np.inf
    names = {}
    for number, (of_cube, _, _, cells) in enumerate(releases):
        for cell, at in enumerate(cells):
            names.setdefault(int(at), (number, of_cube, cell))

    def name(cell: int) -> str:
        number, of_cube, own = names[cell]
        return of_cube.name(own) + (f" (earlier release {number})" if number else "")

    def describe(row: int) -> str:
        number, own = wording[kept[row]]
        return releases[number][1].describe(own) + (f" (earlier release {number})" if number else "")

    return _System(
        matrix[kept],
        exact,
        Known(low, high, need_low, need_high),
        len(cube),
        old.low,
        old.high,
        int(public.sum()),
        describe,
        name,
    )


def _identities(cube: Cube) -> list[tuple]:
    version = cube.column("version", "")
    return list(
        zip(*(np.asarray(values).tolist() for values in cube.dimensions.values()), version.tolist(), strict=True)
    )


def _distinct_rows(matrix: sparse.csr_array) -> np.ndarray:
    """The first of every set of equal rows: an unchanged sum stands in each release."""
    seen: dict[bytes, int] = {}
    for row in range(matrix.shape[0]):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        seen.setdefault(matrix.indices[part].tobytes() + matrix.data[part].tobytes(), row)
    return np.array(list(seen.values()), dtype=np.int64)


def _hide_partners(system: _System, limits: _Limits, shown: np.ndarray, tick):
    """Partners, block by block; a block in which telling the marks gives a count away is done again untold."""
    size = len(system.exact)
    own = np.arange(size) < system.own
    hidden_low, hidden_high = limits.when_hidden(system.exact[: system.own])
    low = np.maximum(np.append(hidden_low, np.zeros(size - system.own)), system.fixed_before)
    high = np.minimum(np.append(hidden_high, np.full(size - system.own, np.inf)), system.ceiling_before)
    may_hide = np.append(shown, np.zeros(size - system.own, bool)) & (high > low)
    secondary, told, lost = np.zeros(size, bool), np.ones(size, bool), []
    asked = np.isfinite(system.known.need_high)
    for blocks in _together(system.matrix, system.known.is_free | may_hide):
        rows = np.unique(np.concatenate([block.rows for block in blocks]))
        cells = np.unique(system.matrix[rows].indices)  # with those that cannot move: they stand in the sums too
        tick(len(cells))
        if not asked[cells].any():
            continue
        state = _state(system, rows, cells, low, high, may_hide)
        failed = hide_partners(state)
        if failed:
            untold = np.isin(np.arange(size), _blocks_of(blocks, cells[failed])) & own
            told[untold] = False
            known = system.known
            open_now = untold & known.is_free
            known.low[open_now] = system.fixed_before[open_now]
            known.high[open_now] = system.ceiling_before[open_now]
            low[untold], high[untold] = system.fixed_before[untold], system.ceiling_before[untold]
            may_hide |= untold & np.append(shown, np.zeros(size - system.own, bool)) & (high > low)
            state = _state(system, rows, cells, low, high, may_hide)
            lost += [int(cell) for cell in cells[hide_partners(state)]]
        secondary[cells] = state.is_secondary
    return secondary[: system.own], told[: system.own], lost


def _together(matrix: sparse.csr_array, movable: np.ndarray):
    together: list[Block] = []
    size = 0
    for block in split(matrix, movable):
        if together and size + len(block.cells) > CELLS_AT_ONCE:
            yield together
            together, size = [], 0
        together.append(block)
        size += len(block.cells)
    if together:
        yield together


def _blocks_of(blocks: list[Block], cells: np.ndarray) -> np.ndarray:
    """The cells of every block that holds one of `cells`."""
    return np.unique(np.concatenate([block.cells for block in blocks if np.isin(cells, block.cells).any()]))


def _state(system: _System, rows, cells, low, high, may_hide) -> State:
    known = system.known
    part = Known(*(values[cells].copy() for values in (known.low, known.high, known.need_low, known.need_high)))
    exact = system.exact[cells]
    matrix = sparse.csr_array(system.matrix[rows][:, cells])
    matrix.sort_indices()
    return State(matrix, exact, part, may_hide[cells], low[cells], high[cells], information_cost(exact))


def _message(leak: Leak, system: _System) -> str:
    ways = [system.describe(row) for row in leak.through]
    way = "through " + "; ".join(ways[:4]) + (f"; and {len(ways) - 4} more sums" if len(ways) > 4 else "")
    if not ways:
        way = "through what was shown of this cell itself"
    return (
        f"Hidden cell {system.name(leak.cell)} can be narrowed below its rule {way}. "
        "Hide one more cell of these sums, or show a coarser table"
    )


def _certificate(cube, sums, book, mark, rule, rounded, system: _System, leaks, lost) -> dict:
    """What was done, in counts alone: no cell, no value."""
    asked = np.isfinite(system.known.need_high)
    width = (system.known.need_high - system.known.need_low)[asked]
    visible = mark == SHOWN
    table = mark != LATENT
    return {
        "rules": book.as_rows(),
        "families": dict(sorted(book.families.items())),
        "cells": int(table.sum()),
        "latent_cells": int((~table).sum()),
        "sums": int(sums.matrix.shape[0]),
        "marks": {name: int((mark == name).sum()) for name in (SHOWN, SMALL, OTHER, UNTOLD)},
        "primary": {str(kind): int(((rule == kind) & table).sum()) for kind in Kind if kind is not Kind.ROUNDING},
        "secondary": int((table & ~visible & (rule == "")).sum()),
        "required_width": {"least": float(width.min()), "most": float(width.max())} if len(width) else None,
        "proven_cells": int(asked.sum()),
        "public_before": system.already_public,
        "rounding_reach": int((rounded.high - rounded.value).max(initial=0)),
        "visible_share_of_cells": float(visible.sum() / max(table.sum(), 1)),
        "solver": "HiGHS: every range that a rule asks for is witnessed by a table of whole numbers"
        if not leaks
        else "HiGHS: some cells can be narrowed",
        "leaks": len(leaks),
        "not_protectable": len(lost),
        "inputs_sha256": _fingerprint(cube, sums, book),
    }


def _fingerprint(cube: Cube, sums: Sums, book: RuleBook) -> str:
    digest = hashlib.sha256(json.dumps([book.as_rows(), sorted(book.families.items())]).encode())
    for name, values in sorted(cube.dimensions.items()):
        digest.update(name.encode() + b"\0" + "\n".join(np.asarray(values).astype(str).tolist()).encode() + b"\0")
    for name in ("group", "contributors", "largest", "latent", "version"):
        values = getattr(cube, name)
        digest.update(
            name.encode() + (b"" if values is None else "\n".join(map(str, np.asarray(values).tolist())).encode())
        )
    for values in (cube.count, sums.matrix.indptr, sums.matrix.indices, sums.matrix.data):
        digest.update(np.ascontiguousarray(values, dtype=np.int64).tobytes())
    return digest.hexdigest()
