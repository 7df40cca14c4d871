"""Lineage of every model against second opinions: DuckDB's parser, the built tables, and figures that are changed."""

from __future__ import annotations

import re

import duckdb
import pytest

from flows.core import lineage, models
from flows.core.contracts import load_contracts
from flows.core.protecting import PROTECTED
from flows.settings import PROJECT

SQL = PROJECT / "sql"
CONTRACTS = load_contracts(SQL / "0_sources")
GRAPH = models.load_graph(SQL, CONTRACTS)


@pytest.fixture(scope="module")
def traced() -> lineage.Lineage:
    return lineage.trace(GRAPH, CONTRACTS)


@pytest.fixture(scope="module")
def upstream(traced) -> dict[tuple[str, str], set[tuple[str, str, str]]]:
    """By table and column, what it comes from, with the kind."""
    found: dict[tuple[str, str], set[tuple[str, str, str]]] = {}
    for step in traced.steps:
        entry = (step.upstream_table, step.upstream_column, step.kind)
        found.setdefault((step.table_name, step.column_name), set()).add(entry)
    return found


def test_the_tables_found_are_those_that_duckdb_finds(traced) -> None:
    found: dict[str, set[str]] = {model.name: set() for model in GRAPH.models}
    for step in traced.steps:
        found[step.table_name] |= {step.upstream_table} - {lineage.NOTHING}
    assert found == {model.name: set(model.reads) for model in GRAPH.models}


def test_every_published_column_has_its_way(traced, release) -> None:
    """Each column of the built database: down to a source, or plainly a constant; and nothing that is not there."""
    built = release.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns() where schema_name in ('marts', 'audit')"
    ).fetchall()
    told = {(s.table_name, s.column_name) for s in traced.steps if s.column_name != lineage.ALL_ROWS}
    assert set(built) == {(t, c) for t, c in told if t.startswith(("marts.", "audit."))}
    assert set(built) == {(o.table_name, o.column_name) for o in traced.origins if o.column_name != lineage.ALL_ROWS}
    constant = {(o.table_name, o.column_name) for o in traced.origins if o.kind == "constant"}
    assert not constant & {(o.table_name, o.column_name) for o in traced.origins if o.kind != "constant"}
    for table, column in constant:  # so no delivery can have made it other than the words that stand in the queries
        values = {v for (v,) in release.execute(f"select distinct {column} from {table}").fetchall() if v is not None}
        texts = " ".join(model.sql for model in GRAPH.models)
        assert all(f"'{value}'" in texts or str(value) in texts for value in values), (table, column, values)


def test_the_release_holds_what_was_traced(traced, release) -> None:
    count = release.execute("select count(*) from audit.lineage").fetchone()[0]
    assert count == len(traced.steps)
    assert release.execute("select count(*) from audit.origins").fetchone()[0] == len(traced.origins)


@pytest.mark.parametrize("model", GRAPH.models, ids=lambda m: m.name)
def test_the_grain_line_names_columns(model, traced) -> None:
    columns = {step.column_name for step in traced.steps if step.table_name == model.name}
    assert set(model.grain) <= columns, f"{model.path.name}: {set(model.grain) - columns} is no column"


def test_only_rows_decide_on_rows(traced) -> None:
    assert {s.column_name for s in traced.steps if s.kind == "rows"} == {lineage.ALL_ROWS}
    assert {o.column_name for o in traced.origins if o.kind == "rows"} == {lineage.ALL_ROWS}


def test_the_source_that_a_row_names_is_one_that_lineage_finds(release) -> None:
    """The text in `source` is written by hand in each query; lineage finds the deliveries by itself."""
    rows = release.execute("select distinct indicator_id, source from marts.indicator_values").fetchall()
    assert len(rows) > 30
    for indicator, source in rows:
        if indicator == "data_completeness":
            continue
        found = release.execute(
            """select contract from audit.provenance
            where table_name = 'marts.indicator_values' and column_name = 'value' and indicator_id = ?""",
            [indicator],
        ).fetchall()
        assert set(source.split(", ")) <= {contract for (contract,) in found}, indicator


