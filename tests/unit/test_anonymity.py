"""Nobody stands nearly alone in the staged answers: what is withheld, from whom, and that nothing else is lost."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from flows.core.contracts import Anonymity, load_contracts
from flows.core.reading import anonymity
from flows.settings import PROJECT

RULE = Anonymity(3, ("ZONE", "AGE", "SEXE"), "2026-11: a test")
KEEPS = ("HONTE_AIDE", "4")


def respondents(*kinds: tuple[str | None, str | None, str | None, int]) -> list[tuple]:
    """Rows of answers: of each kind (zone, age, sex) so many respondents, each with one more answer that tells much."""
    rows, number = [], 0
    for *told, count in kinds:
        for _ in range(count):
            number += 1
            answers = [(q, a) for q, a in zip(RULE.questions, told, strict=True) if a] + [KEEPS]
            rows += [(str(number), "2026-09", question, "-", answer) for question, answer in answers]
    return rows


def protected(rows: list[tuple], rule: Anonymity = RULE) -> tuple[list[tuple], str]:
    """(the rows as they are staged, the note)."""
    with duckdb.connect() as con:
        con.execute(
            "create table answers (response_number varchar, wave_code varchar, question_code varchar,"
            " subquestion_code varchar, answer_code varchar)"
        )
        con.executemany("insert into answers values (?, ?, ?, ?, ?)", rows)
        note = anonymity.withhold(con, rule, "select * from answers")
        if not note:
            return rows, ""
        columns = "response_number, wave_code, question_code, subquestion_code, "
        return con.execute(f"select {columns}{anonymity.answer_sql(rule)} from answers order by rowid").fetchall(), note


def kinds_of(rows: list[tuple]) -> Counter:
    told: dict[str, dict[str, str]] = {}
    for number, _, question, _, answer in rows:
        told.setdefault(number, {})[question] = answer
    return Counter(tuple(answers.get(q) for q in RULE.questions) for answers in told.values())


def test_cells_of_three_are_left_alone():
    rows = respondents(("QPV", "A1", "F", 3), ("HORS", "A1", "F", 4))
    assert protected(rows) == (rows, "")


def test_of_respondents_alone_in_their_zone_only_the_zone_is_withheld():
    rows = respondents(("QPV", "A1", "F", 1), ("HORS", "A1", "F", 2), ("HORS", "A2", "F", 5))
    staged, note = protected(rows)
    assert kinds_of(staged) == {("withheld", "A1", "F"): 3, ("HORS", "A2", "F"): 5}
    assert note == (
        "3 respondents in cells of fewer than 3 by ZONE × AGE × SEXE; of 3 respondents answers to these were withheld:"
        " ZONE of 3, AGE of 0, SEXE of 0"
    )


def test_a_single_respondent_hides_among_others_and_not_behind_the_only_blank():
    """Were the zone alone withheld, whoever knows the zone would see one row without one, and know whose it is."""
    staged, note = protected(respondents(("QPV", "A5", "M", 1), ("HORS", "A5", "M", 20), ("HORS", "A1", "F", 4)))
    assert kinds_of(staged) == {("withheld",) * 3: 5, ("HORS", "A5", "M"): 20}
    assert "1 respondents in cells" in note and "of 5 respondents" in note


def test_every_row_and_every_other_answer_is_kept():
    rows = respondents(("QPV", "A5", "M", 1), ("HORS", "A1", "F", 9), (None, "A1", "F", 1))
    staged, _ = protected(rows)
    assert [row[:4] for row in staged] == [row[:4] for row in rows]
    assert {b[4] for a, b in zip(rows, staged, strict=True) if a[4] != b[4]} == {anonymity.WITHHELD}
    assert [row for row in staged if row[2] == KEEPS[0]] == [row for row in rows if row[2] == KEEPS[0]]


def test_fewer_respondents_than_k_are_told_so():
    staged, note = protected(respondents(("QPV", "A5", "M", 1), ("HORS", "A1", "F", 1)))
    assert set(kinds_of(staged)) == {("withheld",) * 3} and "no cell can reach it" in note


def test_who_tells_none_of_the_three_is_in_no_cell():
    rows = respondents((None, None, None, 1), ("HORS", "A1", "F", 3))
    assert protected(rows) == (rows, "")


def test_each_wave_has_cells_of_its_own():
    rows = [(f"{wave}{n}", wave, *row[2:]) for wave in "ab" for n, row in enumerate(respondents(("QPV", "A1", "F", 1)))]
    numbered = [(wave, *row[1:]) for row in rows for wave in (row[1],)]
    assert protected(numbered)[1]


@pytest.mark.parametrize("seed", range(25))
def test_whoever_knows_all_three_finds_k_respondents_or_none(seed):
    """The attacker: for every person in the wave, the rows that may be theirs are those that contradict nothing known."""
    chance = random.Random(seed)
    zones, ages, sexes = ("QPV", "HORS"), ("A1", "A2", "A3", "A4", "A5"), ("F", "M")
    kinds = [(z, a, s, chance.choice((0, 0, 1, 1, 2, 3, 8))) for z in zones for a in ages for s in sexes]
    rows = respondents(*kinds)
    count = len({row[0] for row in rows})
    staged = kinds_of(protected(rows)[0])
    for known in kinds_of(rows):
        fitting = sum(
            n for kind, n in staged.items() if all(t in (k, "withheld") for t, k in zip(kind, known, strict=True))
        )
        assert fitting >= min(RULE.k, count), (known, staged)
    assert sum(staged.values()) == count


EXPORT_HEADER = "id;submitdate;lastpage;startlanguage;seed;SEXE;AGE;ZONE;HONTE_AIDE"


@pytest.fixture
def admitted(tmp_path, monkeypatch):
    """A run's admission of one export with a respondent who is alone: (settings, verdict)."""
    from flows.core import steps
    from flows.settings import Settings

    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    settings.raw.mkdir()
    lines = [f"{n};2026-09-10 10:0{n}:00;4;fr;5{n};F;A1;HORS;2" for n in range(1, 6)]
    lines.append("6;2026-09-10 11:11:11;4;fr;77;M;A5;QPV;5")
    (settings.raw / "vague.csv").write_text("\n".join([EXPORT_HEADER, *lines]) + "\n", encoding="utf-8")
    run = steps.land(settings, steps.Progress())
    return settings, steps.admit(settings, run, run.deliveries[0], steps.Progress())


