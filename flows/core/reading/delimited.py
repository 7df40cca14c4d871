"""Delimited text: which separator, where the header stands, and each record with the line it begins on."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from flows.core.errors import Refusal
from flows.core.reading.tables import BadLine, TextTable
from flows.core.reading.unpack import OTHER_ENCODING, PlainText

SEPARATORS = (";", ",", "\t")
HEADER_WITHIN_LINES = 15
MAX_COLUMNS = 5000
MAX_RECORD_LINES = 200
KEPT_TEXT = 2000


def find_header(text: PlainText, wanted: Callable[[list[str]], bool], max_line: int) -> tuple[str, int, list[str]]:
    """Separator, line number and names of the first line that `wanted` takes as a header.

    Raises Refusal when a line is too long or has too many fields, or when none of the first lines is a header.
    """
    widest = (0, 1)
    with text.path.open("rb") as file:
        for number in range(1, HEADER_WITHIN_LINES + 1):
            line = file.readline(max_line + 1)
            if not line:
                break
            if len(line) > max_line:
                raise line_too_long(number, max_line)
            for separator in SEPARATORS:
                names = _fields(line, separator)
                widest = max(widest, (len(names), -number))
                if 0 < len(names) <= MAX_COLUMNS and wanted(names):
                    return separator, number, names
    if widest[0] > MAX_COLUMNS:
        raise too_many_columns(widest[0], -widest[1])
    raise Refusal("no_header", "a header line of a known kind of delivery", "none in the first lines", "", 1)


def _fields(line: bytes, separator: str) -> list[str]:
    text = decoded(line).lstrip("\ufeff").rstrip("\r\n")
    try:
        names = next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return []
    names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    return names


def decoded(line: bytes) -> str:
    """A line near the header as text; it may be in another encoding than the rows below."""
    try:
        return line.replace(OTHER_ENCODING, b"").decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def too_many_columns(count: int, line: int | None) -> Refusal:
    return Refusal(
        "too_many_columns",
        f"at most {MAX_COLUMNS} columns",
        f"{count} of them",
        "export only the columns that the contract names",
        line,
        {"count": count, "limit": MAX_COLUMNS},
    )


def line_too_long(number: int, limit: int) -> Refusal:
    return Refusal(
        "line_too_long",
        f"lines of at most {limit} bytes",
        "a longer one",
        "check that the file has line ends; export it again as CSV",
        number,
        {"limit": limit},
    )


def numbered(
    text: PlainText, target: Path, separator: str, header_line: int, width: int, max_line: int
) -> tuple[int, tuple[BadLine, ...]]:
    """Write every record to `target` behind its line number; return their count and the lines that are none.

    `width` is the number of fields that the header names. Line numbers are those of the file as delivered. Blank lines,
    and those that hold nothing but separators, are no records.
    """
    bad: list[BadLine] = []
    lines = _Lines(text.path, max_line)
    lines.skip(header_line)
    mark = separator.encode()
    count = 0
    with target.open("wb") as out:
        for number, record in _records(lines, separator, width, bad):
            out.write(b"%d%b%b\n" % (number, mark, record))
            count += 1
    return count, tuple(bad)


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
        line = b"" if self._file.closed else self._file.readline(self._max + 1)
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
    # DuckDB could tell the lines of another width as well, but of very many it forgets some
    mark = separator.encode()
    blank = b" \t\r\n" + mark
    for number, line in lines:
        record = line.strip(b"\r\n")
        reason = _unreadable(line, lines._max) or _misplaced(record, separator)
        if reason == "quote_not_closed" and (whole := _quoted_record(lines, line, separator, width)):
            record, reason = whole, ""
        if not reason and record.count(mark) + 1 != width and record.strip(blank):
            record, reason = _of_width(record, separator, width)
        if reason:
            bad.append(BadLine(number, reason, line[:KEPT_TEXT].decode("utf-8", "replace")))
        elif record.strip(blank):
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


def _misplaced(record: bytes, separator: str) -> str:
    """Why DuckDB would cut this line or take the next ones for a part of it; nothing where it is a record by itself."""
    if b'"' not in record and b"\r" not in record:
        return ""
    if _patterns(separator)[0].fullmatch(record) or _parsed(record, separator):
        return ""
    if b"\r" in record and _parsed(record.replace(b"\r", b""), separator):
        return "line_end_misplaced"
    return "quote_not_closed" if record.count(b'"') % 2 else "quote_misplaced"


def _of_width(record: bytes, separator: str, width: int) -> tuple[bytes, str]:
    """The record without the empty fields that some programs write behind the last column; why it still is none."""
    mark = separator.encode()
    spare = (len(_parsed(record, separator)) if b'"' in record else record.count(mark) + 1) - width
    while spare > 0 and record.endswith(mark):
        record, spare = record[: -len(mark)], spare - 1
    return record, "too_few_fields" if spare < 0 else "too_many_fields" if spare else ""


def _quoted_record(lines: _Lines, first: bytes, separator: str, width: int) -> bytes | None:
    """The record that an open quote continues over several lines, or None (the lines are given back) if it is none."""
    taken: list[tuple[int, bytes]] = []
    quotes = first.count(b'"')
    for number, line in lines:
        taken.append((number, line))
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            record = (first + b"".join(part for _, part in taken)).rstrip(b"\r\n")
            fields = _parsed(record, separator)
            if len(fields) >= width and not any(fields[width:]):
                return record
            break
        if len(taken) >= MAX_RECORD_LINES:
            break
    lines.give_back(taken)
    return None


@cache
def _patterns(separator: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """A record in which each quote opens or closes a field (most are, and it is quick), and any one field."""
    mark = re.escape(separator.encode())
    plain = rb'(?:"[^"]*+"|[^"' + mark + rb"\r\n]*+)"
    field = rb' ?"(?:[^"]|""|" +")*+" *|(?! ?")[^' + mark + rb"\r\n]*"
    return re.compile(plain + rb"(?:" + mark + plain + rb")*+"), re.compile(field)


def _parsed(record: bytes, separator: str) -> list[bytes]:
    """The fields of a record as DuckDB divides it, with their quotes; none if it is not one record.

    A quote opens a field at its start or behind one space; further inside it is a letter like others. A field that was
    closed goes on when nothing but spaces stand before the next quote.
    """
    mark, field = separator.encode(), _patterns(separator)[1]
    fields, place = [], 0
    while found := field.match(record, place):
        fields.append(found[0])
        place = found.end()
        if place == len(record):
            return fields
        if not record.startswith(mark, place):
            break
        place += len(mark)
    return []


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
            has_plain_ends=text.has_plain_ends,
            line_end=_line_end(text.path),
            decimal=_decimal(text, separator, header_line),
        )
    path = folder / "numbered.csv"
    count, bad = numbered(text, path, separator, header_line, len(names), max_line)
    return TextTable("csv", path, tuple(names), separator, numbered=True, line_count=count, bad_lines=bad)


def _line_end(path: Path) -> str:
    with path.open("rb") as file:
        return "\\r\\n" if file.readline(1 << 20).endswith(b"\r\n") else "\\n"


def _decimal(text: PlainText, separator: str, header_line: int) -> str | None:
    """The decimal separator of a large clean file, or None when its numbers must be read as text.

    A wrong guess costs time and nothing else: DuckDB rejects the lines, and the file is read with line numbers. But
    DuckDB takes 1_000 for a number, so it may read none where underscores stand in the rows.
    """
    with text.path.open("rb") as file:
        header = b"".join(file.readline() for _ in range(header_line))
        rows = file.read(1 << 18)
    if text.underscore_count is None or text.underscore_count > header.count(b"_"):
        return None
    return "," if separator != "," and re.search(rb"[0-9],[0-9]", rows) else "."


def chosen_lines(table: TextTable, lines: Iterable[int], target: Path) -> TextTable:
    """Write these lines of a table without numbers to `target`, each behind its number, as `numbered` does for all of them."""
    wanted, mark = set(lines), table.delimiter.encode()
    with table.path.open("rb") as file, target.open("wb") as out:
        for number, line in enumerate(file, 1):
            if number in wanted:
                out.write(b"%d%b%b\n" % (number, mark, line.strip(b"\r\n")))
    return TextTable("csv", target, table.header, table.delimiter, numbered=True, line_count=len(wanted))
