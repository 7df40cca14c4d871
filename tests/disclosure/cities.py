"""Small made-up cities for the tests of disclosure control: tables of cells, the sums that link them, and the rules."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from flows.core.disclosure import memory
from flows.core.disclosure.certificate import Verdict
from flows.core.disclosure.frames import KEY, Linked, certify, protect_frame

DAY = "2026-11-23"
RULES = pd.DataFrame(
    [
        ("small", "police", 5, "SSMSI shows a communal count only above 5", DAY),
        ("small", "persons", 10, "INSEE: fewer than 11 persons are not shown", DAY),
        ("group", "persons", 10, "none or all of ten or fewer says of each member whether help was taken", DAY),
        ("rounding", "persons", 5, "OpenSAFELY rounds to 5", DAY),
        ("dominance", "partners", 85, "INSEE: 85 per cent of one organisation is that organisation's figure", DAY),
        ("contributors", "partners", 3, "INSEE: of fewer than three organisations each learns the other's", DAY),
        ("most_hidden", "all", 50, "a table of which every second cell is missing is read as zeros", DAY),
        ("uncertain", "all", 15, "what is left of a total when 85 per cent is one organisation's", DAY),
    ],
    columns=["kind", "family", "rule_limit", "reason", "decided_on"],
)
MEASURES = pd.DataFrame(
    [("incidents", "police"), ("accepted", "persons"), ("reached", "partners")], columns=["measure", "family"]
)
SUM_COLUMNS = ["dimension", "hierarchy", "measure", "child", "parent", "is_exhaustive"]


def make_cells(rows: list[tuple], measure: str = "incidents") -> pd.DataFrame:
    """Rows (zone, period type, period start, breakdown, value, count) as cells."""
    cells = pd.DataFrame(rows, columns=[*KEY[1:], "exact_count"])
    cells.insert(0, "measure", measure)
    cells["period_start"] = pd.to_datetime(cells["period_start"])
    for name in ("group_count", "contributor_count", "largest_count", "series", "level"):
        cells[name] = pd.Series([None] * len(cells), dtype=object)
    return cells


def table(rows: list[list[int]], measure: str = "incidents") -> pd.DataFrame:
    """Zones × kinds with both margins and the grand total."""
    inner = np.array(rows)
    found = []
    for zone, kind in itertools.product([*range(inner.shape[0]), None], [*range(inner.shape[1]), None]):
        part = inner[slice(None) if zone is None else zone]
        part = part[..., slice(None) if kind is None else kind]
        breakdown = ("total", "total") if kind is None else ("kind", f"k{kind}")
        found.append(("city" if zone is None else f"z{zone}", "year", "2026-01-01", *breakdown, int(part.sum())))
    return make_cells(found, measure)


def links(zones: int, kinds: int) -> pd.DataFrame:
    """Zones make the city, kinds make the total."""
    rows = [("zone", "zones of the city", None, f"z{zone}", "city", True) for zone in range(zones)]
    rows += [("breakdown", "kinds", None, f"kind:k{kind}", "total:total", True) for kind in range(kinds)]
    return pd.DataFrame(rows, columns=SUM_COLUMNS)


@dataclass
class Plan:
    """A city: months × zones × kinds of counts, each in two parts, inside and outside a priority district."""

    base: np.ndarray  # months, zones, kinds, 2
    groups: list[int] | None = None  # the zone group of each zone
    districts: list[int] | None = None  # the zones that have a priority district
    months_of_quarter: int = 2

    def cells(self, months: int | None = None) -> pd.DataFrame:
        """All cells of the first so many months; quarters and years only when they are whole."""
        base = self.base[: months or len(self.base)]
        found = []
        for zone, of_zone in self._zones(base).items():
            for (kind, start), counts in self._periods(of_zone).items():
                found.append((zone, kind, start, "total", "total", int(counts.sum())))
                if len(counts) > 1:
                    found += [(zone, kind, start, "kind", f"k{i}", int(count)) for i, count in enumerate(counts)]
        cells = make_cells(found)
        of_city = cells["zone_code"].eq("city").map({True: "city", False: "zones"})
        cells["series"] = of_city + "/" + cells["breakdown"]
        cells["level"] = cells["period_type"].map({"month": 1, "quarter": 2, "year": 3})
        return cells

    def _zones(self, base: np.ndarray) -> dict[str, np.ndarray]:
        whole = base.sum(3)
        found = {f"z{zone}": whole[:, zone] for zone in range(base.shape[1])}
        found["city"] = whole.sum(1)
        for group in sorted(set(self.groups or [])):
            found[f"g{group}"] = whole[:, [zone for zone, own in enumerate(self.groups) if own == group]].sum(1)
        for zone in self.districts or []:
            found[f"q{zone}"] = base[:, zone, :, 0]
        return found

    def _periods(self, counts: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
        found = {("month", _day(month)): own for month, own in enumerate(counts)}
        size = self.months_of_quarter
        for first in range(0, len(counts) - size + 1, size):
            found["quarter", _day(first)] = counts[first : first + size].sum(0)
        if len(counts) == len(self.base) and len(counts) >= 2 * size:
            found["year", _day(0)] = counts.sum(0)
        return found

    def sums(self) -> pd.DataFrame:
        """The parent tables."""
        rows = []
        zones = range(self.base.shape[1])
        if self.groups:
            rows += [("zone", "zones of a group", None, f"z{zone}", f"g{self.groups[zone]}", True) for zone in zones]
            rows += [
                ("zone", "groups of the city", None, f"g{group}", "city", True) for group in sorted(set(self.groups))
            ]
        else:
            rows += [("zone", "zones of the city", None, f"z{zone}", "city", True) for zone in zones]
        for zone in self.districts or []:
            rows.append(("zone", "districts of the city", None, f"q{zone}", "city", False))
            rows.append(("zone", "districts of a zone", None, f"q{zone}", f"z{zone}", False))
        rows += [
            ("breakdown", "kinds", None, f"kind:k{kind}", "total:total", True) for kind in range(self.base.shape[2])
        ]
        size = self.months_of_quarter
        for month in range(len(self.base)):
            quarter = _day(month // size * size)
            rows.append(("period", "months", None, f"month:{_day(month)}", f"quarter:{quarter}", True))
            if month % size == 0:
                rows.append(("period", "quarters", None, f"quarter:{quarter}", f"year:{_day(0)}", True))
        return pd.DataFrame(rows, columns=SUM_COLUMNS)


def _day(month: int) -> str:
    return f"2026-{month + 1:02d}-01"


def poisson(zones: int, kinds: int, months: int, mean: float, seed: int, **more) -> Plan:
    """A city of Poisson counts; a tenth of them in priority districts."""
    random = np.random.default_rng(seed)
    base = np.stack([random.poisson(mean * part, (months, zones, kinds)) for part in (0.1, 0.9)], axis=3)
    return Plan(base, **more)


@dataclass
class Archive:
    """Releases one after the other, with the memory that grows between them."""

    sums: pd.DataFrame
    memory: tuple[pd.DataFrame, pd.DataFrame] = field(default_factory=memory.empty)
    frames: list[pd.DataFrame] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def publish(self, cells: pd.DataFrame, with_partners: bool = True) -> pd.DataFrame:
        """Protect, attack and remember one release."""
        frame = protect_frame(cells, self.sums, RULES, MEASURES, *self.memory, with_partners=with_partners)
        self.verdicts.append(certify(Linked(frame, self.sums), RULES, MEASURES, *self.memory))
        self.frames.append(frame)
        self.memory = memory.after_release(*self.memory, Linked(frame, self.sums))
        return frame


def pick(frame: pd.DataFrame, zone: str, value: str = "total", start: str | None = None) -> pd.Series:
    """One cell of a protected frame."""
    found = frame[(frame["zone_code"] == zone) & (frame["breakdown_value"] == value)]
    found = found if start is None else found[found["period_start"] == pd.Timestamp(start)]
    assert len(found) == 1
    return found.iloc[0]
