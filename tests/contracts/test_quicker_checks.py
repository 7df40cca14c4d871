"""What makes Great Expectations quicker changes no answer: what runs in one scan, what is kept, and for how long."""

from __future__ import annotations

import duckdb
import pytest

from flows.core import quicker_checks
from flows.core.contracts import Expectation
from flows.core.quicker_checks import condition_of
from flows.core.validation import FAILED, NOT_CHECKED, PASSED, Validator

FILTERS = {
    "select * from {batch} where a > 1": "a > 1",
    "select a, b from {batch} where a in (1, 2) or b like 'x%'": "a in (1, 2) or b like 'x%'",
    "Select * From {batch} Where extract(year from day) < 2015": "extract(year from day) < 2015",
    "select * from {batch} where kind = 'select; union -- order'": "kind = 'select; union -- order'",
    "select * from {batch} where kind ~ '[0-9]{{8}}' or \"order\" = 'it''s'": "kind ~ '[0-9]{8}' or \"order\" = 'it''s'",
    " select * from {batch}\n where\n a = 1 ": "a = 1",
}
OTHERS = (
    "select * from {batch}",
    "select distinct a from {batch} where a > 1",
    "select count(*) from {batch} where a > 1",
    "select * from {batch} b where b.a > 1",
    "select * from {batch} where a > 1 group by all having count(*) > 1",
    "select * from {batch} where a > 1 limit 3",
    "select * from {batch} where a > 1 union all select * from {batch}",
    "select * from {batch} where a > (select avg(a) from {batch})",
    "select * from {batch} where a > 1 qualify row_number() over (order by a) > 1",
    "select * from {batch} where a > 1 -- of all",
    "select * from {batch} where a > 1; drop table x",
    "select * from {batch} join other on true where a > 1",
    "select * from {batch} where kind ~ '[0-9]{8}'",
    "select * from {nobody} where a > 1",
)


@pytest.mark.parametrize("query", FILTERS)
def test_a_query_that_only_chooses_rows_is_told_by_its_condition(query) -> None:
    assert condition_of(query) == FILTERS[query]


@pytest.mark.parametrize("query", OTHERS)
def test_any_other_query_is_left_as_it_is(query) -> None:
    assert condition_of(query) is None


def rows_query(query: str) -> Expectation:
    return Expectation(
        "an_id", "unexpected_rows_expectation", (("unexpected_rows_query", query),), "critical", "quarantine", "a test"
    )


def column(name: str, **kwargs: object) -> Expectation:
    return Expectation("an_id", name, tuple(kwargs.items()), "critical", "quarantine", "a test")


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute("create table rows as select i as _row, i % 7 as a, 'k' || i as kind from range(100) t(i)")
        yield connection


@pytest.fixture
def statements(con, monkeypatch):
    """The queries that the library sends while a table is checked."""
    from sqlalchemy.engine.default import DefaultDialect

    sent: list[str] = []
    execute = DefaultDialect.do_execute
    monkeypatch.setattr(
        DefaultDialect,
        "do_execute",
        lambda self, cursor, statement, *rest: sent.append(statement) or execute(self, cursor, statement, *rest),
    )
    return sent


def test_all_that_only_counts_rows_is_counted_in_one_scan(con, statements) -> None:
    asked = [
        *(rows_query(f"select * from {{batch}} where a = {n} and kind <> ':x %'") for n in range(5)),
        column("expect_column_values_to_be_between", column="a", min_value=2),
        column("expect_column_values_to_be_in_set", column="a", value_set=(1, 2, 3)),
        column("expect_column_values_to_not_be_null", column="kind"),
        column("expect_table_row_count_to_be_between", min_value=1),
    ]
    validator = Validator(con)
    checks = validator.validate("rows", asked, has_row_ids=True)
    validator.close()
    scans = [s for s in statements if "FROM rows" in s]
    assert len(scans) == 2 and scans[0].startswith('SELECT count(*) AS "table.row_count"'), scans
    assert [c.failed_rows for c in checks] == [15, 15, 14, 14, 14, 30, 57, 0, 0]
    assert [c.verdict for c in checks] == [FAILED] * 7 + [PASSED] * 2


def test_one_that_crashes_takes_none_of_the_scan_along(con) -> None:
    asked = [
        rows_query(f"select * from {{batch}} where {condition}")
        for condition in ("a = 1", "nobody = 1", "cast(kind as integer) > 0", "a = 2", "a < 0")
    ]
    validator = Validator(con)
    checks = validator.validate("rows", asked, has_row_ids=True)
    validator.close()
    assert [c.verdict for c in checks] == [FAILED, NOT_CHECKED, NOT_CHECKED, FAILED, PASSED]
    assert [c.failed_rows for c in checks] == [15, 0, 0, 14, 0]


def test_a_table_that_was_changed_between_two_checks_is_seen_as_it_is(con) -> None:
    asked = [
        column("expect_column_values_to_be_between", column="b", min_value=2),
        rows_query("select * from {batch} where a = 1"),
    ]
    validator = Validator(con)
    first = validator.validate("rows", asked)
    con.execute("alter table rows add column b integer default 1; delete from rows where a = 1")
    second = validator.validate("rows", asked)
    validator.close()
    assert [c.verdict for c in first] == [NOT_CHECKED, FAILED]
    assert [(c.verdict, c.failed_rows) for c in second] == [(FAILED, 85), (PASSED, 0)]


def test_nothing_is_kept_when_a_check_is_over() -> None:
    memory = quicker_checks.memory
    subject = object()
    with memory.open():
        first = memory.once("kind", subject, list)
        assert memory.once("kind", subject, list) is first
        assert memory.once("kind", object(), list) is not first
    assert memory.made is None
    assert memory.once("kind", subject, list) is not first
