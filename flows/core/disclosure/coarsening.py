"""Coarser instead of blank: the finest table of which few enough cells are hidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from flows.core.disclosure.cube import Cube
from flows.core.disclosure.protection import primary_cells
from flows.core.disclosure.rules import RuleBook

MOST_HIDDEN = 0.5  # decided 2026-11-23: a series of which every second point is missing is read as a series of zeros


@dataclass(frozen=True)
class Choice:
    """The level taken, and of every level looked at the share of its non-zero cells that is hidden."""

    level: str | None
    hidden_share: dict[str, float]


def choose_level(
    levels: Mapping[str, np.ndarray], hidden: np.ndarray, exact: np.ndarray, most_hidden: float = MOST_HIDDEN
) -> Choice:
    """The first of `levels` (finest first, each with the places of its cells) of which at most a share is hidden.

    Zeros do not count as shown: a table of zeros and hidden cells would look full and say nothing. None when every level
    is hidden too much. What is finer than the level taken is withheld; hiding more never makes a hidden cell less safe.
    """
    shares: dict[str, float] = {}
    for name, cells in levels.items():
        telling = cells[(exact[cells] > 0) | hidden[cells]]
        shares[name] = float(hidden[telling].mean()) if len(telling) else 0.0
        if shares[name] <= most_hidden:
            return Choice(name, shares)
    return Choice(None, shares)


def withhold_fine(
    cube: Cube, series: Iterable[Mapping[str, np.ndarray]], book: RuleBook, most_hidden: float = MOST_HIDDEN
) -> tuple[Cube, list[Choice]]:
    """Make the levels latent that would be mostly blank by the primary rules alone, before partners are looked for.

    Each of `series` is one table at several levels, finest first. A cell that is not shown at all needs no mark and no
    shown zero beside it, so that the coarser cells keep far more; it is still protected, since sums may tell it.
    """
    hidden = primary_cells(cube, book)
    latent = cube.column("latent", False).astype(bool).copy()
    choices = []
    for levels in series:
        choice = choose_level(levels, hidden, cube.count, most_hidden)
        for name, cells in levels.items():
            if name == choice.level:
                break
            latent[cells] = True
        choices.append(choice)
    return replace(cube, latent=latent), choices
