"""Reads surveys: a wide csv export into one row per answer (LimeSurvey's; KoboToolbox's header is read in kobo.py), and
LimeSurvey's structure (.lss) into one row per wording.

What names or reaches a respondent makes the delivery be sent back; what a respondent wrote in own words is never passed
on: an answer keeps its value only when the codebook lists it (codebook.py).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler

from flows.core.contracts import FORBIDDEN_HEADERS, normalised
from flows.core.errors import Refusal
from flows.core.reading.codebook import UNLISTED, Codebook, open_questions
from flows.core.reading.tables import AS_OWN_PARQUET, BadLine, TextTable, one_file, quoted

ANSWERS_HEADER = (
    "response_number",
    "submitted_on",
    "wave_code",
    "question_code",
    "subquestion_code",
    "answer_code",
)
STRUCTURE_HEADER = (
    "survey_id",
    "element",
    "question_code",
    "question_type",
    "subquestion_code",
    "answer_code",
    "language",
    "wording",
)
NONE = "-"

# Columns of LimeSurvey's own that are no question: times of day, pages and seeds are not needed and tell people apart.
RESPONSE_NUMBER = "id"
SUBMITTED = "submitdate"
LEFT_OUT = frozenset({"lastpage", "startlanguage", "seed", "startdate", "datestamp", "interviewtime"})
WAVE = frozenset({"vague", "wave"})
# Over and above FORBIDDEN_HEADERS: the participant list, which can be exported along with the answers, and questions whose
# own code says that they ask for a day of birth, an address, a place on the map or a device.
PERSONAL = re.compile(
    r"refurl|referr?er(_url)?|participant_id|tid|mpid|attribute_\w+|user_?agent|session_?id|cookie|access_?code|code_acces"
    r"|date_?(de_?)?naiss(ance)?|jour_(de_)?naissance|ddn|dob|date_of_birth|birth_?day"
    r"|adresse_\w+|(street_|home_|postal_)?address|street|rue|numero_(et|de)_rue|no_rue"
    r"|gps|geo_?loc\w*|geopoint|geotrace|geoshape|coordonnees|coordonnees_gps|(\w+_)?(latitude|longitude)|lat|lng|lon"
)
TIMES = ("startdate", "datestamp", "interviewtime")
"""Columns that tell when somebody answered, finer than a day: left out unread, as the time of `submitdate` is."""

FULL_HEADING_ID = frozenset({"response_id", "id_de_la_reponse", "antwort_id"})
FULL_HEADING_OTHERS = frozenset(
    {"date_submitted", "last_page", "start_language", "date_de_soumission", "derniere_page", "langue_de_depart"}
)

MAX_RECORD_CHARS = 1_000_000
MAX_RECORD_LINES = 1_000
MOST_SPLIT_CHARS = 100_000  # below the longest field that csv takes
MAX_STRUCTURE_BYTES = 50 * 1024 * 1024

_HEADING_CODE = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,60})((?:\[[A-Za-z0-9_.-]{1,60}\]){0,2})")
# LimeSurvey's "expression codes" join with an underscore, which a question's own code may hold as well.
_UNDERSCORED = re.compile(r"([A-Za-z][A-Za-z0-9_]*?)_(S[QXY]{1,2}\d+\w*|other|comment|\w+comment|filecount)")

_REMEDY_CODES = (
    "export again in LimeSurvey: Responses > Export > format CSV, headings 'Question code', responses 'Answer codes'"
    " (Réponses > Exporter > CSV, en-têtes « Code de la question », réponses « Codes de réponse »)"
)
_REMEDY_ANONYMOUS = (
    "delete this file; in LimeSurvey, before the survey starts, switch anonymised responses on (Participant settings) and"
    " date stamp, IP address and referrer URL off (Notifications & data); when exporting (Responses > Export), untick these"
    " columns, the token and all participant fields; without a date stamp the receipt names the wave"
    " (supprimez ce fichier ; dans LimeSurvey, avant l'ouverture, activez « Réponses anonymisées » (Paramètres des"
    " participants) et désactivez horodatage, adresse IP et URL référente (Notifications et données) ; à l'export (Réponses >"
    " Exporter), décochez ces colonnes, le jeton et tous les champs des participants ; sans horodatage, le reçu nomme la vague)"
)


@dataclass(frozen=True)
class Remedies:
    """What to do in the survey program: to export codes, and to export nothing that names a respondent."""

    codes: str = _REMEDY_CODES
    anonymous: str = _REMEDY_ANONYMOUS


# -- recognising ------------------------------------------------------------------------------------------------------


def is_limesurvey_header(names: Sequence[str]) -> bool:
    """Whether a header is that of a LimeSurvey export; also one with full headings, which the reader then refuses."""
    codes = {name.strip() for name in names}
    if RESPONSE_NUMBER in codes and codes & {SUBMITTED, "lastpage", "startlanguage"}:
        return True
    return _has_full_headings(names)


def _has_full_headings(names: Sequence[str]) -> bool:
    plain = {normalised(name) for name in names}
    if plain & FULL_HEADING_ID and plain & FULL_HEADING_OTHERS:
        return True
    # "Code and text": `id. Response ID`, `submitdate. Date submitted`
    starts = {re.split(r"[^A-Za-z0-9_]", name.strip(), maxsplit=1)[0] for name in names if len(name.split()) > 1}
    return RESPONSE_NUMBER in starts and bool(starts & {SUBMITTED, "lastpage", "startlanguage"})


# -- records of a csv -------------------------------------------------------------------------------------------------


def numbered_records(
    lines: Iterable[str], delimiter: str, width: int | None = None
) -> Iterator[tuple[int, list[str]] | BadLine]:
    """The records of a csv with the physical line that each begins on (from 1); blank lines are skipped.

    A quoted field may go on over several lines. What is no record of `width` fields (any number if None) comes out as
    a BadLine of its first line, and the reading goes on with the next line: one stray quote costs one line, not the
    rest of the file. Reasons: `line_too_long`, `field_count`, `quote_broken`, `quote_not_closed`. The text of a BadLine
    is empty, since it may hold what a respondent wrote.
    """
    source = _Lines(lines)
    for number, line in source:
        if len(line) > MAX_RECORD_CHARS:
            yield BadLine(number, "line_too_long", "")
        elif not line.isspace():
            fields, reason = _record(source, line, delimiter, width)
            yield BadLine(number, reason, "") if fields is None else (number, fields)


class _Lines:
    """Numbered lines, and a way to hand some back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._numbered = enumerate(lines, start=1)
        self._returned: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        return self._returned.pop() if self._returned else next(self._numbered)

    def give_back(self, lines: Sequence[tuple[int, str]]) -> None:
        self._returned.extend(reversed(lines))


