"""Counts of persons rounded to a multiple, so that rounded parts still make their rounded total.

Controlled rounding: every cell goes to one of the two multiples beside it (so a multiple stays as it is), every sum keeps
holding, and of all such tables the one nearest to the exact counts is taken. Sums of rounded parts, the simpler way,
were rejected: with parts of one or two persons all of them round to 0, and so would the city's total.
Where no such table exists (it may not, in three dimensions), one multiple further is allowed, and the interval says so.

Source: Cox (1987), "A constructive procedure for unbiased controlled rounding", JASA 82; Salazar-González (2006),
"Controlled rounding and cell perturbation", Mathematical Programming 105.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from flows.core.disclosure.blocks import Block, is_whole, solve, split


@dataclass(frozen=True)
class Rounded:
    """Rounded counts, and the limits between which the exact count of each lies for whoever knows the method."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def round_counts(matrix: sparse.csr_array, exact: np.ndarray, base: np.ndarray, latent: np.ndarray) -> Rounded:
    """Round each count to its `base` (0 and 1: as it is); latent cells take what is left, whatever it is."""
    value = exact.astype(np.int64).copy()
    reach = np.zeros(len(exact), np.int64)
    is_rounded = (base > 1) & ~latent
    loose = is_rounded & (np.diff(sparse.csc_array(matrix).indptr) == 0)
    value[loose] = base[loose] * ((exact[loose] + base[loose] // 2) // base[loose])
    reach[loose] = base[loose] // 2
    for block in split(matrix, is_rounded | (latent & (base > 1))):
        for further in (0, 1, 2):
            found = _round_block(block, exact[block.cells], base[block.cells], latent[block.cells], further)
            if found is not None:
                break
        else:
            raise ValueError("A block of counts cannot be rounded with its sums kept; show a coarser table instead")
        value[block.cells] = found
        reach[block.cells] = base[block.cells] * (further + 1) - 1
    low = np.where(is_rounded, np.maximum(value - reach, 0), exact)
    high = np.where(is_rounded, value + reach, exact)
    return Rounded(value, low, high)


def _round_block(block: Block, exact, base, latent, further: int) -> np.ndarray | None:
    """One block in units of the base: floor + up - down, the nearest step for one price, each further one for more."""
    unit = int(base.max())
    floor = exact // unit
    left = exact - floor * unit
    free = latent
    steps = len(exact)
    # a first step up costs what the rounding error grows by; whole multiples stay where they are
    up_high = np.where(free, np.inf, (left > 0) + further)
    down_high = np.where(free, floor, np.minimum(further, floor))
    up_cost = np.where(free, 0, unit - 2.0 * left + np.where(left == 0, unit, 0) + further * unit)
    down_cost = np.where(free, 0, unit + 2.0 * left + further * unit)
    # ties are broken by the order of cells, so that the same cube is always rounded the same
    order = np.arange(steps) * 1e-6 / max(steps, 1)
    matrix = sparse.csr_array(sparse.hstack([block.matrix, -block.matrix], format="csr"))
    right = -(block.matrix @ floor.astype(float))
    high = np.minimum(np.concatenate([up_high, down_high]), 1e6)
    cost = np.concatenate([up_cost + order, down_cost + order])
    for whole in (False, True):
        point = solve(cost, matrix, right, np.zeros(2 * steps), high, whole).point
        if point is None:
            return None
        if is_whole(point, matrix, right):
            point = np.round(point)
            return ((floor + point[:steps] - point[steps:]) * unit).astype(np.int64)
    return None


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
