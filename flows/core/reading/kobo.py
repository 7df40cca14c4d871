"""Reads KoboToolbox: the header of its csv export, and the form itself (XLSForm) into one row per wording.

The answers become the same rows as LimeSurvey's (survey.py), so that nothing behind the reader knows which program asked. What
names, reaches or places a respondent makes the delivery be sent back; what was written in own words is never passed on.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.core.contracts import normalised
from flows.core.errors import Refusal
from flows.core.reading.codebook import Codebook, open_questions
from flows.core.reading.survey import (
    NONE,
    STRUCTURE_HEADER,
    WAVE,
    Layout,
    Question,
    Remedies,
    header_of,
    is_personal,
    plain_wording,
    read_wide,
    refuse_repeated,
)
from flows.core.reading.tables import TextTable
from flows.core.reading.workbook import MAX_UNPACKED_BYTES, cell_text, list_sheets, open_workbook

RESPONSE_NUMBER = "_id"
SUBMITTED = "_submission_time"

# KoboToolbox's own columns that are no question: times, versions and links between tables tell people apart.
LEFT_OUT = frozenset(
    {"start", "end", "today", "_uuid", "__version__", "_version_", "_validation_status", "_notes", "_status", "_tags",
     "_index", "_parent_index", "_parent_table_name", "_submission__id", "_submission__uuid",
     "_xform_id_string", "_duration", "_bamboo_dataset_id", "formhub/uuid", "meta/audit"}
)  # fmt: skip
META = re.compile(r"(?:.*/)?meta/.*|_submission__.*|__version__.*|_attachments.*")
# Who sent it, with which telephone, and where: over and above what no survey may bring (`survey.is_personal`).
PERSONAL = re.compile(
    r"submitted_by|_submission_submitted_by|username|device_?id|phone_?number|subscriber_?id|sim_?(serial|id)|imei"
    r"|\w+_(altitude|precision)"
)
OWN_WORDS = re.compile(
    r"(?:.*_)?(?:other|autre|specify|preciser|precisez|comments?|commentaires?|remarques?)", re.IGNORECASE
)

REMEDIES = Remedies(
    codes=(
        "export again in KoboToolbox: Data > Downloads > CSV, value and header format 'XML values and headers',"
        " select many responses as 'single and separate columns', group names included with / between them"
        " (Données > Téléchargements > CSV, « Valeurs et en-têtes XML »)"
    ),
    anonymous=(
        "delete this file; in KoboToolbox take username, device and location questions out of the form before it starts, allow"
        " answers without a log-in, and leave these columns out when exporting (Data > Downloads > Advanced options > Select"
        " questions to be exported)"
        " (supprimez ce fichier ; dans KoboToolbox, avant l'ouverture, retirez du formulaire identifiant, appareil, téléphone et"
        " position, permettez de répondre sans compte, et à l'export (Données > Téléchargements > Options avancées) décochez ces"
        " colonnes)"
    ),
)

_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,60}")
_BOX = re.compile(r"[A-Za-z0-9_.-]{1,60}")


# -- the csv export ---------------------------------------------------------------------------------------------------


def is_kobo_header(names: Sequence[str]) -> bool:
    """Whether a header is that of a KoboToolbox export; also one with labels for headings, which the reader then refuses."""
    return {RESPONSE_NUMBER, "_uuid", SUBMITTED} <= {name.strip() for name in names}


def read_kobo_csv(path: Path, delimiter: str, folder: Path, codebook: Codebook | None = None) -> TextTable:
    """One row per respondent and answered question, in `folder/answers.parquet`, as `read_limesurvey_csv` writes them.

    A question is the last part of its heading, without its groups. A question with several answers (select_multiple) has a
    column of its own and one for each choice; the choices are its sub-questions, answered Y. Exported without the column of its
    own its choices look like questions of a group, which no list knows: marts.survey_waves counts them. Exported without the
    columns of the choices its answers are several words, and are left out like answers in own words; so are choices whose
    names have more than 20 characters. A note names the columns. The codebook is as in `read_limesurvey_csv`.

    Raises Refusal `full_headings`, `full_answers`, `duplicate_header`, `second_header`, `personal_data`, `no_header`.
    """
    line, header = header_of(path, delimiter)
    layout = _layout(header, line)
    structures = codebook.about({q.question for q in (*layout.closed, *layout.open)}) if codebook else ()
    declared_open = open_questions(structures)
    layout.open += [question for question in layout.closed if question.question in declared_open]
    layout.closed = [question for question in layout.closed if question.question not in declared_open]
    return read_wide(path, delimiter, folder, layout, line, codebook, bool(structures))


def _layout(header: list[str], line: int) -> Layout:
    names = [name.strip().lstrip("\ufeff") for name in header]
    _refuse_labels(names, line)
    refuse_repeated(names, [name for name in names if name], line, REMEDIES)
    layout = Layout(len(names), names.index(RESPONSE_NUMBER), is_submitted_in_utc=True, remedies=REMEDIES)
    layout.submitted = names.index(SUBMITTED)
    headings = set(names)
    parents = {parent for name in names if (parent := name.rpartition("/")[0]) in headings}
    for position, name in enumerate(names):
        if name and name not in parents and not _is_own_column(layout, position, name):
            _add(layout, position, name, headings)
    layout.nameless = names.count("")
    questions = [*layout.closed, *layout.open]
    refuse_repeated(names, [(q.question, q.subquestion) for q in questions], line, REMEDIES)
    return layout


def _refuse_labels(names: list[str], line: int) -> None:
    headings = set(names)
    wrong = [at for at, name in enumerate(names, 1) if name and not _is_heading(name, headings)]
    if wrong:
        raise Refusal(
            "full_headings",
            "names of questions as headings: _id, _submission_time, … and names like SECU_JOUR or profil/SEXE",
            f"{len(wrong)} of {len(names)} headings that are no name (fields {', '.join(map(str, wrong[:10]))})",
            REMEDIES.codes,
            line,
            {"wrong": len(wrong), "headings": len(names)},
        )


def _is_heading(name: str, headings: set[str]) -> bool:
    parent, _, last = name.rpartition("/")
    if parent in headings:
        return _BOX.fullmatch(last) is not None
    return all(_PART.fullmatch(part) for part in name.split("/"))


def _is_own_column(layout: Layout, position: int, name: str) -> bool:
    """Notes a column that is no question in the layout, and says so."""
    if name in LEFT_OUT or META.fullmatch(name) or name in (RESPONSE_NUMBER, SUBMITTED):
        return True
    plain = normalised(name.rpartition("/")[2])
    if plain in WAVE:
        layout.wave = position
    elif is_personal(plain) or PERSONAL.fullmatch(plain):
        layout.personal[position] = plain
    else:
        return False
    return True


def _add(layout: Layout, position: int, name: str, headings: set[str]) -> None:
    parent, _, last = name.rpartition("/")
    is_box = parent in headings
    question = Question(position, parent.rpartition("/")[2] if is_box else last, last if is_box else NONE, is_box)
    (layout.open if OWN_WORDS.fullmatch(last) and not is_box else layout.closed).append(question)


# -- the form ---------------------------------------------------------------------------------------------------------

NO_QUESTIONS = re.compile(
    r"(begin|end)[ _](group|repeat)|note|start|end|today|device_?id|phone_?number|username|subscriberid|simserial|email|audit"
    r"|calculate|hidden|start-geopoint|background-\w+|xml-external|csv-external"
)
_LABEL = re.compile(r"label(?:::?(.+))?")
_LANGUAGE_CODE = re.compile(r".*\(([A-Za-z]{2,3}(?:[-_][A-Za-z]+)?)\)\s*")


def is_xlsform(path: Path) -> bool:
    """Whether the file is a workbook with the sheets `survey` and `choices` of an XLSForm; reads its index only, never raises."""
    try:
        return {"survey", "choices"} <= {normalised(sheet.name) for sheet in list_sheets(path) if sheet.is_visible}
    except (Refusal, OSError):
        return False


def read_xlsform(path: Path, folder: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> TextTable:
    """One row per question, choice and language, in `folder/structure.csv`, as `read_lss` writes them.

    The line is the row of the sheet `survey` or `choices`. The choices of select_one are answers, those of select_multiple
    sub-questions, so that their codes meet those of the export.

    Raises Refusal `broken_xlsform`, and those of `open_workbook`.
    """
    rows = sorted(_elements(_sheets(path, max_unpacked_bytes)), key=lambda row: row[0])
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "structure.csv"
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    return TextTable(
        form="csv", path=target, header=STRUCTURE_HEADER, delimiter=";", numbered=True, line_count=len(rows)
    )


def question_types_of(path: Path, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> dict[str, str]:
    """The type of each question of a form, by name. Raises the Refusals of `read_xlsform`."""
    elements = _elements(_sheets(path, max_unpacked_bytes))
    return {code: kind for _, _, element, code, kind, *_ in elements if element == "question"}


def _sheets(path: Path, max_unpacked_bytes: int) -> dict[str, list[tuple[int, dict[str, str]]]]:
    with open_workbook(path, max_unpacked_bytes) as book:
        sheets = {normalised(name): _records(book.rows(name)) for name in book.visible_sheets}
    for sheet, needed in (("survey", {"type", "name"}), ("choices", {"list_name", "name"})):
        if not needed <= {key for _, record in sheets[sheet][:1] for key in record}:
            raise Refusal(
                "broken_xlsform",
                f"columns {' and '.join(sorted(needed))} on the sheet '{sheet}'",
                "none of that name in its first row",
                "download the form in KoboToolbox again (Form > Download XLS) and deliver that file as it is",
                1,
            )
    return sheets


def _records(rows: list[list]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a sheet by the names in its first one, each with its number; rows without any text are left out."""
    texts = [[cell_text(cell).strip() for cell in row] for row in rows]
    names = [_heading(name) for name in texts[0]] if texts else []
    records = [(number, dict(zip(names, row, strict=False))) for number, row in enumerate(texts[1:], 2) if any(row)]
    return records or [(1, dict.fromkeys(names, ""))]


