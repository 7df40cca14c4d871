"""What a respondent wrote in own words never leaves the reader, however much it looks like a code."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import openpyxl
import pytest

from flows.core import steps
from flows.core.reading import codebook, kobo, survey
from flows.core.reading.codebook import UNLISTED, Codebook
from flows.core.reading.tables import BadLine
from flows.settings import PROJECT, Settings

LIMESURVEY = ["id", "submitdate", "lastpage", "startlanguage", "seed"]
LIMESURVEY_VALUES = ["1", "2026-09-10 10:00:00", "4", "fr", "7"]
KOBO = ["_id", "_uuid", "_submission_time"]
KOBO_VALUES = ["1", "u", "2026-09-10T08:00:00"]
PLANTED = ["A1", "oui", "Martin", "34", "Y", "PLANTEE"]
BOOK = Codebook(
    frozenset({("Q1", "-", "A1"), ("Q1", "-", "A2"), ("BOX", "SQ001", "Y"), ("BOX", "SQ001", "N"), ("AGE", "-", "A1")}),
    frozenset({"2026-09"}),
)


def read(tmp_path: Path, columns: dict[str, str], book: Codebook = BOOK, own=(LIMESURVEY, LIMESURVEY_VALUES)):
    path = tmp_path / "export.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(
            [[*own[0], *columns], [*own[1], *columns.values()]]
        )
    reader = survey.read_limesurvey_csv if own[0] is LIMESURVEY else kobo.read_kobo_csv
    return reader(path, ";", tmp_path / "work", book)


def rows(table) -> list[tuple[str, str, str]]:
    return duckdb.sql(
        f"select columns(* exclude (_line, response_number, submitted_on, wave_code)) from '{table.path}'"
    ).fetchall()


def waves(table) -> set[str | None]:
    return {row[0] for row in duckdb.sql(f"select wave_code from '{table.path}'").fetchall()}


# -- one file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [(LIMESURVEY, LIMESURVEY_VALUES), (KOBO, KOBO_VALUES)], ids=["limesurvey", "kobo"])
@pytest.mark.parametrize("word", PLANTED)
def test_an_answer_to_a_question_that_nobody_registered_is_counted_without_its_value(tmp_path, own, word):
    table = read(tmp_path, {"Q1": "A2", "METIER": word}, own=own)
    assert rows(table) == [("Q1", "-", "A2"), ("METIER", "-", UNLISTED)]
    assert table.notes[1:] == ("1 answers that no list knows were withheld: 1 columns (METIER)",)


@pytest.mark.parametrize("word", ["oui", "Martin", "34", "a1", "A9"])
def test_a_registered_question_keeps_listed_codes_only(tmp_path, word):
    assert rows(read(tmp_path, {"Q1": word})) == [("Q1", "-", UNLISTED)]
    assert rows(read(tmp_path, {"Q1": "A1"})) == [("Q1", "-", "A1")]


@pytest.mark.parametrize("heading", ["Q1[other]", "Q1_other", "Q1[comment]", "BOX[SQ001comment]"])
@pytest.mark.parametrize("word", ["A1", "Martin", "Y"])
def test_the_text_beside_a_closed_question_is_left_out(tmp_path, heading, word):
    assert rows(read(tmp_path, {"Q1": "A1", heading: word})) == [("Q1", "-", "A1")]


@pytest.mark.parametrize("heading", ["Q1_autre", "Q1_precisez", "Q1[SQ001]", "BOX[SQ009]"])
def test_a_text_that_nothing_marks_as_one_is_withheld(tmp_path, heading):
    found = rows(read(tmp_path, {"Q1": "A1", heading: "Martin"}))
    assert found[0] == ("Q1", "-", "A1") and [answer for *_, answer in found[1:]] == [UNLISTED]


def test_boxes_are_kept_ticked_and_unticked(tmp_path):
    assert rows(read(tmp_path, {"BOX[SQ001]": "Y"})) == [("BOX", "SQ001", "Y")]
    assert rows(read(tmp_path, {"BOX[SQ001]": "N"})) == [("BOX", "SQ001", "N")]
    kobo_box = {"BOX": "SQ001", "BOX/SQ001": "1", "BOX/SQ002": "0"}
    assert rows(read(tmp_path, kobo_box, own=(KOBO, KOBO_VALUES))) == [("BOX", "SQ001", "Y")]


def test_a_wave_that_is_not_registered_is_somebodys_word(tmp_path):
    table = read(tmp_path, {"vague": "Martin", "Q1": "A1"})
    assert waves(table) == {None}
    assert "1 respondents have a wave that is not registered; it was left empty" in table.notes
    table = read(tmp_path, {"vague": "2026-09", "Q1": "A1"})
    assert waves(table) == {"2026-09"}


@pytest.mark.parametrize("own", [(LIMESURVEY, LIMESURVEY_VALUES), (KOBO, KOBO_VALUES)], ids=["limesurvey", "kobo"])
def test_a_registered_question_that_the_structure_declares_open_is_left_out_and_told(tmp_path, own):
    book = replace(BOOK, structures=({"Q1": True, "AGE": False},))
    table = read(tmp_path, {"Q1": "A1", "AGE": "A1"}, book, own)
    assert rows(table) == [("Q1", "-", "A1")]
    assert table.notes[1:] == (
        "answers in own words were left out: 1 columns (AGE)",
        "registered as closed, but answered in own words or declared so: 1 columns (AGE)",
    )


def test_another_surveys_structure_says_nothing_about_this_one(tmp_path):
    book = replace(BOOK, structures=({"AGE": False, "METIER": False, "RUE": False},))
    assert ("AGE", "-", "A1") in rows(read(tmp_path, {"Q1": "A1", "BOX[SQ001]": "Y", "AGE": "A1"}, book))


def test_without_a_codebook_no_value_passes_the_door(tmp_path):
    from flows.core import reading
    from flows.core.contracts import load_contracts

    path = tmp_path / "export.csv"
    path.write_text("id;submitdate;SEXE;METIER\n1;2026-09-10 10:00:00;F;Martin\n", encoding="utf-8")
    contracts = load_contracts(PROJECT / "sql" / "0_sources")
    table = reading.read(path, contracts, tmp_path / "a", reading.Limits(10**8, 10**8, 10**6, 10**7)).table
    assert {answer for *_, answer in rows(table)} == {UNLISTED}


def read_many(tmp_path: Path, given: list[str], book: Codebook = BOOK, own=(LIMESURVEY, LIMESURVEY_VALUES)):
    """One respondent for each answer to Q1; to AGE all give A1."""
    path = tmp_path / "export.csv"
    header, values = own
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(
            [[*header, "AGE", "Q1"], *([str(n), *values[1:], "A1", answer] for n, answer in enumerate(given))]
        )
    reader = survey.read_limesurvey_csv if own[0] is LIMESURVEY else kobo.read_kobo_csv
    return reader(path, ";", tmp_path / "work", book)


def given_to_q1(table) -> list[str]:
    return sorted(answer for question, _, answer in rows(table) if question == "Q1")


OWNS = pytest.mark.parametrize(
    "own", [(LIMESURVEY, LIMESURVEY_VALUES), (KOBO, KOBO_VALUES)], ids=["limesurvey", "kobo"]
)


@OWNS
@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u202f", "\u200b", "\n"], ids=ascii)
def test_blanks_around_a_code_are_no_part_of_it(tmp_path, own, blank):
    table = read_many(tmp_path, [f"A2{blank}", f"{blank}A2", blank, *["A1"] * 7], own=own)
    assert given_to_q1(table) == ["A1"] * 7 + ["A2"] * 2
    assert (table.bad_lines, len(table.notes)) == ((), 1)


@OWNS
@pytest.mark.parametrize("slip", ["?", "n.c.", "2.", "un mot PLANTE", "0473123456", "Martin", "x" * 40])
def test_a_slip_in_a_registered_question_costs_one_answer_and_not_the_question(tmp_path, own, slip):
    table = read_many(tmp_path, [slip, *["A1"] * 9], own=own)
    assert given_to_q1(table) == ["A1"] * 9 + [UNLISTED]
    assert table.bad_lines == () and "1 answers that no list knows were withheld: 1 columns (Q1)" in table.notes
    assert slip not in str(rows(table)) + str(table.notes)


def test_words_as_different_as_names_are_slips_while_they_are_few(tmp_path):
    table = read_many(tmp_path, [*(f"Prenom{n}" for n in range(30)), *["A1"] * 120])
    assert given_to_q1(table) == ["A1"] * 120 + [UNLISTED] * 30
    assert "Prenom" not in str(rows(table)) + str(table.notes)


@OWNS
def test_a_registered_question_that_came_in_own_words_is_left_out_and_somebody_is_told(tmp_path, own):
    table = read_many(tmp_path, [*["une phrase PLANTEE"] * 3, *["A1"] * 7], own=own)
    assert given_to_q1(table) == [] and len(rows(table)) == 10
    assert table.bad_lines == (BadLine(1, "question_in_own_words", ""),)
    assert "registered as closed, but answered in own words or declared so: 1 columns (Q1)" in table.notes
    assert "PLANTEE" not in str(rows(table)) + str(table)


def test_one_answer_in_own_words_leaves_out_a_question_that_nobody_registered(tmp_path):
    """Of it nothing is known, and its other answers may be words as well."""
    table = read_many(tmp_path, ["un mot", *["A1"] * 9], replace(BOOK, answers=frozenset({("AGE", "-", "A1")})))
    assert given_to_q1(table) == [] and table.bad_lines == ()


# -- the register and the structures ----------------------------------------------------------------------------------


def test_the_register_of_the_project_lists_closed_questions_only():
    book = codebook.load_codebook(PROJECT / "sql")
    assert ("AIDE_OU", "-", "-oth-") in book.answers and ("CANAUX", "SQ003", "N") in book.answers
    assert "2026-09" in book.waves and book.questions >= {"SEXE", "AGE", "SECU_JOUR"}


@pytest.mark.parametrize("kind", "STUQ;D|NK:*")
def test_texts_dates_files_numbers_and_equations_are_not_closed(kind):
    assert kind not in codebook.CLOSED_TYPES


@pytest.mark.parametrize("kind", ["text", "integer", "decimal", "date", "range", "calculate", "geopoint", ""])
def test_the_same_of_a_form(kind):
    assert kind not in codebook.CLOSED_TYPES


# -- through admission ------------------------------------------------------------------------------------------------

LSS = """<?xml version="1.0" encoding="UTF-8"?>
<document>
 <LimeSurveyDocType>Survey</LimeSurveyDocType>
 <questions><rows>{rows}</rows></questions>
