"""Reads one table of an Excel workbook as numbered text, after proving that the file is safe to open."""

from __future__ import annotations

import copy
import csv
import datetime as dt
import math
import re
import zipfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from flows.core.errors import Refusal
from flows.core.reading.tables import BadLine, TextTable

MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_MEMBERS = 2_000
# calamine lays a sheet out as one block from its first to its last cell: two stray cells in opposite corners of a sheet
# would ask for 500 GB and end the process, so the corners are looked up before.
MAX_CELLS = 10_000_000
MAX_ERROR_CELLS = 1_000_000
HEADER_WITHIN_ROWS = 25
MAX_ROW_CHARS = 500_000
ERROR_TEXT = "#ERROR"

# Of a sheet beside the one with the table: a title, a remark or a signature fills one cell, a row of a table more.
LEAST_FILLED_CELLS = 2
LEAST_TOLD_ROWS = 2
LOOKED_AT_ROWS = 200

# A text is stored once and shown in as many cells as one likes: a small file can ask for any amount of memory.
MAX_STORED_TEXT = 1024 * 1024
MAX_SHOWN_TEXT = 1024 * 1024 * 1024

_CHUNK = 1024 * 1024
# A reference such as r="AB12" is far shorter than this, so none is lost between two chunks.
_OVERLAP = 256
_INDEX_LIMIT = 4 * 1024 * 1024
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OLD_WORKBOOK = ("Workbook".encode("utf-16-le"), "Book\0".encode("utf-16-le"))

