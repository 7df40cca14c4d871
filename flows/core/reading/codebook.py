"""The codebook of the surveys: which answers are codes of a closed question, and may pass the reader with their value.

One word in own words looks like a code (`A1`, `oui`, a first name), and a number may be an age or a telephone. What an
answer looks like therefore decides nothing: it keeps its value when `reference/survey_answer_codes.csv` lists it for a
question that `reference/survey_questions.csv` registers, and no structure file declares that question as answered freely.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.core.errors import Refusal
from flows.core.landing import Delivery
from flows.core.reading.tables import AS_OWN_PARQUET, parquet, quoted

CONTRACT = "survey_answers"
STRUCTURES = "survey_structure"
UNLISTED = "unlisted"
"""Stands for an answer that no list knows: that it was given is counted, what it says is not passed on."""

MULTIPLE_CHOICE = "multiple_choice"
UNTICKED = "N"
REGISTERS = ("survey_questions", "survey_answer_codes", "survey_waves")

# LimeSurvey's questions with given answers: lists, scales, arrays, ranking, yes/no, gender, language, and boxes (of which the
# comments are told by their sub-question). All others are written by the respondent or by the survey's author: texts, numbers
# (an age, say), dates, files, equations.
CLOSED_TYPES = frozenset("L!O5ABCEFH1GMPYRIX") | {"select_one", "select_multiple", "rank"}


@dataclass(frozen=True)
class Codebook:
    """What the register and the structure files say of the questions; the empty one lets no value pass.

    `answers` are (question, sub-question, answer) that are listed, `structures` tell of each question whether it is
    closed. `version` changes with anything of it.
    """

    answers: frozenset[tuple[str, str, str]] = frozenset()
    waves: frozenset[str] = frozenset()
    structures: tuple[Mapping[str, bool], ...] = ()
    version: str = ""

    @property
    def questions(self) -> frozenset[str]:
        return frozenset(question for question, _, _ in self.answers)

    def about(self, headings: Iterable[str]) -> tuple[Mapping[str, bool], ...]:
        """The structures that speak of a survey with these headings: those that know at least half of its questions.

        Two surveys may both ask for an age; only the one that asked in own words has its answers left out.
        """
        codes = {heading.partition("[")[0] for heading in headings}
        return tuple(s for s in self.structures if 2 * sum(_is_told(code, s) for code in codes) >= max(len(codes), 1))


NOTHING_LISTED = Codebook()


def _is_told(code: str, structure: Mapping[str, bool]) -> bool:
    # LimeSurvey's expression codes join question and sub-question with an underscore, which either may hold as well
    parts = code.split("_")
    return any("_".join(parts[:count]) in structure for count in range(1, len(parts) + 1))


def open_questions(structures: Iterable[Mapping[str, bool]]) -> frozenset[str]:
    """Questions that one of the structures declares as not closed."""
    return frozenset(code for structure in structures for code, is_closed in structure.items() if not is_closed)


def load_codebook(sql: Path, structures: Iterable[tuple[str, Mapping[str, bool]]] = ()) -> Codebook:
    """The codebook of the register in `sql/reference` and of the structures, each with its delivery's id."""
    tables = {name: _rows(sql / "reference" / f"{name}.csv") for name in REGISTERS}
    registered = {row["question_code"] for row in tables["survey_questions"]}
    listed = {
        (row["question_code"], row["subquestion_code"], row["answer_code"])
        for row in tables["survey_answer_codes"]
        if row["question_code"] in registered
    }
    boxes = {row["question_code"] for row in tables["survey_questions"] if row["scale"] == MULTIPLE_CHOICE}
    # some exports write N for a box left unticked, others leave it empty: both say the same
    listed |= {(question, box, UNTICKED) for question, box, _ in listed if question in boxes}
    waves = frozenset(row["wave_code"] for row in tables["survey_waves"])
    found = list(structures)
    version = hashlib.sha256(repr((sorted(listed), sorted(waves), sorted(i for i, _ in found))).encode())
    return Codebook(frozenset(listed), waves, tuple(s for _, s in found), version.hexdigest()[:12])


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def known_structures(deliveries: Iterable[Delivery], verdicts: Path, staged: Path) -> list[tuple[str, dict[str, bool]]]:
    """The structure files among the deliveries, by delivery id, however late they came: they are read before any answer is.

    A corrected one takes the place of one of the same name, sender and day. One whose file was taken away still tells what was
    accepted of it.
    """
    newest: dict[tuple, tuple[str, dict[str, bool]]] = {}
    for delivery in sorted(deliveries, key=lambda d: (d.receipt.received_at, d.delivery_id)):
        structure = _accepted(delivery, verdicts, staged) if delivery.path is None else structure_of(delivery)
        if structure:
            receipt = delivery.receipt
            edition = receipt.edition_date or receipt.received_on.isoformat()
            newest[delivery.folder, receipt.file_name, receipt.sender, edition] = (delivery.delivery_id, structure)
    return list(newest.values())


