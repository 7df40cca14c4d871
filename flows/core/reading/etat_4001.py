"""Reads the ministry's yearly workbook of état 4001 by police and gendarmerie service into one row per figure."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flows.core.contracts import normalised
from flows.core.errors import Refusal
from flows.core.reading.tables import TextTable, one_file, quoted
from flows.core.reading.workbook import (
    MAX_UNPACKED_BYTES,
    Workbook,
    cell_text,
    list_sheets,
    open_workbook,
)

HEADER = ("annee", "force", "departement", "perimetre", "service", "code_index", "libelle_index", "nombre")
NO_PERIMETER = "-"

_SHEET_NAME = re.compile(r"services?_(pn|gn)_((?:19|20)\d\d)")
_TITLE_YEAR = re.compile(r"(?:^|_)annee_((?:19|20)\d\d)(?:_|$)")
_FORCES = {"pn": "police", "gn": "gendarmerie"}
_HEADER_WITHIN_ROWS = 12
_INDEX_COLUMN, _LABEL_COLUMN, _FIRST_SERVICE = 0, 1, 2

_REMEDY_LAYOUT = (
    "deliver the workbook as the ministry publishes it;"
    " if it has a new layout, tell the data team, who must adapt the reader"
)


@dataclass(frozen=True)
class _Sheet:
    """A sheet whose name says force ('pn' or 'gn') and year."""

    name: str
    force: str
    year: int

    @property
    def title(self) -> str:
        """The name as the ministry writes it, and not as this workbook does."""
        return f"Services {self.force.upper()} {self.year}"


@dataclass(frozen=True)
class _Layout:
    """Indexes of the rows of a sheet's header."""

    departments: int
    perimeters: int | None
    services: int


# -- recognising ------------------------------------------------------------------------------------------------------


def is_etat_4001(path: Path) -> bool:
    """Whether the file is a workbook with a sheet named like `Services PN 2012`; reads its index only, never raises."""
    try:
        return any(_parsed(sheet.name) for sheet in list_sheets(path) if sheet.is_visible)
    except (Refusal, OSError):
        return False


def _parsed(name: str) -> _Sheet | None:
    match = _SHEET_NAME.fullmatch(normalised(name))
    return _Sheet(name, match[1], int(match[2])) if match else None


# -- reading ----------------------------------------------------------------------------------------------------------


