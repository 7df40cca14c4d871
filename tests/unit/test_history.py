"""Known and new: what the manifest remembers of failing checks, and what is told from it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from flows.core import history
from flows.core.admission import Verdict
from flows.core.landing import Delivery, Receipt
from flows.core.ledger import Judged

TODAY = date(2026, 11, 20)
FIRST, SECOND, THIRD = Path("/releases/R1"), Path("/releases/R2"), Path("/releases/R3")


def check(expectation_id: str = "rows_enough", failed_rows: int = 3, verdict: str = "failed", **told: object) -> dict:
    return {"expectation_id": expectation_id, "verdict": verdict, "failed_rows": failed_rows, **told}


def release(memory: history.Memory | None, checks: dict[str, list[dict]], as_of: date = TODAY) -> tuple[dict, dict]:
    """The checks as a release tells them, and its manifest."""
    told = {name: history.told_of_checks(memory, name, entries) for name, entries in checks.items()}
    manifest = {"failing": history.remembered(memory, history.standing(memory, [], told), as_of)}
    return told, json.loads(json.dumps(manifest))


def test_the_date_is_that_of_the_first_release_and_the_rows_those_of_the_last():
    first, manifest = release(None, {"marts.x": [check(failed_rows=3)]})
    assert first["marts.x"] == [check(failed_rows=3)], "neither known nor new"
    assert history.of_check(None, first["marts.x"][0]) == ""
    memory = history.memory_of(FIRST, manifest)
    second, manifest = release(memory, {"marts.x": [check(failed_rows=5), check("new_one")]})
    assert [(c["known_since"], c["failed_rows_before"]) for c in second["marts.x"]] == [("R1", 3), (None, None)]
    assert history.of_check(memory, second["marts.x"][0]) == "known since R1, grown from 3 to 5 rows"
    assert history.of_check(memory, second["marts.x"][1]) == "new"
    memory = history.memory_of(SECOND, manifest)
    third, _ = release(memory, {"marts.x": [check(failed_rows=2), check("new_one")]})
    assert [(c["known_since"], c["failed_rows_before"]) for c in third["marts.x"]] == [("R1", 5), ("R2", 3)]
    assert history.of_check(memory, third["marts.x"][0]) == "known since R1, fallen from 5 to 2 rows"
    assert history.of_check(memory, third["marts.x"][1]) == "known since R2"


def test_what_was_mended_in_between_is_new_again():
    _, manifest = release(None, {"marts.x": [check()]})
    passed, manifest = release(
        history.memory_of(FIRST, manifest), {"marts.x": [check(verdict="passed", failed_rows=0)]}
    )
    assert passed["marts.x"][0]["known_since"] is None and manifest["failing"]["entries"] == []
    again, _ = release(history.memory_of(SECOND, manifest), {"marts.x": [check()]})
    assert again["marts.x"][0]["known_since"] is None


def test_a_table_that_was_carried_over_forgets_what_it_was_told_and_keeps_its_date():
    _, manifest = release(None, {"marts.x": [check()]})
    carried = check(known_since="R0", failed_rows_before=99)
    told, manifest = release(history.memory_of(FIRST, manifest), {"marts.x": [carried], "marts.y": [carried]})
    assert told["marts.x"][0]["known_since"] == "R1" and told["marts.y"][0]["known_since"] is None
    told, _ = release(history.memory_of(SECOND, manifest), told)
    assert [told[name][0]["known_since"] for name in ("marts.x", "marts.y")] == ["R1", "R2"]
    fresh, _ = release(None, told)
    assert fresh["marts.x"] == [check()]


def test_the_same_expectation_of_another_subject_is_another_warning():
    _, manifest = release(None, {"marts.x": [check()]})
    told, _ = release(history.memory_of(FIRST, manifest), {"marts.y": [check()]})
    assert told["marts.y"][0]["known_since"] is None


def test_a_check_that_could_not_run_is_remembered_like_one_that_failed():
    _, manifest = release(None, {"marts.x": [check(verdict="not_checked", failed_rows=0)]})
    told, _ = release(history.memory_of(FIRST, manifest), {"marts.x": [check(failed_rows=4)]})
    assert (told["marts.x"][0]["known_since"], told["marts.x"][0]["failed_rows_before"]) == ("R1", 0)


def test_looking_at_an_earlier_day_mends_nothing():
    _, manifest = release(None, {"marts.x": [check()], "marts.y": [check()]})
    memory = history.memory_of(FIRST, manifest)
    early, manifest = release(memory, {"marts.x": [check(failed_rows=1)]}, date(2025, 1, 1))
    assert early["marts.x"][0]["known_since"] == "R1"
    memory = history.memory_of(SECOND, manifest)
    _, manifest = release(memory, {}, date(2025, 6, 1))  # later than the look before, but not today
    back, manifest = release(history.memory_of(THIRD, manifest), {"marts.y": [check()]})
    assert back["marts.y"][0]["known_since"] == "R1"
    assert [entry["subject"] for entry in manifest["failing"]["entries"]] == ["marts.y"]


def test_a_refused_delivery_is_known_even_when_no_check_was_run_on_it():
    receipt = Receipt("d1", "vide.csv", "0" * 64, 0, "2026-11-01T08:00:00Z")
    row = Judged(Delivery(receipt, "", Path("vide.csv"), None), Verdict("d1", None, "", "refused", refusal={}), 1)
    assert history.of_delivery(None, row) == ""
    nothing = history.Memory({}, "2026-11-20")
    assert history.of_delivery(nothing, row) == "new"
    kept = history.remembered(nothing, history.standing(nothing, [row], {}), TODAY)
    assert history.of_delivery(history.memory_of(FIRST, {"failing": kept}), row) == "known since R1"


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"failing": None},
        {"failing": {"as_of": "2026-11-20"}},
        {"failing": {"as_of": "yesterday", "entries": []}},
        {"failing": {"as_of": "2026-11-20", "entries": [{"subject": "marts.x"}]}},
        {"failing": {"as_of": "2026-11-20", "entries": ["x"]}},
    ],
)
def test_of_a_damaged_release_nothing_is_told(manifest):
    memory = history.memory_of(FIRST, manifest)
    told, _ = release(memory, {"marts.x": [check()]})
    assert memory is None and told["marts.x"] == [check()]
    assert history.of_check(memory, told["marts.x"][0]) == ""


def test_without_a_release_before_there_is_no_memory():
    assert history.memory_of(None, {}) is None