</document>
"""
ROW = (
    "<row><qid>{qid}</qid><parent_qid>0</parent_qid><sid>1</sid><type>{kind}</type><title>{code}</title>"
    "<language>fr</language><question>?</question></row>"
)


def lss(**kinds: str) -> str:
    rows = (ROW.format(qid=i, code=code, kind=kind) for i, (code, kind) in enumerate(kinds.items(), 1))
    return LSS.format(rows="\n".join(rows))


def xlsform(path: Path, **kinds: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "survey"
    for row in [["type", "name", "label"], *([kind, code, "?"] for code, kind in kinds.items())]:
        sheet.append(row)
    choices = book.create_sheet("choices")
    for row in [["list_name", "name", "label"], ["o", "A1", "Un"]]:
        choices.append(row)
    book.save(path)


class Town:
    """A raw folder and what a run admits of it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(raw=folder / "raw", out=folder / "out", sql=folder / "sql").resolved()
        self.settings.raw.mkdir()
        shutil.copytree(PROJECT / "sql", self.settings.sql)

    def put(self, name: str, text: str) -> None:
        (self.settings.raw / name).write_text(text, encoding="utf-8")

    def admitted(self) -> dict[str, str]:
        """Verdicts by file name, of the files that are there."""
        run = steps.land(self.settings, steps.Progress())
        verdicts = {d: steps.admit(self.settings, run, d, steps.Progress()) for d in run.largest_first}
        return {d.receipt.file_name: v.verdict for d, v in verdicts.items()}

    def staged(self) -> set[tuple[str, str]]:
        """(question, answer) of all that lies in the staged folder, whether or not anything still reads it."""
        files = sorted(self.settings.staged.glob("survey_answers/*"))
        sql = "select distinct question_code, answer_code from read_parquet($1)"
        return set(duckdb.execute(sql, [[str(f) for f in files]]).fetchall()) if files else set()

    def holds(self, word: str) -> bool:
        return any(word.encode() in path.read_bytes() for path in self.settings.out.rglob("*") if path.is_file())