def _record(source: _Lines, line: str, delimiter: str, width: int | None) -> tuple[list[str] | None, str]:
    """The fields of the record that begins with `line`, or None and the reason why it is none."""
    is_open = line.count('"') % 2 == 1
    if is_open:
        taken = _rest_of_record(source)
        fields, _ = _fields(line + "".join(text for _, text in taken), delimiter, width)
        if fields is not None:
            return fields, ""
        source.give_back(taken)
    fields, reason = _fields(line, delimiter, width)
    return fields, "quote_not_closed" if is_open else reason


def _rest_of_record(source: _Lines) -> list[tuple[int, str]]:
    taken: list[tuple[int, str]] = []
    size = 0
    for number, text in source:
        taken.append((number, text))
        size += len(text)
        if text.count('"') % 2 == 1 or len(taken) >= MAX_RECORD_LINES or size > MAX_RECORD_CHARS:
            break
    return taken


def _fields(record: str, delimiter: str, width: int | None) -> tuple[list[str] | None, str]:
    record = record.rstrip("\r\n")
    # every field in quotes and none within one, as LimeSurvey writes: less than half of the time of a reader for each record
    if width and record.startswith('"') and record.endswith('"') and record.count('"') == 2 * width:
        fields = record[1:-1].split(f'"{delimiter}"')
        if len(fields) == width and len(record) < MOST_SPLIT_CHARS:
            return fields, ""
    try:
        rows = list(csv.reader([record], delimiter=delimiter, strict=True))
    except csv.Error:
        return None, "quote_broken"
    if len(rows) != 1 or (width is not None and len(rows[0]) != width):
        return None, "field_count"
    return rows[0], ""


def _lines_of(path: Path) -> Iterator[str]:
    """Physical lines; a very long one is cut short just above the limit, so that it is known and not kept."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        while line := file.readline(MAX_RECORD_CHARS + 1):
            yield line
            while len(line) > MAX_RECORD_CHARS and not line.endswith("\n"):
                line = file.readline(MAX_RECORD_CHARS + 1)


# -- the header of an export ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A column that holds answers. A box has 1 or 0 where LimeSurvey has Y or nothing."""

    position: int
    question: str
    subquestion: str
    is_box: bool = False


@dataclass
class Layout:
    """What the columns of an export are; positions count from 0."""

    width: int
    response: int
    submitted: int | None = None
    wave: int | None = None
    personal: dict[int, str] = field(default_factory=dict)
    closed: list[Question] = field(default_factory=list)
    open: list[Question] = field(default_factory=list)
    nameless: int = 0
    times: tuple[str, ...] = ()
    is_submitted_in_utc: bool = False
    remedies: Remedies = Remedies()


