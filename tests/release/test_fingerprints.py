"""A content fingerprint tells rows, columns and types apart, and nothing else: not their order, not the file."""

from __future__ import annotations

import hashlib
import json

import duckdb
import pytest

from flows.core import fingerprints, models
from flows.core.contracts import load_contracts
from flows.core.errors import ModelError
from flows.core.publishing import current_release
from flows.settings import PROJECT

ROWS = "values ('a', 1, null), ('b', 2, 0.5), ('b', 2, 0.5)"


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        yield connection


def of(con, rows: str, kinds: str = "varchar, bigint, double", history: tuple[str, ...] = ()) -> str | None:
    names = [f"c{n}" for n in range(len(kinds.split(",")))]
    typed = ", ".join(f"cast({n} as {k}) as {n}" for n, k in zip(names, kinds.split(","), strict=True))
    con.execute(f"create or replace table t as select {typed} from ({rows}) as given({', '.join(names)})")
    return fingerprints.of_relation(con, "t", fingerprints.columns_of(con, "t"), history)


def test_the_order_of_rows_does_not_matter(con) -> None:
    assert of(con, ROWS) == of(con, "values ('b', 2, 0.5), ('a', 1, null), ('b', 2, 0.5)")


@pytest.mark.parametrize(
    "other",
    [
        "values ('a', 1, null), ('b', 2, 0.5)",
        "values ('a', 1, null), ('b', 2, 0.5), ('b', 2, 0.5), ('b', 2, 0.5)",
        "values ('a', 1, 0.0), ('b', 2, 0.5), ('b', 2, 0.5)",
        "values ('a', 1, null), ('b', 2, 0.5000000000000001), ('b', 2, 0.5)",
        "values ('a', 2, null), ('b', 1, 0.5), ('b', 2, 0.5)",
    ],
    ids=["a row less", "a row twice", "0 for NULL", "the last digit", "two values exchanged"],
)
def test_another_row_is_another_fingerprint(con, other) -> None:
    assert of(con, ROWS) != of(con, other)


TEXTS = [
    r"('a', 'b')",
    r"('a	b', '')",
    r"('a', '\N')",
    "('a', null)",
    r"('a\\', 'b')",
    r"('a\tb', '')",
    "('a\nb', '')",
    "('', '')",
]


def test_no_two_texts_are_taken_for_each_other(con) -> None:
    prints = {of(con, f"values {row}", "varchar, varchar") for row in TEXTS}
    assert len(prints) == len(TEXTS)


def test_names_and_types_count(con) -> None:
    assert of(con, "values (1, 1)", "bigint, bigint") != of(con, "values (1, 1)", "bigint, integer")
    con.execute("create or replace table s as select 1 as a")
    con.execute("create or replace table t as select 1 as b")
    one, other = (fingerprints.of_relation(con, n, fingerprints.columns_of(con, n)) for n in ("s", "t"))
    assert one != other


def test_history_is_left_out(con) -> None:
    later = ROWS.replace("0.5", "0.7")
    assert of(con, ROWS, history=("c2",)) == of(con, later, history=("c2",)) != of(con, ROWS)
    assert of(con, ROWS, history=("c0", "c1", "c2")) is None


def test_an_empty_table_has_one_too(con) -> None:
    assert of(con, "select 'a', 1, 2.0 where false") != of(con, ROWS)


def test_the_definition_worked_by_hand(con) -> None:
    halves = [hashlib.md5(text.encode()).digest() for text in ("a\t1\t\\N", "b\t2\t0.5", "b\t2\t0.5")]
    first, last = (sum(int.from_bytes(half[part], "little") for half in halves) for part in (slice(8), slice(8, 16)))
    text = f"campaign barometer fingerprint 1\nc0 VARCHAR\nc1 BIGINT\nc2 DOUBLE\n3 {first} {last}"
    assert of(con, ROWS) == hashlib.sha256(text.encode()).hexdigest()


def test_the_query_for_others_gives_the_same_numbers(sample_run, con) -> None:
    release = current_release(sample_run[0].current)
    tables = json.loads((release / "manifest.json").read_text())["tables"]
    for name in ("marts.indicator_values", "audit.deliveries"):
        table = tables[name]
        sql = fingerprints.portable_sql(f"'{release}/parquet/{name}.parquet'", table["columns"], table["history"])
        told = fingerprints.without_history(table["columns"], table["history"])
        assert fingerprints.of_rows(told, *con.execute(sql).fetchone()) == table["content_fingerprint"]


def test_history_that_names_no_column_is_an_error(tmp_path) -> None:
    for folder in ("0_sources", "reference", "1_staging", "2_intermediate", "3_marts/audit"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "3_marts/x.sql").write_text("-- A table.\n-- Grain: a.\n-- Care: none.\nselect 1 as a")
    (tmp_path / "3_marts/x.yml").write_text("description: A table.\nhistory: [b]\ncolumns:\n  a: The one column.\n")
    with pytest.raises(ModelError, match=r"x.yml.*b"):
        models.load_graph(tmp_path, [])


def test_no_figure_reads_what_speaks_of_earlier_releases() -> None:
    graph = models.load_graph(PROJECT / "sql", load_contracts(PROJECT / "sql" / "0_sources"))
    history = {model.name for model in graph.models if model.history}
    reading = {model.name: set(model.reads) & (history | {"sources.releases"}) for model in graph.models}
    assert {name for name, reads in reading.items() if reads} == {"audit.releases"}
