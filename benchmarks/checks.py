"""Times our validation against hand-written SQL with the same checks, side by side, and compares what both found.

    python benchmarks/checks.py --rows 5000000 --repeats 3 [--bad 0.001] [--work DIR]

The rows are the generator's communal base as admission sees it: read, typed, one Parquet file. One copy is clean, in the
other a share of the rows is bad. Exit code 0 when both sides found the same, whatever the times; 1 when they differ; 2
when something could not be run. This module imports nothing heavy: Linux counts what the parent held at the fork into a
child's peak memory.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from compare import PROJECT, CannotRun, machine, measured, say, spread

CONTRACT = "ssmsi_communal"
SIDES = ("ours", "sql")

# The rows that fail each expectation of the contract, as somebody would write them who knows the table.
FAILING = {
    "readable": "_unreadable is not null",
    "territory_code_present": "territory_code is null",
    "year_present": "year is null",
    "indicator_label_present": "indicator_label is null",
    "unit_label_present": "unit_label is null",
    "publication_status_present": "publication_status is null",
    "year_plausible": "year not between 2016 and 2030",
    "count_not_negative": "count not between 0 and 3000000",
    "rate_plausible": "rate_per_1000 not between 0 and 20000",
    "hidden_has_no_count": "publication_status = 'ndiff' and count is not null",
    "published_has_count": "publication_status = 'diff' and count is null",
    "publication_status_known": "publication_status not in ('diff', 'ndiff')",
}
NO_ROWS, REPEATED_KEY = "rows_present", "key_unique"

# Of copies that agree in everything the first may stay; where they disagree nobody knows which is right. To group by
# hashes first takes a third of the time that the key's own texts take.
REPEATED = """
    with suspected as (
        select hash(territory_code, year, indicator_label) as key_hash
        from candidate
        where territory_code is not null and year is not null and indicator_label is not null
        group by key_hash
        having count(*) > 1
    ),
    copies as (
        select
            count(*) as copy_count,
            count(distinct concat_ws('|', unit_label, coalesce(cast(count as varchar), 'NULL'),
                coalesce(cast(rate_per_1000 as varchar), 'NULL'), publication_status, population, population_year,
                dwellings, dwellings_year, complement_count, complement_rate_per_1000)) as version_count
        from candidate
        inner join suspected on hash(territory_code, year, indicator_label) = key_hash
        group by territory_code, year, indicator_label
    )
    select coalesce(sum(case when version_count > 1 then copy_count else copy_count - 1 end), 0) from copies"""

# What is spoilt in one row of `every`, by its remainder: each expectation on rows finds something.
SPOILT = {
    "territory_code": "case when kind = 0 then null else territory_code end",
    "year": "case kind when 1 then 1916 when 2 then null else year end",
    "indicator_label": "case when kind = 3 then null else indicator_label end",
    "unit_label": "case when kind = 4 then null else unit_label end",
    "count": "case kind when 5 then -1 when 6 then null when 7 then 4 else count end",
    "rate_per_1000": "case when kind = 8 then 30000 else rate_per_1000 end",
    "publication_status": "case kind when 6 then 'diff' when 7 then 'ndiff' when 9 then null when 10 then 'peut-être' "
    "else publication_status end",
    "_unreadable": "case when kind = 11 then 'dwellings' else _unreadable end",
}
KINDS = 14
"""The last two are rows that stand twice: as an exact copy, and with another count."""


@dataclass(frozen=True)
class Measured:
    """One child process, and inside it the checks alone: seconds of wall and processor time."""

    cost: object
    wall: float
    cpu: float
    found: dict[str, list]
    left_out: tuple[str, ...]


# -- the rows -----------------------------------------------------------------------------------------------------------


def prepare(work: Path, rows: int, share: float) -> dict[str, Path]:
    """The clean and the spoilt file, made when they are not there yet."""
    files = {name: work / f"checks-{rows}-{name}.parquet" for name in ("clean", f"bad-{share:g}")}
    if all(path.exists() for path in files.values()):
        say(f"rows are in {', '.join(str(path) for path in files.values())}")
        return files
    say(f"generating {rows} rows of the communal base, and reading them as admission does")
    clean, bad = files.values()
    measured([sys.executable, __file__, "--make", clean, bad, "--rows", rows, "--bad", share], work / "checks.log")
    return files


def make(clean: Path, bad: Path, rows: int, share: float) -> None:
    """Write the typed rows of a delivery of the generator to `clean`, and to `bad` with every so many spoilt."""
    import os
    import shutil

    import duckdb
    import generate

    from flows.core import admission, reading
    from flows.core.contracts import load_contracts
    from flows.core.reading.tables import quoted
    from flows.core.steps import room
    from flows.settings import Settings

    contracts = load_contracts(generate.SQL / "0_sources")
    folder = clean.with_suffix(".making")
    shutil.rmtree(folder, ignore_errors=True)
    limits = room(Settings(raw=folder / "raw", out=folder / "out").resolved())
    with duckdb.connect() as con:
        con.execute(generate.DICE)
        ssmsi = next(
            entry
            for entry in generate._deliveries(con, rows / generate.COMMUNAL_ROWS, 60)
            if entry[2] == "ssmsi.csv.gz"
        )
        path = generate._write(con, *ssmsi, folder, contracts[CONTRACT])
    delivered = reading.read(path, contracts, folder, limits.limits, None)
    con = admission.open_duckdb(limits, folder / "work")
    admission._candidate(con, delivered, folder, limits)
    written = folder / "candidate.parquet"
    every = max(1, round(1 / share))
    replaced = ", ".join(f"{text} as {column}" for column, text in SPOILT.items())
    numbered = f"""
        select * exclude (file_row_number),
            case when file_row_number % {every} = 0 then (file_row_number // {every}) % {KINDS} else -1 end as kind
        from read_parquet({quoted(written)}, file_row_number = true)"""
    con.execute(f"""copy (
        with numbered as ({numbered})
        select * exclude (kind) replace ({replaced}) from numbered
        union all by name
        select * exclude (kind) replace (case when kind = {KINDS - 1} then coalesce(count, 0) + 1 else count end as count)
        from numbered where kind >= {KINDS - 2}
    ) to {quoted(bad)} (format parquet, compression zstd)""")
    con.close()
    os.replace(written, clean)
    shutil.rmtree(folder)


# -- the two sides ------------------------------------------------------------------------------------------------------


def run_side(side: str, path: Path) -> dict:
    """Check the rows of a file one way, in this process; what is imported is imported before the clock starts."""
    import duckdb

    from flows.core import admission, validation
    from flows.core.contracts import load_contracts
    from flows.core.reading.tables import quoted
    from flows.settings import Settings

    contract = load_contracts(PROJECT / "sql" / "0_sources")[CONTRACT]
    asked = admission.expectations_of(contract)
    known = {NO_ROWS, REPEATED_KEY, *FAILING}
    wanted = [expectation for expectation in asked if expectation.id in known]
    if side == "ours":
        validation.preload().join()
    settings = Settings().resolved()
    with duckdb.connect(config={"threads": settings.threads, "memory_limit": settings.memory_limit}) as con:
        rows = f"read_parquet({quoted(path)}, file_row_number = true)"
        con.execute(f"create view candidate as select *, cast(file_row_number as bigint) as _row from {rows}")
        start, busy = time.perf_counter(), time.process_time()
        failed = _ours(con, wanted) if side == "ours" else _by_sql(con, {expectation.id for expectation in wanted})
        wall, cpu = time.perf_counter() - start, time.process_time() - busy
    left_out = [expectation.id for expectation in asked if expectation.id not in known]
    return {"wall": wall, "cpu": cpu, "found": failed, "left_out": left_out}


def _ours(con, expectations: list) -> dict[str, list]:
    from flows.core.validation import Validator

    validator = Validator(con)
    try:
        checks = validator.validate("candidate", expectations, has_row_ids=True)
    finally:
        validator.close()
    return {check.expectation.id: [check.verdict, check.failed_rows] for check in checks}


def _by_sql(con, wanted: set[str]) -> dict[str, list]:
    """All conditions on single rows in one pass over them; the key in a second one."""
    ids = [name for name in FAILING if name in wanted]
    counts = ", ".join(f"count(*) filter (where {FAILING[name]})" for name in ids)
    total, *failed = con.execute(f"select count(*), {counts} from candidate").fetchone()
    failed = dict(zip(ids, failed, strict=True))
    if NO_ROWS in wanted:
        failed[NO_ROWS] = 0 if total else 1
    if REPEATED_KEY in wanted:
        failed[REPEATED_KEY] = int(con.execute(REPEATED).fetchone()[0])
    return {name: ["failed" if count else "passed", count] for name, count in failed.items()}


# -- measuring ----------------------------------------------------------------------------------------------------------


def measure(side: str, path: Path, work: Path) -> Measured:
    log = work / f"checks-{side}.log"
    cost = measured([sys.executable, __file__, "--side", side, path], log)
    told = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    return Measured(cost, told["wall"], told["cpu"], told["found"], tuple(told["left_out"]))


def differences(ours: Measured, sql: Measured) -> list[str]:
    """A line for each expectation of which the sides do not say the same."""
    return [
        f"{name}: ours {ours.found.get(name)}, by hand {sql.found.get(name)}"
        for name in sorted(ours.found.keys() | sql.found.keys())
        if ours.found.get(name) != sql.found.get(name)
    ]


def report(name: str, pairs: list[tuple[Measured, Measured]]) -> list[str]:
    ours, sql = ([pair[side] for pair in pairs] for side in range(len(SIDES)))
    lines = ["", f"{name:32}{'ours':>24}{'hand-written SQL':>24}{'ratio':>22}"]
    for label, value, digits in (
        ("checks alone, wall s", lambda m: m.wall, 2),
        ("checks alone, CPU s", lambda m: m.cpu, 2),
        ("whole process, wall s", lambda m: m.cost.wall, 2),
        ("whole process, CPU s", lambda m: m.cost.cpu, 2),
        ("whole process, peak MB", lambda m: m.cost.peak / 1024**2, 0),
    ):
        first, second = [value(m) for m in ours], [value(m) for m in sql]
        ratios = [a / b for a, b in zip(first, second, strict=True)]
        lines.append(f"{label:32}{spread(first, digits):>24}{spread(second, digits):>24}{spread(ratios, 2):>22}")
    failed = {name: count for name, (_, count) in sql[0].found.items() if count}
    return [*lines, f"{len(sql[0].found)} expectations; failed rows: {failed or 'none'}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the communal base (default: 5 million)")
    parser.add_argument("--bad", type=float, default=0.001, help="share of bad rows in the second file")
    parser.add_argument("--repeats", type=int, default=3, help="rounds, each ours then SQL (default: 3)")
    parser.add_argument("--work", type=Path, default=PROJECT / "build" / "benchmark", help="folder to work in")
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, type=Path, metavar=("CLEAN", "BAD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(run_side(options.side[0], Path(options.side[1]))))
        return 0
    if options.make:
        make(*options.make, options.rows, options.bad)
        return 0
    if options.rows < 1000 or options.repeats < 1 or not 0 < options.bad <= 0.5:
        parser.error("--rows is at least 1000, --repeats at least 1, --bad above 0 and at most 0.5")
    work = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    say(", ".join(f"{name} {value}" for name, value in machine().items() if value not in ({}, None)))
    lines, found = [], []
    try:
        for name, path in prepare(work, options.rows, options.bad).items():
            pairs = []
            for number in range(1, options.repeats + 1):
                pair = tuple(measure(side, path, work) for side in SIDES)
                pairs.append(pair)
                found += [f"{name}: {line}" for line in differences(*pair)]
                say(f"{name}, round {number}: ours {pair[0].wall:.2f} s, SQL {pair[1].wall:.2f} s")
            lines += report(f"{options.rows} rows, {name}", pairs)
            left_out = pairs[0][0].left_out
    except CannotRun as problem:
        say(f"benchmark: {problem}")
        return 2
    say("\n".join([*lines, "", "median (least – most); a ratio is taken within each round"]))
    if left_out:
        say(f"left out on both sides, for nobody wrote them by hand: {', '.join(left_out)}")
    say("verdicts and counts: " + ("equal in every round" if not found else "DIFFERENT"))
    for line in found:
        say(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
