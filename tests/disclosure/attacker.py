"""An attacker written anew for the tests, with scipy alone: from what is printed to what follows, over all releases.

Shares no line with `flows.core.disclosure`: sums are built cell by cell from the parent tables, a cell is its key and its
count, and also tables that are withheld are unknowns of his, of which he knows that they add up. `same_withheld`: he is even
granted which of them did not change from release to release, of which nothing is printed; otherwise they are other unknowns
in each release.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

HIGHEST = 1e4
DIMENSIONS = ("measure", "zone", "period", "breakdown")
SMALL_TO = {"incidents": 5, "accepted": 10}


class Attacker:
    """Everything that the given releases print, as one system of whole numbers."""

    def __init__(
        self,
        frames: list[pd.DataFrame],
        sums: pd.DataFrame,
        small_to: dict[str, int] = SMALL_TO,
        same_withheld: bool = True,
    ):
        self.small_to = small_to
        self.same_withheld = same_withheld
        self.release = 0
        self.number: dict[tuple, int] = {}
        self.low: list[float] = []
        self.high: list[float] = []
        self.mark: list[str] = []
        rows: list[dict[int, int]] = []
        for self.release, frame in enumerate(frames):
            own = self._read(frame)
            rows += self._sums(own, sums)
        self.exact = np.array([identity[-1] for identity in self.number])
        columns = [(cell, row, sign) for row, entries in enumerate(rows) for cell, sign in entries.items()]
        cell, row, sign = (np.array(part) for part in zip(*columns, strict=True)) if columns else ([], [], [])
        self.matrix = sparse.csr_array((sign, (row, cell)), shape=(len(rows), len(self.number)))
        assert not (self.matrix @ self.exact).any()

    def _unknown(self, key: tuple, count: int) -> int:
        at = self.number.setdefault((*key, count), len(self.low))
        if at == len(self.low):
            self.low.append(0)
            self.high.append(HIGHEST)
            self.mark.append("latent")
        return at

    def _read(self, frame: pd.DataFrame) -> dict[tuple, tuple[int, int]]:
        """Key → number and count of the cells of one release; notes what is printed of each."""
        own = {}
        for cell in frame[~frame["is_rest"]].itertuples():
            key = (
                cell.measure,
                cell.zone_code,
                f"{cell.period_type}:{cell.period_start:%Y-%m-%d}",
                f"{cell.breakdown}:{cell.breakdown_value}",
            )
            fine = not self.same_withheld and cell.mark in ("withheld", "latent")
            at = self._unknown((*key, self.release) if fine else key, cell.exact_count)
            own[key] = at, cell.exact_count
            low, high = self._printed(cell)
            self.low[at], self.high[at] = max(self.low[at], low), min(self.high[at], high)
            if self.mark[at] != "shown":
                self.mark[at] = "withheld" if cell.mark == "latent" else cell.mark
        return own

    def _printed(self, cell) -> tuple[float, float]:
        small = self.small_to.get(cell.measure, 0)
        if cell.mark == "shown":
            return cell.low_count, cell.high_count
        if cell.mark == "small":
            return 0, small
        return (small + 1 if cell.mark == "other" else 0), HIGHEST

    def _sums(self, own: dict, sums: pd.DataFrame) -> list[dict[int, int]]:
        rows = []
        for (dimension, hierarchy, exhaustive), part in sums.groupby(["dimension", "hierarchy", "is_exhaustive"]):
            place = DIMENSIONS.index(dimension)
            children: dict[str, set[str]] = {}
            for child, parent in zip(part["child"], part["parent"], strict=True):
                children.setdefault(parent, set()).add(child)
            for key, (total, count) in own.items():
                parts = [
                    own[(*key[:place], child, *key[place + 1 :])]
                    for child in children.get(key[place], ())
                    if (*key[:place], child, *key[place + 1 :]) in own
                ]
                if not parts:
                    continue
                row = {at: 1 for at, _ in parts} | {total: -1}
                if not exhaustive:
                    rest = (*key[:place], f"{key[place]} outside {hierarchy}", *key[place + 1 :])
                    at = self._unknown(rest, count - sum(own_count for _, own_count in parts))
                    row[at] = 1
                    # a rest of what is not offered is not offered either
                    if "withheld" in {self.mark[cell] for cell in row}:
                        self.mark[at] = "withheld"
                rows.append(row)
        return rows

    def interval(self, cell: int) -> tuple[float, float]:
        """The lowest and the highest whole number that a cell can be."""
        ends = []
        for sign in (1, -1):
            cost = np.zeros(len(self.low))
            cost[cell] = sign
            sums = LinearConstraint(self.matrix, 0, 0) if self.matrix.shape[0] else ()
            found = milp(cost, integrality=np.ones(len(cost)), bounds=Bounds(self.low, self.high), constraints=sums)
            assert found.status == 0, found.message
            ends.append(float(round(found.x[cell])))
        return ends[0], ends[1]

    def told(self) -> list[tuple]:
        """Every small count that is withheld and has one possible value only."""
        small = {
            identity: at
            for identity, at in self.number.items()
            if self.mark[at] == "withheld" and 1 <= identity[-1] <= self.small_to.get(identity[0], 0)
        }
        return [identity for identity, at in small.items() if len(set(self.interval(at))) == 1]

    def learned(self, offered_only: bool = False) -> dict[tuple, tuple[float, float]]:
        """Every small count (never shown) of which the whole range 1 to the limit does not stay possible."""
        found = {}
        for identity, at in self.number.items():
            limit = self.small_to.get(identity[0], 0)
            if not 1 <= identity[-1] <= limit or (offered_only and self.mark[at] == "withheld"):
                continue
            low, high = self.interval(at)
            if low > 1 or high < limit:
                found[identity] = low, high
        return found