# three of each kind, so that nobody is alone
EXPORT = "id;submitdate;lastpage;SEXE;AGE;METIER\n" + "".join(
    f"{n};2026-09-10 10:00:00;4;F;A2;Martin\n{n + 3};2026-09-10 11:00:00;4;M;A3;A1\n" for n in (1, 2, 3)
)


@pytest.fixture
def town(tmp_path) -> Town:
    return Town(tmp_path)


def test_planted_words_reach_nothing_that_a_run_leaves(town):
    town.put("vague.csv", EXPORT.replace("Martin", "PLANTEE"))
    assert town.admitted() == {"vague.csv": "passed"}
    assert town.staged() == {
        ("SEXE", "F"), ("SEXE", "M"), ("AGE", "A2"), ("AGE", "A3"), ("METIER", UNLISTED),
    }  # fmt: skip
    assert not town.holds("PLANTEE")


@pytest.mark.parametrize("program", ["lss", "xlsform"])
def test_a_structure_that_comes_after_the_answers_has_them_read_again(town, program):
    town.put("vague.csv", EXPORT)
    town.admitted()
    assert ("AGE", "A2") in town.staged()
    if program == "lss":
        town.put("enquete.lss", lss(SEXE="L", AGE="N", METIER="T"))
    else:
        xlsform(town.settings.raw / "enquete.xlsx", SEXE="select_one o", AGE="integer", METIER="text")
    town.admitted()
    assert town.staged() == {("SEXE", "F"), ("SEXE", "M")}


