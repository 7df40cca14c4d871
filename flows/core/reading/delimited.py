"""Delimited text: which separator, where the header stands, and each record with the line it begins on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from flows.core.errors import Refusal
from flows.core.reading.tables import BadLine, TextTable
from flows.core.reading.unpack import PlainText

SEPARATORS = (";", ",", "\t")
HEADER_WITHIN_LINES = 15
MAX_RECORD_LINES = 200
KEPT_TEXT = 2000


def find_header(text: PlainText, wanted: Callable[[list[str]], bool], max_line: int) -> tuple[str, int, list[str]]:
    """Separator, line number and names of the first line that `wanted` takes as a header.

    Raises Refusal when a line is too long, the header is not closed, or none of the first lines is a header.
    """
    with text.path.open("rb") as file:
        for number in range(1, HEADER_WITHIN_LINES + 1):
            line = file.readline(max_line + 1)
            if not line:
                break
            if len(line) > max_line:
                raise line_too_long(number, max_line)
            for separator in SEPARATORS:
                names = _fields(line, separator)
                if names and wanted(names):
                    return separator, number, names
    raise Refusal("no_header", "a header line of a known kind of delivery", "none in the first lines", "", 1)


def _fields(line: bytes, separator: str) -> list[str]:
    text = line.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
    try:
        names = next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return []
    names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    return names


def line_too_long(number: int, limit: int) -> Refusal:
    return Refusal(
        "line_too_long",
        f"lines of at most {limit} bytes",
        "a longer one",
        "check that the file has line ends; export it again as CSV",
        number,
    )


def numbered(
    text: PlainText, target: Path, separator: str, header_line: int, width: int, max_line: int
) -> tuple[Path, tuple[BadLine, ...]]:
    """Write every record to `target` with its line number as first field; return the lines that are no record.

    `width` is the number of fields that the header names. Line numbers are those of the file as delivered.
    """
    bad: list[BadLine] = []
    lines = _Lines(text.path, max_line)
    lines.skip(header_line)
    mark = separator.encode()
    with target.open("wb") as out:
        out.writelines(
            b"%d%b%b\n" % (number, mark, record)
            for number, record in _records(lines, separator, width, bad)
            if record.strip()
        )
    return target, tuple(bad)


class _Lines:
    """Physical lines with their numbers, and a way to step back over those that a record should not have taken."""

    def __init__(self, path: Path, max_line: int) -> None:
        self._file = path.open("rb")
        self._pending: list[tuple[int, bytes]] = []
        self._number = 0
        self._max = max_line

    def skip(self, count: int) -> None:
        for _ in range(count):
            self._file.readline()
        self._number = count

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self

    def __next__(self) -> tuple[int, bytes]:
        if self._pending:
            return self._pending.pop()
        line = self._file.readline(self._max + 1)
        if not line:
            self._file.close()
            raise StopIteration
        self._number += 1
        if len(line) > self._max and not line.endswith(b"\n"):
            while (rest := self._file.readline(self._max)) and not rest.endswith(b"\n"):
                pass
        return self._number, line

    def give_back(self, lines: list[tuple[int, bytes]]) -> None:
        self._pending.extend(reversed(lines))


def _records(lines: _Lines, separator: str, width: int, bad: list[BadLine]) -> Iterator[tuple[int, bytes]]:
    for number, line in lines:
        reason = _unreadable(line, lines._max)
        if reason:
            bad.append(BadLine(number, reason, line[:KEPT_TEXT].decode("utf-8", "replace")))
        elif line.count(b'"') % 2 == 0:
            yield number, line.rstrip(b"\r\n")
        else:
            record = _quoted_record(lines, line, separator, width)
            if record is None:
                bad.append(BadLine(number, "quote_not_closed", line[:KEPT_TEXT].decode("utf-8", "replace")))
            else:
                yield number, record


def _unreadable(line: bytes, max_line: int) -> str:
    if len(line) > max_line:
        return "line_too_long"
    if b"\0" in line:
        return "nul_byte"
    if line.isascii():
        return ""
    try:
        return "character_unreadable" if "\ufffd" in line.decode("utf-8") else ""
    except UnicodeDecodeError:
        return "encoding_mixed"


def _quoted_record(lines: _Lines, first: bytes, separator: str, width: int) -> bytes | None:
    """The record that an open quote continues over several lines, or None (the lines are given back) if it is none."""
    taken: list[tuple[int, bytes]] = []
    quotes = first.count(b'"')
    for number, line in lines:
        taken.append((number, line))
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            record = (first + b"".join(part for _, part in taken)).rstrip(b"\r\n")
            if _is_record(record, separator, width):
                return record
            break
        if len(taken) >= MAX_RECORD_LINES:
            break
    lines.give_back(taken)
    return None


def _is_record(record: bytes, separator: str, width: int) -> bool:
    try:
        rows = list(csv.reader([record.decode("utf-8")], delimiter=separator, strict=True))
    except (csv.Error, UnicodeDecodeError):
        return False
    return len(rows) == 1 and len(rows[0]) == width


def as_table(
    text: PlainText, folder: Path, separator: str, header_line: int, names: list[str], max_line: int, with_numbers: bool
) -> TextTable:
    """The delivery as a TextTable, with line numbers or (fast, for large clean files) without."""
    if not with_numbers:
        return TextTable(
            "csv",
            text.path,
            tuple(names),
            separator,
            skip_lines=header_line,
            line_count=text.line_count - header_line,
            line_end=_line_end(text.path),
        )
    path, bad = numbered(text, folder / "numbered.csv", separator, header_line, len(names), max_line)
    return TextTable("csv", path, tuple(names), separator, numbered=True, bad_lines=bad)


def _line_end(path: Path) -> str:
    with path.open("rb") as file:
        return "\\r\\n" if file.readline(1 << 20).endswith(b"\r\n") else "\\n"