def _layout(
    header: list[str], line: int, declared_open: frozenset[str], question_codes: frozenset[str] | None
) -> Layout:
    names = [name.strip().lstrip("\ufeff") for name in header]
    _refuse_full_headings(names, line)
    refuse_repeated(names, [name for name in names if name], line)
    layout = Layout(len(names), names.index(RESPONSE_NUMBER), times=tuple(n for n in names if n in TIMES))
    questions = [
        question
        for position, name in enumerate(names)
        if not _is_own_column(layout, position, name)
        and (question := Question(position, *_split(name, question_codes)))
    ]
    codes = {question.question for question in questions}
    questions = [q for q in _scales_from_one(questions) if not _is_timing(q, codes) and q.subquestion != "filecount"]
    refuse_repeated(names, [(q.question, q.subquestion) for q in questions], line)
    for question in questions:
        is_open = _is_own_words(question) or question.question in declared_open
        (layout.open if is_open else layout.closed).append(question)
    return layout


def _refuse_full_headings(names: list[str], line: int) -> None:
    wrong = [position for position, name in enumerate(names, 1) if name and not _HEADING_CODE.fullmatch(name)]
    if RESPONSE_NUMBER in names and not wrong:
        return
    where = f" (fields {', '.join(map(str, wrong[:10]))}{' …' if len(wrong) > 10 else ''})" if wrong else ""
    raise Refusal(
        "full_headings",
        "question codes as headings: id, submitdate, … and codes like SECU_JOUR or CANAUX[SQ001]",
        f"{len(wrong)} of {len(names)} headings that are no code{where}",
        _REMEDY_CODES,
        line,
        {"wrong": len(wrong), "headings": len(names)},
    )


def refuse_repeated(names: list[str], keys: list, line: int, remedies: Remedies = Remedies()) -> None:
    """Raises Refusal `duplicate_header` when a key stands more than once."""
    repeated = {key for key, times in Counter(keys).items() if times > 1}
    if repeated:
        raise Refusal(
            "duplicate_header",
            "each question code once",
            f"{len(repeated)} codes that stand more than once among {len(names)} headings",
            "give each question and sub-question a code of its own in the survey, then " + remedies.codes,
            line,
        )


def _is_own_column(layout: Layout, position: int, name: str) -> bool:
    """Notes a column that is no question in the layout, and says so."""
    plain = normalised(name)
    if not name:
        layout.nameless += 1
    elif name == SUBMITTED:
        layout.submitted = position
    elif plain in WAVE:
        layout.wave = position
    elif is_personal(plain) or is_personal(normalised(name.partition("[")[0])):
        layout.personal[position] = plain
    else:
        return name == RESPONSE_NUMBER or name in LEFT_OUT
    return True


def is_personal(plain: str) -> bool:
    """Whether a normalised heading names, reaches or places a respondent."""
    return bool(FORBIDDEN_HEADERS.fullmatch(plain) or PERSONAL.fullmatch(plain))


def _split(name: str, question_codes: frozenset[str] | None) -> tuple[str, str]:
    """Question and sub-question code of a heading: `Q8[SQ001][1]` and `Q8[SQ001_1]` are both ('Q8', 'SQ001_1')."""
    code, brackets = _HEADING_CODE.fullmatch(name).groups()
    if brackets:
        return code, "_".join(re.findall(r"\[([^\]]+)\]", brackets))
    if question_codes is not None:
        known = [q for q in question_codes if code == q or code.startswith(f"{q}_")]
        longest = max(known, key=len, default=code)
        return longest, code[len(longest) + 1 :] or NONE
    parts = _UNDERSCORED.fullmatch(code)
    return (parts[1], parts[2]) if parts else (code, NONE)


def _scales_from_one(questions: list[Question]) -> list[Question]:
    """Counts the scales of a dual-scale question from 1, as codes in brackets do; expression codes count from 0."""
    from_zero = {q.question for q in questions if re.fullmatch(r"S[QXY]{1,2}\d+_0", q.subquestion)}
    return [_scale_from_one(q) if q.question in from_zero else q for q in questions]


def _scale_from_one(question: Question) -> Question:
    row, _, scale = question.subquestion.rpartition("_")
    if scale not in ("0", "1"):
        return question
    return Question(question.position, question.question, f"{row}_{int(scale) + 1}")


def _is_timing(question: Question, codes: set[str]) -> bool:
    code = question.question
    return question.subquestion == NONE and (
        re.fullmatch(r"groupTime\d+", code) is not None or (code.endswith("Time") and code[: -len("Time")] in codes)
    )


def _is_own_words(question: Question) -> bool:
    return question.subquestion == "other" or question.subquestion.endswith("comment")


# -- the answers ------------------------------------------------------------------------------------------------------