def structure_of(delivery: Delivery) -> dict[str, bool] | None:
    """Whether each question of a structure file is closed; None for any other file, or one that cannot be read."""
    from flows.core.reading import kobo, survey
    from flows.core.reading.unpack import kind_of

    if delivery.refusal is not None:
        return None
    try:
        kind = kind_of(delivery.path)
        if kind == "xml" and survey.is_lss(delivery.path):
            types = survey.question_types_of(delivery.path)
        elif kind == "zip" and kobo.is_xlsform(delivery.path):
            types = kobo.question_types_of(delivery.path)
        else:
            return None
    except (Refusal, OSError):
        return None
    return {question: kind in CLOSED_TYPES for question, kind in types.items()}


def _accepted(delivery: Delivery, verdicts: Path, staged: Path) -> dict[str, bool] | None:
    import duckdb

    from flows.core import ledger

    verdict = ledger.read_json(verdicts / f"{delivery.delivery_id}.json") or {}
    if verdict.get("contract") != STRUCTURES or not verdict.get("staged"):
        return None
    path = staged / verdict["staged"]
    if not path.is_file():
        return None
    sql = f"select distinct question_code, question_type from {parquet(path)} where element = 'question'"
    with duckdb.connect() as con:
        return {question: kind in CLOSED_TYPES for question, kind in con.execute(sql).fetchall()}


def withhold_again(accepted: Path, target: Path, codebook: Codebook) -> None:
    """Write accepted answers anew, without the values that the codebook no longer lets pass.

    For a delivery whose file was taken away: it cannot be read again. No row is left out, so that its counts hold.
    """
    import duckdb

    source = parquet(accepted)
    with duckdb.connect() as con:
        asked = {code for (code,) in con.execute(f"select distinct question_code from {source}").fetchall()}
        is_open = open_questions(codebook.about(asked))
        listed = sorted(entry for entry in codebook.answers if entry[0] not in is_open)
        con.execute("create temp table listed (question_code varchar, subquestion_code varchar, answer_code varchar)")
        con.execute("insert into listed select unnest($1), unnest($2), unnest($3)", _columns(listed))
        con.execute(
            f"""
            copy (
                select given.* replace (
                    case when listed.answer_code is null then {quoted(UNLISTED)} else given.answer_code end as answer_code,
                    case when list_contains($1, given.wave_code) then given.wave_code end as wave_code
                )
                from {source} as given
                left join listed on given.question_code = listed.question_code
                    and given.subquestion_code = listed.subquestion_code and given.answer_code = listed.answer_code
                order by given.response_number, given.question_code, given.subquestion_code
            ) to {quoted(target)} {AS_OWN_PARQUET}""",
            [sorted(codebook.waves)],
        )


def _columns(rows: list[tuple]) -> list[list]:
    return [list(values) for values in zip(*rows, strict=True)] if rows else [[], [], []]