def test_an_indicator_does_not_rest_on_what_it_has_nothing_to_do_with(release) -> None:
    def behind(indicator: str) -> set[str]:
        sql = """select contract from audit.provenance where table_name = 'marts.indicator_values'
            and column_name = 'value' and indicator_id = ? and kind in ('value', 'aggregation')"""
        return {contract for (contract,) in release.execute(sql, [indicator]).fetchall()}

    assert behind("drug_use_recorded") == {"ssmsi_communal", "ssmsi_departemental", "ssmsi_regional"}
    assert "police_cases" in behind("clear_up_12m") and "partner_events" not in behind("clear_up_12m")
    assert "partner_events" in behind("oriented_to_help") and "survey_answers" not in behind("oriented_to_help")


# -- what changes when a value changes --------------------------------------------------------------------------------


def _can_change(upstream, table: str, column: str) -> set[str] | None:
    """The columns of a model that one column of a table below bears on; None when it bears on its rows."""
    found = {}
    for (name, own), steps in upstream.items():
        found.setdefault(name, {})[own] = {(t, c) for t, c, _ in steps}
    of_model = found[table]
    if column in {f"{t}.{c}" for t, c in of_model[lineage.ALL_ROWS]}:
        return None
    return {own for own, steps in of_model.items() if column in {f"{t}.{c}" for t, c in steps}}


def _changed(kind: str, column: str) -> str | None:
    """Another value of the same type, and never the same."""
    if kind in ("BIGINT", "INTEGER", "DOUBLE", "HUGEINT", "FLOAT") or kind.startswith("DECIMAL"):
        return f"cast({column} * 3 + 7 as {kind})"
    return {
        "VARCHAR": f"{column} || ' '",
        "BOOLEAN": f"not {column}",
        "DATE": f"cast({column} + interval 400 day as date)",
        "TIMESTAMP": f"{column} + interval 400 day",
    }.get(kind)


@pytest.fixture(scope="module")
def whole(sample_run, tmp_path_factory):
    """Every table of the sample, built as plain tables in one database."""
    import os

    from flows.core.ledger import read_json

    settings, _ = sample_run
    con = duckdb.connect(str(tmp_path_factory.mktemp("lineage") / "whole.duckdb"))
    con.execute("attach ':memory:' as release")
    staged: dict[str, list] = {}
    for rank, entry in enumerate(read_json(settings.current / "manifest.json")["deliveries"], 1):
        verdict = read_json(settings.out / "verdicts" / f"{entry['delivery_id']}.json")
        if entry["is_in_force"]:
            place = (entry["delivery_id"], rank, settings.staged / verdict["staged"])
            staged.setdefault(entry["contract"], []).append(place)
    models.create_sources(con, CONTRACTS, staged)
    for name in models.RUN_TABLES:
        models.create_run_table(con, name, [])
    con.execute(f"attach '{os.fspath(settings.internal)}' as exact (read_only)")
    con.execute("insert into sources.deliveries select * from exact.sources.deliveries")
    for name, rows in models.delivery_tables(con.execute("from sources.deliveries").fetchall()).items():
        models.create_run_table(con, name, rows)
    con.execute("insert into sources.run values (date '2026-11-01', 'test')")
    models.create_references(con, GRAPH.references)
    for contract in CONTRACTS:
        con.execute(f"create table kept as select * from sources.{contract}")
        con.execute(f"drop view sources.{contract}")
        con.execute(f"create table sources.{contract} as select * from kept")
        con.execute("drop table kept")
    models.create_schemas(con, GRAPH)
    for model in GRAPH.models:
        if not model.is_published and model.compute is None:
            con.execute(f"create table {model.name} as {model.sql}")
        else:
            models.build_model(con, GRAPH, model)
    yield con
    con.close()


CHANGED = [
    "intermediate.int_exposure_located",
    "intermediate.int_orientation_counted",
    "intermediate.int_participation_counted",
    "intermediate.int_peer_cities_measured",
    "intermediate.int_ssmsi_corrected",
    "intermediate.int_survey_answers_counted",
    "marts.police_statistics",
]
"""Queries with windows, unions, left joins, filters and subqueries, and small tables: all models would take minutes."""


