"""Whether a further sheet of a workbook holds more rows of the same table: it has the names of its columns, or such values."""

from __future__ import annotations

import csv
from pathlib import Path

from flows.core.reading.recognise import Match, positions_of
from flows.core.reading.tables import TextTable, quoted
from flows.core.reading.typed import scan_sql, typed_select

LEAST_NAMES = 3
"""A pivot table or a legend repeats a name or two of the columns."""

NAMES_WITHIN_ROWS = 25
LEAST_SHARE = 0.5
"""Of the names, or of the rows: titles, totals and a misspelt header may stand among those that are accepted."""

_TELL_NOTHING = ("code", "text")
"""Types that accept whatever stands there."""


def is_part(rows: list[list[str]], header: tuple[str, ...], found: Match, folder: Path) -> bool:
    """Whether rows of text, cut to where their sheet's columns begin, look like rows of the table under `header`."""
    return _has_names(rows, found) or _are_accepted(rows, header, found, folder)


def _has_names(rows: list[list[str]], found: Match) -> bool:
    needed = max(LEAST_NAMES, LEAST_SHARE * len(found.positions))
    above_others = rows[:-1][:NAMES_WITHIN_ROWS]
    return any(len(positions_of(row, found.contract)) >= needed for row in above_others)


def _are_accepted(rows: list[list[str]], header: tuple[str, ...], found: Match, folder: Path) -> bool:
    """Whether the types would accept most of the rows. Of a table in which any text will do, the values tell nothing."""
    import duckdb

    columns = [column for column in found.contract.staged_columns if column.name in found.positions]
    required = [column for column in columns if column.required]
    if all(column.type in _TELL_NOTHING for column in required):
        return False
    width = len(header)
    table = TextTable("csv", folder / "further.csv", header, ";", numbered=True)
    with table.path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, delimiter=";", lineterminator="\n").writerow
        for number, row in enumerate(rows, 1):
            write([number, *row[:width], *[""] * (width - len(row))])
    listed = [
        f"coalesce({column.name} in ({', '.join(quoted(code) for code, _ in column.values)}), true)"
        for column in columns
        if column.type == "label" and column.values
    ]
    accepted = " and ".join(["_unreadable is null", *(f"{column.name} is not null" for column in required), *listed])
    typed = typed_select(
        found.contract, table, found.positions, scan_sql(found.contract, table, found.positions, 1 << 20)
    )
    with duckdb.connect(config={"threads": 1}) as con:
        count = con.execute(f"select count(*) from ({typed}) where {accepted}").fetchone()[0]
    table.path.unlink()
    return count > 0 and count >= LEAST_SHARE * len(rows)