_CODE = "[A-Za-z0-9_-]{1,20}"
_NUMBER = "[+-]?[0-9]{1,6}([.,][0-9]+)?"
# An answer code of LimeSurvey has at most 5 characters. Longer ones are let pass, but not when there are too many
# different ones for a list of answers: then they are words.
_LONGEST_ANSWER_CODE = 5
_MOST_ANSWER_CODES = 20
_FEWEST_WORDS = 5
# 7 digits and more are a telephone number, a date or a number of a person.
_MOST_DIGITS = 6
# In a question that is registered as closed, up to a fifth of the answers may be no codes and are `unlisted`: a slip of the hand
# is one in hundreds, while a question that was asked in words, or exported in words, has hardly a code. In between the answers
# that are left would speak for too few: a fifth is also what may not tell where they live before a wave is not weighted.
_MOST_SLIPS = 0.2
# Blanks that are no part of an answer: spreadsheets and keyboards leave them, also those that do not break and those of no width.
_BLANKS = " \t\n\r\u00a0\u2007\u2009\u202f\u200b\ufeff"


@dataclass(frozen=True)
class _Content:
    """What the answers of a column look like: how many there are, and of those that no list knows how many are no code, and the
    words among them."""

    answered: int
    not_code: int
    words: int
    different_words: int
    longest_word: int

    def is_open(self, is_structure_known: bool, is_registered: bool) -> bool:
        """Whether the question was answered in own words; one that is registered as closed is not for a few slips."""
        slips = _MOST_SLIPS * self.answered if is_registered else 0
        if self.not_code > slips:
            return True
        if is_structure_known or self.words <= slips or self.longest_word <= _LONGEST_ANSWER_CODE:
            return False
        is_varied = self.different_words >= _FEWEST_WORDS and 2 * self.different_words > self.answered
        return is_varied or self.different_words > _MOST_ANSWER_CODES


def read_limesurvey_csv(
    path: Path,
    delimiter: str,
    folder: Path,
    codebook: Codebook | None = None,
) -> TextTable:
    """One row per respondent and answered question, in `folder/answers.parquet`; the line is the respondent's.

    `path` is UTF-8 text without BOM with its header on the first line that is not blank. Left out: answers in own
    words, told by the codebook's structure files, by `[other]` and `[comment]`, and by answers that are no codes (a
    note names the columns; in a question that the codebook knows as closed a few of them are slips, and many make the
    header a bad line); the time of day of `submitdate`; times, pages and seeds. Answers are trimmed. One that the codebook
    does not list is passed on as `unlisted`. Without a codebook nothing is known of the questions and every code is kept:
    that is for looking at the form alone, `reading.read` always has one.

    Raises Refusal `full_headings`, `full_answers`, `duplicate_header`, `second_header`, `personal_data`, `no_header`.
    """
    line, header = header_of(path, delimiter)
    structures = codebook.about(_question_headings(header)) if codebook else ()
    codes = frozenset(code for structure in structures for code in structure)
    layout = _layout(header, line, open_questions(structures), codes if structures else None)
    return read_wide(path, delimiter, folder, layout, line, codebook, bool(structures))


def _question_headings(header: list[str]) -> list[str]:
    """Headings that are no column of the program's own."""
    names = [name.strip().lstrip("\ufeff") for name in header]
    return [name for name in names if name and name not in (RESPONSE_NUMBER, SUBMITTED) and name not in LEFT_OUT]


