"""The ministry's workbook of état 4001 becomes one row per year, service and index."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import duckdb
import openpyxl
import pytest

from flows.core.errors import Refusal
from flows.core.reading import etat_4001

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "police" / "etat4001"

POLICE = [
    ["Année 2021 - services de police", "Départements", "01", "63", "63"],
    [None, "Périmètres", "DCPAF", "DCSP", "DCSP"],
    ["Code index", "Libellé index \\ CSP", "BMRA 01", "CIAT DE CLERMONT FERRAND", "CIAT; « DE » RIOM"],
    [1, "Règlements de compte entre malfaiteurs", 0, 1, 2],
    [57, "Usage de stupéfiants", 3, 345, None],
]
GENDARMERIE = [
    ["Année 2022 - compagnies de gendarmerie", "Départements", "63"],
    ["Code index", "Libellé index \\ CGD", "CGD CLERMONT FERRAND"],
    [57, "Usage de stupéfiants", 12],
]


def save(path: Path, sheets: dict[str, list[list]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def changed(rows: list[list], row: int, column: int, value) -> list[list]:
    copy = [list(line) for line in rows]
    copy[row][column] = value
    return copy


def read(tmp_path: Path, sheets: dict[str, list[list]]):
    return etat_4001.read_etat_4001(save(tmp_path / "etat.xlsx", sheets), tmp_path / "work")


def rows_of(table) -> list[list[str]]:
    with table.path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=";"))


def refusal(tmp_path: Path, sheets: dict[str, list[list]]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(tmp_path, sheets)
    assert caught.value.remedy
    return caught.value


# -- the long form ----------------------------------------------------------------------------------------------------


def test_police_and_gendarmerie_of_other_years(tmp_path):
    table = read(tmp_path, {"Présentation": [["Notice"]], "Services PN 2021": POLICE, "Services GN 2022": GENDARMERIE})
    assert table.header == etat_4001.HEADER
    assert (table.form, table.numbered, table.delimiter, table.line_count) == ("csv", True, ";", 7)
    first, usage = "Règlements de compte entre malfaiteurs", "Usage de stupéfiants"
    assert rows_of(table) == [
        ["4", "2021", "police", "01", "DCPAF", "BMRA 01", "1", first, "0"],
        ["4", "2021", "police", "63", "DCSP", "CIAT DE CLERMONT FERRAND", "1", first, "1"],
        ["4", "2021", "police", "63", "DCSP", "CIAT; « DE » RIOM", "1", first, "2"],
        ["5", "2021", "police", "01", "DCPAF", "BMRA 01", "57", usage, "3"],
        ["5", "2021", "police", "63", "DCSP", "CIAT DE CLERMONT FERRAND", "57", usage, "345"],
        ["5", "2021", "police", "63", "DCSP", "CIAT; « DE » RIOM", "57", usage, ""],
        ["3", "2022", "gendarmerie", "63", "-", "CGD CLERMONT FERRAND", "57", usage, "12"],
    ]
    assert table.notes == ("sheets left out because they are no table of services: sheet 1 of 3",)
    assert [entry.name for entry in table.path.parent.iterdir()] == ["etat_4001.csv"]


@pytest.mark.parametrize("name", ["services pn 2021", "Services  PN_2021 ", "SERVICE PN - 2021", "Sèrvices PN 2021"])
def test_names_of_sheets_differ_in_case_space_and_accents(tmp_path, name):
    path = save(tmp_path / "etat.xlsx", {name: POLICE})
    assert etat_4001.is_etat_4001(path)
    assert etat_4001.read_etat_4001(path, tmp_path).line_count == 6


def test_sheets_are_named_as_the_ministry_does_or_by_number(tmp_path):
    sheets = {"Suivi de Leila Haddad": [["Notice"]], "SERVICES pn (2021)": [*POLICE, [], ["Source : SSMSI"]]}
    table = read(tmp_path, sheets)
    assert table.notes == (
        "sheets left out because they are no table of services: sheet 1 of 2",
        "sheet 'Services PN 2021': 1 rows of remarks without figures were left out",
    )


def test_a_blank_is_not_given_and_not_zero(tmp_path):
    table = read(tmp_path, {"Services PN 2021": [*POLICE, [96, "Index sans objet", None, None, None]]})
    assert [row[-1] for row in rows_of(table) if row[6] == "96"] == ["", "", ""]


def test_remarks_below_the_table_are_left_out(tmp_path):
    table = read(tmp_path, {"Services PN 2021": [*POLICE, [], ["Source : SSMSI"], ["Champ : France"]]})
    assert table.line_count == 6
    assert "sheet 'Services PN 2021': 2 rows of remarks without figures were left out" in table.notes


def test_figures_without_an_index_are_kept_for_the_quarantine(tmp_path):
    table = read(tmp_path, {"Services GN 2022": [*GENDARMERIE, ["Total", None, 99]]})
    assert rows_of(table)[-1] == ["4", "2022", "gendarmerie", "63", "-", "CGD CLERMONT FERRAND", "Total", "", "99"]


def test_two_columns_of_one_service_are_both_kept_and_told(tmp_path):
    table = read(tmp_path, {"Services PN 2021": changed(POLICE, 2, 4, "CIAT DE CLERMONT FERRAND")})
    assert table.line_count == 6
    assert any("2 columns share département, perimeter and service" in note for note in table.notes)


def test_a_department_that_was_typed_as_a_number(tmp_path):
    table = read(tmp_path, {"Services GN 2022": changed(GENDARMERIE, 0, 2, 1)})
    assert rows_of(table)[0][3] == "1"


def test_a_sheet_without_a_title(tmp_path):
    table = read(tmp_path, {"Services GN 2022": changed(GENDARMERIE, 0, 0, None)})
    assert table.line_count == 1
    assert table.notes == ("sheet 'Services GN 2022' has no title that tells a year; the year is that of its name",)


# -- recognising ------------------------------------------------------------------------------------------------------


def test_other_files_are_not_recognised(tmp_path):
    other = save(tmp_path / "other.xlsx", {"Services 2021": POLICE})
    garbage = tmp_path / "garbage.xlsx"
    garbage.write_bytes(b"PK\x03\x04" + bytes(50))
    text = tmp_path / "text.xlsx"
    text.write_text("Services PN 2021")
    for path in (other, garbage, text, tmp_path / "absent.xlsx"):
        assert not etat_4001.is_etat_4001(path)


# -- what is sent back ------------------------------------------------------------------------------------------------


def test_the_name_says_another_year_than_the_title(tmp_path):
    found = refusal(tmp_path, {"Services PN 2020": POLICE})
    assert (found.code, found.line) == ("sheet_contradiction", 1)
    assert "2020" in found.expected and "2021" in found.found


def test_the_name_says_another_force_than_the_title(tmp_path):
    found = refusal(tmp_path, {"Services GN 2021": POLICE})
    assert found.code == "sheet_contradiction"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([], 1),
        ([["autre chose"]], 1),
        (changed(POLICE, 2, 0, "Index"), 1),
        (changed(POLICE, 0, 1, "Région"), 3),
        (changed(POLICE, 1, 1, None), 3),
        ([row[:2] for row in POLICE], 3),
        ([["Source : ministère", None, None, "juin"], *(row[:2] for row in POLICE)], 4),
    ],
)
def test_another_layout(tmp_path, rows, line):
    found = refusal(tmp_path, {"Services PN 2021": rows})
    assert (found.code, found.line) == ("sheet_layout", line)
    assert "Services PN 2021" in found.expected and f"row {line}" in found.found


def test_the_same_force_and_year_twice(tmp_path):
    found = refusal(tmp_path, {"Services PN 2021": POLICE, "Service PN 2021": POLICE})
    assert found.code == "repeated_sheet"


def test_no_sheet_of_services(tmp_path):
    assert refusal(tmp_path, {"Bilan": POLICE}).code == "no_table"


# -- the real workbook ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    paths = sorted(SHARED.glob("*.xlsx"))
    if not paths:
        pytest.skip(f"the ministry's workbook is absent from {SHARED}")
    started = time.perf_counter()
    table = etat_4001.read_etat_4001(paths[0], tmp_path_factory.mktemp("etat"))
    print(f"read in {time.perf_counter() - started:.1f} s")
    columns = dict.fromkeys(("line", *table.header), "varchar")
    connection = duckdb.connect()
    connection.execute(f"""
        create table figures as from read_csv('{table.path}', columns = {columns}, header = false, delim = ';',
            quote = '"', auto_detect = false)
    """)
    yield table, connection
    connection.close()


def test_real_figures_of_clermont_ferrand(real):
    _, connection = real
    figures = connection.execute("""
        select cast(annee as integer), cast(nombre as integer) from figures
        where service = 'CIAT CENTRAL DE CLERMONT FERRAND' and code_index = '57' order by annee
    """).fetchall()
    assert figures == list(zip(range(2012, 2021), [345, 282, 406, 455, 428, 385, 564, 511, 350], strict=True))


def test_real_workbook_is_read_to_the_last_cell(real):
    table, connection = real
    rows, filled, keys, indexes = connection.execute("""
        select count(*), count(nombre), count(distinct (annee, force, departement, perimetre, service, code_index)),
            count(distinct code_index)
        from figures
    """).fetchone()
    assert (rows, filled, keys, indexes) == (1_010_615, 997_047, 1_010_615, 107)
    assert table.line_count == rows
    # the gendarmerie gives nothing for four indexes that it does not use
    blank = connection.execute(
        "select distinct force, code_index from figures where nombre is null order by 2"
    ).fetchall()
    assert blank == [("gendarmerie", "100"), ("gendarmerie", "96"), ("gendarmerie", "97"), ("gendarmerie", "99")]


def test_real_workbook_is_recognised():
    paths = sorted(SHARED.glob("*.xlsx"))
    if not paths:
        pytest.skip(f"the ministry's workbook is absent from {SHARED}")
    assert etat_4001.is_etat_4001(paths[0])
