"""A column that the contract does not know is left out, and said to be; one whose name has lost letters is refused."""

from __future__ import annotations

import pytest

HEADER = "Id action;Code partenaire;Date action;Action;Canal;Code zone;Personnes touchées;Personnes formées"


def actions(header: str = HEADER, extra: str = "", partner: str = "P{}") -> str:
    rows = (
        f"A-{n};{partner.format(n % 3)};{n + 1:02}/03/2025;Point d'information;Affiche;CF01;{20 + n};" for n in range(8)
    )
    return "\n".join([header, *(row + extra for row in rows), ""])


def mangled(text: str, written: str, read: str) -> str:
    return text.encode(written).decode(read)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (HEADER.replace("touchées", "touch?es"), 7),
        (HEADER.replace("touchées", "touch\ufffdes"), 7),
        (HEADER.replace("touchées", "touch??es"), 7),
        (mangled(HEADER, "utf-8", "cp1252"), 7),
        (mangled(HEADER, "mac_roman", "cp1252"), 7),
        (mangled(HEADER, "utf-8", "mac_roman"), 7),
        (HEADER.replace("formées", "form?es"), 8),
    ],
)
def test_a_column_whose_name_has_lost_letters_is_not_left_out_in_silence(admit, header, field) -> None:
    refusal = admit("actions.csv", actions(header)).verdict.refusal
    assert (
        refusal["code"] == "header_damaged"
        and refusal["line"] == 1
        and f"field {field}, probably personnes" in refusal["found"]
    )


@pytest.mark.parametrize("name", ["Météo", "N° de dossier", "?", "é", "Température (°C)"])
def test_other_columns_are_left_out_and_said_to_be(admit, name) -> None:
    admitted = admit("actions.csv", actions(f"{HEADER};{name}", extra=";x"))
    assert admitted.verdict.verdict == "passed" and len(admitted.accepted) == 8
    assert admitted.verdict.notes == ("columns that the contract does not know were left out (field 9)",)


def test_many_of_them_are_counted_and_blank_ones_are_none(admit) -> None:
    header = ";".join([HEADER, *(f"colonne {n}" for n in range(12)), "", " "])
    (note,) = admit("actions.csv", actions(header, extra=";" * 14)).verdict.notes
    assert note.endswith("(field 9, 10, 11, 12, 13, 14, 15, 16, 17, 18 and 2 more)")
    assert admit("actions.csv", actions()).verdict.notes == ()


@pytest.mark.parametrize(
    ("partner", "is_taken"),
    [
        ("P{} 06 12 34 56 78", False),
        ("P{} 06\u202f12 34 56 78", False),
        ("P{} +33 6 12 34 56 78", False),
        ("P{}-06-12-34-56-78", True),
        ("P{} 2025 03", True),
        ("061234567{}", True),
    ],
)
def test_a_telephone_number_in_a_code_is_set_aside(admit, partner, is_taken) -> None:
    verdict = admit("actions.csv", actions(partner=partner)).verdict
    assert (verdict.rows_accepted == 8) is is_taken
    assert is_taken or verdict.refusal["facts"]["reason"] == "no_personal_values"


def test_a_column_that_is_not_there_is_no_matter_of_separators(admit) -> None:
    header = "CODGEO_2026;annee;indicateur;unite_de_compte;taux_pour_mille"
    refusal = admit("communes.csv", f"{header}\n63113;2024;Homicides;Victime;0,1\n").verdict.refusal
    assert refusal["code"] == "not_recognised" and "without count (for example" in refusal["found"]