def read_wide(
    path: Path,
    delimiter: str,
    folder: Path,
    layout: Layout,
    header_line: int,
    codebook: Codebook | None = None,
    is_structure_known: bool = False,
) -> TextTable:
    """The long form of an export whose columns are known.

    Raises Refusal `full_answers`, `second_header` and `personal_data`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target, wide = folder / "answers.parquet", folder / "answers_wide.csv"
    try:
        respondents, bad_lines = _write_wide(path, delimiter, layout, header_line, wide)
        count, lost, notes = _write_long(layout, wide, target, codebook, is_structure_known)
    finally:
        wide.unlink(missing_ok=True)
    if lost:  # set aside like a line, so that the sender is told: the rows of these questions are all missing
        bad_lines.append(BadLine(header_line, "question_in_own_words", ""))
    return TextTable(
        form="parquet",
        path=target,
        header=ANSWERS_HEADER,
        numbered=True,
        has_line_column=True,
        line_count=count,
        bad_lines=tuple(bad_lines),
        notes=(f"{respondents} respondents", *notes),
    )


def header_of(path: Path, delimiter: str) -> tuple[int, list[str]]:
    """The line of the header and its fields. Raises Refusal `no_header`."""
    for record in numbered_records(_lines_of(path), delimiter):
        if not isinstance(record, BadLine):
            return record
        break
    raise Refusal("no_header", "a header with question codes", "no header that can be read", _REMEDY_CODES, 1)


def _write_wide(path: Path, delimiter: str, layout: Layout, header_line: int, wide: Path) -> tuple[int, list[BadLine]]:
    """Writes line, number, date, wave and closed questions of each respondent; how many, and the lines that are bad."""
    kept = [layout.response, layout.submitted, layout.wave, *(q.position for q in layout.closed)]
    bad_lines: list[BadLine] = []
    respondents, header = 0, []
    with wide.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, delimiter=";", lineterminator="\n").writerow
        for record in numbered_records(_lines_of(path), delimiter, layout.width):
            if isinstance(record, BadLine):
                bad_lines.append(record)
                continue
            number, fields = record
            if number == header_line:
                header = _headings(fields)
                continue
            if not any(fields):
                continue
            if header and _is_header(fields, header, layout, number):
                bad_lines.append(BadLine(number, "header_repeated", ""))
                continue
            _refuse_personal(layout, fields, number)
            row = ["" if position is None else fields[position] for position in kept]
            text = "".join(row)
            if "\r" in text:
                row = [value.replace("\r", "\n") for value in row]
            if reason := _unreadable(text):
                bad_lines.append(BadLine(number, reason, ""))
            else:
                write([number, *row])
                respondents += 1
    return respondents, bad_lines


def _headings(fields: list[str]) -> list[str]:
    return [name.lstrip("\ufeff").strip(' "') for name in fields]


def _is_header(fields: list[str], header: list[str], layout: Layout, line: int) -> bool:
    """Whether the header stands there again, as in exports that were put one below the other. Raises Refusal for another one."""
    if header[layout.response] not in fields[layout.response]:  # of nearly every row: a number
        return False
    again = _headings(fields)
    if again == header:
        return True
    if again[layout.response] != header[layout.response]:
        return False
    raise Refusal(
        "second_header",
        "one export, with one header",
        f"a second header with other columns, or the same in another order ({len(header)} columns)",
        "send each export as a file of its own",
        line,
    )


def _unreadable(text: str) -> str:
    if text.isascii():
        return "nul_byte" if "\0" in text else ""
    if re.search("[\udc80-\udcff]", text):
        return "encoding_mixed"
    return "character_unreadable" if "\ufffd" in text else ""


def _refuse_personal(layout: Layout, fields: list[str], line: int) -> None:
    filled = sorted({name for position, name in layout.personal.items() if fields[position].strip()})
    if filled:
        raise Refusal(
            "personal_data",
            "no column that names or reaches a respondent, or such columns empty",
            f"values in {', '.join(filled)}",
            layout.remedies.anonymous,
            line,
            {"columns": ", ".join(filled)},
        )


def _write_long(
    layout: Layout, wide: Path, target: Path, codebook: Codebook | None, is_structure_known: bool
) -> tuple[int, list[Question], list[str]]:
    """Writes one row per answer; how many, the closed questions that came in own words, and what to say of what was left out."""
    import duckdb

    answers = [f"a{i}" for i in range(len(layout.closed))]
    with duckdb.connect(config={"threads": 2, "temp_directory": str(target.parent)}) as database:
        waves = None if codebook is None else codebook.waves
        _load(database, wide, [(a, q.is_box) for a, q in zip(answers, layout.closed, strict=True)], layout, waves)
        listed = [_listed(codebook, question) for question in layout.closed]
        contents = [_content(database, answer, codes) for answer, codes in zip(answers, listed, strict=True)]
        registered = frozenset() if codebook is None else codebook.questions
        is_registered = [question.question in registered for question in layout.closed]
        is_open = [c.is_open(is_structure_known, known) for c, known in zip(contents, is_registered, strict=True)]
        _refuse_full_answers(contents, is_open, layout.remedies)
        kept = [(a, q) for a, q, left_out in zip(answers, layout.closed, is_open, strict=True) if not left_out]
        withheld = [] if codebook is None else _withhold(database, kept, codebook)
        count = _unpivot(database, kept, target)
        left_out = [q for q, flag in zip(layout.closed, is_open, strict=True) if flag]
        lost = [q for q in left_out if q.question in registered]
        return count, lost, [*_notes(database, layout, left_out, codebook), *withheld]


def _load(database, wide: Path, answers: list[tuple[str, bool]], layout: Layout, waves: frozenset[str] | None) -> None:
    """The wide table in DuckDB, with the day of `submitdate` alone; a wave that is none is dropped and counted.

    `answers` are the columns of answers, each with whether it is a box; `waves` those that are registered, or None.
    """
    is_wave = _is_code("wave") if waves is None else _is_one_of("wave", waves)
    columns = dict.fromkeys(["line", "response_number", "submitted", "wave", *(name for name, _ in answers)], "varchar")
    trimmed = [f"nullif(trim({name}, {quoted(_BLANKS)}), '') as {name}" for name in columns if name != "line"]
    selected = [f"{_ticked(name)} as {name}" if is_box else name for name, is_box in answers]
    database.execute(f"""
        create temp table wide as
        select cast(line as bigint) as line, response_number,
            {_local_day("submitted") if layout.is_submitted_in_utc else _day("submitted")} as day,
            case when {is_wave} then wave end as wave_code,
            wave is not null and not {is_wave} as is_wave_dropped,
            {", ".join(selected) or "null"}
        from (
            select line, {", ".join(trimmed)}
            from read_csv({one_file(wide)}, columns = {columns}, auto_detect = false, header = false, delim = ';',
                quote = '"', escape = '"', new_line = '\\n', max_line_size = 8388608)
        )
    """)


def _day(moment: str) -> str:
    return f"nullif(regexp_extract({moment}, '^[^ T]+'), '')"


def _local_day(moment: str) -> str:
    """The day in Clermont-Ferrand of a time told in UTC, with or without saying so: after 22 h of summer it is the next one."""
    utc = f"coalesce(try_cast({moment} || '+00' as timestamptz), try_cast({moment} as timestamptz))"
    return f"coalesce(strftime({utc} at time zone 'Europe/Paris', '%Y-%m-%d'), {_day(moment)})"


def _ticked(column: str) -> str:
    """A box as LimeSurvey has it: Y, or nothing. What is neither ticked nor unticked stays as it is."""
    return f"case when lower({column}) in ('1', 'true') then 'Y' when lower({column}) not in ('0', 'false') then {column} end"


def _is_code(column: str) -> str:
    digits = f"length(regexp_replace({column}, '[^0-9]', '', 'g'))"
    return (
        f"(regexp_full_match({column}, '{_NUMBER}')"
        f" or regexp_full_match({column}, '{_CODE}') and {digits} <= {_MOST_DIGITS})"
    )


def _is_one_of(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(quoted(value) for value in sorted(values))
    return f"({column} in ({listed}))" if listed else "false"


def _withhold(database, kept: list[tuple[str, Question]], codebook: Codebook) -> list[str]:
    """Puts `unlisted` for each answer that the codebook does not list, and says in how many columns."""
    columns = []
    for answer, question in kept:
        is_unlisted = f"{answer} is not null and not {_is_one_of(answer, _listed(codebook, question))}"
        count = database.execute(f"select count(*) from wide where {is_unlisted}").fetchone()[0]
        if count:
            database.execute(f"update wide set {answer} = {quoted(UNLISTED)} where {is_unlisted}")
            columns.append((question, count))
    if not columns:
        return []
    answers = sum(count for _, count in columns)
    return [f"{answers} answers that no list knows were withheld: {_named([question for question, _ in columns])}"]


def _listed(codebook: Codebook | None, question: Question) -> set[str]:
    """The answer codes that the codebook lists for a column."""
    listed = codebook.answers if codebook else ()
    return {a for q, s, a in listed if (q, s) == (question.question, question.subquestion)}


def _content(database, column: str, listed: set[str]) -> _Content:
    is_known = _is_one_of("answer", listed)
    is_word = f"not {is_known} and regexp_matches(answer, '[A-Za-z]')"
    values = database.execute(f"""
        with answers as (
            select {column} as answer, count(*) as times from wide where {column} is not null group by {column}
        )
        select coalesce(sum(times), 0), coalesce(sum(times) filter (not {is_known} and not {_is_code("answer")}), 0),
            coalesce(sum(times) filter ({is_word}), 0), count(*) filter ({is_word}),
            coalesce(max(length(answer)) filter ({is_word}), 0)
        from answers
    """).fetchone()
    return _Content(*map(int, values))


def _refuse_full_answers(contents: list[_Content], is_open: list[bool], remedies: Remedies) -> None:
    """Where most questions are answered in words, the answers were exported in full and not as codes."""
    answered = sum(content.answered > 0 for content in contents)
    if sum(is_open) >= 3 and 2 * sum(is_open) > answered:
        raise Refusal(
            "full_answers",
            "answer codes such as AO01, Y or 3",
            f"answers in words in {sum(is_open)} of {answered} answered columns",
            remedies.codes + "; if these questions really are open ones, take them out of the export",
            facts={"columns": sum(is_open), "answered": answered},
        )


def _unpivot(database, kept: list[tuple[str, Question]], target: Path) -> int:
    if kept:
        questions = ", ".join(quoted(question.question) for _, question in kept)
        subquestions = ", ".join(quoted(question.subquestion) for _, question in kept)
        answers = ", ".join(answer for answer, _ in kept)
        rows = f"""
            select line as _line, response_number, cast(day as varchar) as submitted_on, wave_code,
                unnest([{questions}]) as question_code, unnest([{subquestions}]) as subquestion_code,
                unnest([{answers}]) as answer_code
            from wide"""
    else:
        nothing = ", ".join(f"cast(null as varchar) as {name}" for name in ANSWERS_HEADER)
        rows = f"select cast(null as bigint) as _line, {nothing}"
    return database.execute(
        f"copy (select * from ({rows}) where answer_code is not null) to {quoted(target)} {AS_OWN_PARQUET}"
    ).fetchone()[0]


def _named(questions: list[Question]) -> str:
    codes = sorted(q.question if q.subquestion == NONE else f"{q.question}[{q.subquestion}]" for q in questions)
    return f"{len(questions)} columns ({', '.join(codes)})"


def _notes(database, layout: Layout, left_out: list[Question], codebook: Codebook | None) -> list[str]:
    notes = []
    open_columns = [*layout.open, *left_out]
    if open_columns:
        notes.append(f"answers in own words were left out: {_named(open_columns)}")
    if lost := [q for q in open_columns if codebook and q.question in codebook.questions and not _is_own_words(q)]:
        notes.append(f"registered as closed, but answered in own words or declared so: {_named(lost)}")
    if layout.times:
        notes.append(f"times of day were left out unread, better not exported: {', '.join(layout.times)}")
    if layout.nameless:
        notes.append(f"{layout.nameless} columns without a heading were left out")
    bad_waves = database.execute("select count(*) from wide where is_wave_dropped").fetchone()[0]
    if bad_waves:
        what = "no code" if codebook is None else "not registered"
        notes.append(f"{bad_waves} respondents have a wave that is {what}; it was left empty")
    return notes


# -- the structure ----------------------------------------------------------------------------------------------------

DUAL_SCALE = "1"

_SECTIONS = frozenset({"answers", "answer_l10ns", "questions", "subquestions", "question_l10ns", "surveys"})
_FIELDS = frozenset(
    {"sid", "qid", "parent_qid", "aid", "type", "title", "code", "scale_id", "question", "answer", "language"}
)
_BREAKS = frozenset({"br", "p", "div", "li", "ul", "ol", "td", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6"})
_DOCUMENT_TYPE = re.compile(rb"<LimeSurveyDocType>\s*(<!\[CDATA\[)?\s*Survey\s*(\]\]>)?\s*</LimeSurveyDocType>")
_REMEDY_LSS = "export it in LimeSurvey: Display/Export > Survey structure (.lss), and deliver that file"


def is_lss(path: Path) -> bool:
    """Whether the file begins like a LimeSurvey structure file; reads its first bytes only."""
    with path.open("rb") as file:
        return _DOCUMENT_TYPE.search(file.read(4096)) is not None


def question_types_of(path: Path) -> dict[str, str]:
    """LimeSurvey's type letter of each question of a structure file, by code. Raises the Refusals of `read_lss`."""
    questions = _questions(_structure(path)).values()
    return {row["title"]: row.get("type", "") for row in questions if row.get("title")}


