"""LimeSurvey's exports become one row per answer, without what names a respondent or what a respondent wrote."""

from __future__ import annotations

import contextlib
import csv
import itertools
import random
from pathlib import Path

import duckdb
import pytest

from flows.core.errors import Refusal
from flows.core.reading import survey
from flows.core.reading.codebook import CLOSED_TYPES, Codebook
from flows.core.reading.tables import BadLine

SURVEYS = Path(__file__).resolve().parents[3] / "shared" / "data" / "surveys"
OWN = ["id", "submitdate", "lastpage", "startlanguage", "seed"]
VALUES = ["1", "2025-12-01 14:05:59", "4", "fr", "123456789"]


def write(path: Path, rows: list[list[str]], end: str = "\r\n") -> Path:
    """A csv as LimeSurvey writes it: everything quoted, a blank line at the end."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
        file.write(end)
    return path


def read(tmp_path: Path, rows: list[list[str]], **options):
    return survey.read_limesurvey_csv(write(tmp_path / "export.csv", rows), ";", tmp_path / "work", **options)


def read_text(tmp_path: Path, text: str, **options):
    path = tmp_path / "export.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return survey.read_limesurvey_csv(path, ";", tmp_path / "work", **options)


def rows_of(table) -> list[list[str]]:
    rows = duckdb.sql(f"from '{table.path}'").fetchall()
    return [["" if value is None else str(value) for value in row] for row in rows]


def answers(table) -> list[tuple[str, str, str]]:
    """(question, sub-question, answer) of each row."""
    return [tuple(row[4:]) for row in rows_of(table)]


def refusal(tmp_path: Path, rows: list[list[str]], **options) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(tmp_path, rows, **options)
    assert caught.value.remedy
    return caught.value


# -- records ----------------------------------------------------------------------------------------------------------


def records(text: str, width: int | None = 2):
    return list(survey.numbered_records(text.splitlines(keepends=True), ";", width))


def test_records_carry_the_line_they_begin_on():
    text = 'a;b\n\n"1";"un\ndeux ""trois"";\n\nquatre"\n2;x\r\n'
    assert records(text) == [(1, ["a", "b"]), (3, ["1", 'un\ndeux "trois";\n\nquatre']), (7, ["2", "x"])]


def test_a_quote_that_is_never_closed_costs_its_own_line_only():
    assert records('1;a\n2;"b\n3;c\n4;d\n') == [
        (1, ["1", "a"]),
        BadLine(2, "quote_not_closed", ""),
        (3, ["3", "c"]),
        (4, ["4", "d"]),
    ]


def test_a_stray_quote_before_an_answer_of_two_lines():
    text = '1;"a\n2;b\n3;"c\nd"\n4;e\n'
    assert records(text) == [
        BadLine(1, "quote_not_closed", ""),
        (2, ["2", "b"]),
        (3, ["3", "c\nd"]),
        (5, ["4", "e"]),
    ]


def test_a_file_that_breaks_off_within_an_answer():
    assert records('1;a\n2;"b\nc') == [
        (1, ["1", "a"]),
        BadLine(2, "quote_not_closed", ""),
        BadLine(3, "field_count", ""),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1;2;3", "field_count"),
        ("1", "field_count"),
        ('1;"a"b"c"', "quote_broken"),
        ("1;" + "x" * survey.MAX_RECORD_CHARS, "line_too_long"),
        ('1;"' + "x" * 200_000 + '"', "quote_broken"),
        ('"1";"' + "x" * 200_000 + '"', "quote_broken"),
    ],
)
def test_lines_that_are_no_record(line, reason):
    assert records(f"{line}\n2;x\n") == [BadLine(1, reason, ""), (2, ["2", "x"])]


def test_a_record_that_is_cut_at_its_quotes_is_what_a_csv_reader_makes_of_it():
    parts = ('"', '";"', ";", "a", "\r", "\0")
    for count in range(1, 6):
        for record in map("".join, itertools.product(parts, repeat=count)):
            try:
                (expected,) = csv.reader([record.rstrip("\r\n")], delimiter=";", strict=True)
            except (csv.Error, ValueError):  # broken, or no record at all
                expected = []
            for width in (1, 2, 3):
                fields, _ = survey._fields(record, ";", width)
                assert fields == (expected if len(expected) == width else None), repr(record)


def test_a_quote_in_the_middle_of_a_field_is_just_a_quote():
    assert records('1;5" de pluie\n2;x\n') == [(1, ["1", '5" de pluie']), (2, ["2", "x"])]


# -- recognising ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        [*OWN, "SECU_JOUR"],
        ["id", "submitdate", "Q1"],
        ["Response ID", "Date submitted", "Last page"],
        ["ID de la réponse", "Date de soumission", "Dernière page", "Langue de départ"],
        ["id. Response ID", "submitdate. Date submitted", "Q1. Vous sentez-vous en sécurité ?"],
    ],
)
def test_headers_of_limesurvey(header):
    assert survey.is_limesurvey_header(header)


@pytest.mark.parametrize("header", [["id", "date", "partenaire"], ["submitdate", "Q1"], ["Q1"], [], ["Last page"]])
def test_headers_of_others(header):
    assert not survey.is_limesurvey_header(header)


# -- the long form ----------------------------------------------------------------------------------------------------


def test_one_row_per_answered_question(tmp_path):
    header = [*OWN, "vague", "SECU_JOUR", "CANAUX[SQ001]", "CANAUX[SQ002]"]
    table = read(tmp_path, [header, [*VALUES, "V2", "2", "Y", ""], ["2", "", *VALUES[2:], "V2", "", "", "Y"]])
    assert table.header == survey.ANSWERS_HEADER
    assert (table.form, table.numbered, table.has_line_column, table.line_count) == ("parquet", True, True, 3)
    assert rows_of(table) == [
        ["2", "1", "2025-12-01", "V2", "SECU_JOUR", "-", "2"],
        ["2", "1", "2025-12-01", "V2", "CANAUX", "SQ001", "Y"],
        ["3", "2", "", "V2", "CANAUX", "SQ002", "Y"],
    ]
    assert table.notes == ("2 respondents",)


@pytest.mark.parametrize(
    ("heading", "question", "subquestion"),
    [
        ("SECU_JOUR", "SECU_JOUR", "-"),
        ("Q7[SQ002]", "Q7", "SQ002"),
        ("CANAUX_SQ001", "CANAUX", "SQ001"),
        ("SECU_JOUR_SQ001", "SECU_JOUR", "SQ001"),
        ("Q8[SQ001][1]", "Q8", "SQ001_1"),
        ("Q8[SQ001_1]", "Q8", "SQ001_1"),
        ("Q8_SQ001_1", "Q8", "SQ001_1"),
        ("Q9[SQY001_SQX002]", "Q9", "SQY001_SQX002"),
        ("RANG[2]", "RANG", "2"),
    ],
)
def test_codes_of_question_and_subquestion(tmp_path, heading, question, subquestion):
    table = read(tmp_path, [[*OWN, heading], [*VALUES, "A1"]])
    assert answers(table) == [(question, subquestion, "A1")]


def test_the_structure_tells_codes_with_underscores_apart(tmp_path):
    header = [*OWN, "SECU_JOUR", "SECU_JOUR_bus", "RANG_1", "HORS_LISTE"]
    listed = {("SECU_JOUR", "-", "1"), ("SECU_JOUR", "bus", "2"), ("RANG", "1", "3"), ("HORS_LISTE", "-", "4")}
    structure = {"SECU": True, "SECU_JOUR": True, "RANG": True}
    table = read(tmp_path, [header, [*VALUES, "1", "2", "3", "4"]], codebook=Codebook(listed, structures=(structure,)))
    assert answers(table) == [
        ("SECU_JOUR", "-", "1"),
        ("SECU_JOUR", "bus", "2"),
        ("RANG", "1", "3"),
        ("HORS_LISTE", "-", "4"),
    ]


def test_scales_count_from_one_in_both_kinds_of_codes(tmp_path):
    table = read(tmp_path, [[*OWN, "Q8_SQ001_0", "Q8_SQ001_1"], [*VALUES, "A1", "B1"]])
    assert answers(table) == [("Q8", "SQ001_1", "A1"), ("Q8", "SQ001_2", "B1")]


def test_line_numbers_after_an_answer_of_several_lines(tmp_path):
    header = [*OWN, "Q1", "LIBRE"]
    rows = [header, [*VALUES, "A1", 'ligne 1\nligne "2";\n\nligne 4'], ["2", *VALUES[1:], "A2", ""]]
    assert [(row[0], row[1]) for row in rows_of(read(tmp_path, rows))] == [("2", "1"), ("6", "2")]


def test_times_pages_and_seeds_are_left_out(tmp_path):
    header = [*OWN, "startdate", "datestamp", "Q1", "interviewtime", "groupTime12", "Q1Time", "F1[filecount]"]
    table = read(
        tmp_path, [header, [*VALUES, "2025-12-01 14:00:00", "2025-12-01 14:05:59", "A1", "99.5", "9.1", "3.2", "1"]]
    )
    assert answers(table) == [("Q1", "-", "A1")]
    text = str(rows_of(table))
    assert "14:0" not in text and "123456789" not in text and "99.5" not in text
    assert "times of day were left out unread, better not exported: startdate, datestamp, interviewtime" in table.notes


def test_a_survey_without_responses(tmp_path):
    table = read(tmp_path, [[*OWN, "Q1"], [""] * 6])
    assert (table.line_count, rows_of(table), table.notes) == (0, [], ("0 respondents",))


def test_an_export_without_questions(tmp_path):
    assert read(tmp_path, [OWN, VALUES]).line_count == 0


def test_lines_that_are_no_record_are_told_without_their_text(tmp_path):
    text = f"{';'.join(OWN)};Q1\n{';'.join(VALUES)};A1\n2;trop court SECRET\n{';'.join(VALUES)};\udce9\n3;;;;;A2\n"
    table = read_text(tmp_path, text)
    assert table.bad_lines == (BadLine(3, "field_count", ""), BadLine(4, "encoding_mixed", ""))
    assert [row[0] for row in rows_of(table)] == ["2", "5"]


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_exports_put_one_below_the_other_bring_their_header_once_more(tmp_path, mark):
    header = [*OWN, "token", "Q1", "Q2[SQ001]"]
    again = [mark + header[0], *header[1:]]
    table = read(tmp_path, [header, [*VALUES, "", "1", "Y"], again, ["2", *VALUES[1:], "", "2", ""]])
    assert table.bad_lines == (BadLine(3, "header_repeated", ""),)
    assert answers(table) == [("Q1", "-", "1"), ("Q2", "SQ001", "Y"), ("Q1", "-", "2")]


def test_another_header_below_the_first_is_another_survey(tmp_path):
    rows = [[*OWN, "Q1", "Q2"], [*VALUES, "1", "2"], [*OWN, "Q2", "Q1"], ["2", *VALUES[1:], "2", "1"]]
    found = refusal(tmp_path, rows)
    assert (found.code, found.line) == ("second_header", 3)


def test_the_work_folder_keeps_the_answers_only(tmp_path):
    read(tmp_path, [[*OWN, "Q1"], [*VALUES, "A1"]])
    assert [entry.name for entry in (tmp_path / "work").iterdir()] == ["answers.parquet"]


# -- what a respondent wrote ------------------------------------------------------------------------------------------

SECRET = "SECRET-4711 a crié"


def test_open_questions_are_left_out_and_counted(tmp_path):
    header = [*OWN, "Q1", "Q1[other]", "Q2[comment]", "Q3[SQ001]", "Q3[SQ001comment]", "LIBRE"]
    rows = [
        header,
        [*VALUES, "-oth-", SECRET, SECRET, "Y", "x", SECRET],
        ["2", *VALUES[1:], "A2", "", "", "", "", "rien"],
    ]
    table = read(tmp_path, rows)
    assert answers(table) == [("Q1", "-", "-oth-"), ("Q3", "SQ001", "Y"), ("Q1", "-", "A2")]
    assert table.notes[1] == (
        "answers in own words were left out: 4 columns (LIBRE, Q1[other], Q2[comment], Q3[SQ001comment])"
    )
    assert "SECRET" not in str(rows_of(table)) + str(table)


def test_answers_that_are_no_codes_are_left_out(tmp_path):
    assert answers(read(tmp_path, [[*OWN, "Q1", "Q2"], [*VALUES, "A1", SECRET]])) == [("Q1", "-", "A1")]


@pytest.mark.parametrize(
    "value", ["0473123456", "04-73-12-34-56", "1987-05-31", "a@b.fr", "un mot", "été", "=1+1", "\r", "x" * 21]
)
def test_what_is_no_code(tmp_path, value):
    assert answers(read(tmp_path, [[*OWN, "Q1", "Q2"], [*VALUES, "A1", value]])) == [("Q1", "-", "A1")]


@pytest.mark.parametrize(
    "value", ["A1", "Y", "-oth-", "5", "34", "63000", "-2", "12.5000000000", "12,5", "jamais", "AO_01"]
)
def test_what_is_a_code_or_a_number(tmp_path, value):
    assert answers(read(tmp_path, [[*OWN, "Q1"], [*VALUES, value]])) == [("Q1", "-", value)]


def test_many_different_words_are_no_list_of_answers(tmp_path):
    names = ["Martin", "Bernard", "Thomas", "Petit", "Robert", "Richard"]
    rows = [[*OWN, "Q1", "NOMS"], *([str(i), *VALUES[1:], "A1", name] for i, name in enumerate(names))]
    assert {question for question, _, _ in answers(read(tmp_path, rows))} == {"Q1"}


def test_long_codes_of_a_short_list_are_kept(tmp_path):
    codes = ["toujours", "souvent", "parfois", "rarement", "jamais"] * 4
    rows = [[*OWN, "Q1"], *([str(i), *VALUES[1:], code] for i, code in enumerate(codes))]
    assert len(answers(read(tmp_path, rows))) == 20


def test_a_wave_that_is_no_code_is_dropped(tmp_path):
    table = read(tmp_path, [[*OWN, "WAVE", "Q1"], [*VALUES, SECRET, "A1"], ["2", *VALUES[1:], "V1", "A1"]])
    assert [row[3] for row in rows_of(table)] == ["", "V1"]
    assert "1 respondents have a wave that is no code; it was left empty" in table.notes


def test_answers_that_were_exported_in_full(tmp_path):
    row = [*VALUES, "Plutôt en sécurité", "Pas du tout", "Très souvent", "A1"]
    assert refusal(tmp_path, [[*OWN, "Q1", "Q2", "Q3", "Q4"], row]).code == "full_answers"


# -- what names a respondent ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "token", "ipaddr", "ip", "email", "firstname", "lastname", "refurl", "attribute_1", "participant_id", "prenom",
        "TELEPHONE", "ADRESSE", "ADRESSE_POSTALE", "RUE", "DATE_NAISSANCE", "DATENAISS", "DDN", "GPS", "LIEU_latitude",
        "referrer", "NOM[SQ001]",
    ],
)  # fmt: skip
def test_columns_that_name_a_respondent(tmp_path, column):
    header = [*OWN, column, "Q1"]
    assert answers(read(tmp_path, [header, [*VALUES, "", "A1"]])) == [("Q1", "-", "A1")]
    found = refusal(tmp_path, [header, [*VALUES, " ", "A1"], ["2", *VALUES[1:], "SECRET", "A2"]])
    assert (found.code, found.line) == ("personal_data", 3)
    assert survey.normalised(column) in found.found
    assert "anonymised responses on" in found.remedy and "« Réponses anonymisées »" in found.remedy, (
        "English and French"
    )
    assert "SECRET" not in str(found.as_dict())
    assert [entry.name for entry in (tmp_path / "work").iterdir() if "wide" in entry.name] == []


# -- headers that are sent back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        ["Response ID", "Date submitted", "Last page", "Start language", "Seed", "Q1"],
        [*OWN, "Vous sentez-vous en sécurité ?"],
        ["id. Response ID", "submitdate. Date submitted", "a", "b", "c", "d"],
    ],
)
def test_full_headings(tmp_path, header):
    found = refusal(tmp_path, [header, [*VALUES, "A1"]])
    assert (found.code, found.line) == ("full_headings", 1)
    assert "sécurité" not in found.found
    assert "Answer codes" in found.remedy


@pytest.mark.parametrize("repeated", [["Q1", "Q1"], ["Q1[SQ001]", "Q1_SQ001"], ["id", "Q1"]])
def test_repeated_headings(tmp_path, repeated):
    assert refusal(tmp_path, [[*OWN, *repeated], [*VALUES, "A1", "A2"]]).code == "duplicate_header"


@pytest.mark.parametrize("text", ['"id;submitdate', "\n\n", ""])
def test_no_header_at_all(tmp_path, text):
    with pytest.raises(Refusal) as caught:
        read_text(tmp_path, text)
    assert caught.value.code == "no_header"


def test_a_real_export_with_full_headings(tmp_path):
    path = SURVEYS / "limesurvey-export-full-headings.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert survey.is_limesurvey_header(next(csv.reader(file)))
    with pytest.raises(Refusal) as caught:
        survey.read_limesurvey_csv(path, ",", tmp_path)
    assert caught.value.code == "full_headings"


def test_damaged_exports_give_a_table_or_a_refusal(tmp_path):
    header = [*OWN, "Q1", "Q2[SQ001]", "LIBRE"]
    whole = write(
        tmp_path / "whole.csv", [header, *([str(i), *VALUES[1:], "A1", "Y", 'un "mot"\nici'] for i in range(9))]
    )
    content, chance, path = whole.read_bytes(), random.Random(7), tmp_path / "damaged.csv"
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 5)):
            damaged[chance.randrange(len(damaged))] = chance.choice(b'";\n\r\0\xff,x')
        path.write_bytes(damaged[: chance.choice([len(damaged), chance.randrange(len(damaged))])])
        with contextlib.suppress(Refusal):
            survey.read_limesurvey_csv(path, ";", tmp_path / "work")


# -- the structure ----------------------------------------------------------------------------------------------------


def rows_xml(section: str, *rows: dict[str, str]) -> str:
    inner = "".join(
        "<row>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in row.items()) + "</row>\n" for row in rows
    )
    return f"<{section}><fields><fieldname>qid</fieldname></fields><rows>{inner}</rows></{section}>\n"


def lss(path: Path, *sections: str, kind: str = "Survey", before: str = "") -> Path:
    start = f'<?xml version="1.0" encoding="UTF-8"?>\n{before}<document>\n'
    text = start + f"<LimeSurveyDocType>{kind}</LimeSurveyDocType>\n" + "".join(sections) + "</document>\n"
    path.write_text(text, encoding="utf-8")
    return path


SURVEY = rows_xml("surveys", {"sid": "77", "language": "fr"})


def structure(tmp_path: Path, path: Path) -> list[list[str]]:
    table = survey.read_lss(path, tmp_path / "work")
    assert table.header == survey.STRUCTURE_HEADER
    assert (table.form, table.numbered, table.delimiter) == ("csv", True, ";")
    assert table.line_count == len(rows_of(table))
    return rows_of(table)


def test_wordings_beside_the_questions(tmp_path):
    path = lss(
        tmp_path / "new.lss",
        rows_xml("answers", {"aid": "5", "qid": "1", "code": "AO01", "scale_id": "0"}),
        rows_xml(
            "answer_l10ns",
            {"aid": "5", "answer": "Oui", "language": "fr"},
            {"aid": "5", "answer": "Yes", "language": "en"},
        ),
        rows_xml("questions", {"qid": "1", "parent_qid": "0", "sid": "77", "type": "L", "title": "Q1"}),
        rows_xml("subquestions", {"qid": "2", "parent_qid": "1", "type": "T", "title": "SQ001"}),
        rows_xml(
            "question_l10ns",
            {"qid": "1", "question": "<p>Vous&nbsp;sentez-vous<br/>en <b>sécurité</b>&nbsp;?</p>", "language": "fr"},
            {"qid": "2", "question": "<script>alert(1)</script><img src='x' alt='un bus'/>", "language": "fr"},
        ),
        SURVEY,
    )
    assert structure(tmp_path, path) == [
        ["4", "77", "answer", "Q1", "L", "-", "AO01", "fr", "Oui"],
        ["4", "77", "answer", "Q1", "L", "-", "AO01", "en", "Yes"],
        ["9", "77", "question", "Q1", "L", "-", "-", "fr", "Vous sentez-vous en sécurité ?"],
        ["11", "77", "subquestion", "Q1", "L", "SQ001", "-", "fr", "un bus"],
    ]


def test_wordings_in_the_questions_before_limesurvey_4(tmp_path):
    question = {"qid": "1", "parent_qid": "0", "sid": "77", "type": "M", "title": "Q1"}
    path = lss(
        tmp_path / "old.lss",
        rows_xml("answers", {"qid": "1", "code": "A1", "answer": "Oui", "language": "fr", "scale_id": "0"}),
        rows_xml(
            "questions",
            {**question, "question": "Langue ?", "language": "fr"},
            {**question, "question": "Language?", "language": "en"},
        ),
        rows_xml(
            "subquestions", {"qid": "2", "parent_qid": "1", "title": "SQ001", "question": "bus", "language": "fr"}
        ),
    )
    assert [row[2:] for row in structure(tmp_path, path)] == [
        ["answer", "Q1", "M", "-", "A1", "fr", "Oui"],
        ["question", "Q1", "M", "-", "-", "fr", "Langue ?"],
        ["question", "Q1", "M", "-", "-", "en", "Language?"],
        ["subquestion", "Q1", "M", "SQ001", "-", "fr", "bus"],
    ]


def test_two_scales_and_two_axes_have_keys_of_their_own(tmp_path):
    path = lss(
        tmp_path / "scales.lss",
        rows_xml(
            "answers",
            {"aid": "1", "qid": "1", "code": "1", "scale_id": "0"},
            {"aid": "2", "qid": "1", "code": "1", "scale_id": "1"},
        ),
        rows_xml(
            "questions",
            {"qid": "1", "parent_qid": "0", "type": "1", "title": "Q1"},
            {"qid": "2", "parent_qid": "0", "type": ":", "title": "Q2"},
        ),
        rows_xml(
            "subquestions",
            {"qid": "3", "parent_qid": "2", "title": "SQ001", "scale_id": "0"},
            {"qid": "4", "parent_qid": "2", "title": "SQ001", "scale_id": "1"},
        ),
        SURVEY,
    )
    keys = [tuple(row[2:4] + row[5:7]) for row in structure(tmp_path, path)]
    assert keys == [
        ("answer", "Q1", "_1", "1"),
        ("answer", "Q1", "_2", "1"),
        ("question", "Q1", "-", "-"),
        ("question", "Q2", "-", "-"),
        ("subquestion", "Q2", "SQ001", "-"),
        ("subquestion", "Q2", "_SQ001", "-"),
    ]


def test_types_of_the_questions(tmp_path):
    types = list(enumerate("STUQ;D|NK:*LM!FY"))
    questions = [{"qid": str(i), "parent_qid": "0", "type": kind, "title": f"Q{i}"} for i, kind in types]
    path = lss(tmp_path / "types.lss", rows_xml("questions", *questions))
    assert survey.question_types_of(path) == {f"Q{i}": kind for i, kind in types}


def test_a_real_structure(tmp_path):
    path = SURVEYS / "colors.lss"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    assert survey.is_lss(path)
    rows = structure(tmp_path, path)
    assert len(rows) == 17
    question = ["144", "841748", "question", "Q00", "M", "-", "-", "en"]
    assert [*question, "What colors are your favorite? Pick at least two."] in rows
    assert ["240", "841748", "subquestion", "Q00", "M", "SQ001", "-", "en", "red"] in rows
    types = survey.question_types_of(path)
    assert {code for code, kind in types.items() if kind not in CLOSED_TYPES} == {"G01Q02", "G01Q03"}


LAUGHS = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>\n'


def test_a_billion_laughs(tmp_path):
    rows = "<questions><rows><row><title>&c;</title></row></rows></questions>"
    path = lss(tmp_path / "bomb.lss", rows, before=LAUGHS)
    with pytest.raises(Refusal) as caught:
        survey.read_lss(path, tmp_path)
    assert caught.value.code == "unsafe_xml"


def test_a_structure_that_breaks_off(tmp_path):
    path = lss(tmp_path / "cut.lss", SURVEY)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(Refusal) as caught:
        survey.read_lss(path, tmp_path)
    assert caught.value.code == "broken_lss" and caught.value.line


def test_a_structure_in_an_unknown_encoding(tmp_path):
    path = lss(tmp_path / "odd.lss", SURVEY)
    path.write_bytes(path.read_bytes().replace(b"UTF-8", b"utf-7"))
    with pytest.raises(Refusal) as caught:
        survey.read_lss(path, tmp_path)
    assert caught.value.code == "broken_lss"


def test_xml_of_another_kind(tmp_path):
    for path in (lss(tmp_path / "responses.lsr", kind="Responses"), lss(tmp_path / "group.lsg", kind="Group")):
        assert not survey.is_lss(path)
        with pytest.raises(Refusal) as caught:
            survey.read_lss(path, tmp_path)
        assert caught.value.code == "not_an_lss"


def test_a_structure_that_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "MAX_STRUCTURE_BYTES", 100)
    with pytest.raises(Refusal) as caught:
        survey.read_lss(lss(tmp_path / "large.lss", SURVEY * 10), tmp_path)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("simple", "simple"),
        ("a<br>b<p>c</p>d", "a b c d"),
        ("&eacute;t&eacute; &lt;3", "été <3"),
        ("<style>p {color: red}</style>visible", "visible"),
        ("<![broken", "<![broken"),
        ("3 < 4 et 5 > 4", "3 < 4 et 5 > 4"),
        ("", ""),
    ],
)
def test_markup_is_stripped(markup, text):
    assert survey.plain_wording(markup) == text
