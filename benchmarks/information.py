"""How much of each published count stays visible, for the sample and for a city with many times as many events.

    python benchmarks/information.py [--times 1 10] [--work build/information]

Writes the sample with so many times the incidents, interventions, cases and partners' actions (surveys as they are), runs
`barometer run --direct` on it, and prints from `audit.suppressions` of the release how much is kept: first for each mart and
kind of table, then for each measure. Exit code 2 when a run does not publish.
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
    order by measure, place, breakdown, cell_count desc
"""

# A count stands in several marts. Totals of different counts do not add up: of their shares the middle one is told.
KEPT_OF_MARTS = """
    select
        'marts.' || trim(mart) as mart,
        case when place = 'city' then place else 'zones and groups' end
            || case when breakdown = 'total' then '' else ', by kind' end as what,
        period_type,
        cast(sum(cell_count) as bigint) as cell_count,
        sum(shown_cell_count) / sum(cell_count) as visible_cell_share,
        median(visible_total_share) as visible_total_share
    from (select *, unnest(string_split(shown_in, ',')) as mart from audit.suppressions)
    group by all
    order by mart, what, cell_count desc
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


def published(factor: int, work: Path) -> Path:
    """The database of a release for a city with so many times the sample's events."""
    import make_sample

    folder = work / f"times-{factor}"
    shutil.rmtree(folder, ignore_errors=True)
    with many_times(factor):
        make_sample.write_sample(folder / "raw")
    command = [str(BAROMETER), "run", "--direct", "--raw", str(folder / "raw"), "--out", str(folder / "out")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    if ended.returncode not in (0, 1):
        print(
            f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}\nbarometer ended with {ended.returncode}", file=sys.stderr
        )
        sys.exit(2)
    return folder / "out" / "current" / "campaign.duckdb"


def rows_of(database: Path, sql: str) -> dict[tuple, tuple]:
    """Cells, share of them that is shown, and share of the total, by what they are."""
    import duckdb

    with duckdb.connect(str(database), read_only=True) as con:
        return {row[:-3]: row[-3:] for row in con.execute(sql).fetchall()}


def per_cent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def show(heads: tuple[str, ...], databases: dict[int, Path], sql: str) -> None:
    """One table: a line for each kind of cell, three columns for each size of city."""
    tables = {factor: rows_of(database, sql) for factor, database in databases.items()}
    columns = "".join(f" cells × {factor} | shown | of the total |" for factor in tables)
    print(f"| {' | '.join(heads)} |{columns}\n|{'---|' * (len(heads) + 3 * len(tables))}")
    for key in sorted(set().union(*tables.values())):
        cells = []
        for factor in tables:
            count, shown, total = tables[factor].get(key, ("", None, None))
            cells.append(f" {count} | {per_cent(shown)} | {per_cent(total)} |")
        print(f"| {' | '.join(key)} |{''.join(cells)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10], help="so many times the sample's events")
    parser.add_argument("--work", type=Path, default=PROJECT / "build" / "information", help="where the runs are made")
    asked = parser.parse_args()
    sys.path.insert(0, str(PROJECT / "data"))
    databases = {factor: published(factor, asked.work) for factor in asked.times}
    show(("mart", "table", "period"), databases, KEPT_OF_MARTS)
    print()
    show(("measure", "table", "period"), databases, KEPT)


if __name__ == "__main__":
    main()