def read_lss(path: Path, folder: Path) -> TextTable:
    """One row per question, sub-question or answer and language, in `folder/structure.csv`; the line is the XML's.

    Header: see STRUCTURE_HEADER; `-` stands for a code that does not apply. Codes are such that they meet those of the
    answers: a column of a two-dimensional array has the sub-question code `_SQX001` (answers have `SQY001_SQX001`), an
    answer of a dual-scale question the sub-question code `_1` or `_2` (answers have `SQ001_1`, `SQ001_2`).

    Raises Refusal `not_an_lss`, `broken_lss`, `unsafe_xml`, `too_large`.
    """
    structure = _structure(path)
    rows = sorted(_elements(structure), key=lambda row: row[0])
    target = folder / "structure.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";", lineterminator="\n").writerows(rows)
    return TextTable(
        form="csv", path=target, header=STRUCTURE_HEADER, delimiter=";", numbered=True, line_count=len(rows)
    )


def _structure(path: Path) -> _Structure:
    from defusedxml.common import DefusedXmlException
    from defusedxml.sax import parse

    if path.stat().st_size > MAX_STRUCTURE_BYTES:
        raise Refusal(
            "too_large",
            f"a structure file of at most {MAX_STRUCTURE_BYTES:,} bytes",
            "a larger one",
            "take embedded pictures out of the questions and export the structure again",
        )
    if not is_lss(path):
        raise Refusal("not_an_lss", "a LimeSurvey structure file (.lss)", "a file of another kind", _REMEDY_LSS)
    structure = _Structure()
    try:
        with path.open("rb") as file:
            parse(file, structure, forbid_dtd=True)
    except SAXParseException as problem:
        line = problem.getLineNumber()
        raise Refusal(
            "broken_lss", "a whole XML file", "XML that breaks off or is damaged", _REMEDY_LSS, line
        ) from None
    except DefusedXmlException:
        raise Refusal("unsafe_xml", "XML without a document type or entities", "such a one", _REMEDY_LSS) from None
    except (ValueError, LookupError, SAXException):
        raise Refusal("broken_lss", "a whole XML file in UTF-8", "text in another encoding", _REMEDY_LSS) from None
    return structure


