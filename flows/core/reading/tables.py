"""A delivered table as DuckDB can scan it: every field as text, with the line it came from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

AS_OWN_PARQUET = "(format parquet, compression snappy)"
"""How rows are written that only the warehouse itself reads: a sixth larger than with zstd, as what is published has it, and
written in four fifths of the time."""


def quoted(text: str | Path) -> str:
    """A SQL string literal."""
    return "'" + str(text).replace("'", "''") + "'"


def one_file(path: str | Path) -> str:
    """A SQL string literal that stands for this very file where DuckDB would take `*`, `?` and `[` in it for patterns."""
    return quoted(re.sub(r"([*?\[])", r"[\1]", str(path)))


def parquet(path: str | Path, options: str = "") -> str:
    """A Parquet file as a relation of its own columns: a folder above it that is called `key=value` adds none."""
    return f"read_parquet({one_file(path)}, hive_partitioning = false{options})"


def identifier(name: str) -> str:
    """A SQL identifier in quotes."""
    return '"' + name.replace('"', '""') + '"'


def parquet_sql(path: Path) -> str:
    """A Parquet file as a table, with `file_row_number`. A folder called `year=2024` above it adds no column."""
    return parquet(path, ", file_row_number = true")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that could not become a row: its number, why (a short code), and its text (restricted)."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class TextTable:
    """One delivered table: where its text is, what its header says, which lines fell out.

    `form` is csv, jsonl or parquet. A csv is UTF-8 without BOM and without its header; `numbered` says that the first
    field of each row is the line number in the file as delivered (for a workbook, the row of the sheet). A parquet of our own
    has it as its column `_line` (`has_line_column`); of one that was delivered it is the row's own. `has_plain_ends` says of a
    csv without numbers that its lines end alike: when it has as many rows as lines, each row is the line in its place.
    """

    form: str
    path: Path
    header: tuple[str, ...]
    delimiter: str = ";"
    skip_lines: int = 0
    numbered: bool = False
    has_line_column: bool = False
    line_end: str = "\\n"
    decimal: str | None = None
    line_count: int | None = None
    has_plain_ends: bool = False
    bad_lines: tuple[BadLine, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