def test_a_respondent_alone_is_counted_in_a_warning_and_not_staged_as_such(admitted):
    settings, verdict = admitted
    assert (verdict.verdict, verdict.rows_accepted, verdict.rows_quarantined) == ("warned", 24, 0)
    found = next(check for check in verdict.checks if check["expectation_id"] == "respondents_not_alone")
    assert (found["verdict"], found["failed_rows"], found["on_failure"]) == ("failed", 1, "warn")
    assert any(note.startswith("1 respondents in cells of fewer than 3") for note in verdict.notes)
    staged = f"read_parquet('{settings.staged / verdict.staged}')"
    rows = duckdb.sql(f"select question_code, answer_code from {staged} where response_number = '6'").fetchall()
    assert dict(rows) == {"ZONE": "withheld", "AGE": "withheld", "SEXE": "withheld", "HONTE_AIDE": "5"}
    kept = sorted(path.name for path in settings.out.rglob("*.parquet"))
    assert kept == [Path(verdict.staged).name], "what was read lies nowhere else"


def test_no_time_of_day_is_staged(admitted):
    settings, verdict = admitted
    con = duckdb.sql(f"from read_parquet('{settings.staged / verdict.staged}')")
    types = dict(zip(con.columns, map(str, con.types), strict=True))
    assert types["submitted_on"] == "DATE" and not [name for name, kind in types.items() if "TIME" in kind]
    assert "11:11" not in str(con.fetchall()) and not any("11:11" in str(row) for row in con.fetchall())


def test_the_contract_has_the_rule_with_its_dated_reason():
    rule = load_contracts(PROJECT / "sql/0_sources")["survey_answers"].anonymity
    assert (rule.k, rule.questions) == (3, ("ZONE", "AGE", "SEXE")) and rule.reason.startswith("2026-11")
