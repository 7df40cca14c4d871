"""A workbook becomes numbered text, or is sent back with a reason; it never does harm and never shows a traceback."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import random
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest

from flows.core.errors import Refusal
from flows.core.reading import workbook
from flows.core.reading.tables import BadLine

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HEADER = ["id_incident", "date", "nombre"]


def wanted(names: list[str]) -> bool:
    return names[:2] == HEADER[:2]


def save(path: Path, sheets: dict[str, list[list]], hidden: tuple[str, ...] = ()) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    book.save(path)
    return path


def rows_of(table) -> list[list[str]]:
    with table.path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=table.delimiter))


def with_members(source: Path, target: Path, changes: dict[str, bytes]) -> Path:
    """A copy of a zip archive with some members replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {**dict.fromkeys(old.namelist()), **changes}:
            new.writestr(name, changes[name] if name in changes else old.read(name))
    return target


def sheet_xml(rows: str) -> bytes:
    name_space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<worksheet xmlns="{name_space}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def refusal(path: Path, folder: Path, **options) -> Refusal:
    with pytest.raises(Refusal) as caught:
        workbook.read_sheet(path, folder, wanted, **options)
    assert caught.value.remedy
    return caught.value


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return save(tmp_path / "plain.xlsx", {"Feuil1": [HEADER, ["I-1", dt.date(2025, 12, 31), 3]]})


# -- a good workbook --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.0, "12"),
        (-3.0, "-3"),
        (12.5, "12.5"),
        (0.1, "0.1"),
        (84512345600017.0, "84512345600017"),
        (float("nan"), "#ERROR"),
        (float("inf"), "#ERROR"),
        (7, "7"),
        ("un\r\ndeux\rtrois", "un\ndeux\ntrois"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        ("", ""),
        ("  gardé tel quel ", "  gardé tel quel "),
        (dt.date(2025, 12, 31), "2025-12-31"),
        (dt.datetime(2025, 12, 31, 14, 5), "2025-12-31 14:05:00"),
        (dt.datetime(2025, 12, 31, 0, 0), "2025-12-31 00:00:00"),
        (dt.datetime(2025, 12, 31, 14, 4, 59, 999_998), "2025-12-31 14:05:00"),
        (dt.time(14, 5), "14:05:00"),
        (dt.timedelta(hours=30, minutes=1), "30:01:00"),
    ],
)
def test_cells_become_text(value, text):
    assert workbook.cell_text(value) == text


def test_rows_keep_the_number_of_the_sheet(tmp_path):
    path = save(
        tmp_path / "a.xlsx",
        {
            "Feuil1": [
                ["Extraction du 3 janvier"],
                [],
                HEADER,
                ["I-1", dt.datetime(2025, 12, 31, 14, 5), 3],
                [],
                [None, None, None],
                ["I-2", dt.date(2026, 1, 1), 4.5],
            ]
        },
    )
    table = workbook.read_sheet(path, tmp_path / "work", wanted)
    assert table.header == tuple(HEADER)
    assert (table.form, table.numbered, table.delimiter, table.skip_lines, table.line_count) == ("csv", True, ";", 0, 2)
    assert rows_of(table) == [["4", "I-1", "2025-12-31 14:05:00", "3"], ["7", "I-2", "2026-01-01", "4.5"]]
    assert "the header stands in row 3; what stands above was left out" in table.notes


def test_a_table_that_does_not_begin_in_the_first_cell(tmp_path):
    path = save(tmp_path / "a.xlsx", {"Feuil1": [[], [None, None, *HEADER], [None, None, "I-1", "2025-01-02", None]]})
    table = workbook.read_sheet(path, tmp_path, wanted)
    assert table.header == tuple(HEADER)
    assert table.path.read_text(encoding="utf-8") == "3;I-1;2025-01-02;\n"


def test_text_beside_the_table_is_left_out_and_told(tmp_path):
    remark = ["I-1", "2025-01-02", 1, None, "à vérifier"]
    rows = [HEADER, remark, ["I-2", "2025-01-02", 1, None, None], [None] * 4 + ["x"]]
    table = workbook.read_sheet(save(tmp_path / "a.xlsx", {"Feuil1": rows}), tmp_path, wanted)
    assert [row[:2] for row in rows_of(table)] == [["2", "I-1"], ["3", "I-2"]]
    assert "2 rows have text beside the table, without a column name; that text was left out" in table.notes


