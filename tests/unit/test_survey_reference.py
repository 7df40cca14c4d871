"""The decisions about the survey hold together: scales, denominators, filters, don't know."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from flows.settings import PROJECT

REFERENCE = PROJECT / "sql" / "reference"


def table(name: str) -> list[dict[str, str]]:
    with (REFERENCE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


QUESTIONS = {row["question_code"]: row for row in table("survey_questions")}
CODES = table("survey_answer_codes")
WAVES = {row["wave_code"]: row for row in table("survey_waves")}


def codes_of(question: str) -> list[dict[str, str]]:
    return [row for row in CODES if row["question_code"] == question]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_a_denominator_and_answers(question):
    row = QUESTIONS[question]
    assert row["denominator_rule"] in ("answered", "asked")
    # only a box leaves no trace when it is not ticked, so only boxes are counted over everyone who was asked
    assert (row["denominator_rule"] == "asked") == (row["scale"] == "multiple_choice")
    assert row["asked_from_wave_code"] in WAVES
    assert len(codes_of(question)) >= 2


@pytest.mark.parametrize("code", CODES, ids=lambda c: "-".join(list(c.values())[:3]))
def test_every_answer_is_one_of_a_question(code):
    scale = QUESTIONS[code["question_code"]]["scale"]
    assert (code["subquestion_code"] == "-") == (scale != "multiple_choice")
    assert not (code["is_dont_know"] == "true" and code["is_in_denominator"] == "true")
    assert not (code["is_top_two"] == "true" and code["is_in_denominator"] == "false")


@pytest.mark.parametrize(
    ("scale", "answers", "top"), [("four_point", 4, 2), ("five_point", 5, 2), ("yes_no", 2, 1), ("change", 3, 0)]
)
def test_scales_are_whole_and_their_top_is_their_beginning(scale, answers, top):
    for question in (q for q, row in QUESTIONS.items() if row["scale"] == scale):
        on_scale = sorted(
            (c for c in codes_of(question) if c["is_dont_know"] == "false"), key=lambda c: int(c["answer_order"])
        )
        assert len(on_scale) == answers, question
        assert [c["is_top_two"] for c in on_scale] == ["true"] * top + ["false"] * (answers - top), question


def test_filters_lead_from_an_answer_that_exists():
    for question, row in QUESTIONS.items():
        if row["filter_question_code"]:
            answers = {c["answer_code"] for c in codes_of(row["filter_question_code"])}
            assert row["filter_answer_code"] in answers, question


def test_indicators_are_measured_by_one_question_each():
    measured = Counter(row["indicator_id"] for row in QUESTIONS.values() if row["indicator_id"])
    assert set(measured.values()) == {1}
    assert set(measured) <= {row["indicator_id"] for row in table("indicators")}


def test_decisions_on_comparability_name_waves_questions_and_reasons():
    for row in table("survey_comparability"):
        assert WAVES[row["earlier_wave_code"]]["opened_on"] < WAVES[row["wave_code"]]["opened_on"]
        assert row["question_code"] in {"all", *QUESTIONS}
        assert len(row["reason_fr"].split()) > 3 and len(row["reason_en"].split()) > 3 and row["decided_on"] >= "2025"
    keys = Counter((r["wave_code"], r["earlier_wave_code"], r["question_code"]) for r in table("survey_comparability"))
    assert set(keys.values()) == {1}
