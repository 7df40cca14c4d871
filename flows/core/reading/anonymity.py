"""k-anonymity of survey answers: nobody stands alone, or nearly, in a cell of what others may know of a respondent.

Respondents who share each told value of the quasi-identifiers form a cell. In a cell of fewer than k the values are withheld
one question after the other, in the contract's order, until every cell has k respondents: local suppression of whole cells
(L. Sweeney, "Achieving k-anonymity privacy protection using generalization and suppression", 2002). What is withheld makes a
cell of its own and must reach k as well; counting it as fitting anything, as is often done, would leave the one respondent of
a cell the only one whose zone is missing. No respondent and no other answer is left out.
"""

from __future__ import annotations

from flows.core.contracts import Anonymity
from flows.core.reading.tables import quoted

WITHHELD = "withheld"
"""Stands for an answer that was given and read, and is not kept: with it the respondent would be nearly alone."""

TABLE = "respondents_told"


def small_cells_sql(rule: Anonymity) -> str:
    """The first row of each respondent in a cell of fewer than k; who tells none of the questions is in no cell."""
    names = _names(rule)
    return f"""
        select _row from (
            select first_row as _row, count(*) over (partition by wave, {", ".join(names)}) as alike, {", ".join(names)}
            from ({_respondents(rule, "{batch}", "min(_row) as first_row")}) respondents
        ) cells where alike < {rule.k} and {_told(names)}"""


def withhold(con, rule: Anonymity, accepted: str) -> str:
    """Decide what is withheld of the rows of the query `accepted`; a sentence that counts it, empty when nothing is.

    Leaves the table TABLE behind, by which `answer_sql` knows whose answers are withheld.
    """
    names = _names(rule)
    con.execute(f"create or replace temp table {TABLE} as {_respondents(rule, f'({accepted}) as answers')}")
    small = con.execute(f"select count(*) from ({_small(rule, names)})").fetchone()[0]
    if not small:
        return ""
    for name in names:
        numbers = f"select response_number from ({_small(rule, names)})"
        con.execute(
            f"update {TABLE} set {name} = '{WITHHELD}' where {name} is not null and response_number in ({numbers})"
        )
    is_enough = _fill_up(con, rule, names)
    counted = con.execute(
        f"select count(*), {', '.join(_count(name) for name in names)} from {TABLE} where {_withheld(names)}"
    ).fetchone()
    told = ", ".join(f"{q} of {n}" for q, n in zip(rule.questions, counted[1:], strict=True))
    text = (
        f"{small} respondents in cells of fewer than {rule.k} by {' × '.join(rule.questions)}; "
        f"of {counted[0]} respondents answers to these were withheld: {told}"
    )
    return text if is_enough else f"{text}; fewer than {rule.k} respondents in all, so that no cell can reach it"


def answer_sql(rule: Anonymity) -> str:
    """The column answer_code with what `withhold` decided."""
    cases = " ".join(
        f"when question_code = {quoted(question)} and subquestion_code = '-' and response_number in"
        f" (select response_number from {TABLE} where {name} = '{WITHHELD}') then '{WITHHELD}'"
        for name, question in zip(_names(rule), rule.questions, strict=True)
    )
    return f"case {cases} else answer_code end as answer_code"


def _names(rule: Anonymity) -> list[str]:
    return [f"told_{number}" for number in range(len(rule.questions))]


def _respondents(rule: Anonymity, relation: str, *further: str) -> str:
    """One row per respondent with the answer to each question; a wave has its own cells."""
    answers = [
        f"max(case when question_code = {quoted(question)} and subquestion_code = '-' then answer_code end) as {name}"
        for name, question in zip(_names(rule), rule.questions, strict=True)
    ]
    columns = ", ".join(["response_number", "max(wave_code) as wave", *answers, *further])
    return f"select {columns} from {relation} where response_number is not null group by response_number"


def _small(rule: Anonymity, names: list[str]) -> str:
    return f"""
        select * from (select *, count(*) over (partition by wave, {", ".join(names)}) as alike from {TABLE}) cells
        where alike < {rule.k} and {_told(names)}"""


def _fill_up(con, rule: Anonymity, names: list[str]) -> bool:
    """Where those who are left with nothing told are fewer than k, add the smallest cell; False where there is none."""
    is_enough = True
    few = con.execute(
        f"""select wave, count(*) from {TABLE} where {_withheld(names)} and not {_told(names)}
        group by wave having count(*) < {rule.k} order by wave"""
    )
    for wave, count in few.fetchall():
        while count < rule.k:
            cell = con.execute(
                f"""select {", ".join(names)}, count(*) from {TABLE} where wave is not distinct from $1 and {_told(names)}
                group by {", ".join(names)} order by count(*), {", ".join(names)} limit 1""",
                [wave],
            ).fetchone()
            if cell is None:
                is_enough = False
                break
            same = " and ".join(f"{name} is not distinct from ${n}" for n, name in enumerate(names, 2))
            blank = ", ".join(f"{name} = case when {name} is not null then '{WITHHELD}' end" for name in names)
            con.execute(f"update {TABLE} set {blank} where wave is not distinct from $1 and {same}", [wave, *cell[:-1]])
            count += cell[-1]
    return is_enough


def _told(names: list[str]) -> str:
    return "(" + " or ".join(f"coalesce({name}, '{WITHHELD}') <> '{WITHHELD}'" for name in names) + ")"


def _withheld(names: list[str]) -> str:
    return "(" + " or ".join(f"coalesce({name}, '') = '{WITHHELD}'" for name in names) + ")"


def _count(name: str) -> str:
    return f"count(*) filter ({name} = '{WITHHELD}')"