class _Structure(ContentHandler):
    """Collects document/<section>/rows/row/<field> of a structure file, with the line of each row in field `line`."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: dict[str, list[dict[str, str]]] = {name: [] for name in _SECTIONS}
        self._path: list[str] = []
        self._text: list[str] | None = None

    def startElement(self, name: str, attrs: object) -> None:
        self._path.append(name)
        if len(self._path) == 4 and name == "row" and self._path[1] in _SECTIONS:
            self.sections[self._path[1]].append({"line": str(self._locator.getLineNumber())})
        elif len(self._path) == 5 and self._path[1] in _SECTIONS and self._path[3] == "row" and name in _FIELDS:
            self._text = []

    def characters(self, content: str) -> None:
        if self._text is not None:
            self._text.append(content)

    def endElement(self, name: str) -> None:
        if len(self._path) == 5 and self._text is not None:
            self.sections[self._path[1]][-1][name] = "".join(self._text).replace("\r", "\n").strip()
            self._text = None
        self._path.pop()


def _is_main(row: dict[str, str]) -> bool:
    return row.get("parent_qid", "") in ("", "0")


def _questions(structure: _Structure) -> dict[str, dict[str, str]]:
    """Questions by their number (one of the rows, where there is one per language)."""
    return {row.get("qid", ""): row for row in structure.sections["questions"] if _is_main(row)}


def _elements(structure: _Structure) -> Iterator[tuple]:
    """Rows of the table, each with its line in front."""
    sections = structure.sections
    questions = _questions(structure)
    survey = next((row["sid"] for row in (*sections["surveys"], *sections["questions"]) if row.get("sid")), NONE)
    base = next((row["language"] for row in sections["surveys"] if row.get("language")), NONE)
    texts = _translations(sections["question_l10ns"], "qid", "question")
    for row in (*sections["questions"], *sections["subquestions"]):
        question = row if _is_main(row) else questions.get(row["parent_qid"], {})
        element, code = ("question", NONE) if _is_main(row) else ("subquestion", _subquestion_code(row))
        for language, wording in _wordings(row, "qid", "question", texts, base):
            yield _element(row, survey, element, question, code, NONE, language, wording)
    texts = _translations(sections["answer_l10ns"], "aid", "answer")
    for row in sections["answers"]:
        question = questions.get(row.get("qid", ""), {})
        for language, wording in _wordings(row, "aid", "answer", texts, base):
            scale = _answer_scale(row, question)
            yield _element(row, survey, "answer", question, scale, row.get("code"), language, wording)


def _element(row, survey: str, element: str, question, subquestion: str, answer, language: str, wording: str) -> tuple:
    code, kind = question.get("title", ""), question.get("type", "")
    return int(row["line"]), survey, element, code, kind, subquestion, answer or "", language, plain_wording(wording)


def _translations(rows: list[dict[str, str]], key: str, text: str) -> dict[str, list[tuple[str, str]]]:
    """Wordings by the number of what they belong to, as (language, text)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row.get(key, ""), []).append((row.get("language") or NONE, row.get(text, "")))
    return found


