"""Counts of persons rounded to a multiple, so that rounded parts still make their rounded total.

Controlled rounding: every cell goes to one of the two multiples beside it (so a multiple stays as it is), every sum keeps
holding, and of all such tables the one nearest to the exact counts is taken. Sums of rounded parts, the simpler way,
were rejected: with parts of one or two persons all of them round to 0, and so would the city's total.
Where no such table exists (it may not, in three dimensions), one multiple further is allowed, and the interval says so.
What an earlier release showed of the same count stays as it was shown, unless the sums cannot hold with it.

Source: Cox (1987), "A constructive procedure for unbiased controlled rounding", JASA 82; Salazar-González (2006),
"Controlled rounding and cell perturbation", Mathematical Programming 105.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from flows.core.disclosure.blocks import Block, split
from flows.core.disclosure.linear import Moves, cheapest_whole, is_whole

FURTHER = (0, 1, 2)  # so many multiples beyond the two beside a count


@dataclass(frozen=True)
class Rounded:
    """Rounded counts, and the limits between which the exact count of each lies for whoever knows the method."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Shown:
    """What earlier releases showed of the same counts: `value` (-1: nothing), and the limits that were said."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def nothing(cls, size: int) -> Shown:
        """No earlier release."""
        return cls(np.full(size, -1), np.zeros(size), np.full(size, np.inf))


def round_counts(
    matrix: sparse.csr_array,
    exact: np.ndarray,
    base: np.ndarray,
    latent: np.ndarray,
    before: Shown | None = None,
    is_new_row: np.ndarray | None = None,
) -> Rounded:
    """Round each count to its `base` (0 and 1: as it is); latent cells take what is left, whatever it is.

    Blocks without a new row keep what `before` says; a hidden cell in them, which nobody sees, stays as it is.
    """
    before = Shown.nothing(len(exact)) if before is None else before
    value = exact.astype(np.int64).copy()
    reach = np.zeros(len(exact), np.int64)
    is_rounded = (base > 1) & ~latent
    loose = is_rounded & (np.diff(sparse.csc_array(matrix).indptr) == 0)
    value[loose] = base[loose] * ((exact[loose] + base[loose] // 2) // base[loose])
    reach[loose] = base[loose] // 2
    for block in split(matrix, is_rounded | (latent & (base > 1))):
        if is_new_row is not None and not is_new_row[block.rows].any():
            continue
        own = (exact[block.cells], base[block.cells], latent[block.cells])
        for fixed, further in [(before.value[block.cells], 0)] + [
            (np.full(len(block.cells), -1), far) for far in FURTHER
        ]:
            found = _round_block(block, *own, fixed, further)
            if found is not None:
                break
        else:
            raise ValueError("A block of counts cannot be rounded with its sums kept; show a coarser table instead")
        value[block.cells] = found
        reach[block.cells] = base[block.cells] * (further + 1) - 1
    low = np.where(is_rounded, np.maximum(value - reach, 0), exact)
    high = np.where(is_rounded, value + reach, exact)
    same = is_rounded & (before.value >= 0) & ((value == before.value) | (value == exact))
    value = np.where(same, before.value, value)
    return Rounded(
        value, np.where(same, before.low, low).astype(np.int64), np.where(same, before.high, high).astype(np.int64)
    )


def _round_block(block: Block, exact, base, latent, fixed, further: int) -> np.ndarray | None:
    """One block in units of the base: start + up - down, the nearest step for one price, each further one for more."""
    unit = int(base.max())
    is_fixed = fixed >= 0
    start = np.where(is_fixed, fixed, exact) // unit
    left = np.where(is_fixed, 0, exact - start * unit)
    steps = len(exact)
    # a first step up costs what the rounding error grows by; whole multiples stay where they are
    up_high = np.where(latent, np.inf, np.where(is_fixed, 0, (left > 0) + further))
    down_high = np.where(latent, start, np.where(is_fixed, 0, np.minimum(further, start)))
    up_cost = np.where(latent, 0, unit - 2.0 * left + np.where(left == 0, unit, 0) + further * unit)
    down_cost = np.where(latent, 0, unit + 2.0 * left + further * unit)
    # ties are broken by the order of cells, so that the same cube is always rounded the same
    order = np.arange(steps) * 1e-6 / max(steps, 1)
    # what the starts lack to make their sums, as a move of exactly 1
    lack = sparse.csr_array((block.matrix @ start.astype(float)).reshape(-1, 1))
    matrix = sparse.csr_array(sparse.hstack([block.matrix, -block.matrix, lack], format="csr"))
    low = np.append(np.zeros(2 * steps), 1.0)
    high = np.append(np.minimum(np.concatenate([up_high, down_high]), 1e6), 1.0)
    cost = np.concatenate([up_cost + order, down_cost + order, [0.0]])
    moves = Moves(matrix, low, high)
    moves.set_costs(cost)
    point = moves.solve()
    if point is None:
        return None
    if not is_whole(point, matrix):
        point, _ = cheapest_whole(matrix, low, high, cost)
        if point is None:
            return None
    point = np.round(point)
    return ((start + point[:steps] - point[steps : 2 * steps]) * unit).astype(np.int64)


def share(part: Rounded, of: Rounded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A share from rounded parts alone, with the limits that rounding leaves; nothing where the whole may be 0.

    The limits are no confidence interval: they are added to it, by taking its lower end from the low share and its upper
    end from the high one.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(of.value > 0, part.value / of.value, np.nan)
        low = np.where(of.low > 0, part.low / of.high, np.nan)
        high = np.where(of.low > 0, np.minimum(part.high / of.low, 1.0), np.nan)
    return value, low, high
