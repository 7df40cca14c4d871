"""How much of each published count stays visible, for the sample and for a city with many times as many events.

    python benchmarks/information.py [--times 1 10] [--work build/information]

Writes the sample with so many times the incidents, interventions, cases and partners' actions (surveys as they are), runs
`barometer run --direct` on it, and prints `audit.suppressions` of the release, by measure and kind of table. Exit code 2 when a
run does not publish.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
BAROMETER = Path(sys.executable).with_name("barometer")

KEPT = """
    select
        shown_in,
        measure,
        case
            when place = 'city' and breakdown = 'total' then 'city'
            when breakdown = 'total' then place
            else place || ', by ' || breakdown
        end as what,
        period_type,
        cell_count,
        visible_cell_share,
        visible_total_share
    from audit.suppressions
    order by shown_in, measure, place, breakdown, cell_count desc
"""


@contextmanager
def many_times(factor: int) -> Iterator[None]:
    """The sample's generator with so many times the events."""
    from sample import partners, police

    yearly = ("LINKED_INCIDENTS", "OTHER_INCIDENTS", "INTERVENTIONS", "RECORDED_CASES")
    before = {name: getattr(police, name) for name in yearly}
    cleared, monthly = police.CLEARED_2024, partners.ACTIONS_A_MONTH
    try:
        for name in yearly:
            setattr(police, name, {year: factor * count for year, count in before[name].items()})
        police.CLEARED_2024 = factor * cleared
        partners.ACTIONS_A_MONTH = {kind: tuple(factor * rate for rate in rates) for kind, rates in monthly.items()}
        yield
    finally:
        for name in yearly:
            setattr(police, name, before[name])
        police.CLEARED_2024, partners.ACTIONS_A_MONTH = cleared, monthly


def kept_of(factor: int, work: Path) -> list[tuple]:
    """The rows of KEPT for a city with so many times the sample's events."""
    import duckdb
    import make_sample

    folder = work / f"times-{factor}"
    shutil.rmtree(folder, ignore_errors=True)
    with many_times(factor):
        make_sample.write_sample(folder / "raw")
    command = [str(BAROMETER), "run", "--direct", "--raw", str(folder / "raw"), "--out", str(folder / "out")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    if ended.returncode not in (0, 1):
        sys.exit(f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}\nbarometer ended with {ended.returncode}")
    with duckdb.connect(str(folder / "out" / "current" / "campaign.duckdb"), read_only=True) as con:
        return con.execute(KEPT).fetchall()


def per_cent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10], help="so many times the sample's events")
    parser.add_argument("--work", type=Path, default=PROJECT / "build" / "information", help="where the runs are made")
    asked = parser.parse_args()
    sys.path.insert(0, str(PROJECT / "data"))
    tables = {factor: {row[:4]: row[4:] for row in kept_of(factor, asked.work)} for factor in asked.times}
    heads = "".join(f" cells × {factor} | shown | of the total |" for factor in asked.times)
    print(f"| measure | table | period |{heads}\n|---|---|---|{'---|---|---|' * len(asked.times)}")
    for key in sorted(set().union(*tables.values())):
        cells = []
        for factor in asked.times:
            count, shown, total = tables[factor].get(key, ("", None, None))
            cells.append(f" {count} | {per_cent(shown)} | {per_cent(total)} |")
        print(f"| {key[1]} | {key[2]} | {key[3]} |{''.join(cells)}")


if __name__ == "__main__":
    main()
