"""Coarser instead of blank: the finest table of which few enough cells are hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

# A table that is shown keeps its level while the rule allows it, and a finer one is taken only when it is far from mostly
# hidden: half of what the rule allows (decided 2026-11-28: a month more or less must not turn months into quarters and back).
FINER_FROM = 0.5


@dataclass(frozen=True)
class Choice:
    """The level taken, and of every level looked at the share of its non-zero cells that is hidden."""

    level: str | int | None
    hidden_share: dict


def choose_level(
    levels: Mapping, hidden: np.ndarray, exact: np.ndarray, most_hidden: float, level_before=None
) -> Choice:
    """The first of `levels` (finest first, each with the places of its cells) of which at most a share is hidden.

    Zeros do not count as shown: a table of zeros and hidden cells would look full and say nothing. None when every level
    is hidden too much. What is finer than the level taken is withheld. `level_before`: the level of the release before.
    """
    shares: dict = {}
    is_finer = level_before in levels
    for name, cells in levels.items():
        is_finer = is_finer and name != level_before
        telling = cells[(exact[cells] > 0) | hidden[cells]]
        shares[name] = float(hidden[telling].mean()) if len(telling) else 0.0
        if shares[name] <= most_hidden * (FINER_FROM if is_finer else 1):
            return Choice(name, shares)
    return Choice(None, shares)


def withhold_fine(
    series: np.ndarray,
    level: np.ndarray,
    hidden: np.ndarray,
    exact: np.ndarray,
    most_hidden: np.ndarray,
    before: Mapping[str, int] | None = None,
) -> tuple[np.ndarray, dict[str, Choice]]:
    """Which cells to withhold, and the choice per series: the levels that would be mostly blank by the primary rules alone.

    Each series is one table at several levels (1 the finest); None and nan: the cell is in no series. `before`: the level
    of each series in the release before.
    """
    withheld = np.zeros(len(exact), bool)
    choices: dict[str, Choice] = {}
    in_series = ~(pd.isna(series) | pd.isna(level))
    places = pd.Series(np.flatnonzero(in_series)).groupby([series[in_series], level[in_series].astype(int)]).indices
    own = np.flatnonzero(in_series)
    of_series: dict[str, dict[int, np.ndarray]] = {}
    for (name, number), at in sorted(places.items()):
        of_series.setdefault(str(name), {})[int(number)] = own[at]
    for name, levels in of_series.items():
        most = float(most_hidden[next(iter(levels.values()))[0]])
        choice = choose_level(levels, hidden, exact, most, (before or {}).get(name))
        for number, cells in levels.items():
            if number == choice.level:
                break
            withheld[cells] = True
        choices[name] = choice
    return withheld, choices
