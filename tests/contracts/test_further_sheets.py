"""Rows on further sheets of a workbook are not lost without a word: they are refused, or a note tells how many were left out."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import pytest

HEADER = ["id_action", "id_partenaire", "date", "action", "canal", "zone", "personnes_touchees"]


def rows(first: int, count: int) -> list[list]:
    return [
        [f"A{i}", f"P{i % 5}", date(2026, 3, 1 + i % 28), "Atelier", None, "CF01", 20 + i]
        for i in range(first, first + count)
    ]


TABLE = [HEADER, *rows(0, 8)]
MORE = rows(100, 12)
OTHERWISE = ["id_action", "id_partenaire", "date", "Actions menées", "canal", "zone", "personnes_touchees"]

PARTS: dict[str, list[list]] = {
    "no_header": MORE,
    "one_row": MORE[:1],
    "another_header": [OTHERWISE, *MORE],
    "in_another_order": [OTHERWISE[::-1], *(row[::-1] for row in MORE)],
    "below_a_title": [["Février"], [], *MORE],
    "further_right": [[None, None, *row] for row in MORE],
    "dates_as_text": [[*row[:2], "05/02/2026", *row[3:]] for row in MORE],
}

OTHERS: dict[str, tuple[list[list], int]] = {
    "explanations": ([["Colonne", "Sens"], *([name, f"Sens de {name}"] for name in HEADER)], 8),
    "codes": ([["CF01", "Centre"], ["CF02", "Nord"], ["CF03", "Sud"]], 3),
    "pivot_table": (
        [["zone", "canal", "Somme"], ["CF01", "Présentiel", 40], ["CF02", "En ligne", 12], ["Total", None, 52]],
        4,
    ),
    "calendar": ([["Mois", "Envoi", "Clôture"], ["Mars", date(2026, 4, 5), date(2026, 4, 9)]], 2),
    "signature": ([["Fait à Clermont-Ferrand"], ["le", "5 avril"]], 0),
    "title": ([["Notice"], ["à lire"], []], 0),
    "empty": ([], 0),
}


def save(folder: Path, further: list[list], is_hidden: bool = False) -> Path:
    book = openpyxl.Workbook()
    for sheet, content in ((book.active, TABLE), (book.create_sheet("Sophie Durand"), further)):
        for row in content:
            sheet.append(row)
    book.worksheets[1].sheet_state = "hidden" if is_hidden else "visible"
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx"


@pytest.mark.parametrize("part", PARTS)
def test_rows_of_the_table_on_another_sheet_are_refused(admit, tmp_path, part) -> None:
    refusal = admit("a.xlsx", save(tmp_path, PARTS[part])).verdict.refusal
    assert refusal["code"] == "rows_on_other_sheets"
    assert refusal["facts"]["sheet"] == "2"
    assert "Sophie" not in str(refusal)


@pytest.mark.parametrize("other", OTHERS)
def test_another_sheet_is_left_out_and_told(admit, tmp_path, other) -> None:
    further, count = OTHERS[other]
    verdict = admit("a.xlsx", save(tmp_path, further)).verdict
    assert (verdict.is_admitted, verdict.rows_read) == (True, 8)
    assert verdict.notes[1:] == ((f"sheet 2 of 2 was left out with its {count} rows",) if count else ())


def test_a_hidden_sheet_is_left_out_and_told(admit, tmp_path) -> None:
    verdict = admit("a.xlsx", save(tmp_path, [HEADER, *MORE], is_hidden=True)).verdict
    assert (verdict.is_admitted, verdict.rows_read) == (True, 8)
    assert verdict.notes[1:] == ("sheet 2 of 2 is hidden and was left out with its 13 rows",)