# It may take more for a reference than is one (any attribute that ends in r), never less.
_REFERENCE = re.compile(rb"""r\s*=\s*["']([A-Za-z]{0,12})(\d{1,20})["']""")
_STORED_TEXT_END = re.compile(rb"</(?:\w+:)?si\s*>|<(?:\w+:)?si\s*/>")
_SHOWN_TEXT = re.compile(rb"""\bt\s*=\s*["']s["'][^<>]{0,200}>\s*<(?:\w+:)?v[^<>]{0,100}>\s*(\d{1,9})""")
_ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\b[^<>]{0,200}?\bt\s*=\s*["']e["'][^<>]{0,200}>""")

# What a program writes that does not compute: a formula and no value. One whose value is an empty text says t="str".
_UNCOMPUTED = re.compile(
    rb"""<(?:\w+:)?c\b([^<>]{0,200})>\s*<(?:\w+:)?f\b[^<>]{0,200}(?:/>|(?<!/)>[^<]{0,8192}</(?:\w+:)?f\s*>)\s*"""
    rb"""(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v\s*></(?:\w+:)?v\s*>)?\s*</(?:\w+:)?c\s*>"""
)
_IS_TEXT = re.compile(rb"""\bt\s*=\s*["']str["']""")
_FORMULA_OVERLAP = 10_000

_SAVE_AS_XLSX = "open it in Excel or LibreOffice, save it as a workbook .xlsx (or as CSV UTF-8) and deliver that file"


# -- what kind of file is it ------------------------------------------------------------------------------------------


def kind_of_zip(path: Path) -> str:
    """What a zip archive holds, told by its members: 'xlsx', 'ods', 'docx', 'lsa' or 'zip' for anything else.

    'xlsx' is any Excel workbook (.xlsx, .xlsm, .xlsb). Nothing is unpacked but the first bytes of a member `mimetype`.

    Raises Refusal `damaged_zip` when the file is no readable zip archive.
    """
    with _opened_zip(path) as archive:
        names = {_plain_name(name) for name in archive.namelist()}
        if any(name.startswith("xl/") for name in names):
            return "xlsx"
        if "word/document.xml" in names:
            return "docx"
        if any(name.endswith(".lss") for name in names):
            return "lsa"
        if "mimetype" in names and _mimetype(archive).endswith("opendocument.spreadsheet"):
            return "ods"
    return "zip"


def _plain_name(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()


def _mimetype(archive: zipfile.ZipFile) -> str:
    member = next(info for info in archive.infolist() if _plain_name(info.filename) == "mimetype")
    return _read_small(archive, member, 200).decode("ascii", "replace").strip()


def refuse_unless_xlsx(path: Path) -> None:
    """Raises Refusal for everything that is no .xlsx, with a code and a remedy of its own for each known kind."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == _OLE2:
        raise _ole2_refusal(path)
    if not start.startswith(b"PK"):
        raise Refusal("not_a_workbook", "an Excel workbook (.xlsx)", "a file of another kind", _SAVE_AS_XLSX)
    kind = kind_of_zip(path)
    if kind != "xlsx":
        raise _ZIP_REFUSALS[kind]()
    with _opened_zip(path) as archive:
        if "xl/workbook.bin" in {_plain_name(name) for name in archive.namelist()}:
            raise Refusal("xlsb", "an Excel workbook (.xlsx)", "a binary Excel workbook (.xlsb)", _SAVE_AS_XLSX)


_ZIP_REFUSALS: dict[str, Callable[[], Refusal]] = {
    "ods": lambda: Refusal(
        "ods", "an Excel workbook (.xlsx) or a csv", "an OpenDocument spreadsheet (.ods)", _SAVE_AS_XLSX
    ),
    "docx": lambda: Refusal(
        "docx",
        "a table: an Excel workbook (.xlsx) or a csv",
        "a text document (.docx)",
        "copy the table into a workbook, save it as .xlsx and deliver that file",
    ),
    "lsa": lambda: Refusal(
        "lsa",
        "the responses as csv and the structure as .lss",
        "a LimeSurvey archive (.lsa)",
        "in LimeSurvey export the responses as CSV with question codes and answer codes, export the structure as .lss,"
        " and deliver both files",
    ),
    "zip": lambda: Refusal(
        "plain_zip",
        "an Excel workbook (.xlsx)",
        "a zip archive that is no workbook",
        "unpack the archive and deliver the files in it one by one",
    ),
}


def _ole2_refusal(path: Path) -> Refusal:
    marks = _marks_in(path, (_ENCRYPTED, *_OLD_WORKBOOK))
    if _ENCRYPTED in marks:
        return _encrypted()
    if marks:
        return Refusal("old_xls", "an Excel workbook (.xlsx)", "a workbook of Excel 97–2003 (.xls)", _SAVE_AS_XLSX)
    return Refusal("old_office", "an Excel workbook (.xlsx)", "a file of an old office program", _SAVE_AS_XLSX)


def _encrypted() -> Refusal:
    return Refusal(
        "encrypted_workbook",
        "an Excel workbook without a password",
        "a workbook that is locked with a password",
        "open it in Excel, take the password off (File > Info > Protect Workbook) and save it again",
    )


def _marks_in(path: Path, marks: Sequence[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            found.update(mark for mark in marks if mark in window)
            tail = window[-64:]
    return found


# -- is it safe to open -----------------------------------------------------------------------------------------------


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; every failure of reading it becomes a Refusal."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except Refusal:
        raise
    except RuntimeError as problem:  # zipfile says so of a member that asks for a password
        if "password" in str(problem) or "encrypted" in str(problem):
            raise _encrypted_zip() from None
        raise _damaged_zip() from None
    except MemoryError:
        raise _too_big(MAX_UNPACKED_BYTES) from None
    except Exception:  # zipfile and zlib raise a dozen kinds of error for damaged archives
        raise _damaged_zip() from None


def _damaged_zip() -> Refusal:
    return Refusal(
        "damaged_zip",
        "a whole workbook or archive",
        "a file that starts like one but is cut off or damaged",
        "send the file again, and compare its size with that of the original",
    )


def _encrypted_zip() -> Refusal:
    return Refusal(
        "encrypted_zip",
        "an archive without a password",
        "an archive with encrypted members",
        "take the password off and deliver the file again",
    )


def _too_big(limit: int) -> Refusal:
    return Refusal(
        "zip_bomb",
        f"at most {limit:,} bytes when unpacked",
        "more than that",
        "deliver the data as csv, or split it into several files by year",
    )


@dataclass(frozen=True)
class _Scan:
    """What streaming the members showed: unpacked bytes, where the error cells of each sheet are (from 0), and which sheets have
    formulas without a value; their cells are among these."""

    unpacked_bytes: int
    error_cells: dict[str, set[tuple[int, int]]]
    uncomputed: frozenset[str]


def guard_zip(path: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES, max_members: int = MAX_MEMBERS) -> int:
    """The bytes that an archive really unpacks to, by unpacking every member without keeping it.

    Raises Refusal `zip_bomb`, `zip_members`, `unsafe_zip`, `lying_zip` (a member is longer or shorter than it
    declares), `encrypted_zip` or `damaged_zip`.
    """
    return _scan(path, max_unpacked_bytes, max_members).unpacked_bytes


def _scan(
    path: Path, max_unpacked_bytes: int, max_members: int = MAX_MEMBERS, sheets: frozenset[str] = frozenset()
) -> _Scan:
    error_cells: dict[str, set[tuple[int, int]]] = {}
    uncomputed: set[str] = set()
    texts = _TextScan()
    total = cells = 0
    with _opened_zip(path) as archive:
        _refuse_members(archive.infolist(), max_members)
        for member in archive.infolist():
            name = _plain_name(member.filename)
            is_sheet = name in sheets or name.startswith("xl/worksheets/")
            watcher = _SheetScan() if is_sheet else texts if name == "xl/sharedstrings.xml" else None
            total += _watch(archive, member, watcher, max_unpacked_bytes - total, max_unpacked_bytes)
            if isinstance(watcher, _SheetScan):
                cells += watcher.cells
                error_cells[name] = watcher.error_cells
                uncomputed |= {name} if watcher.has_uncomputed else set()
        if cells * max(texts.lengths, default=0) > MAX_SHOWN_TEXT:
            _refuse_shown_text(archive, texts.lengths)
    return _Scan(total, error_cells, frozenset(uncomputed))


def _watch(archive: zipfile.ZipFile, member: zipfile.ZipInfo, watcher, left: int, limit: int) -> int:
    """Unpacks a member past `watcher`, keeping nothing; its real size."""
    size = 0
    for chunk in _unpacked(archive, member):
        size += len(chunk)
        if size > left:
            raise _too_big(limit)
        if watcher is not None:
            watcher.feed(chunk)
    if size != member.file_size:
        raise _lying_zip()
    return size


def _lying_zip() -> Refusal:
    return Refusal(
        "lying_zip",
        "an archive whose members are as long as they declare",
        "a member of another length",
        "make the file anew with Excel or LibreOffice and deliver that one",
    )


def _refuse_members(members: Sequence[zipfile.ZipInfo], max_members: int) -> None:
    if len(members) > max_members:
        raise Refusal(
            "zip_members",
            f"at most {max_members:,} members",
            f"{len(members):,} members",
            "make the file anew with Excel or LibreOffice and deliver that one",
        )
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or re.match(r"[A-Za-z]:", member.filename):
            raise Refusal(
                "unsafe_zip",
                "members inside the archive",
                "a member that points out of the archive",
                "do not use this file; make it anew with Excel or LibreOffice",
            )


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The real bytes of a member.

    zipfile stops at the declared size and other programs do not, so it is handed a size without end.
    """
    boundless = copy.copy(member)
    boundless.file_size = 2**62
    with archive.open(boundless) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _read_small(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    with archive.open(member) as stream:
        return stream.read(limit)


class _SheetScan:
    """Finds the corners, the error cells and the formulas without a value of a worksheet while its XML streams by."""

    def __init__(self) -> None:
        self.tail = self.formula_tail = b""
        self.has_uncomputed = False
        self.cells = 0
        self.rows = 0
        self.columns = 0
        self.open_cells = 0
        self.error_cells: set[tuple[int, int]] = set()

    def feed(self, chunk: bytes) -> None:
        window = self.tail + chunk
        self.tail = window[-_OVERLAP:]
        references = _REFERENCE.findall(window)
        if references:
            letters, numbers = map(set, zip(*references, strict=True))
            self.columns = max(self.columns, *map(_column_number, letters))
            self.rows = max(self.rows, *map(int, numbers))
        self.cells += _cell_count(chunk)
        if _cell_count(window) > len(references):
            self._note_cells_without_reference(window)
        if self.rows * max(self.columns, 1) > MAX_CELLS:
            raise _too_many_cells(self.rows, self.columns)
        if b'"e"' in window or b"'e'" in window:
            for cell in _ERROR_CELL.findall(window):
                self._note_error(cell)
        self._note_uncomputed(self.formula_tail + chunk)

    def _note_uncomputed(self, window: bytes) -> None:
        """A formula that nobody has computed would be read as an empty cell: what it stands for is not known."""
        self.formula_tail = window[-_FORMULA_OVERLAP:]
        if b"<f" in window or b":f" in window:
            for attributes in _UNCOMPUTED.findall(window):
                if not _IS_TEXT.search(attributes):
                    self.has_uncomputed = True
                    self._note_error(attributes)

    def _note_cells_without_reference(self, window: bytes) -> None:
        """Such cells follow one another: a row is as wide as it has cells (its part in the last chunk included)."""
        *rows, unfinished = map(_cell_count, window.split(b"</row>"))
        rows = rows or [0]
        self.columns = max(self.columns, rows[0] + self.open_cells, *rows, unfinished)
        self.open_cells = unfinished

    def _note_error(self, cell: bytes) -> None:
        reference = _REFERENCE.search(cell)
        if reference and reference[1] and len(self.error_cells) < MAX_ERROR_CELLS:
            self.error_cells.add((int(reference[2]) - 1, _column_number(reference[1]) - 1))


def _cell_count(xml: bytes) -> int:
    return sum(map(xml.count, (b"<c ", b"<c>", b":c ", b":c>")))


def _column_number(letters: bytes) -> int:
    """1 for A, 27 for AA; 0 for none."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


class _TextScan:
    """Measures the stored texts of a workbook while their XML streams by."""

    def __init__(self) -> None:
        self.tail = b""
        self.lengths = array("L")

    def feed(self, chunk: bytes) -> None:
        *texts, self.tail = _STORED_TEXT_END.split(self.tail + chunk)
        self.lengths.extend(map(len, texts))
        if max(len(self.tail), *map(len, texts), 0) > MAX_STORED_TEXT + _CHUNK:
            raise _too_much_text()


def _refuse_shown_text(archive: zipfile.ZipFile, lengths: Sequence[int]) -> None:
    """Adds up how long the texts are that the cells really show (but for a cell cut in two by a chunk's end)."""
    shown = 0
    for member in archive.infolist():
        if not member.filename.endswith(".xml"):
            continue
        for chunk in _unpacked(archive, member):
            numbers = map(int, _SHOWN_TEXT.findall(chunk))
            shown += sum(lengths[number] for number in numbers if number < len(lengths))
            if shown > MAX_SHOWN_TEXT:
                raise _too_much_text()


def _too_much_text() -> Refusal:
    return Refusal(
        "too_much_text",
        f"cells of at most {MAX_STORED_TEXT:,} bytes and {MAX_SHOWN_TEXT:,} bytes of text in all",
        "more than that",
        "take long texts out of the table, or deliver it as csv",
    )


def _too_many_cells(rows: int, columns: int) -> Refusal:
    return Refusal(
        "sheet_too_large",
        f"a sheet of at most {MAX_CELLS:,} cells",
        f"a sheet that reaches to row {rows:,} and column {columns:,}",
        "delete the empty rows below and the empty columns beside the table, save and deliver again; or deliver a csv",
        facts={"rows": rows, "columns": columns},
    )


# -- the workbook -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SheetEntry:
    """A sheet as the workbook lists it: its name, whether it is shown, and the member that holds it ('' if unknown)."""

    name: str
    is_visible: bool
    member: str


def list_sheets(path: Path) -> list[SheetEntry]:
    """The sheets of an .xlsx in their order, from the workbook's own index: cheap, no sheet is read.

    Raises Refusal for a file that is no .xlsx (see `refuse_unless_xlsx`) or has no readable index.
    """
    refuse_unless_xlsx(path)
    with _opened_zip(path) as archive:
        members = {_plain_name(info.filename): info for info in archive.infolist()}
        workbook = _xml(archive, members.get("xl/workbook.xml"))
        targets = _targets(_xml(archive, members.get("xl/_rels/workbook.xml.rels")))
    sheets = [element for element in workbook.iter() if _local(element.tag) == "sheet"]
    return [_entry(sheet, targets) for sheet in sheets if sheet.get("name")]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _xml(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None):
    from defusedxml.ElementTree import fromstring

    if member is None:
        raise _unreadable("without its index")
    return fromstring(_read_small(archive, member, _INDEX_LIMIT), forbid_dtd=True)


def _targets(relations) -> dict[str, str]:
    return {relation.get("Id", ""): relation.get("Target", "") for relation in relations.iter()}


def _entry(sheet, targets: dict[str, str]) -> SheetEntry:
    relation = next((value for key, value in sheet.attrib.items() if _local(key) == "id"), "")
    target = targets.get(relation, "")
    member = target if target.startswith(("/", "xl/")) or not target else f"xl/{target}"
    return SheetEntry(sheet.get("name"), sheet.get("state", "visible") == "visible", _plain_name(member))


class Workbook:
    """An open .xlsx that has passed the guards; made by `open_workbook`."""

    def __init__(self, reader, entries: Sequence[SheetEntry], scan: _Scan) -> None:
        self._reader = reader
        self._members = {entry.name: entry.member for entry in entries}
        self._scan = scan
        self._loaded: tuple[str, object] | None = None

    @property
    def visible_sheets(self) -> list[str]:
        """Names of the sheets of cells that are shown, in their order."""
        return [sheet.name for sheet in self._worksheets() if sheet.visible == _visible()]

    @property
    def hidden_sheets(self) -> list[str]:
        """Names of the sheets of cells that are hidden."""
        return [sheet.name for sheet in self._worksheets() if sheet.visible != _visible()]

    def _worksheets(self) -> list:
        from python_calamine import SheetTypeEnum

        return [sheet for sheet in self._reader.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]

    def numbers(self, names: Sequence[str]) -> str:
        """Which sheets these are, by their numbers among all of the workbook, at most ten: `sheet 2 of 3`.

        Never by their names: these are a sender's own text, and people are named there.
        """
        if not names:
            return "a workbook without a visible sheet"
        numbers = [str(number) for number, name in enumerate(self._reader.sheet_names, 1) if name in set(names)]
        more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
        word = "sheet" if len(numbers) == 1 else "sheets"
        return f"{word} {', '.join(numbers[:10])}{more} of {len(self._reader.sheet_names)}"

    def rows(self, name: str, count: int | None = None) -> list[list]:
        """The rows of a sheet from its very first row and column on, as values; errors and uncomputed formulas as ERROR_TEXT.

        Raises Refusal `unreadable_workbook` when the sheet cannot be read.
        """
        self._load(name)
        with _library_refusals():
            rows = self._loaded[1].to_python(skip_empty_area=False, nrows=count)
        for row, column in self._scan.error_cells.get(self._members.get(name, ""), ()):
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = ERROR_TEXT
        return rows

    def _load(self, name: str) -> None:
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None
            with _library_refusals():
                self._loaded = (name, self._reader.get_sheet_by_name(name))

    def merged(self, name: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """The merged cells of a sheet: row and column (from 0) of the first and of the last of each.

        Raises Refusal `unreadable_workbook` when the sheet cannot be read.
        """
        self._load(name)
        return self._loaded[1].merged_cell_ranges or []

    def has_uncomputed(self, name: str) -> bool:
        """Whether a sheet has formulas whose values were not saved."""
        return self._members.get(name, "") in self._scan.uncomputed


def _visible():
    from python_calamine import SheetVisibleEnum

    return SheetVisibleEnum.Visible


@contextmanager
def open_workbook(path: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> Iterator[Workbook]:
    """A workbook to read sheets from, after the guards.

    Raises Refusal: `not_a_workbook`, `old_xls`, `old_office`, `encrypted_workbook`, `xlsb`, `ods`, `docx`, `lsa`,
    `plain_zip`; `damaged_zip`, `encrypted_zip`, `zip_bomb`, `zip_members`, `unsafe_zip`, `lying_zip`,
    `sheet_too_large`, `too_much_text`; `unreadable_workbook`.
    """
    entries = list_sheets(path)
    scan = _scan(path, max_unpacked_bytes, sheets=frozenset(entry.member for entry in entries))
    with path.open("rb") as file:
        with _library_refusals():
            from python_calamine import CalamineWorkbook

            reader = CalamineWorkbook.from_filelike(file)
        yield Workbook(reader, entries, scan)


@contextmanager
def _library_refusals() -> Iterator[None]:
    """Turns whatever calamine raises into a Refusal; a panic of its Rust code is no Exception, only a BaseException."""
    try:
        yield
    except (Refusal, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as problem:
        if type(problem).__name__ == "PasswordError":
            raise _encrypted() from None
        raise _unreadable(f"that the reader gave up on ({type(problem).__name__})") from None


def _unreadable(what: str) -> Refusal:
    return Refusal(
        "unreadable_workbook",
        "a workbook that can be read",
        f"one {what}",
        "open it in Excel or LibreOffice, save it under a new name as .xlsx and deliver that file",
    )


# -- cells ------------------------------------------------------------------------------------------------------------


def cell_text(value: object) -> str:
    """A cell as text: whole numbers without a point, dates and times as ISO, booleans true or false, nothing as ''.

    Lines within a cell end in a line feed: csv does not quote a lone carriage return, and DuckDB stumbles over it.
    """
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        rounded = value + dt.timedelta(microseconds=500_000) if value.microsecond else value
        return rounded.replace(microsecond=0).isoformat(sep=" ")
    if isinstance(value, dt.timedelta):
        return _duration_text(value)
    if isinstance(value, dt.time):
        return value.replace(microsecond=0).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _number_text(value: float) -> str:
    if value.is_integer() and -1e16 < value < 1e16:
        return str(int(value))
    return repr(value) if math.isfinite(value) else ERROR_TEXT


def _duration_text(value: dt.timedelta) -> str:
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


# -- one table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """Where a table stands: sheet (its name, and the number for messages), index of the header's row, first and last column."""

    sheet: str
    place: str
    row: int
    first: int
    last: int
    header: tuple[str, ...]


def read_sheet(
    path: Path,
    folder: Path,
    wanted: Callable[[list[str]], bool],
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES,
    is_part: Callable[[list[list[str]], tuple[str, ...]], bool] = lambda rows, header: False,
) -> TextTable:
    """The one visible table of a workbook whose header is wanted, as `folder/sheet.csv` numbered by the sheet's rows.

    `wanted` gets the texts of a row, from its first filled cell to its last one, and says whether that is the header;
    the first 25 rows of each visible sheet are tried. Wholly empty rows are skipped, and keep their number. A row of
    more than MAX_ROW_CHARS becomes a BadLine `line_too_long`. Cells of one column that are merged over several rows give each
    of these rows their value; if it is a number, or if several columns are merged, the rows become BadLines `merged_cells`.

    `is_part` gets the first rows of each other visible sheet and the header, and says whether these are rows of the same
    table. Sheets of which they are none, and hidden ones, are left out, and a note says so of those that hold rows.

    Raises Refusal `no_table`, `several_sheets` or `rows_on_other_sheets`, and those of `open_workbook`.
    """
    with open_workbook(path, max_unpacked_bytes) as book:
        found = _the_one(book, wanted)
        left_out = _left_out(book, found, is_part)
        rows = book.rows(found.sheet)
        filled, blocks = _fill_merged(rows, book.merged(found.sheet), found)
        uncomputed = book.has_uncomputed(found.sheet)
    target = folder / "sheet.csv"
    count, beside, bad = _write(rows, found, blocks, target)
    return TextTable(
        form="csv",
        path=target,
        header=found.header,
        delimiter=";",
        numbered=True,
        line_count=count,
        bad_lines=bad,
        notes=(*_notes(found, beside, uncomputed, filled), *left_out),
    )


def _the_one(book: Workbook, wanted: Callable[[list[str]], bool]) -> _Found:
    found = [place for name in book.visible_sheets if (place := _find_header(book, name, wanted))]
    if len(found) == 1:
        return found[0]
    if found:
        raise Refusal(
            "several_sheets",
            "one sheet with the table",
            f"{len(found)} of them: {book.numbers([place.sheet for place in found])}",
            "put all rows on one sheet, or hide or delete the sheets that do not belong to the delivery",
            facts={"sheets": len(found)},
        )
    hidden = f"; {len(book.hidden_sheets)} hidden sheets were not looked at" if book.hidden_sheets else ""
    raise Refusal(
        "no_table",
        f"a header with the expected column names within the first {HEADER_WITHIN_ROWS} rows of a sheet",
        f"none on {book.numbers(book.visible_sheets)}{hidden}",
        "keep the column names of the agreed layout in one row above the data, and show the sheet if it is hidden",
    )


def _find_header(book: Workbook, name: str, wanted: Callable[[list[str]], bool]) -> _Found | None:
    for index, row in enumerate(book.rows(name, HEADER_WITHIN_ROWS)):
        texts = [cell_text(value) for value in row]
        filled = [column for column, text in enumerate(texts) if text.strip()]
        if filled and wanted(texts[filled[0] : filled[-1] + 1]):
            first, last = filled[0], filled[-1]
            return _Found(name, book.numbers([name]), index, first, last, tuple(texts[first : last + 1]))
    return None


def _left_out(book: Workbook, found: _Found, is_part: Callable[[list[list[str]], tuple[str, ...]], bool]) -> list[str]:
    """What to say of the other sheets that hold rows. Raises Refusal where these belong to the table, but on a hidden sheet."""
    notes = []
    for name in book.visible_sheets:
        rows = _table_rows(book, name) if name != found.sheet else []
        if rows and is_part(_texts(rows[:LOOKED_AT_ROWS]), found.header):
            raise _rows_on_other_sheets(book.numbers([name]), len(rows))
        if len(rows) >= LEAST_TOLD_ROWS:
            notes.append(f"{book.numbers([name])} was left out with its {len(rows)} rows")
    for name in book.hidden_sheets:
        count = _hidden_rows(book, name)
        if count >= LEAST_TOLD_ROWS:
            notes.append(f"{book.numbers([name])} is hidden and was left out with its {count} rows")
    return notes


def _table_rows(book: Workbook, name: str) -> list[list]:
    """The rows of a sheet in which more than one cell is filled."""
    return [row for row in book.rows(name) if len(row) - row.count("") >= LEAST_FILLED_CELLS]


def _hidden_rows(book: Workbook, name: str) -> int:
    """How many rows a hidden sheet has; 0 where it cannot be read, for nobody has asked to read it."""
    try:
        return len(_table_rows(book, name))
    except Refusal:
        return 0


def _texts(rows: list[list]) -> list[list[str]]:
    """The rows as text, from the first column on in which one of them has any."""
    texts = [[cell_text(value).strip() for value in row] for row in rows]
    first = min((column for row in texts for column, text in enumerate(row) if text), default=0)
    return [row[first:] for row in texts]


def _rows_on_other_sheets(place: str, count: int) -> Refusal:
    return Refusal(
        "rows_on_other_sheets",
        "all rows of the table on one sheet",
        f"{count} rows on {place} that look like rows of the same table, without its header",
        "put all rows on one sheet below one header, or hide or delete the sheet if it does not belong to the delivery",
        facts={"rows": count, "sheet": place.split()[1]},
    )


def _fill_merged(rows: list[list], merged: list, found: _Found) -> tuple[int, set[int]]:
    """Gives the rows of the table the values of cells that are merged over several of them; how many such cells there were,
    and the indexes of the rows of which nobody can tell whether the value is theirs: in blocks of several columns, and where it
    is a number, which may well be the sum of the rows and would be counted once for each.

    Only the first cell of what is merged has a value. A row that has none itself stays empty: merged cells may reach below
    the table.
    """
    inside = [_within(ends, found, len(rows)) for ends in merged]
    ranges = [ends for ends in inside if ends is not None]
    if sum(last - first for first, last, *_ in ranges) > MAX_CELLS:
        raise _unreadable("whose merged cells lie upon one another")
    is_row = [any(value != "" for value in row[found.first : found.last + 1]) for row in rows] if ranges else []
    filled, blocks = 0, set()
    for first, last, left, right in ranges:
        value = rows[first][left]
        if value == "":
            continue
        below = [row for row in range(first + 1, last + 1) if is_row[row]]
        if left != right or type(value) in (int, float):
            blocks.update([first, *below])
            continue
        for row in below:
            rows[row][left] = value
        filled += bool(below)
    return filled, blocks


def _within(ends, found: _Found, count: int) -> tuple[int, int, int, int] | None:
    """First and last row, first and last column of merged cells, where they take several rows of the table, else None."""
    (first, left), (last, right) = ends
    last = min(last, count - 1)
    is_in_rows = found.row < first < last
    return (first, last, left, right) if is_in_rows and left <= found.last and right >= found.first else None


def _write(rows: list[list], found: _Found, blocks: set[int], target: Path) -> tuple[int, int, tuple[BadLine, ...]]:
    """Writes the rows below the header; how many, how many have text beside the table, and those that are none."""
    count = beside = 0
    bad: list[BadLine] = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, delimiter=";", lineterminator="\n").writerow
        for number, row in enumerate(rows[found.row + 1 :], start=found.row + 2):
            texts = list(map(cell_text, row))
            inside = texts[found.first : found.last + 1]
            beside += any(texts[: found.first]) or any(texts[found.last + 1 :])
            if number - 1 in blocks:
                bad.append(BadLine(number, "merged_cells", ""))
            elif sum(map(len, inside)) > MAX_ROW_CHARS:
                bad.append(BadLine(number, "line_too_long", ""))
            elif any(inside):
                write([number, *inside])
                count += 1
    return count, beside, tuple(bad)


def _notes(found: _Found, beside: int, uncomputed: bool, filled: int) -> tuple[str, ...]:
    notes = [f"read from {found.place}"]
    if found.row:
        notes.append(f"the header stands in row {found.row + 1}; what stands above was left out")
    if beside:
        notes.append(f"{beside} rows have text beside the table, without a column name; that text was left out")
    if filled:
        notes.append(f"{filled} merged cells reach over several rows; each of these rows was given their value")
    if uncomputed:
        notes.append(
            "formulas whose results were not saved count as errors: open the workbook in Excel or LibreOffice and save it"
        )
    return tuple(notes)