def read_etat_4001(path: Path, folder: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> TextTable:
    """One row per year, service and index, in `folder/etat_4001.csv`; the line is the row of its sheet.

    Header: see HEADER. A blank cell stays a row with an empty `nombre`: not given is not zero. Nothing is added up: two
    columns with the same département, perimeter and service stay two rows each, and a note says so.

    Raises Refusal `repeated_sheet` (a force and year on two sheets), `sheet_layout` (no row of services, départements
    or perimeters where one must be), `sheet_contradiction` (name and title tell different years or forces), `no_table`,
    and those of `workbook.open_workbook`.
    """
    target = folder / "etat_4001.csv"
    folder.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    with open_workbook(path, max_unpacked_bytes) as book, target.open("wb") as result, _database(folder) as database:
        sheets = _wanted_sheets(book, notes)
        count = sum(_append_sheet(book, sheet, database, folder, result, notes) for sheet in sheets)
    return TextTable(
        form="csv", path=target, header=HEADER, delimiter=";", numbered=True, line_count=count, notes=tuple(notes)
    )


def _wanted_sheets(book: Workbook, notes: list[str]) -> list[_Sheet]:
    parsed = {name: _parsed(name) for name in book.visible_sheets}
    sheets = [sheet for sheet in parsed.values() if sheet]
    others = [name for name, sheet in parsed.items() if sheet is None]
    if not sheets:
        raise Refusal(
            "no_table",
            "sheets named like 'Services PN 2012' or 'Services GN 2012'",
            f"only {book.numbers(others)}",
            _REMEDY_LAYOUT,
        )
    for (force, year), times in Counter((sheet.force, sheet.year) for sheet in sheets).items():
        if times > 1:
            raise Refusal(
                "repeated_sheet",
                "one sheet for each force and year",
                f"{times} sheets for {force.upper()} {year}",
                "delete or hide the sheet that is not the published one",
            )
    if others:
        notes.append(f"sheets left out because they are no table of services: {book.numbers(others)}")
    if book.hidden_sheets:
        notes.append(f"{len(book.hidden_sheets)} hidden sheets were left out")
    return sheets


def _database(folder: Path):
    import duckdb

    return duckdb.connect(config={"threads": 2, "temp_directory": str(folder)})


def _append_sheet(book: Workbook, sheet: _Sheet, database, folder: Path, result, notes: list[str]) -> int:
    rows = [list(map(cell_text, row)) for row in book.rows(sheet.name)]
    layout = _layout(rows, sheet)
    _check_title(rows[: layout.services], sheet, notes)
    columns = _service_columns(rows, layout)
    if not columns:
        raise _bad_layout(sheet, "a column for each service", "no column of figures", layout.services + 1)
    services = [_service(rows, layout, column) for column in columns]
    _note_repeated(services, sheet, notes)
    wide, part = folder / "wide.csv", folder / "long.csv"
    try:
        _write_wide(rows, layout, columns, wide, sheet, notes)
        count = _unpivot(database, sheet, services, wide, part)
        with part.open("rb") as source:
            shutil.copyfileobj(source, result)
    finally:
        wide.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    return count


# -- the layout of a sheet --------------------------------------------------------------------------------------------


def _layout(rows: list[list[str]], sheet: _Sheet) -> _Layout:
    """Where the header's rows are: 'Code index', above it 'Départements' and, for the police, 'Périmètres'."""
    labels = [_labels(row) for row in rows[:_HEADER_WITHIN_ROWS]]
    services = next((i for i, (first, second) in enumerate(labels) if _is_header(first, second)), None)
    if services is None:
        raise _bad_layout(sheet, "a row that begins with 'Code index' and 'Libellé index'", "no such row", 1)
    above = {second: i for i, (_, second) in enumerate(labels[:services])}
    departments = next((i for label, i in above.items() if label.startswith("departement")), None)
    perimeters = next((i for label, i in above.items() if label.startswith("perimetre")), None)
    if departments is None:
        raise _bad_layout(sheet, "a row 'Départements' above the services", "no such row", services + 1)
    if sheet.force == "pn" and perimeters is None:
        raise _bad_layout(sheet, "a row 'Périmètres' above the services of the police", "no such row", services + 1)
    return _Layout(departments, perimeters, services)


def _labels(row: Sequence[str]) -> tuple[str, str]:
    texts = [*row[:_FIRST_SERVICE], "", ""]
    return normalised(texts[_INDEX_COLUMN]), normalised(texts[_LABEL_COLUMN])


def _is_header(first: str, second: str) -> bool:
    return first == "code_index" and second.startswith("libelle")


def _bad_layout(sheet: _Sheet, expected: str, found: str, line: int) -> Refusal:
    return Refusal(
        "sheet_layout",
        f"on sheet '{sheet.title}' {expected}",
        f"{found} (sheet row {line})",
        _REMEDY_LAYOUT,
        line,
    )


def _check_title(rows: list[list[str]], sheet: _Sheet, notes: list[str]) -> None:
    """Holds the sheet's name against its title, `Année 2012 - services de police`."""
    for number, row in enumerate(rows, start=1):
        title = normalised(row[0]) if row else ""
        year = _TITLE_YEAR.search(title)
        if not year:
            continue
        if int(year[1]) != sheet.year:
            raise _contradiction(sheet, f"the year {sheet.year}", f"the year {year[1]} in its title", number)
        other = "gendarmerie" if sheet.force == "pn" else "police"
        if other in title and _FORCES[sheet.force] not in title:
            raise _contradiction(sheet, f"services of the {_FORCES[sheet.force]}", f"{other} in its title", number)
        return
    notes.append(f"sheet '{sheet.title}' has no title that tells a year; the year is that of its name")


def _contradiction(sheet: _Sheet, expected: str, found: str, line: int) -> Refusal:
    return Refusal(
        "sheet_contradiction",
        f"{expected} on sheet '{sheet.title}'",
        f"{found} (sheet row {line})",
        "find out which of the two is right, correct the other one, and deliver the workbook again",
        line,
    )


# -- services ---------------------------------------------------------------------------------------------------------


def _service_columns(rows: list[list[str]], layout: _Layout) -> list[int]:
    """Indexes of the columns right of the labels that hold anything."""
    width = max(map(len, rows))
    return [c for c in range(_FIRST_SERVICE, width) if any(_at(row, c) for row in rows[layout.departments :])]


def _at(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _service(rows: list[list[str]], layout: _Layout, column: int) -> tuple[str, str, str]:
    """Département, perimeter and name of the service of a column, as printed."""
    perimeter = NO_PERIMETER if layout.perimeters is None else _at(rows[layout.perimeters], column)
    return _at(rows[layout.departments], column), perimeter, _at(rows[layout.services], column)


def _note_repeated(services: list[tuple[str, str, str]], sheet: _Sheet, notes: list[str]) -> None:
    repeated = sum(times for times in Counter(services).values() if times > 1)
    if repeated:
        notes.append(
            f"sheet '{sheet.title}': {repeated} columns share département, perimeter and service with another"
            " one; all are kept, and the key tells them apart as duplicates"
        )


# -- wide to long -----------------------------------------------------------------------------------------------------


def _write_wide(
    rows: list[list[str]], layout: _Layout, columns: list[int], wide: Path, sheet: _Sheet, notes: list[str]
) -> None:
    """Writes sheet row, index, label and figures of each row below the header; remarks below the table are left out."""
    remarks = 0
    with wide.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, delimiter=";", lineterminator="\n").writerow
        for number, row in enumerate(rows[layout.services + 1 :], start=layout.services + 2):
            figures = [row[column] for column in columns]
            if any(figures) or _at(row, _INDEX_COLUMN).strip().isdigit():
                write([number, _at(row, _INDEX_COLUMN), _at(row, _LABEL_COLUMN), *figures])
            else:
                remarks += any(row)
    if remarks:
        notes.append(f"sheet '{sheet.title}': {remarks} rows of remarks without figures were left out")


def _unpivot(database, sheet: _Sheet, services: list[tuple[str, str, str]], wide: Path, part: Path) -> int:
    """Writes one row per index and service; how many. A blank figure stays NULL."""
    figures = [f"f{position}" for position in range(len(services))]
    columns = {"line": "bigint", **dict.fromkeys(["code_index", "libelle_index", *figures], "varchar")}
    database.execute(
        "create or replace temp table services as select unnest(range(len($1))) as position,"
        " unnest($1) as departement, unnest($2) as perimetre, unnest($3) as service",
        [list(texts) for texts in zip(*services, strict=True)],
    )
    return database.execute(f"""
        copy (
            with wide as (
                from read_csv({one_file(wide)}, columns = {columns}, auto_detect = false, header = false, delim = ';',
                    quote = '"', escape = '"', new_line = '\\n', max_line_size = 16777216)
            ),
            figures as (
                select line, code_index, libelle_index, unnest([{", ".join(figures)}]) as nombre,
                    unnest(range({len(figures)})) as position
                from wide
            )
            select line, {sheet.year}, '{_FORCES[sheet.force]}', nullif(departement, ''), nullif(perimetre, ''),
                nullif(service, ''), code_index, libelle_index, nombre
            from figures join services using (position)
            order by line, position
        ) to {quoted(part)} (format csv, header false, delimiter ';', quote '"', escape '"', nullstr '')
    """).fetchone()[0]
