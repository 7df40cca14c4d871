"""Times the protection of simulated cities and says how much of their tables stays visible.

    python benchmarks/disclosure.py --cells 10000 100000 [--mean 0.4 4] [--zones 22] [--kinds 3] [--earlier]

A city is one measure over zones × months × kinds with quarters, years and all margins, of four years at most; a larger cube has
more cities. Counts are Poisson, uneven over zones and kinds, with the given mean per finest cell (0.4: some 30 incidents a
month in 22 zones and 3 kinds; 4: ten times as many events). Every year of every city is an independent block. Each size runs in a
process of its own, which gives the peak of memory; processor seconds, since the machine may be shared. `--earlier` protects a
second release, in which one cell in 5 000 was delivered late, and a third, in which nothing changed. Exit code 1 when the
attack finds a leak, or none in the same city without partners (`--attack-bare`).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np
import pandas as pd

from flows.core.disclosure import memory
from flows.core.disclosure.frames import Linked, certify, protect_frame

CITY = "city"
YEARS = 4
DAY = "2026-11-23"
RULES = pd.DataFrame(
    [
        ("small", "police", 5, "as SSMSI", DAY),
        ("most_hidden", "all", 50, "as the sample", DAY),
        ("uncertain", "all", 15, "as the sample", DAY),
    ],
    columns=["kind", "family", "rule_limit", "reason", "decided_on"],
)
LATE_ONE_IN = 5000


def make_city(cells: int, mean: float, zones: int, kinds: int) -> np.ndarray:
    """Counts of cities × months × zones × kinds for about so many cells, always the same for the same arguments."""
    of_a_year = (zones + 1) * (kinds + 1) * 17
    years = max(1, min(YEARS, round(cells / of_a_year)))
    cities = max(1, round(cells / of_a_year / years))
    random = np.random.default_rng(20261123)
    zone_weight, kind_weight = random.dirichlet(np.full(zones, 4)) * zones, random.dirichlet(np.full(kinds, 4)) * kinds
    rates = mean * np.multiply.outer(zone_weight, kind_weight)[None, None]
    return random.poisson(np.broadcast_to(rates, (cities, 12 * years, zones, kinds)))


def with_late(base: np.ndarray) -> np.ndarray:
    """The same cities once a few more incidents came in."""
    late = base.copy()
    random = np.random.default_rng(1)
    places = random.choice(base.size, max(1, base.size // LATE_ONE_IN), replace=False)
    late.reshape(-1)[places] += 1
    return late


def tables(base: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Cells, sums and measures of some cities."""
    cities, months, zones, kinds = base.shape
    full = np.concatenate([base, base.sum(2, keepdims=True)], 2)
    full = np.concatenate([full, full.sum(3, keepdims=True)], 3)
    quarters = full.reshape(cities, months // 3, 3, *full.shape[2:]).sum(2)
    years = full.reshape(cities, months // 12, 12, *full.shape[2:]).sum(2)
    full = np.concatenate([full, quarters, years], 1)
    starts = pd.date_range("2023-01-01", periods=months, freq="MS")
    spans = [("month", starts), ("quarter", starts[::3]), ("year", starts[::12])]
    period_type = np.concatenate([np.full(len(own), name, dtype=object) for name, own in spans])
    period_start = np.concatenate([own.to_numpy() for _, own in spans])
    names = [f"incidents {number:04d}" for number in range(cities)]
    zone_names = np.array([*[f"zone {number}" for number in range(zones)], CITY], dtype=object)
    values = np.array([*[f"kind {number}" for number in range(kinds)], "total"], dtype=object)
    measure, period, zone, kind = (axis.ravel() for axis in np.indices(full.shape))
    cells = pd.DataFrame(
        {
            "measure": np.array(names, dtype=object)[measure],
            "zone_code": zone_names[zone],
            "period_type": period_type[period],
            "period_start": period_start[period],
            "breakdown": np.where(values[kind] == "total", "total", "kind"),
            "breakdown_value": values[kind],
            "exact_count": full.ravel(),
            "level": np.searchsorted([months, months + months // 3], period, side="right") + 1,
        }
    )
    of_city = np.where(zone == zones, "city", "zones")
    cells["series"] = cells["measure"] + "/" + of_city + "/" + cells["breakdown"]
    rows = [("zone", "zones of the city", None, name, CITY, True) for name in zone_names[:-1]]
    rows += [("breakdown", "kinds", None, f"kind:{name}", "total:total", True) for name in values[:-1]]
    for day in starts:
        quarter = pd.Timestamp(day.year, (day.month - 1) // 3 * 3 + 1, 1)
        rows.append(("period", "months", None, f"month:{day:%Y-%m-%d}", f"quarter:{quarter:%Y-%m-%d}", True))
        if quarter == day:
            rows.append(("period", "quarters", None, f"quarter:{day:%Y-%m-%d}", f"year:{day.year}-01-01", True))
    sums = pd.DataFrame(rows, columns=["dimension", "hierarchy", "measure", "child", "parent", "is_exhaustive"])
    return cells, sums, pd.DataFrame({"measure": names, "family": "police"})


def kept(frame: pd.DataFrame) -> pd.DataFrame:
    """Per table and level: cells, and the shares of them, of the non-zero ones and of all events that stay visible."""
    table = frame[~frame["is_rest"]].copy()
    table["table"] = table["series"].str.split("/", n=1).str[1]
    shown = table["mark"].eq("shown")
    table = table.assign(shown=shown, telling=table["exact_count"] > 0, seen=table["exact_count"].where(shown, 0))
    table["seen_telling"] = table["shown"] & table["telling"]
    found = table.groupby(["table", "level"])[["shown", "telling", "seen_telling", "seen", "exact_count"]].sum()
    found.insert(0, "cells", table.groupby(["table", "level"]).size())
    return pd.DataFrame(
        {
            "cells": found["cells"],
            "visible": found["shown"] / found["cells"],
            "non-zero visible": found["seen_telling"] / found["telling"].clip(lower=1),
            "of all events": found["seen"] / found["exact_count"].clip(lower=1),
        }
    )


class Run:
    """One size: protects, attacks and remembers, and prints each step's processor seconds."""

    def __init__(self, sums: pd.DataFrame, measures: pd.DataFrame):
        self.sums, self.measures, self.memory, self.leaks = sums, measures, memory.empty(), 0

    def release(self, title: str, cells: pd.DataFrame) -> pd.DataFrame:
        times = [time.process_time()]
        frame = protect_frame(cells, self.sums, RULES, self.measures, *self.memory)
        times.append(time.process_time())
        certificate = certify(Linked(frame, self.sums), RULES, self.measures, *self.memory).certificate
        times.append(time.process_time())
        self.memory = memory.after_release(*self.memory, Linked(frame, self.sums))
        times.append(time.process_time())
        self.leaks += certificate["leaks"]
        steps = ", ".join(
            f"{name} {after - before:.1f} s"
            for name, before, after in zip(("protect", "attack", "remember"), times[:-1], times[1:], strict=True)
        )
        marks = ", ".join(f"{name} {count}" for name, count in certificate["marks"].items())
        ends = certificate["proven_ends"]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {title}: {steps}; peak {peak:.0f} MB")
        print(f"    {marks}; leaks {certificate['leaks']}; proven {ends}", flush=True)
        return frame


def measure_one(cells: int, mean: float, asked: argparse.Namespace) -> None:
    """One size in this process; ends it with 1 when something is wrong."""
    base = make_city(cells, mean, asked.zones, asked.kinds)
    table, sums, measures = tables(base)
    print(f"{len(table)} cells, mean {mean} per finest cell", flush=True)
    run = Run(sums, measures)
    frame = run.release("first release", table)
    print(kept(frame).to_string(float_format=lambda share: f"{share:.0%}"), flush=True)
    if asked.earlier:
        late = tables(with_late(base))[0]
        run.release("late deliveries", late)
        run.release("nothing changed", late)
    wrong = bool(run.leaks)
    if asked.attack_bare:
        bare = protect_frame(table, sums, RULES, measures, with_partners=False)
        leaks = certify(Linked(bare, sums), RULES, measures).certificate["leaks"]
        print(f"  without partners: {leaks} leaks")
        wrong |= not leaks
    sys.exit(int(wrong))


def main() -> int:
    """Run what was asked; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000])
    parser.add_argument("--mean", type=float, nargs="+", default=[0.4, 4.0])
    parser.add_argument("--zones", type=int, default=22)
    parser.add_argument("--kinds", type=int, default=3)
    parser.add_argument("--earlier", action="store_true", help="two more releases: late deliveries, and nothing new")
    parser.add_argument("--attack-bare", action="store_true", help="also attack the city without partners")
    asked = parser.parse_args()
    wrong = False
    for cells in asked.cells:
        for mean in asked.mean:
            process = multiprocessing.get_context("spawn").Process(target=measure_one, args=(cells, mean, asked))
            process.start()
            process.join()
            wrong |= process.exitcode != 0
    return int(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