def test_text_with_separators_quotes_and_line_ends_survives(tmp_path):
    text = 'dit "non"; puis\nrevient'
    table = workbook.read_sheet(save(tmp_path / "a.xlsx", {"F": [HEADER, [text, "2025-01-02", 1]]}), tmp_path, wanted)
    assert rows_of(table) == [["2", text, "2025-01-02", "1"]]


def test_a_row_longer_than_any_table_is_a_bad_line(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_ROW_CHARS", 30)
    rows = [HEADER, ["I-1", "2025-01-02", 1], ["I-2", "2025-01-02", "x" * 30]]
    table = workbook.read_sheet(save(tmp_path / "a.xlsx", {"F": rows}), tmp_path, wanted)
    assert (table.line_count, table.bad_lines) == (1, (BadLine(3, "line_too_long", ""),))


def test_an_error_of_excel_is_not_taken_for_a_blank(tmp_path, plain):
    cells = (
        '<row r="1"><c r="A1" t="str"><v>id_incident</v></c><c r="B1" t="str"><v>date</v></c></row>'
        '<row r="3"><c r="A3" t="e"><v>#N/A</v></c><c r="B3"/></row>'
        '<row r="4"><c r="A4"/><c r="B4" s="1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    path = with_members(plain, tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": sheet_xml(cells)})
    assert rows_of(workbook.read_sheet(path, tmp_path, wanted)) == [["3", "#ERROR", ""], ["4", "", "#ERROR"]]


def merged(path: Path, rows: list[list], *ranges: str) -> Path:
    book = openpyxl.load_workbook(save(path, {"F": rows}))
    for cells in ranges:
        book["F"].merge_cells(cells)
    book.save(path)
    return path


INCIDENTS = [HEADER, *([f"I-{number}", f"2025-01-0{number}", number] for number in range(1, 6))]


def test_cells_merged_over_rows_give_each_row_their_value(tmp_path):
    table = workbook.read_sheet(merged(tmp_path / "a.xlsx", INCIDENTS, "B2:B4", "A5:A6"), tmp_path, wanted)
    assert [row[2] for row in rows_of(table)] == ["2025-01-01"] * 3 + ["2025-01-04", "2025-01-05"]
    assert [row[1] for row in rows_of(table)] == ["I-1", "I-2", "I-3", "I-4", "I-4"]
    note = "2 merged cells reach over several rows; each of these rows was given their value"
    assert table.notes[1:] == (note,)


def test_merged_cells_make_no_rows_and_reach_no_further_than_the_sheet(tmp_path):
    path = merged(tmp_path / "a.xlsx", [*INCIDENTS[:3], [], INCIDENTS[3]], "B2:B30")
    assert [row[0] for row in rows_of(workbook.read_sheet(path, tmp_path, wanted))] == ["2", "3", "5"]
    assert {row[2] for row in rows_of(workbook.read_sheet(path, tmp_path, wanted))} == {"2025-01-01"}


@pytest.mark.parametrize("cells", ["A1:C1", "C2:C4", "B5:B6", "B5:C6", "B4:C4", "E3:E5", "A9:C10"])
def test_other_merged_cells_change_nothing(tmp_path, cells):
    """A title, a header that reaches down, cells without a value, cells of one row, beside the table and below it."""
    data = [
        ["I-1", "2025-01-01", None, None, "x"],
        ["I-2", "2025-01-02", None, None, "x"],
        ["I-3", None, None],
        ["I-4", None, None],
    ]
    rows = [["Extrait"], HEADER, *data]
    before = rows_of(workbook.read_sheet(save(tmp_path / "a.xlsx", {"F": rows}), tmp_path, wanted))
    table = workbook.read_sheet(merged(tmp_path / "a.xlsx", rows, cells), tmp_path, wanted)
    assert (rows_of(table), table.bad_lines) == (before, ())
    assert not any("merged" in note for note in table.notes)


@pytest.mark.parametrize("cells", ["B3:C4", "C3:C4"], ids=["several_columns", "a_number_perhaps_the_sum"])
def test_rows_of_which_nobody_can_tell_the_merged_value_are_set_aside(tmp_path, cells):
    table = workbook.read_sheet(merged(tmp_path / "a.xlsx", INCIDENTS, cells), tmp_path, wanted)
    assert [row[0] for row in rows_of(table)] == ["2", "5", "6"]
    assert table.bad_lines == (BadLine(3, "merged_cells", ""), BadLine(4, "merged_cells", ""))


FORMULAS = {
    "as openpyxl writes it": ('<c r="C2"><f>SUM(1,2)</f><v /></c>', "#ERROR"),
    "without any value": ('<c r="C2" s="3"><f>SUM(1,2)</f></c>', "#ERROR"),
    "with an empty one": ('<c r="C2"><f>SUM(1,2)</f><v></v></c>', "#ERROR"),
    "shared with another cell": ('<c r="C2"><f t="shared" si="0"/></c>', "#ERROR"),
    "with a prefix": ('<x:c r="C2"><x:f>SUM(1,2)</x:f><x:v/></x:c>', "#ERROR"),
    "computed": ('<c r="C2"><f>SUM(1,2)</f><v>3</v></c>', "3"),
    "computed, shared": ('<c r="C2"><f t="shared" si="0"/><v>3</v></c>', "3"),
    "computed: an empty text": ('<c r="C2" t="str"><f>IF(1,"","")</f><v></v></c>', ""),
    "no formula": ('<c r="C2"><v>3</v></c>', "3"),
}


@pytest.mark.parametrize("is_cut", [False, True], ids=["", "between two chunks"])
@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_that_nobody_computed_is_no_empty_cell(plain, tmp_path, cell, is_cut):
    xml, text = FORMULAS[cell]
    titles = "".join(f'<c r="{"ABC"[i]}1" t="inlineStr"><is><t>{name}</t></is></c>' for i, name in enumerate(HEADER))
    number = '<c r="A2" t="inlineStr"><is><t>I-1</t></is></c>'
    content = sheet_xml(f'<row r="1">{titles}</row><row r="2">{number}{xml}</row>')
    name_space = content.partition(b'xmlns="')[2].partition(b'"')[0]
    content = content.replace(b"<worksheet ", b'<worksheet xmlns:x="' + name_space + b'" ')
    if is_cut:  # its first twelve bytes in the one, the others in the next
        before = b" " * (workbook._CHUNK - 12 - content.index(xml.encode()))
        content = content.replace(xml.encode(), before + xml.encode())
    path = with_members(plain, tmp_path / "formula.xlsx", {"xl/worksheets/sheet1.xml": content})
    table = workbook.read_sheet(path, tmp_path, wanted)
    assert rows_of(table)[0][3] == text
    assert any("formulas" in note for note in table.notes) is (text == "#ERROR")


def test_the_table_is_found_on_whichever_sheet_it_stands(tmp_path):
    sheets = {"Lisez-moi": [["Notice"]], "Vide": [], "Données": [HEADER, ["I-1", "2025-01-02", 1]], "Caché": [HEADER]}
    path = save(tmp_path / "a.xlsx", sheets, hidden=("Caché",))
    table = workbook.read_sheet(path, tmp_path, wanted)
    assert table.notes == ("read from sheet 3 of 4",)
    assert table.line_count == 1


def test_a_header_without_rows_is_an_empty_table(tmp_path):
    table = workbook.read_sheet(save(tmp_path / "a.xlsx", {"F": [HEADER]}), tmp_path, wanted)
    assert (table.line_count, rows_of(table)) == (0, [])


PERSON = "Sophie Durand 0612345678"


def test_a_sheet_is_never_named_by_its_text(tmp_path):
    table = workbook.read_sheet(save(tmp_path / "a.xlsx", {PERSON: [HEADER], "b": []}), tmp_path, wanted)
    assert table.notes == ("read from sheet 1 of 2",)
    for rows in ([HEADER], [["autre"]]):
        found = refusal(save(tmp_path / "a.xlsx", {PERSON: rows, f"{PERSON} 2": rows}), tmp_path)
        assert "sheets 1, 2 of 2" in found.found
        assert "Sophie" not in str(found.as_dict())


def test_of_very_many_sheets_ten_are_told(tmp_path):
    path = save(tmp_path / "a.xlsx", {f"{number}": [["autre"]] for number in range(12)})
    assert "sheets 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more of 12" in refusal(path, tmp_path).found


# -- a workbook without the one table ---------------------------------------------------------------------------------


def test_two_sheets_with_the_table(tmp_path):
    found = refusal(save(tmp_path / "a.xlsx", {"2024": [HEADER], "2025": [HEADER]}), tmp_path)
    assert found.code == "several_sheets"
    assert found.found == "2 of them: sheets 1, 2 of 2"


def test_no_sheet_with_the_table(tmp_path):
    path = save(tmp_path / "a.xlsx", {"Bilan": [["autre"], ["SECRET-4711"]], "Caché": [HEADER]}, hidden=("Caché",))
    found = refusal(path, tmp_path)
    assert found.code == "no_table"
    assert "sheet 1 of 2" in found.found and "1 hidden sheets" in found.found
    assert "SECRET" not in str(found.as_dict())


def test_a_header_below_row_25_is_not_looked_for(tmp_path):
    found = refusal(save(tmp_path / "a.xlsx", {"F": [["x"]] * 25 + [HEADER]}), tmp_path)
    assert found.code == "no_table"


# -- files of another kind --------------------------------------------------------------------------------------------

OLE2 = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_workbook"),
        (b"<html><table></table></html>", "not_a_workbook"),
        (OLE2 + "Workbook".encode("utf-16-le") + bytes(100), "old_xls"),
        (OLE2 + "EncryptedPackage".encode("utf-16-le") + bytes(100), "encrypted_workbook"),
        (OLE2 + bytes(2**20 - 530) + "EncryptedPackage".encode("utf-16-le"), "encrypted_workbook"),
        (OLE2, "old_office"),
        (b"PK\x03\x04" + bytes(100), "damaged_zip"),
        (b"PK\x05\x06" + bytes(18), "plain_zip"),
    ],
)
def test_other_files_are_named(tmp_path, content, code):
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert refusal(path, tmp_path).code == code


