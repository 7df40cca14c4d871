"""A table whose set-aside rows show that the others were misread is refused as a whole."""

from __future__ import annotations

import io

import openpyxl
import pytest

HEADER = "id_incident;date_heure;code_quartier;categorie;lien_trafic;secteur;tranche"


def incidents(moments: list[str]) -> str:
    rows = (f"INC-{n};{moment};CF01;Violences;Oui;R1;PM" for n, moment in enumerate(moments))
    return "\n".join([HEADER, *rows]) + "\n"


FORMS = {
    "american": "02/{:02}/2025 10:05",
    "american, short year": "02/{:02}/25 10:05",
    "year, day, month": "2025-{:02}-02 10:05",
    "year, day, month, no time": "2025-{:02}-02",
}


@pytest.mark.parametrize("numbered_below_bytes", [0, 1 << 40], ids=["fast", "numbered"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_days_that_exist_with_the_month_first_refuse_the_whole(form, numbered_below_bytes, admit) -> None:
    content = incidents([form.format(day) for day in range(1, 21)])
    found = admit("incidents.csv", content, numbered_below_bytes=numbered_below_bytes)
    refusal = found.verdict.refusal
    assert refusal and (refusal["code"], refusal["line"], refusal["facts"]["days"]) == ("month_first", 14, 8)
    assert "date_heure" in refusal["expected"] and "31/12/2025" in refusal["remedy"]
    assert not found.accepted


def test_a_word_in_the_column_speaks_neither_for_nor_against(admit) -> None:
    content = incidents([f"02/{day:02}/2025 10:05" for day in range(1, 21)] + ["inconnu"])
    assert admit("incidents.csv", content).verdict.refusal["code"] == "month_first"


GOOD = [f"{day:02}/02/2025 10:05" for day in range(1, 21)]


@pytest.mark.parametrize(
    "wrong",
    [
        ["02/13/2025 10:05"],
        ["02/13/2025 10:05", "02/14/2025 10:05"],
        ["02/13/2025 10:05", "02/14/2025 10:05", "02/15/2025 10:05", "31/04/2025 10:05"],
        ["29/02/2023 10:05", "31/04/2025 10:05", "30/02/2025 10:05"],
        ["31/03/2024 02:30", "30/03/2025 02:30", "26/03/2023 02:30"],
    ],
    ids=["one slip", "two slips", "errors of two kinds", "days that are none", "hours that summer time skips"],
)
def test_single_errors_only_set_their_rows_aside(wrong, admit) -> None:
    verdict = admit("incidents.csv", incidents(GOOD + wrong)).verdict
    assert (verdict.verdict, verdict.rows_accepted, verdict.rows_quarantined) == ("warned", len(GOOD), len(wrong))


POPULATIONS = [
    ["code_zone", "annee", "population", "source"],
    *([f"CF{n:02}", 2000 + n, 1990 + n, "INSEE"] for n in range(1, 9)),
]
SWAPPED = [
    ["Code quartier", "Population", "Année", "source"],
    *([f"CF{n:02}", 1990 + n, 2010 + n, "INSEE"] for n in range(1, 9)),
]


def as_csv(rows: list[list]) -> bytes:
    return "".join(";".join(map(str, row)) + "\n" for row in rows).encode()


def as_workbook(rows: list[list]) -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(target)
    return target.getvalue()


WAYS = {
    "fast": ("populations.csv", as_csv, {"numbered_below_bytes": 0}),
    "numbered": ("populations.csv", as_csv, {"numbered_below_bytes": 1 << 40}),
    "workbook": ("populations.xlsx", as_workbook, {}),
}


@pytest.mark.parametrize(("name", "form", "settings"), WAYS.values(), ids=WAYS)
def test_a_second_header_in_another_order_refuses_the_whole(name, form, settings, admit) -> None:
    found = admit(name, form(POPULATIONS + SWAPPED), **settings)
    refusal = found.verdict.refusal
    assert refusal and (refusal["code"], refusal["line"]) == ("second_header", 10)
    assert not found.accepted


@pytest.mark.parametrize(("name", "form", "settings"), WAYS.values(), ids=WAYS)
def test_the_same_header_again_is_one_row_set_aside(name, form, settings, admit) -> None:
    again = [["CODE_ZONE", "Annee", "Habitants", "Source"], ["CF10", 2012, 800, "INSEE"]]
    verdict = admit(name, form(POPULATIONS + again), **settings).verdict
    assert (verdict.verdict, verdict.rows_accepted, verdict.rows_quarantined) == ("warned", 9, 1)