def _heading(name: str) -> str:
    """`Label::Français (fr)` as it is, but for the case of its first part; `list name` as list_name."""
    first, mark, language = name.partition(":")
    plain = normalised(first)
    return f"{plain}{mark}{language}" if plain == "label" else plain


def _elements(sheets: dict[str, list[tuple[int, dict[str, str]]]]) -> Iterator[tuple]:
    """Rows of the table, each with its line in front."""
    settings = sheets.get("settings", [])
    survey = next((r[key] for _, r in settings for key in ("form_id", "id_string") if r.get(key)), NONE)
    for line, record in sheets["survey"]:
        kind, list_name = (*record.get("type", "").split(), "", "")[:2]
        code = record.get("name", "")
        if not code or NO_QUESTIONS.fullmatch(record.get("type", "")):
            continue
        for language, wording in _wordings(record):
            yield line, survey, "question", code, kind, NONE, NONE, language, wording
        if kind in ("select_one", "select_multiple"):
            choices = [(at, c) for at, c in sheets["choices"] if c.get("list_name") == list_name and c.get("name")]
            yield from _choices(choices, survey, code, kind)


def _choices(choices: list[tuple[int, dict[str, str]]], survey: str, code: str, kind: str) -> Iterator[tuple]:
    for line, choice in choices:
        name = choice["name"]
        codes = (NONE, name) if kind == "select_one" else (name, NONE)
        for language, wording in _wordings(choice):
            element = "answer" if kind == "select_one" else "subquestion"
            yield line, survey, element, code, kind, *codes, language, wording


def _wordings(record: dict[str, str]) -> list[tuple[str, str]]:
    """(language, wording) of a row; a form in one language has its labels in a column without one."""
    found = []
    for name, text in record.items():
        label = _LABEL.fullmatch(name)
        if label and text:
            code = _LANGUAGE_CODE.fullmatch(label[1] or "")
            found.append((code[1] if code else normalised(label[1] or "") or NONE, plain_wording(text)))
    return found or [(NONE, "")]
