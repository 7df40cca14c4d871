"""Whether two builds hold the same published tables: same columns, same rows, same values.

    python benchmarks/outputs.py A.duckdb B.duckdb

Compares every table of the schema `marts` of both files, in both directions. Exit code 1 when anything differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb

from flows.core.reading.tables import identifier, quoted

ALLOWED: dict[str, dict[str, str]] = {}
"""Columns that may differ, by table, each with its reason. None may: `audit` tells of the run, `marts` does not."""


def differences(first: Path, second: Path) -> tuple[int, list[str]]:
    """How many tables were compared, and a line for each that differs."""
    with tempfile.TemporaryDirectory() as spill, duckdb.connect(config={"temp_directory": spill}) as con:
        con.execute(f"attach {quoted(first)} as a (read_only)")
        con.execute(f"attach {quoted(second)} as b (read_only)")
        tables = {name: _tables(con, name) for name in ("a", "b")}
        found = [f"{table}: only in {first}" for table in sorted(tables["a"].keys() - tables["b"].keys())]
        found += [f"{table}: only in {second}" for table in sorted(tables["b"].keys() - tables["a"].keys())]
        common = sorted(tables["a"].keys() & tables["b"].keys())
        for table in common:
            found += _differences(con, table, tables["a"][table], tables["b"][table])
        return len(common), found


def _tables(con, database: str) -> dict[str, list[tuple[str, str]]]:
    """Columns with their types by table of `marts`."""
    rows = con.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and schema_name = 'marts' order by table_name, column_index",
        [database],
    ).fetchall()
    tables: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, []).append((column, kind))
    return tables


def _differences(con, table: str, first: list[tuple[str, str]], second: list[tuple[str, str]]) -> list[str]:
    if first != second:
        return [f"{table}: columns {first} and {second}"]
    a, b = (f"{database}.marts.{identifier(table)}" for database in "ab")
    counts = [con.execute(f"select count(*) from {name}").fetchone()[0] for name in (a, b)]
    if counts[0] != counts[1]:
        return [f"{table}: {counts[0]} and {counts[1]} rows"]
    compared = [column for column, _ in first if column not in ALLOWED.get(table, {})]
    columns = ", ".join(map(identifier, compared))
    only = [
        con.execute(f"select count(*) from (select {columns} from {x} except select {columns} from {y})").fetchone()[0]
        for x, y in ((a, b), (b, a))
    ]
    if not any(only):
        return []
    named = ", ".join(column for column in compared if _differs(con, a, b, column)) or "in combination"
    return [f"{table}: {only[0]} and {only[1]} rows of {counts[0]} differ; columns {named}"]


def _differs(con, a: str, b: str, column: str) -> bool:
    name = identifier(column)
    sql = f"""
        select count(*) from (
            (select {name}, count(*) from {a} group by all except select {name}, count(*) from {b} group by all)
            union all
            (select {name}, count(*) from {b} group by all except select {name}, count(*) from {a} group by all)
        )"""
    return con.execute(sql).fetchone()[0] > 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("databases", type=Path, nargs=2, metavar="FILE", help="a DuckDB file with a schema `marts`")
    count, found = differences(*parser.parse_args().databases)
    print("\n".join(found) if found else f"{count} tables equal")
    sys.exit(1 if found or not count else 0)


if __name__ == "__main__":
    main()
