"""An attacker that has the release, the rules and all earlier releases, and what he came to, in counts alone.

Nothing is taken over from the search for partners: what is known of each cell follows from what is shown of it and from
the rules, and what must stay possible of a small count from the rules. More is granted to him than is printed: he is told
for every hidden cell whether it is small, where the print says so of primary cells and "confidential" of all others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flows.core.disclosure.attack import Findings, Known, Leak, find_leaks
from flows.core.disclosure.blocks import split
from flows.core.disclosure.cube import Cube, Sums
from flows.core.disclosure.past import Past, System, stack
from flows.core.disclosure.protection import LATENT, OTHER, SHOWN, SMALL, UNTOLD, WITHHELD
from flows.core.disclosure.rules import HIDING, Kind, Limits, RuleBook, limits_of
from flows.core.disclosure.withheld import Told, told_withheld

LEAKS_NAMED = 10
WAYS_NAMED = 4


class DisclosureError(ValueError):
    """A release that would give a small count away; the message names the cell and the way, never the count."""


@dataclass(frozen=True)
class Release:
    """What a release shows, in the order of the cells of `cube`: marks, values with their limits, and the needs it names."""

    cube: Cube
    sums: Sums
    mark: np.ndarray
    rule: np.ndarray
    value_low: np.ndarray
    value_high: np.ndarray
    need_low: np.ndarray
    need_high: np.ndarray
    is_rest: np.ndarray
    deep: Callable[[], tuple[Cube, Sums]]  # the same release with nothing withheld, its rests at the end


@dataclass(frozen=True)
class Verdict:
    """The certificate (counts only) and a sentence for every leak."""

    certificate: dict
    leaks: tuple[str, ...]

    def require(self) -> Verdict:
        """Itself, or DisclosureError when a hidden cell can be narrowed below its rule."""
        require(self.certificate, self.leaks)
        return self


def require(certificate: dict, leaks: tuple[str, ...]) -> None:
    """Raise DisclosureError when the certificate tells of leaks; the message names the first of them."""
    if certificate["leaks"] or leaks:
        more = f"\n… and {len(leaks) - LEAKS_NAMED} more" if len(leaks) > LEAKS_NAMED else ""
        raise DisclosureError("\n".join(leaks[:LEAKS_NAMED]) + more)


def examine(release: Release, book: RuleBook, past: Past) -> Verdict:
    """Attack a release together with all earlier ones. Blocks in which nothing is new were attacked before."""
    cube = release.cube
    limits = limits_of(book, cube.rule_codes[1], cube.rule_codes[0])
    own = _known(release, limits)
    system = stack(cube, release.sums, past.offered).with_known(own, release.mark == SHOWN)
    skipped = _leave_out_unchanged(system)
    found = find_leaks(system.matrix, system.known, system.exact)
    narrowed_before = _take_off_narrowed_before(system, found)
    bare = np.flatnonzero((release.mark == SHOWN) & _is_small(cube, limits) & ~system.is_public[: len(cube)])
    found.leaks += [Leak(int(cell), 0, 0, ()) for cell in bare if cell not in {leak.cell for leak in found.leaks}]
    told = _told(release, own, past, limits)
    leaks = [_message(leak, system) for leak in found.leaks]
    names = [cube.name(cell) for cell in told.cells] + [past.name(cell) for cell in told.of_past]
    leaks += [f"Withheld cell {name} follows exactly from all that is shown. Show a coarser table" for name in names]
    return Verdict(_certificate(release, book, system, found, skipped, narrowed_before, past, told), tuple(leaks))


def _take_off_narrowed_before(system: System, found: Findings) -> int:
    """Take off cells of which everything that earlier releases left possible still is; returns how many there are."""
    if not found.leaks or not system.is_before.any():
        return 0
    cells = np.array([leak.cell for leak in found.leaks])
    low, high = system.left_before(cells)
    low, high = np.maximum(low, system.known.need_low[cells]), np.minimum(high, system.known.need_high[cells])
    before = len(found.leaks)
    # the ends of a leak are reached by whole tables, those left before by fractions: a doubt stays a leak
    found.leaks = [
        leak for leak, least, most in zip(found.leaks, low, high, strict=True) if leak.low > least or leak.high < most
    ]
    return before - len(found.leaks)


def _told(release: Release, known: Known, past: Past, limits: Limits) -> Told:
    """Withheld small counts that everything published together tells exactly."""
    size = int((~release.is_rest).sum())
    fine = np.isin(release.mark[:size], (WITHHELD, LATENT))
    is_new = (past.offered.find(release.cube) < 0)[:size] & (release.mark[:size] != WITHHELD)
    if not fine.any() or not is_new.any():
        return Told.nothing()
    deep, sums = release.deep()
    beyond = len(deep) - size
    return told_withheld(
        deep,
        sums,
        past,
        np.append(known.low[:size], np.zeros(beyond)),
        np.append(known.high[:size], np.full(beyond, np.inf)),
        np.append(fine & _is_small(release.cube, limits)[:size], np.zeros(beyond, bool)),
        np.append(is_new, np.zeros(beyond, bool)),
    )


def _is_small(cube: Cube, limits: Limits) -> np.ndarray:
    return (cube.count > 0) & (cube.count <= limits[Kind.SMALL])


def _known(release: Release, limits: Limits) -> Known:
    mark, endless = release.mark, np.full(len(release.mark), np.inf)
    high = np.select(
        [mark == SHOWN, mark == SMALL], [release.value_high.astype(float), limits.small_high.astype(float)], endless
    )
    low = np.select(
        [mark == SHOWN, mark == OTHER],
        [release.value_low, np.where(limits.small_high > 0, limits.small_high + 1, 0)],
        0.0,
    )
    unknown = set(np.unique(mark).tolist()) - {SHOWN, SMALL, OTHER, UNTOLD, WITHHELD, LATENT}
    if unknown:
        raise ValueError(f"Marks that say nothing of what is known: {sorted(unknown)}")
    small = _is_small(release.cube, limits) & (mark != WITHHELD) & ~((mark == LATENT) & ~release.is_rest)
    need_low = np.where(small, np.minimum(release.need_low, 1), release.need_low)
    need_high = np.where(small, np.maximum(release.need_high, limits[Kind.SMALL]), release.need_high)
    return Known(low.astype(float), high, need_low, need_high)


def _leave_out_unchanged(system: System) -> int:
    """Ask nothing of blocks of which every sum and every need was certified before; returns how many cells these are."""
    left_out = np.ones(len(system.exact), bool)
    for block in split(system.matrix, system.known.is_free):
        if system.is_new_row[block.rows].any() or system.is_new_need[block.cells].any():
            left_out[block.cells] = False
    left_out &= system.is_before & ~system.is_new_need & np.isfinite(system.known.need_high)
    system.known.need_low[left_out], system.known.need_high[left_out] = np.inf, -np.inf
    return int(left_out.sum())


def _message(leak: Leak, system: System) -> str:
    ways = [system.describe(row) for row in leak.through]
    more = f"; and {len(ways) - WAYS_NAMED} more sums" if len(ways) > WAYS_NAMED else ""
    way = "through " + "; ".join(ways[:WAYS_NAMED]) + more
    if not ways:
        way = "through what was shown of this cell itself"
    return (
        f"Hidden cell {system.name(leak.cell)} can be narrowed below its rule {way}. "
        "Hide one more cell of these sums, or show a coarser table"
    )


def _certificate(
    release: Release,
    book: RuleBook,
    system: System,
    found: Findings,
    skipped: int,
    narrowed_before: int,
    past: Past,
    told: Told,
) -> dict:
    """What was done, in counts alone: no cell, no value."""
    mark, rule = release.mark, release.rule
    table = mark != LATENT
    reason_told = table & ~np.isin(mark, (WITHHELD, UNTOLD))
    visible = mark == SHOWN
    asked = np.isfinite(system.known.need_high)
    width = (system.known.need_high - system.known.need_low)[asked]
    certificate = {
        "rules": book.as_rows(),
        "families": dict(sorted(book.families.items())),
        "cells": int(table.sum()),
        "latent_cells": int((~table).sum()),
        "sums": int(release.sums.matrix.shape[0]),
        "earlier_cells": len(past),
        "marks": {name: int((mark == name).sum()) for name in (SHOWN, SMALL, OTHER, UNTOLD, WITHHELD)},
        "primary": {str(kind): int(((rule == kind) & reason_told).sum()) for kind in HIDING},
        "secondary": int((reason_told & ~visible & (rule == "")).sum()),
        "withheld": "not offered, so no range is protected; no small count of theirs follows exactly from all that is shown",
        "withheld_told_exactly": len(told),
        "required_width": {"least": float(width.min()), "most": float(width.max())} if len(width) else None,
        "proven_cells": int(asked.sum()) - len({leak.cell for leak in found.leaks}),
        "proven_ends": {"by_whole_tables": found.whole, "by_linear_programming_only": found.fractional},
        "certified_before": skipped,
        "public_before": int(system.is_public.sum()),
        "narrowed_before": narrowed_before,
        "rounding_reach": int((release.value_high - release.value_low)[visible].max(initial=0)),
        "visible_share_of_cells": float(visible.sum() / max(table.sum(), 1)),
        "solver": _solver(found),
        "leaks": len(found.leaks) + len(told),
        "inputs_sha256": _fingerprint(release, book, past),
    }
    return certificate | {"sha256": fingerprint(certificate)}


def fingerprint(certificate: dict) -> str:
    """The hash over a certificate's own content, its `sha256` left out."""
    content = {name: value for name, value in certificate.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _solver(found: Findings) -> str:
    if found.leaks:
        return "HiGHS: some cells can be narrowed"
    if found.fractional:
        return "HiGHS: every range that a rule asks for is reached by linear programming, not all ends by whole tables"
    return "HiGHS: every range that a rule asks for is witnessed by a table of whole numbers"


def _fingerprint(release: Release, book: RuleBook, past: Past) -> str:
    digest = hashlib.sha256(json.dumps([book.as_rows(), sorted(book.families.items())]).encode())

    def add(name: str, values: np.ndarray) -> None:
        digest.update(name.encode() + b"\0")
        values = np.asarray(values)
        if values.dtype.kind in "OUT":
            digest.update("\n".join(map(str, values.tolist())).encode())
        else:
            digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        digest.update(b"\0")

    for name, values in sorted(release.cube.dimensions.items()):
        add(name, values)
    for name in ("mark", "rule", "value_low", "value_high", "need_low", "need_high"):
        add(name, getattr(release, name))
    add("count", release.cube.count)
    for matrix in (release.sums.matrix, past.matrix):
        for values in (matrix.indptr, matrix.indices, matrix.data):
            add("sums", values)
    for values in (*past.dimensions.values(), past.count, past.mark, past.known.low, past.known.high):
        add("past", values)
    return digest.hexdigest()
