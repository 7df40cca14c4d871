"""Every case in `cases/`: given these rows, the model gives those. The cases are meant to be read by anyone."""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import duckdb
import pytest

from flows.core import models
from flows.core.contracts import load_contracts, load_yaml
from flows.settings import PROJECT

PROTECTED = "intermediate.int_counts_protected"
CASES = sorted((Path(__file__).parent / "cases").rglob("*.yml"))


@lru_cache(maxsize=1)
def _graph():
    contracts = load_contracts(PROJECT / "sql" / "0_sources")
    return contracts, models.load_graph(PROJECT / "sql", contracts)


@pytest.mark.parametrize("path", CASES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_case(path: Path) -> None:
    case = load_yaml(path.read_text(encoding="utf-8"))
    contracts, graph = _graph()
    with duckdb.connect(config={"threads": 1}) as con:  # a few rows are not worth sharing out
        con.execute("attach ':memory:' as release")
        decisions = _stands_on(graph, case["model"]) | set(case["given"])
        given = _load_given(con, contracts, graph, case["given"], decisions)
        _build_up_to(con, graph, case["model"], given, bool(case.get("nothing_hidden")))
        for expected in _expected(case):
            _assert_row(con, case["model"], expected)
        if "expect_count" in case:
            assert con.execute(f"select count(*) from {case['model']}").fetchone()[0] == case["expect_count"]


def _stands_on(graph, wanted: str) -> set[str]:
    """The table and all that it is made of."""
    found = {wanted}
    for model in reversed(graph.models):
        if model.name in found:
            found |= set(model.reads)
    return found


def _load_given(con, contracts, graph, given: dict, decisions: set[str] | None = None) -> set[str]:
    """All sources empty, the decisions (None: all) as committed, then the rows of the case; returns the tables it gives."""
    models.create_sources(con, contracts, {})
    for name in models.RUN_TABLES:
        models.create_run_table(con, name, [])
    if "sources.run" not in given:
        con.execute("insert into sources.run values (date '2026-11-01', 'test')")
    wanted = [r for r in graph.references if decisions is None or f"reference.{r.name}" in decisions]
    models.create_references(con, wanted)
    for table, rows in given.items():
        _fill(con, table, rows or [])
        if table == "sources.deliveries":  # a case need not say which source each of them comes from
            for name in models.delivery_tables([]):
                _fill(con, f"sources.{name}", rows or [])
    return set(given)


@lru_cache(maxsize=1)
def _model_shapes() -> dict[str, dict[str, str]]:
    """The columns of every model, as it is built from nothing at all."""
    contracts, graph = _graph()
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as release")
        _load_given(con, contracts, graph, {})
        models.create_schemas(con, graph)
        for model in graph.models:
            models.build_model(con, graph, model)
        return {model.name: _shape(con, model.name) for model in graph.models}


def _fill(con, table: str, rows: list[dict]) -> None:
    """Make the table from the rows; columns that a row does not name are NULL."""
    schema, _, name = table.partition(".")
    con.execute(f"create schema if not exists {schema}")
    shape = _model_shapes().get(table) or _shape(con, table)
    assert shape, f"{table} is no table of the project"
    unknown = {c for row in rows for c in row} - set(shape)
    assert not unknown, f"{table} has no column {', '.join(sorted(unknown))}"
    kind = "view" if schema == "sources" and name not in models.RUN_TABLES else "table"
    con.execute(f"drop {kind} if exists {table}")
    con.execute(f"create table {table} ({', '.join(f'{c} {t}' for c, t in shape.items())})")
    for row in rows:
        if table == PROTECTED:  # a case need not say which part of the cube a measure stands in
            row = {"domain": _domains()[row["measure"]], **row} if not row.get("is_rest") else row
        values = [row.get(c) for c in shape]
        con.execute(f"insert into {table} values ({', '.join('?' * len(shape))})", values)


@lru_cache(maxsize=1)
def _domains() -> dict[str, str]:
    with (PROJECT / "sql" / "reference" / "disclosure_measures.csv").open(encoding="utf-8") as file:
        return {row["measure"]: row["domain"] for row in csv.DictReader(file)}


def _shape(con, table: str) -> dict[str, str]:
    try:
        return {row[0]: row[1] for row in con.execute(f"describe {table}").fetchall()}
    except duckdb.CatalogException:
        return {}


def _build_up_to(con, graph, wanted: str, given: set[str], nothing_hidden: bool) -> None:
    """The models that the wanted one stands on. `nothing_hidden`: counts are shown as they are, however small: the case is
    about something else than disclosure control."""
    needed = {wanted}
    for model in reversed(graph.models):
        if model.name in needed:
            needed |= {r for r in model.reads if r in graph.by_name and r not in given}
    models.create_schemas(con, graph)
    for model in graph.models:
        if model.name in needed and model.name not in given:
            if nothing_hidden and model.name == PROTECTED:
                _show_all(con)
            else:
                models.build_model(con, graph, model)


def _show_all(con) -> None:
    columns = _model_shapes()[PROTECTED]
    _fill(con, PROTECTED, [])
    key = "domain, measure, zone_code, period_type, period_start, breakdown, breakdown_value"
    assert {"shown_count", "low_count", "high_count"} <= set(columns)
    con.execute(
        f"insert into {PROTECTED} by name select {key}, exact_count as shown_count, exact_count as low_count, "
        "exact_count as high_count from intermediate.int_counts_cubed"
    )


def _expected(case: dict) -> list[dict]:
    rows = case["expect"]
    assert rows or "expect_count" in case, "a case expects at least one row, or a count"
    return rows or []


def _assert_row(con, table: str, expected: dict) -> None:
    absent = bool(expected.get("is_absent"))
    wanted = {name: value for name, value in expected.items() if name != "is_absent"}
    conditions = " and ".join(_condition(name, value) for name, value in wanted.items())
    values = [value for value in wanted.values() if value is not None]
    count = con.execute(f"select count(*) from {table} where {conditions}", values).fetchone()[0]
    if absent:
        assert count == 0, f"{table} has a row {wanted}, which it should not"
        return
    found = con.execute(f"select {', '.join(wanted)} from {table} limit 40").fetchall()
    assert count == 1, f"{count} rows of {table} are {wanted}; there are {found}"


def _condition(name: str, value: object) -> str:
    if value is None:
        return f"{name} is null"
    return f"abs({name} - ?) < 1e-9" if isinstance(value, float) else f"{name} = ?"
