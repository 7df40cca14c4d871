"""KoboToolbox's exports become the same rows as LimeSurvey's, without what names, places or quotes a respondent."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import openpyxl
import pytest

from flows.core import reading
from flows.core.contracts import load_contracts
from flows.core.errors import Refusal
from flows.core.reading import kobo, survey
from flows.core.reading.codebook import load_codebook
from flows.settings import PROJECT

OWN = [
    "start",
    "end",
    "_id",
    "_uuid",
    "_submission_time",
    "_validation_status",
    "_notes",
    "_status",
    "_submitted_by",
    "_index",
]
VALUES = [
    "2026-09-02T10:01:02.000+02:00", "2026-09-02T10:09:02.000+02:00", "4711", "6a1f-uuid", "2026-09-02T08:09:10",
    "", "", "submitted_via_web", "", "1",
]  # fmt: skip
SECRET = "SECRET-4711 a crié"


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", quoting=csv.QUOTE_ALL).writerows(rows)
    return path


def read(tmp_path: Path, rows: list[list[str]]):
    return kobo.read_kobo_csv(write(tmp_path / "export.csv", rows), ";", tmp_path / "work")


def rows_of(table) -> list[list[str]]:
    rows = duckdb.sql(f"from '{table.path}'").fetchall()
    return [["" if value is None else str(value) for value in row] for row in rows]


def answers(table) -> list[tuple[str, str, str]]:
    return [tuple(row[4:]) for row in rows_of(table)]


def refusal(tmp_path: Path, rows: list[list[str]]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(tmp_path, rows)
    assert "KoboToolbox" in caught.value.remedy
    assert "SECRET" not in str(caught.value.as_dict())
    return caught.value


# -- recognising ------------------------------------------------------------------------------------------------------


def test_headers_of_kobotoolbox():
    assert kobo.is_kobo_header([*OWN, "SEXE"])
    assert kobo.is_kobo_header(["Sexe ?", "_id", "_uuid", "_submission_time"])


@pytest.mark.parametrize(
    "header", [["id", "submitdate", "lastpage"], ["_id", "_uuid"], [], ["_id", "_submission_time", "SEXE"]]
)
def test_headers_of_others(header):
    assert not kobo.is_kobo_header(header)
    assert not survey.is_limesurvey_header([*OWN, "SEXE"])


# -- the long form ----------------------------------------------------------------------------------------------------


def test_one_row_per_answered_question_as_from_limesurvey(tmp_path):
    header = [*OWN, "vague", "profil/SEXE", "SECU_JOUR", "profil/lieu/ZONE"]
    table = read(
        tmp_path, [header, [*VALUES, "2026-09", "F", "2", ""], [*VALUES[:2], "4712", *VALUES[3:], "", "M", "", "QPV"]]
    )
    assert table.header == survey.ANSWERS_HEADER
    assert rows_of(table) == [
        ["2", "4711", "2026-09-02", "2026-09", "SEXE", "-", "F"],
        ["2", "4711", "2026-09-02", "2026-09", "SECU_JOUR", "-", "2"],
        ["3", "4712", "2026-09-02", "", "SEXE", "-", "M"],
        ["3", "4712", "2026-09-02", "", "ZONE", "-", "QPV"],
    ]
    assert table.notes == ("2 respondents",)


@pytest.mark.parametrize("ticked", ["1", "TRUE", "True"])
def test_choices_of_a_question_with_several_answers_are_its_subquestions(tmp_path, ticked):
    header = [*OWN, "g/CANAUX", "g/CANAUX/SQ001", "g/CANAUX/SQ002", "g/CANAUX/SQ003"]
    unticked = "0" if ticked == "1" else "False"
    table = read(tmp_path, [header, [*VALUES, "SQ001 SQ003", ticked, unticked, ticked], [*VALUES, "", "", "", ""]])
    assert answers(table) == [("CANAUX", "SQ001", "Y"), ("CANAUX", "SQ003", "Y")]


def test_one_select_one_answered_by_1_is_no_box(tmp_path):
    assert answers(read(tmp_path, [[*OWN, "SECU_JOUR", "SECU_NUIT"], [*VALUES, "1", "0"]])) == [
        ("SECU_JOUR", "-", "1"),
        ("SECU_NUIT", "-", "0"),
    ]


def test_several_answers_in_one_column_only_are_left_out_and_told(tmp_path):
    table = read(tmp_path, [[*OWN, "CANAUX", "SEXE"], [*VALUES, "SQ001 SQ003", "F"]])
    assert answers(table) == [("SEXE", "-", "F")]
    assert table.notes[1] == "answers in own words were left out: 1 columns (CANAUX)"


@pytest.mark.parametrize(
    ("submitted", "day"),
    [
        ("2026-08-31T22:30:00", "2026-09-01"),
        ("2026-08-31 21:59:59", "2026-08-31"),
        ("2026-12-31T23:30:00Z", "2027-01-01"),
        ("2026-12-31T23:30:00+00:00", "2027-01-01"),
        ("2026-09-02T00:30:00.000+02:00", "2026-09-02"),
        ("2026-09-02", "2026-09-02"),
        ("", ""),
        ("hier", "hier"),
    ],
)
def test_the_day_is_that_of_clermont_and_not_of_utc(tmp_path, submitted, day):
    values = [*VALUES[:4], submitted, *VALUES[5:]]
    assert [row[2] for row in rows_of(read(tmp_path, [[*OWN, "SEXE"], [*values, "F"]]))] == [day]


def test_times_uuids_and_notes_are_left_out(tmp_path):
    values = [*VALUES[:6], SECRET, *VALUES[7:]]
    header = [*OWN, "meta/instanceID", "__version__", "SEXE"]
    table = read(tmp_path, [header, [*values, "uuid:SECRET", "vSECRET", "F"]])
    assert answers(table) == [("SEXE", "-", "F")]
    text = str(rows_of(table)) + str(table)
    assert "SECRET" not in text and "6a1f" not in text and "08:09" not in text and "10:01" not in text


# -- what a respondent wrote, and what names one ----------------------------------------------------------------------


@pytest.mark.parametrize("heading", ["LIBRE", "AIDE_OU_autre", "g/COMMENTAIRE", "AIDE_OU_other"])
@pytest.mark.parametrize("written", [SECRET, "rien", "0473123456"])
def test_own_words_are_left_out(tmp_path, heading, written):
    if heading == "LIBRE" and written == "rien":
        written = "rien de plus"  # a single short word cannot be told from a code, neither here nor in LimeSurvey
    table = read(tmp_path, [[*OWN, "SEXE", heading], [*VALUES, "F", written]])
    assert answers(table) == [("SEXE", "-", "F")]
    assert written not in str(rows_of(table)) + str(table)


@pytest.mark.parametrize(
    "heading",
    ["nom", "g/prenom", "email", "telephone", "username", "deviceid", "phonenumber", "_geolocation", "_LIEU_latitude",
     "LIEU_longitude", "gps", "imei", "simserial", "subscriberid", "ip"],
)  # fmt: skip
def test_columns_that_name_or_place_a_respondent(tmp_path, heading):
    header = [*OWN, heading, "SEXE"]
    assert answers(read(tmp_path, [header, [*VALUES, "", "F"]])) == [("SEXE", "-", "F")]
    found = refusal(tmp_path, [header, [*VALUES, "", "F"], [*VALUES, "SECRET", "M"]])
    assert (found.code, found.line) == ("personal_data", 3)
    assert [entry.name for entry in (tmp_path / "work").iterdir() if "wide" in entry.name] == []


@pytest.mark.parametrize(
    "column", ["profil/date_naissance", "gps", "_LIEU_latitude", "adresse", "courriel", "deviceid"]
)
def test_what_places_or_reaches_a_respondent_is_refused_with_the_way_out_in_both_languages(tmp_path, column):
    found = refusal(tmp_path, [[*OWN, "SEXE", column], [*VALUES, "F", "SECRET"]])
    assert found.code == "personal_data" and "SECRET" not in str(found.as_dict())
    assert "delete this file" in found.remedy and "supprimez ce fichier" in found.remedy


def test_who_submitted_is_personal_too(tmp_path):
    values = [*VALUES[:8], "SECRET-enqueteur", *VALUES[9:]]
    assert refusal(tmp_path, [[*OWN, "SEXE"], [*values, "F"]]).code == "personal_data"


def test_the_place_of_an_answer_never_leaves(tmp_path):
    table = read(tmp_path, [[*OWN, "LIEU", "SEXE"], [*VALUES, "45.7772 3.0870 401 5", "F"]])
    assert answers(table) == [("SEXE", "-", "F")] and "45.7" not in str(rows_of(table))


# -- headers that are sent back ---------------------------------------------------------------------------------------


def test_labels_as_headings(tmp_path):
    found = refusal(tmp_path, [[*OWN, "Vous êtes :"], [*VALUES, "F"]])
    assert (found.code, found.line) == ("full_headings", 1) and "êtes" not in found.found


def test_labels_as_answers(tmp_path):
    row = [*VALUES, "Plutôt en sécurité", "Pas du tout", "Très souvent", "A1"]
    assert refusal(tmp_path, [[*OWN, "Q1", "Q2", "Q3", "Q4"], row]).code == "full_answers"


def test_one_question_in_two_groups(tmp_path):
    assert refusal(tmp_path, [[*OWN, "a/SEXE", "b/SEXE"], [*VALUES, "F", "F"]]).code == "duplicate_header"


# -- the form ---------------------------------------------------------------------------------------------------------


def form(path: Path, survey_rows: list[list], choices: list[list], settings: list[list] | None = None) -> Path:
    book = openpyxl.Workbook()
    for title, rows in (("survey", survey_rows), ("choices", choices), ("settings", settings)):
        if rows:
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
    del book["Sheet"]
    book.save(path)
    return path


def enquete(path: Path) -> Path:
    return form(
        path,
        [
            ["type", "name", "label"],
            ["start", "start", None],
            ["begin group", "profil", "Vous"],
            ["select_one sexe", "SEXE", "Vous êtes :"],
            ["end group", None, None],
            ["select_multiple canaux", "CANAUX", "Par quels <b>canaux</b> ?"],
            ["text", "LIBRE", "Un commentaire ?"],
            ["note", "merci", "Merci"],
        ],
        [
            ["list_name", "name", "label"],
            ["sexe", "F", "Femme"],
            ["sexe", "M", "Homme"],
            ["canaux", "SQ001", "Affiches"],
        ],
        [["form_title", "form_id"], ["Enquête", "habitants2026"]],
    )


def test_a_form_becomes_one_row_per_wording(tmp_path):
    table = kobo.read_xlsform(enquete(tmp_path / "form.xlsx"), tmp_path / "work")
    assert table.header == survey.STRUCTURE_HEADER
    assert rows_of(table) == [
        ["2", "habitants2026", "answer", "SEXE", "select_one", "-", "F", "-", "Femme"],
        ["3", "habitants2026", "answer", "SEXE", "select_one", "-", "M", "-", "Homme"],
        ["4", "habitants2026", "question", "SEXE", "select_one", "-", "-", "-", "Vous êtes :"],
        ["4", "habitants2026", "subquestion", "CANAUX", "select_multiple", "SQ001", "-", "-", "Affiches"],
        ["6", "habitants2026", "question", "CANAUX", "select_multiple", "-", "-", "-", "Par quels canaux ?"],
        ["7", "habitants2026", "question", "LIBRE", "text", "-", "-", "-", "Un commentaire ?"],
    ]


def test_a_form_in_two_languages(tmp_path):
    path = form(
        tmp_path / "form.xlsx",
        [["type", "name", "label::Français (fr)", "label::English (en)"], ["select_one o", "Q1", "Où ?", "Where?"]],
        [["list name", "name", "label::Français (fr)", "label::English (en)"], ["o", "a", "Ici", "Here"]],
    )
    found = [(row[2], row[6], row[7], row[8]) for row in rows_of(kobo.read_xlsform(path, tmp_path / "work"))]
    assert sorted(found) == [
        ("answer", "a", "en", "Here"), ("answer", "a", "fr", "Ici"),
        ("question", "-", "en", "Where?"), ("question", "-", "fr", "Où ?"),
    ]  # fmt: skip


def test_a_form_without_names_is_sent_back(tmp_path):
    path = form(tmp_path / "form.xlsx", [["type", "label"], ["text", "Un ?"]], [["list_name", "name"], ["o", "a"]])
    with pytest.raises(Refusal) as caught:
        kobo.read_xlsform(path, tmp_path / "work")
    assert caught.value.code == "broken_xlsform" and "survey" in caught.value.expected


# -- through the door -------------------------------------------------------------------------------------------------

LIMITS = reading.Limits(unpacked=10**8, workbook=10**8, line=10**6, numbered_below=10**7)


def test_export_and_form_are_recognised_by_content(tmp_path):
    contracts = load_contracts(PROJECT / "sql" / "0_sources")
    export = write(tmp_path / "whatever.txt", [[*OWN, "SEXE"], [*VALUES, "F"]])
    book = load_codebook(PROJECT / "sql")
    found = reading.read(export, contracts, tmp_path / "a", LIMITS, codebook=book)
    assert found.contract.name == "survey_answers" and answers(found.table) == [("SEXE", "-", "F")]
    found = reading.read(enquete(tmp_path / "whatever.xlsx"), contracts, tmp_path / "b", LIMITS)
    assert found.contract.name == "survey_structure" and found.table.line_count == 6


def test_a_kobo_export_with_names_is_refused_at_the_door(tmp_path):
    contracts = load_contracts(PROJECT / "sql" / "0_sources")
    export = write(tmp_path / "export.csv", [[*OWN, "nom", "SEXE"], [*VALUES, "SECRET", "F"]])
    with pytest.raises(Refusal) as caught:
        reading.read(export, contracts, tmp_path / "a", LIMITS)
    assert caught.value.code == "personal_data"


def as_kobo(source: Path, target: Path) -> Path:
    """A wave of the sample as KoboToolbox would export it."""
    with source.open(encoding="utf-8-sig", newline="") as file:
        given = [row for row in csv.DictReader(file) if row["id"]]
    names = [name for name in given[0] if name not in ("id", "submitdate", "lastpage", "startlanguage", "seed")]
    boxes = [name for name in names if name.startswith("CANAUX[")]
    plain = [name for name in names if name not in boxes and name != "AIDE_OU[other]"]
    choices = {name: name[len("CANAUX[") : -1] for name in boxes}
    header = [*OWN, *(f"enquete/{name}" for name in plain), "enquete/CANAUX"]
    header += [f"enquete/CANAUX/{choice}" for choice in choices.values()] + ["enquete/AIDE_OU_autre"]
    rows = [header]
    for row in given:
        submitted = row["submitdate"].replace(" ", "T")
        own = [*VALUES[:2], row["id"], "uuid", submitted, *VALUES[5:]]
        ticked = [choice for name, choice in choices.items() if row[name] == "Y"]
        was_asked = row.get("RAPPEL") == "Y"
        flags = [("1" if choice in ticked else "0") if was_asked else "" for choice in choices.values()]
        rows.append([*own, *(row[name] for name in plain), " ".join(ticked), *flags, row["AIDE_OU[other]"]])
    return write(target, rows)


def test_a_wave_of_the_sample_reads_the_same_from_both_programs(tmp_path):
    source = PROJECT / "data" / "raw" / "surveys" / "enquete-habitants-2025-12.csv"
    through_kobo = kobo.read_kobo_csv(as_kobo(source, tmp_path / "kobo.csv"), ";", tmp_path / "a")
    plain = tmp_path / "limesurvey.csv"
    plain.write_text(source.read_text(encoding="utf-8-sig"), encoding="utf-8")
    delimiter = ";" if '";"' in plain.read_text(encoding="utf-8")[:200] else ","
    through_limesurvey = survey.read_limesurvey_csv(plain, delimiter, tmp_path / "b")
    # LimeSurvey's responses that were not finished have no day; KoboToolbox has finished ones only
    expected = {tuple(row[1:]) for row in rows_of(through_limesurvey)}
    found = {tuple(row[1:]) for row in rows_of(through_kobo)}
    assert len(found) > 6000 and found == expected
