"""Every model says what it is, its grain and each of its columns, keeps to the portable subset, and means its grain."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.core.errors import ModelError
from flows.settings import PROJECT

SQL = PROJECT / "sql"
CONTRACTS = load_contracts(SQL / "0_sources")
GRAPH = models.load_graph(SQL, CONTRACTS)
PUBLISHED = [m for m in GRAPH.models if m.is_published]

NOT_PORTABLE = {
    r"::": "cast(x as type)",
    r"\bdate_diff\('(?!day')": "date_diff in days only",
    r"\busing\s*\(": "join … on",
    r"\bcolumns\s*\(": "explicit columns",
    r"\b(pivot|unpivot|asof|macro)\b": "plain selects",
    r"\bread_(csv|parquet|json)\b": "sources.<contract>",
    r"\b(arg_max|arg_min|list|array_agg|strip_accents|generate_series|regexp_replace)\s*\(": "functions that Spark reads alike",
    r"\bat time zone\b": "times are local already",
    r"\bby name\b": "union all with the same columns",
    r"\*\s*(exclude|replace|rename)\b": "explicit columns",
}


@pytest.mark.parametrize("model", GRAPH.models, ids=lambda m: m.name)
def test_keeps_to_the_portable_subset(model) -> None:
    queries = "\n".join([model.sql, *model.inputs.values()])
    code = re.sub(r"--[^\n]*|'[^'\n]*'", lambda m: m.group() if m.group().startswith("'") else "", queries).lower()
    found = {pattern: instead for pattern, instead in NOT_PORTABLE.items() if re.search(pattern, code)}
    assert not found, f"{model.path.name}: {found}"


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda m: m.name)
def test_every_column_has_a_text(model) -> None:
    assert model.columns, f"{model.path.name} describes no column"
    assert all(len(text.split()) >= 2 for text in model.columns.values()), model.columns


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda m: m.name)
def test_texts_are_in_the_database(model, release) -> None:
    sql = "select column_name, comment from duckdb_columns() where schema_name = ? and table_name = ? order by column_index"
    comments = release.execute(sql, [model.schema, model.table]).fetchall()
    assert [name for name, _ in comments] == list(model.columns)
    assert all(comment for _, comment in comments)
    sql = "select comment from duckdb_tables() where schema_name = ? and table_name = ?"
    assert release.execute(sql, [model.schema, model.table]).fetchone()[0] == model.description


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda m: m.name)
def test_grain_is_unique_in_the_sample(model, release) -> None:
    assert models.repeated_grain(release, model) == 0


@pytest.mark.parametrize("model", [m for m in PUBLISHED if m.schema == "marts"], ids=lambda m: m.name)
def test_is_not_empty_in_the_sample(model, release) -> None:
    if model.name == "marts.drug_facts_by_service":
        pytest.skip("état 4001 is not part of the sample; the real workbook is tested in tests/release")
    assert release.execute(f"select count(*) from {model.name}").fetchone()[0] > 0


def test_contracts_describe_every_column() -> None:
    for contract in CONTRACTS.values():
        assert all(column.description.strip() for column in contract.columns), contract.name


def _sql_folder(tmp_path: Path, **files: str) -> Path:
    """A folder of models: name__suffix=text."""
    for folder in ("0_sources", "reference", "1_staging", "2_intermediate", "3_marts/audit"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        stem, _, ending = name.rpartition("_")
        folder = "2_intermediate" if stem.startswith("int") else "3_marts"
        (tmp_path / folder / f"{stem}.{ending}").write_text(text)
    return tmp_path


HEADER = "-- A table.\n-- Grain: a.\n-- Care: none.\n"


def test_no_text_calls_the_day_that_a_release_speaks_of_that_of_its_run():
    """Lateness is judged by the newest delivery or --as-of: a release made later must not seem to have looked at the clock."""
    texts = [PROJECT / "README.md", PROJECT / "sql/README.md", *(PROJECT / "sql").rglob("*.yml")]
    assert len(texts) > 100
    assert [str(path) for path in texts if "day of the run" in path.read_text(encoding="utf-8").lower()] == []
    judged_on = GRAPH.by_name["audit.freshness"].columns["judged_on"]
    assert "newest delivery" in judged_on and "--as-of" in judged_on and "barometer status" in judged_on


SPEC = "description: A table.\ncolumns:\n  a: The one column.\n"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"int_x_sql": HEADER + "select a from intermediate.int_y", "int_x_yml": SPEC,
          "int_y_sql": HEADER + "select a from intermediate.int_x", "int_y_yml": SPEC}, ["int_x.sql", "int_y.sql", "circle"]),
        ({"x_sql": HEADER + "select a from marts.nowhere", "x_yml": SPEC}, ["x.sql", "marts.nowhere"]),
        ({"x_sql": HEADER + "select a from nowhere", "x_yml": SPEC}, ["x.sql", "nowhere", "schema"]),
        ({"x_sql": "select 1 as a", "x_yml": SPEC}, ["x.sql", "Grain"]),
        ({"x_sql": "-- A table.\n-- Grain: a.\nselect 1 as a", "x_yml": SPEC}, ["x.sql", "Care"]),
        ({"x_sql": HEADER + "select 1 as a"}, ["x.sql", "x.yml"]),
        ({"x_sql": HEADER + "selec 1 as a", "x_yml": SPEC}, ["x.sql"]),
        ({"x_sql": HEADER + "select 1 as a", "x_yml": "columns: {a: b}"}, ["x.yml", "description"]),
    ],
    ids=["cycle", "unknown table", "no schema", "no header", "no care", "no yml", "broken sql", "no description"],
)  # fmt: skip
def test_a_broken_model_names_its_file(tmp_path, files, named) -> None:
    with pytest.raises(ModelError) as raised:
        models.load_graph(_sql_folder(tmp_path, **files), [])
    assert all(word in raised.value.problem for word in named), raised.value.problem


PYTHON = """\"\"\"Doubles.

