"""Content fingerprints: one hash of a table's columns and rows, whatever the order and the file that they are stored in.

A row is the line that PostgreSQL's COPY would write: its values in the columns' order, a tab between them, `\\N` for NULL,
and `\\\\`, `\\t`, `\\n` for a backslash, a tab and a line end inside a text. Other values are as DuckDB prints them.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from flows.core.reading.tables import identifier, parquet

DEFINITION = (
    "sha256 of: the line 'campaign barometer fingerprint 1'; for each column in its order a line 'name TYPE'; a line with the "
    "number of rows, the sum over the rows of the first 8 bytes of the md5 of the row's text and the sum of its last 8 bytes, "
    "both read as little-endian numbers, a space between the three. A row's text is UTF-8: its values in the columns' order "
    "with a tab between them, \\N for NULL, and \\\\, \\t, \\n for a backslash, a tab and a line end inside a text; other values "
    "as DuckDB casts them to varchar. Columns that speak of earlier releases (`history` in the manifest) are left out."
)
"""Sums, so that the order does not matter and nothing is sorted; md5 and sha256, since DuckDB's own `hash()` gives other
numbers in other versions. It tells whether two tables hold the same; against a forger stand the sha256 of the files."""


def row_text(columns: Mapping[str, str]) -> str:
    """SQL of a row's text. `columns`: names with DuckDB's types."""
    values = []
    for name, kind in columns.items():
        column = identifier(name)
        if kind == "VARCHAR":
            # a plain chain of functions: DuckDB works it out once for each different text of a Parquet page
            values.append(
                f"coalesce(replace(replace(replace({column}, '\\', '\\\\'), chr(9), '\\t'), chr(10), '\\n'), '\\N')"
            )
        elif kind == "BOOLEAN":
            values.append(f"case {column} when true then 'true' when false then 'false' else '\\N' end")
        else:
            values.append(f"coalesce(cast({column} as varchar), '\\N')")
    return f"concat({', chr(9), '.join(values)})"


def of_rows(columns: Mapping[str, str], rows: int, first_halves: int, last_halves: int) -> str:
    """The fingerprint from the columns and the three numbers of the definition."""
    lines = ["campaign barometer fingerprint 1", *(f"{n} {t}" for n, t in columns.items())]
    return hashlib.sha256("\n".join([*lines, f"{rows} {first_halves} {last_halves}"]).encode()).hexdigest()


def of_relation(con, relation: str, columns: Mapping[str, str], history: Iterable[str] = ()) -> str | None:
    """The fingerprint of a table, or of `read_parquet(…)`; None when all its columns are history."""
    told = without_history(columns, history)
    if not told:
        return None
    halves = "sum(cast(m >> 64 as ubigint)), sum(cast(m & 18446744073709551615 as ubigint))"
    sql = f"select count(*), {halves} from (select md5_number({row_text(told)}) as m from {relation})"
    rows, last, first = con.execute(sql).fetchone()
    return of_rows(told, rows, first or 0, last or 0)


class Fingerprinting:
    """The fingerprints of Parquet files, taken by a thread of its own, one after the other, while the run goes on.

    The thread stands aside for all that the run itself does: building tables keeps every processor busy, but what is between
    large tables, and checking and publishing later on, keeps one.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="fingerprints", initializer=_stand_aside)
        self._begun: dict[str, Future] = {}

    def begin(self, name: str, path: Path, history: Iterable[str]) -> None:
        """Take a table's fingerprint from its file, with its columns that are history."""
        self._begun[name] = self._pool.submit(self._of_file, path, history)

    def taken(self, name: str) -> str | None:
        """The fingerprint of a table that was begun, waited for. Raises LookupError for another one."""
        return self._begun[name].result()

    def __contains__(self, name: str) -> bool:
        return name in self._begun

    @cached_property
    def _con(self):
        """Apart from every other connection, and with one thread."""
        import duckdb

        con = duckdb.connect(config={"threads": 1})
        con.execute("set timezone = 'UTC'")
        return con

    def _of_file(self, path: Path, history: Iterable[str]) -> str | None:
        relation = parquet(path)
        return of_relation(self._con, relation, columns_of(self._con, relation), history)


def _stand_aside() -> None:
    """Let this thread have a tenth of a processor's time where others want it too; on Linux a thread has its own priority."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def portable_sql(file: str, columns: Mapping[str, str], history: Iterable[str] = ()) -> str:
    """The three numbers of the definition, from a Parquet file, for any DuckDB since 1.0: for whoever derives them alone."""
    text = row_text(without_history(columns, history) or columns)
    halves = "sum(md5_number_upper(row_text)), sum(md5_number_lower(row_text))"
    return f"select count(*), {halves} from (select {text} as row_text from read_parquet({file}))"


def without_history(columns: Mapping[str, str], history: Iterable[str]) -> dict[str, str]:
    left_out = set(history)
    return {name: kind for name, kind in columns.items() if name not in left_out}


def columns_of(con, relation: str) -> dict[str, str]:
    """Names and types of a table's columns, in their order."""
    return {row[0]: row[1] for row in con.execute(f"describe select * from {relation}").fetchall()}