def test_on_an_earlier_day_the_structure_is_not_known_and_the_answers_are_as_they_were(town):
    import json

    town.put("vague.csv", EXPORT)
    town.put("enquete.lss", lss(SEXE="L", AGE="N", METIER="T"))
    town.admitted()
    for name, day in (("vague.csv", "2026-09-12"), ("enquete.lss", "2026-09-20")):
        path = town.settings.raw / f"{name}.receipt.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"received_at": f"{day}T12:00:00Z"}))
    from datetime import date

    now = town.settings
    town.settings = replace(now, as_of=date(2026, 9, 15))
    town.admitted()
    assert ("AGE", "A2") in town.staged()
    town.settings = now
    town.admitted()
    assert town.staged() == {("SEXE", "F"), ("SEXE", "M")}


def test_what_the_register_no_longer_lists_is_withheld_also_where_the_file_has_gone(town):
    town.put("vague.csv", EXPORT)
    town.put("autre.csv", EXPORT.replace("\n1;2026", "\n7;2026"))
    town.admitted()
    assert ("AGE", "A2") in town.staged()
    (town.settings.raw / "autre.csv").unlink()
    codes = town.settings.sql / "reference" / "survey_answer_codes.csv"
    lines = codes.read_text(encoding="utf-8").splitlines(keepends=True)
    codes.write_text("".join(line for line in lines if not line.startswith("AGE,")), encoding="utf-8")
    assert town.admitted() == {"vague.csv": "passed", "autre.csv": "passed"}
    assert len(list(town.settings.staged.glob("survey_answers/*"))) == 2
    assert {answer for question, answer in town.staged() if question == "AGE"} == {UNLISTED}
    assert ("SEXE", "F") in town.staged()


def test_a_run_that_changes_nothing_reads_nothing_again(town, monkeypatch):
    from flows.core import admission

    town.put("vague.csv", EXPORT)
    town.put("enquete.lss", lss(SEXE="L", AGE="L", METIER="T"))
    town.admitted()
    monkeypatch.setattr(admission, "admit", lambda *_: pytest.fail("it was read again"))
    town.admitted()