def _wordings(row, key: str, text: str, translations, base: str) -> list[tuple[str, str]]:
    """(language, wording) of a row: beside it since LimeSurvey 4, in the row itself before."""
    if row.get("language"):
        return [(row["language"], row.get(text, ""))]
    return translations.get(row.get(key, "")) or [(base, row.get(text, ""))]


def _subquestion_code(row: dict[str, str]) -> str:
    return f"_{row.get('title', '')}" if row.get("scale_id") == "1" else row.get("title", "")


def _answer_scale(row: dict[str, str], question: dict[str, str]) -> str:
    if question.get("type") != DUAL_SCALE:
        return NONE
    return "_2" if row.get("scale_id") == "1" else "_1"


class _Text(HTMLParser):
    """Keeps what a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        picture = dict(attrs).get("alt") if tag == "img" else ""
        self.parts.append(" " if tag in _BREAKS else picture or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0
        self.parts.append(" " if tag in _BREAKS else "")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain_wording(wording: str) -> str:
    """A wording without markup, on one line."""
    reader = _Text()
    try:
        reader.feed(wording)
        reader.close()
        text = "".join(reader.parts)
    except AssertionError:  # html.parser says so of a declaration it does not know
        text = re.sub(r"<[^>]*>", " ", wording)
    return " ".join(text.split())
