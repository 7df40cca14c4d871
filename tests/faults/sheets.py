"""A delivery as a table that a fault can be planted in, and written again in the very form it came in.

Every cell is text, as a person at a spreadsheet sees it (of a workbook or of JSON lines: what the cell holds).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

Row = list


@dataclass(frozen=True)
class Sheet:
    """A header and its rows; `encoding` and `delimiter` are how the file was written, `form` csv, xlsx or jsonl."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    form: str
    encoding: str = "utf-8"
    delimiter: str = ";"
    quoting: int = csv.QUOTE_MINIMAL
    line_end: str = "\n"
    title: str = ""

    def at(self, column: str) -> int:
        return self.header.index(column)

    def _by_column(self, row: Row) -> dict:
        return dict.fromkeys(self.header, "") | dict(zip(self.header, row, strict=False))

    def with_rows(self, rows: list[Row]) -> Sheet:
        return replace(self, rows=tuple(list(row) for row in rows))

    def changed(self, column: str, new: Callable[[str], object], where: Callable[[dict], bool] | None = None) -> Sheet:
        """Every cell of a column by what it held, in the rows for which `where` (given the row by column) holds."""
        at = self.at(column)

        def row_of(row: Row) -> Row:
            if at >= len(row) or (where is not None and not where(self._by_column(row))):
                return list(row)
            return [*row[:at], new(row[at]), *row[at + 1 :]]

        return self.with_rows([row_of(row) for row in self.rows])

    def kept(self, where: Callable[[dict], bool]) -> Sheet:
        """Only the rows for which `where` holds."""
        return self.with_rows([row for row in self.rows if where(self._by_column(row))])

    def exchanged(self, one: str, other: str) -> Sheet:
        """The headers of two columns exchanged: each now names the other's figures."""
        names = {one: other, other: one}
        return replace(self, header=tuple(names.get(name, name) for name in self.header))


def read_sheet(name: str, content: bytes) -> Sheet:
    """Take a delivery apart, keeping how it was written."""
    if name.endswith(".xlsx"):
        return _read_workbook(content)
    encoding = _encoding(content)
    text = content.decode(encoding)
    if name.endswith(".jsonl"):
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
        header = tuple(objects[0])
        return Sheet(header, tuple([o.get(k) for k in header] for o in objects), "jsonl")
    first = text.partition("\n")[0]
    delimiter = max(";,\t", key=first.count)
    quoting = csv.QUOTE_ALL if first.startswith('"') else csv.QUOTE_MINIMAL
    line_end = "\r\n" if first.endswith("\r") else "\n"
    header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return Sheet(tuple(header), tuple(rows), "csv", encoding, delimiter, quoting, line_end)


def _encoding(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _read_workbook(content: bytes) -> Sheet:
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    header, *rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    return Sheet(tuple(header), tuple(rows), "xlsx", title=sheet.title)


def write_sheet(sheet: Sheet) -> bytes:
    """The same form again."""
    if sheet.form == "xlsx":
        return _write_workbook(sheet)
    if sheet.form == "jsonl":
        lines = (_compact(dict(zip(sheet.header, row, strict=True))) for row in sheet.rows)
        return ("\n".join(lines) + "\n").encode(sheet.encoding)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=sheet.delimiter, quoting=sheet.quoting, lineterminator=sheet.line_end)
    writer.writerow(sheet.header)
    writer.writerows(sheet.rows)
    written = text.getvalue()
    if sheet.quoting == csv.QUOTE_ALL:
        written = written.replace('"NA"', "NA")  # as the SSMSI writes it
    return written.encode(sheet.encoding)


def _compact(content: dict) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _write_workbook(sheet: Sheet) -> bytes:
    """A workbook whose bytes do not depend on the day it is made."""
    import zipfile
    from datetime import datetime

    import openpyxl

    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = datetime(2026, 1, 1)
    book.active.title = sheet.title
    for row in (sheet.header, *sheet.rows):
        book.active.append(list(row))
    made, steady = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as source, zipfile.ZipFile(steady, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry.filename)
            if entry.filename == "docProps/core.xml":
                content = _without_day(content)
            target.writestr(zipfile.ZipInfo(entry.filename, (2026, 1, 1, 0, 0, 0)), content)
    return steady.getvalue()


def _without_day(content: bytes) -> bytes:
    import re

    return re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-01-01T00:00:00Z", content)