@pytest.mark.parametrize("name", CHANGED)
def test_only_what_lineage_names_changes(name, whole, upstream) -> None:
    """Every column that a model reads is changed in turn; what comes out otherwise must be what lineage names."""
    model = GRAPH.by_name[name]
    before = _columns_hashed(whole, model.sql)
    tried = moved = 0
    for table in model.reads:
        for column, kind, *_ in whole.execute(f"describe {table}").fetchall():
            other = _changed(kind, column)
            can_change = _can_change(upstream, name, f"{table}.{column}")
            if other is None or can_change is None:
                continue
            after = _with_changed(whole, model.sql, table, f"* replace ({other} as {column})")
            if after is None:  # the value cannot be read any more, as a date in a text
                continue
            differing = {c for c in before if before[c] != after[c]}
            assert differing <= can_change, f"{table}.{column} changes {differing - can_change}"
            tried += 1
            moved += bool(differing)
    assert tried >= 3 and moved, (tried, moved)


def _with_changed(con, sql: str, table: str, select: str) -> dict[str, str] | None:
    replaced = re.sub(rf"\b{re.escape(table)}(?![a-z0-9_])", "changed.given", sql)
    assert replaced != sql
    con.execute("create schema if not exists changed")
    con.execute(f"create or replace view changed.given as select {select} from {table}")
    try:
        return _columns_hashed(con, replaced)
    except duckdb.ConversionException:
        return None


def _columns_hashed(con, sql: str) -> dict[str, str]:
    """Of each column its values with how often each occurs, as one hash."""
    names = [row[0] for row in con.execute(f"describe {sql}").fetchall()]
    hashes = ", ".join(f"sum(cast(hash({n}) as hugeint) % 1000000007)" for n in names)
    return dict(zip(names, con.execute(f"with told as ({sql}) select {hashes} from told").fetchone(), strict=True))


# -- Python models ----------------------------------------------------------------------------------------------------

PYTHON = [model for model in GRAPH.models if model.compute is not None]


@pytest.mark.parametrize("model", PYTHON, ids=lambda m: m.table)
def test_a_python_model_depends_on_what_its_yml_says(model, whole) -> None:
    """Each column that it is given is changed in turn: what comes out otherwise must name it in `from` or `decided_by`."""
    from flows.core.contracts import load_yaml

    declared = load_yaml(model.path.with_suffix(".yml").read_text())["columns"]
    frames = _fewer(model, {name: whole.execute(query).df() for name, query in model.inputs.items()})
    before = model.compute(**{name: frame.copy() for name, frame in frames.items()})
    moved = 0
    for argument, frame in frames.items():
        for column in frame.columns:
            given = {name: other.copy() for name, other in frames.items()}
            given[argument][column] = _other_values(frame, column)
            try:
                after = model.compute(**given)
            except (KeyError, ValueError, TypeError, IndexError):
                continue  # a code that nobody knows
            for name in _differing(before, after):
                named = {*declared[name]["from"], *declared[name].get("decided_by", ())}
                assert f"{argument}.{column}" in named, f"{argument}.{column} changes {name}"
                moved += 1
    assert moved


def _fewer(model, frames: dict) -> dict:
    """Of the cube a few measures: with each column that is changed all of it would be protected anew, for seconds each time."""
    if model.name == PROTECTED:
        few = (
            "contacts",
            "mediations",
            "mediations_oriented",
            "people_followed",
            "orientations_accepted",
            "cases_recorded",
        )
        frames["cells"] = frames["cells"][frames["cells"]["measure"].isin(few)].reset_index(drop=True)
        assert len(frames["cells"]) > 1000
    return frames


def _other_values(frame, column):
    """The same values in another order, still values that the model knows; others where it is the only column."""
    if len(frame.columns) == 1 and frame[column].dtype.kind in "if":
        return frame[column] + 1
    return frame[column].sample(frac=1, random_state=7).set_axis(frame.index)


def _differing(before, after) -> list[str]:
    """The columns that hold other values, in whatever row; none when there are more or fewer rows, for then all may."""
    if len(before) != len(after):
        return []
    return [name for name in before.columns if _values(before[name]) != _values(after[name])]


def _values(column) -> list[str]:
    return sorted("" if is_missing else _text(value) for value, is_missing in zip(column, column.isna(), strict=True))


def _text(value) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
