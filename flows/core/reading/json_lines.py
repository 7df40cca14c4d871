"""JSON lines: one object a line, read as text with its line number."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

from flows.core.errors import Refusal
from flows.core.reading.delimited import (
    KEPT_TEXT,
    MAX_COLUMNS,
    _Lines,
    _unreadable,
    line_too_long,
    too_many_columns,
)
from flows.core.reading.tables import BadLine, TextTable, one_file
from flows.core.reading.unpack import PlainText

SAMPLED_LINES = 2000
SEPARATOR = "\x01"
"""Stands in no JSON text: JSON writes control characters as escapes."""
_CONTROL = SEPARATOR.encode()


def looks_like_json(text: PlainText) -> bool:
    with text.path.open("rb") as file:
        head = file.read(4096).lstrip()
    return head.startswith((b"{", b"["))


def keys(text: PlainText, max_line: int) -> list[str]:
    """Names of the members of the first objects, in the order in which they come: enough to tell what kind of file it is.

    Raises Refusal when the text is one JSON document and not one object a line.
    """
    seen: dict[str, None] = {}
    is_long = False
    for _, line in islice(_Lines(text.path, max_line), SAMPLED_LINES):
        is_long = is_long or len(line) > max_line
        seen.update(dict.fromkeys(_members(line)))
    if is_long and not seen:
        raise line_too_long(1, max_line)
    if not seen or _is_array(text):
        raise Refusal(
            "not_json_lines",
            "one JSON object on each line",
            "a JSON document of another shape",
            "export it as JSON lines (.jsonl), or as CSV",
            1,
        )
    if len(seen) > MAX_COLUMNS:
        raise too_many_columns(len(seen), 1)
    return list(seen)


def _members(line: bytes) -> list[str]:
    """Names of the members of the object on a line; none if it is no object. Those with half a character are left out."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return []
    names = value if isinstance(value, dict) else ()
    return [name for name in names if name.isascii() or name.encode("utf-8", "ignore").decode() == name]


def _is_array(text: PlainText) -> bool:
    with text.path.open("rb") as file:
        return file.read(4096).lstrip().startswith(b"[")


def as_table(text: PlainText, folder: Path, names: list[str], max_line: int, with_numbers: bool) -> TextTable:
    """The delivery as a TextTable of form jsonl; numbered, each line stands behind its number and SEPARATOR."""
    if not with_numbers:
        return TextTable("jsonl", text.path, tuple(names), SEPARATOR, line_count=text.line_count)
    bad: list[BadLine] = []
    target = folder / "numbered.jsonl"
    with target.open("wb") as out:
        for number, line in _Lines(text.path, max_line):
            reason = _unreadable(line, max_line) or ("not_json" if _CONTROL in line else "")
            if reason:
                bad.append(BadLine(number, reason, line[:KEPT_TEXT].decode("utf-8", "replace")))
            elif record := line.strip().replace(b"\r", b" "):
                out.write(b"%d%b%b\n" % (number, _CONTROL, record))
    return TextTable("jsonl", target, tuple(names), SEPARATOR, numbered=True, bad_lines=tuple(bad))


def lines_sql(table: TextTable, max_line: int) -> str:
    """SQL that yields each line as `_json` (and `_line` when numbered), whether it is JSON or not."""
    columns = "{'_line': 'bigint', '_json': 'varchar'}" if table.numbered else "{'_json': 'varchar'}"
    return (
        f"select * from read_csv({one_file(table.path)}, auto_detect = false, header = false, delim = '{SEPARATOR}', "
        f"quote = '', escape = '', columns = {columns}, max_line_size = {max(4 * max_line, 4194304)}, "
        f"hive_partitioning = false)"
    )


def with_all_names(table: TextTable, max_line: int) -> TextTable | None:
    """The table with the names of the members of all its lines: those known so far, then the others in the order of the alphabet.

    None where a line of a table without numbers is no JSON: then it must be read with them.

    Raises Refusal for too many of them.
    """
    found = _names_beyond(table, max_line)
    if found is None:
        return None
    names = (*table.header, *sorted(found - set(table.header)))
    if len(names) > MAX_COLUMNS:
        raise too_many_columns(len(names), None)
    return replace(table, header=names)


def _names_beyond(table: TextTable, max_line: int) -> set[str] | None:
    """Names on the lines whose members are not just those known, in their order; None where these lines cannot be read.

    Most files repeat the members of their first line: to compare the lists takes less time than to gather the names.
    """
    import duckdb

    # to ask of each line whether it is JSON takes as long as a fifth of the rest
    names = "case when json_valid(_json) then json_keys(_json) end" if table.numbered else "json_keys(_json)"
    members = f"select {names} as names from ({lines_sql(table, max_line)})"
    beyond = f"select distinct unnest(names) from ({members}) where names <> $1 limit {2 * MAX_COLUMNS + 2}"
    with duckdb.connect(config={"temp_directory": str(table.path.parent)}) as con:
        try:
            return {name for (name,) in con.execute(beyond, [list(table.header)]).fetchall()}
        except duckdb.InvalidInputException:
            if table.numbered:
                raise
            return None
