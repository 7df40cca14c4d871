"""Times the protection of simulated cities and says how much of their tables stays visible.

    python benchmarks/disclosure.py --cells 10000 100000 [--mean 0.4 4] [--zones 9] [--kinds 3]

A city has zones × months × kinds with quarters, years and all margins; counts are Poisson, uneven over zones and kinds,
with the given mean per finest cell (0.4: ten incidents a month in nine zones; 4: ten times as many events). Every year and
measure is one independent block. Processor seconds, since the machine may be shared. Exit code 1 when the attacker finds
a leak in a protected city, or none in the same city without partners.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np

from flows.core.disclosure.coarsening import withhold_fine
from flows.core.disclosure.cube import Cube, Hierarchy
from flows.core.disclosure.protection import SHOWN, Protected, protect
from flows.core.disclosure.rules import POLICE, rule_book

CITY = "city"
SPANS = ("month", "quarter", "year")
YEARS = 12  # of one measure; a larger cube has more measures, as a cube of indicators does


def make_city(cells: int, mean: float, zones: int, kinds: int) -> tuple[Cube, list[Hierarchy]]:
    """A cube of about so many cells, always the same for the same arguments."""
    of_a_year = (zones + 1) * (kinds + 1) * 17
    years = max(1, min(YEARS, round(cells / of_a_year)))
    measures = max(1, round(cells / of_a_year / years))
    random = np.random.default_rng(20261123)
    zone_weight, kind_weight = random.dirichlet(np.full(zones, 4)) * zones, random.dirichlet(np.full(kinds, 4)) * kinds
    rates = mean * np.multiply.outer(zone_weight, kind_weight)[None, :, None, :]
    base = random.poisson(np.broadcast_to(rates, (measures, zones, 12 * years, kinds)))
    full = np.concatenate([base, base.sum(1, keepdims=True)], 1)
    quarters = full.reshape(measures, zones + 1, 4 * years, 3, kinds).sum(3)
    whole_years = quarters.reshape(measures, zones + 1, years, 4, kinds).sum(3)
    full = np.concatenate([full, quarters, whole_years], 2)
    full = np.concatenate([full, full.sum(3, keepdims=True)], 3)
    named = range(2026 - years, 2026)
    months = [f"{year}-{month:02d}" for year in named for month in range(1, 13)]
    quarter_names = [f"{year} Q{quarter}" for year in named for quarter in range(1, 5)]
    axes = {
        "measure": [f"measure {number}" for number in range(measures)],
        "zone": [*[f"zone {number}" for number in range(zones)], CITY],
        "period": [*months, *quarter_names, *map(str, named)],
        "kind": [*[f"kind {number}" for number in range(kinds)], "all"],
    }
    grid = np.meshgrid(*[np.array(axis) for axis in axes.values()], indexing="ij")
    cube = Cube({name: part.ravel() for name, part in zip(axes, grid, strict=True)}, full.ravel())
    return cube, [
        Hierarchy("zone", "zones of the city", dict.fromkeys(axes["zone"][:-1], CITY)),
        Hierarchy("period", "months of the quarter", {m: quarter_names[i // 3] for i, m in enumerate(months)}),
        Hierarchy("period", "quarters of the year", {quarter: quarter[:4] for quarter in quarter_names}),
        Hierarchy("kind", "kinds", dict.fromkeys(axes["kind"][:-1], "all")),
    ]


def tables(cube: Cube) -> dict[str, np.ndarray]:
    """The tables that a reader knows, each with its cells."""
    zone, period, kind = (np.asarray(cube.dimensions[name]) for name in ("zone", "period", "kind"))
    spans = {"month": np.char.find(period, "-") > 0, "quarter": np.char.find(period, "Q") > 0}
    spans["year"] = ~spans["month"] & ~spans["quarter"]
    found = {}
    for span, of_span in spans.items():
        found[f"city × {span}"] = of_span & (zone == CITY) & (kind == "all")
        found[f"zone × {span}"] = of_span & (zone != CITY) & (kind == "all")
        found[f"zone × {span} × kind"] = of_span & (zone != CITY) & (kind != "all")
    return found


def series(cube: Cube) -> list[dict[str, np.ndarray]]:
    """The same tables, each at its levels, finest first."""
    found = tables(cube)
    names = ("city × {}", "zone × {}", "zone × {} × kind")
    city_kinds = (np.asarray(cube.dimensions["zone"]) == CITY) & (np.asarray(cube.dimensions["kind"]) != "all")
    period = np.asarray(cube.dimensions["period"])
    levels = [{span: np.flatnonzero(found[name.format(span)]) for span in SPANS} for name in names]
    of_kinds = {"month": np.char.find(period, "-") > 0, "quarter": np.char.find(period, "Q") > 0}
    of_kinds["year"] = ~of_kinds["month"] & ~of_kinds["quarter"]
    return [*levels, {span: np.flatnonzero(cells & city_kinds) for span, cells in of_kinds.items()}]


def report(found: Protected, seconds: float) -> None:
    """One city: time, marks, and per table what stays visible."""
    certificate = found.certificate
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    marks = ", ".join(f"{name} {count}" for name, count in certificate["marks"].items())
    print(f"  {seconds:.1f} s of processor time, peak {peak:.0f} MB; {marks}; leaks {certificate['leaks']}")
    shown, count = found.mark == SHOWN, found.cube.count
    print(f"  {'table':<24} {'cells':>8} {'non-zero':>9} {'visible':>8} {'non-zero visible':>17} {'of the total':>13}")
    for name, cells in tables(found.cube).items():
        telling = cells & (count > 0)
        of_total = count[cells & shown].sum() / max(count[cells].sum(), 1)
        shares = f"{shown[cells].mean():>8.0%} {shown[telling].mean():>17.0%} {of_total:>13.0%}"
        print(f"  {name:<24} {cells.sum():>8} {telling.sum():>9} {shares}")


def main() -> int:
    """Run what was asked; see the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[10_000])
    parser.add_argument("--mean", type=float, nargs="+", default=[0.4, 4.0])
    parser.add_argument("--zones", type=int, default=9)
    parser.add_argument("--kinds", type=int, default=3)
    parser.add_argument("--coarser", action="store_true", help="withhold levels that would be mostly blank")
    parser.add_argument("--attack-bare", action="store_true", help="also attack the city without partners")
    asked = parser.parse_args()
    wrong = False
    for cells in asked.cells:
        for mean in asked.mean:
            cube, hierarchies = make_city(cells, mean, asked.zones, asked.kinds)
            book = rule_book(dict.fromkeys(np.unique(cube.dimensions["measure"]).tolist(), POLICE))
            print(f"{len(cube)} cells, mean {mean} per finest cell", flush=True)
            done, start = 0, time.process_time()

            def tick(more: int) -> None:
                nonlocal done
                done += more
                print(f"\r  {done} cells", end="", file=sys.stderr, flush=True)

            asked_of = cube
            if asked.coarser:
                asked_of, choices = withhold_fine(cube, series(cube), book)
                print("  finest levels shown:", ", ".join(choice.level or "none" for choice in choices))
            found = protect(asked_of, hierarchies, book, tick=tick)
            print(file=sys.stderr)
            report(found, time.process_time() - start)
            wrong |= bool(found.leaks)
            if asked.attack_bare:
                start = time.process_time()
                bare = protect(cube, hierarchies, book, with_partners=False)
                print(f"  without partners {len(bare.leaks)} leaks ({time.process_time() - start:.1f} s)")
                wrong |= not bare.leaks
    return int(wrong)


if __name__ == "__main__":
    raise SystemExit(main())