@pytest.mark.parametrize(
    ("members", "kind", "code"),
    [
        ({"mimetype": OPEN_DOCUMENT, "content.xml": b"<x/>"}, "ods", "ods"),
        ({"word/document.xml": b"<x/>"}, "docx", "docx"),
        ({"survey_1.lss": b"<x/>", "survey_1_responses.lsr": b"<x/>"}, "lsa", "lsa"),
        ({"incidents.csv": b"a;b"}, "zip", "plain_zip"),
        ({"xl/workbook.bin": b"x"}, "xlsx", "xlsb"),
        ({"xl/workbook.xml": b"no xml"}, "xlsx", "damaged_zip"),
        ({"xl/workbook2.xml": b"<x/>"}, "xlsx", "unreadable_workbook"),
    ],
)
def test_archives_are_told_apart_by_their_members(tmp_path, members, kind, code):
    path = archive(tmp_path / "a.xlsx", members)
    assert workbook.kind_of_zip(path) == kind
    assert refusal(path, tmp_path).code == code


def test_a_real_limesurvey_archive(tmp_path):
    path = SHARED / "surveys" / "colors.lsa"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    assert workbook.kind_of_zip(path) == "lsa"
    assert "question codes" in refusal(path, tmp_path).remedy


def test_a_workbook_is_one(plain):
    assert workbook.kind_of_zip(plain) == "xlsx"