Grain: a.
Care: none.
\"\"\"

READS = {"given": "select a, b from intermediate.int_y"}


def compute(given):
    return given.assign(b=given.b * 2)
"""
PYTHON_SPEC = """description: Doubles.
columns:
  a: {type: varchar, description: The key}
  b: {type: double, description: Twice the value}
"""
Y = {"int_y_sql": HEADER + "select 'k' as a, 2 as b union all select 'l', null", "int_y_yml": SPEC}


def _built(tmp_path, python: str, spec: str = PYTHON_SPEC):
    import duckdb

    graph = models.load_graph(_sql_folder(tmp_path, int_x_py=python, int_x_yml=spec, **Y), [])
    con = duckdb.connect()
    con.execute("attach ':memory:' as release")
    models.create_schemas(con, graph)
    for model in graph.models:
        models.build_model(con, graph, model)
    return con


def test_a_python_model_stands_in_the_graph_like_a_query(tmp_path) -> None:
    with _built(tmp_path, PYTHON) as con:
        assert con.execute("select * from intermediate.int_x").fetchall() == [("k", 4.0), ("l", None)]
        kinds = con.execute("describe intermediate.int_x").fetchall()
        assert [(name, kind) for name, kind, *_ in kinds] == [("a", "VARCHAR"), ("b", "DOUBLE")]


@pytest.mark.parametrize(
    ("python", "named"),
    [
        (PYTHON.replace("READS", "READ"), ["AttributeError", "READS"]),
        (PYTHON.replace("int_y", "int_nowhere"), ["intermediate.int_nowhere"]),
        (PYTHON.replace("b=given.b * 2", "c=1"), ["c"]),
        (PYTHON.replace("given.b * 2", "given.secret"), ["AttributeError"]),
        (PYTHON.replace("Grain", "Grains"), ["Grain"]),
    ],
    ids=["no READS", "unknown table", "other columns", "fails", "no grain"],
)
def test_a_broken_python_model_names_its_file(tmp_path, python, named) -> None:
    with pytest.raises(ModelError) as raised:
        _built(tmp_path, python)
    assert all(word in f"{raised.value.problem} {raised.value.remedy}" for word in ["int_x.py", *named])


@pytest.mark.parametrize(
    ("select", "spec", "named"),
    [
        ("select 1 as a, 2 as b", SPEC, "b"),
        ("select 1 as b", SPEC, "a"),
        ("select 1 as a", SPEC.replace("  a: The one column.\n", "  a: The one column.\n  b: Missing.\n"), "b"),
    ],
    ids=["column without a text", "other column", "text without a column"],
)
def test_columns_and_texts_must_agree(tmp_path, select, spec, named) -> None:
    import duckdb

    graph = models.load_graph(_sql_folder(tmp_path, x_sql=HEADER + select, x_yml=spec), [])
    with duckdb.connect() as con, pytest.raises(ModelError) as raised:
        con.execute("attach ':memory:' as release")
        models.create_schemas(con, graph)
        models.build_model(con, graph, graph.models[0])
    assert "x.sql" in raised.value.problem and named in raised.value.problem