# -- files that would do harm -----------------------------------------------------------------------------------------


def test_a_truncated_workbook(tmp_path, plain):
    path = tmp_path / "cut.xlsx"
    path.write_bytes(plain.read_bytes()[:-400])
    assert refusal(path, tmp_path).code == "damaged_zip"


def test_a_bomb_that_says_so(tmp_path, plain):
    path = with_members(plain, tmp_path / "bomb.xlsx", {"xl/media/zeros.bin": bytes(3_000_000)})
    assert path.stat().st_size < 30_000
    assert refusal(path, tmp_path, max_unpacked_bytes=1_000_000).code == "zip_bomb"


def test_a_bomb_that_lies_about_its_size(tmp_path, plain):
    path = with_members(plain, tmp_path / "bomb.xlsx", {"xl/media/zeros.bin": bytes(3_000_000)})
    path.write_bytes(path.read_bytes().replace(struct.pack("<L", 3_000_000), struct.pack("<L", 10)))
    with zipfile.ZipFile(path) as file:
        assert file.getinfo("xl/media/zeros.bin").file_size == 10
    assert refusal(path, tmp_path, max_unpacked_bytes=1_000_000).code == "zip_bomb"
    # zipfile finds the checksum wrong, or the size: whichever comes first, the file is not used
    assert refusal(path, tmp_path).code in ("lying_zip", "damaged_zip")


def test_sizes_are_those_that_were_really_unpacked(tmp_path):
    path = archive(tmp_path / "a.zip", {"a": b"x" * 1000, "b": b""})
    assert workbook.guard_zip(path) == 1000


def test_too_many_members(tmp_path, plain):
    path = with_members(plain, tmp_path / "many.xlsx", {f"x/{i}": b"" for i in range(2_000)})
    assert refusal(path, tmp_path).code == "zip_members"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside", "a/../../b", "..\\outside", "C:\\outside"])
def test_members_that_point_out_of_the_archive(tmp_path, plain, name):
    path = with_members(plain, tmp_path / "away.xlsx", {name: b"x"})
    assert refusal(path, tmp_path).code == "unsafe_zip"


def test_encrypted_members(tmp_path, plain):
    content = bytearray(plain.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + offset] |= 1
            start += 4
    path = tmp_path / "locked.xlsx"
    path.write_bytes(content)
    assert refusal(path, tmp_path).code == "encrypted_zip"


CORNERS = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
WITHOUT_REFERENCES = f'<row r="1">{"<c><v>1</v></c>" * 16_000}</row><row r="1048576"><c><v>1</v></c></row>'


@pytest.mark.parametrize(
    "cells",
    [
        CORNERS,
        CORNERS.replace('"', "'"),
        CORNERS.replace("r=", "r = "),
        WITHOUT_REFERENCES,
        '<row r="1"><c r="ZZZZZZZ99999999999"><v>1</v></c></row>',
    ],
)
def test_two_stray_cells_do_not_ask_for_500_gigabytes(tmp_path, plain, cells):
    path = with_members(plain, tmp_path / "wide.xlsx", {"xl/worksheets/sheet1.xml": sheet_xml(cells)})
    assert refusal(path, tmp_path).code == "sheet_too_large"


@pytest.mark.parametrize(("length", "cells"), [(3_000_000, 10), (200_000, 10_000)])
def test_one_long_text_shown_in_many_cells(tmp_path, plain, length, cells):
    rows = "".join(f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>' for i in range(1, cells + 1))
    texts = b"<sst><si><t>" + b"x" * length + b"</t></si><si/><si><t>y</t></si></sst>"
    changes = {"xl/worksheets/sheet1.xml": sheet_xml(rows), "xl/sharedStrings.xml": texts}
    assert refusal(with_members(plain, tmp_path / "long.xlsx", changes), tmp_path).code == "too_much_text"


def test_one_long_remark_is_no_bomb(tmp_path, plain):
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>' + "".join(
        f'<row r="{i}"><c r="A{i}" t="s"><v>1</v></c></row>' for i in range(2, 40_000)
    )
    texts = b"<sst><si><t>" + b"x" * 30_000 + b"</t></si><si><t>y</t></si></sst>"
    changes = {"xl/worksheets/sheet1.xml": sheet_xml(rows), "xl/sharedStrings.xml": texts}
    with workbook.open_workbook(with_members(plain, tmp_path / "long.xlsx", changes)) as book:
        assert len(book.rows("Feuil1")) == 39_999


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml at all",
        sheet_xml('<row r="0"><c r="A0"><v>1</v></c></row>'),
        sheet_xml('<row r="1"><c r="A1" t="s"><v>99999</v></c></row>'),
        sheet_xml('<row r="1"><c r="A1" t="zz"><v>1</v></c></row>'),
        sheet_xml("")[:-30] + b'<row r="1"><c r="A1"><v>1',
    ],
)
def test_a_sheet_that_cannot_be_read(tmp_path, plain, content):
    path = with_members(plain, tmp_path / "bad.xlsx", {"xl/worksheets/sheet1.xml": content})
    assert refusal(path, tmp_path).code in ("unreadable_workbook", "no_table")


def test_an_index_with_entities_is_not_expanded(tmp_path, plain):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><workbook>&b;</workbook>'
    path = with_members(plain, tmp_path / "bad.xlsx", {"xl/workbook.xml": bomb})
    assert refusal(path, tmp_path).code == "damaged_zip"


def test_a_panic_of_the_library_is_a_refusal():
    class PanicException(BaseException):
        pass

    with pytest.raises(Refusal) as caught, workbook._library_refusals():
        raise PanicException("SECRET-4711")
    assert caught.value.code == "unreadable_workbook"
    assert "SECRET" not in str(caught.value)


def test_an_interrupt_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt), workbook._library_refusals():
        raise KeyboardInterrupt


def test_damaged_workbooks_give_a_table_or_a_refusal(tmp_path, plain):
    whole = plain.read_bytes()
    chance = random.Random(20251119)
    path = tmp_path / "damaged.xlsx"
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice([len(content), chance.randrange(len(content))])])
        with contextlib.suppress(Refusal):
            workbook.read_sheet(path, tmp_path, wanted)
