"""Lineage of hand-made queries, where everyone can see what each column comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.core import lineage, models
from flows.core.errors import ModelError

HEADER = "-- A table.\n-- Grain: a.\n-- Care: none.\n"
CSV = {"people": ("person,zone,age,home", "p1,z1,30,h1\n"), "zones": ("zone,name", "z1,Jaude\n")}


def _graph(folder: Path, **texts: str):
    """A folder of models with two tables of decisions, reference.people and reference.zones."""
    for name in ("reference", "1_staging", "2_intermediate", "3_marts/audit"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in CSV.items():
        (folder / "reference" / f"{name}.csv").write_text(f"{header}\n{rows}")
        columns = "".join(f"  {c}: {{type: varchar, description: A column}}\n" for c in header.split(","))
        (folder / "reference" / f"{name}.yml").write_text(f"description: Given.\ncolumns:\n{columns}")
    for name, text in texts.items():
        stem, _, ending = name.rpartition("_")
        (folder / "2_intermediate" / f"{stem}.{ending}").write_text((HEADER if ending == "sql" else "") + text)
        if ending == "sql":
            (folder / "2_intermediate" / f"{stem}.yml").write_text("description: A table.\n")
    return models.load_graph(folder, [])


def _steps(folder: Path, sql: str, table: str = "intermediate.int_x", **others: str) -> dict[str, set[str]]:
    """By column, what it comes from: `people.age value`."""
    found: dict[str, set[str]] = {}
    for step in lineage.trace(_graph(folder, int_x_sql=sql, **others), {}).steps:
        if step.table_name == table:
            upstream = f"{step.upstream_table.partition('.')[2]}.{step.upstream_column} {step.kind}"
            found.setdefault(step.column_name, set()).add("constant" if step.kind == "constant" else upstream)
    return found


CASES = {
    "copied and renamed": (
        "select person, age as years from reference.people",
        {"person": {"people.person value"}, "years": {"people.age value"}, "*": {"people.* rows"}},
    ),
    "computed with": (
        "select coalesce(age, home) || zone as a from reference.people",
        {"a": {"people.age value", "people.home value", "people.zone value"}, "*": {"people.* rows"}},
    ),
    "a choice tells what decides from what is taken": (
        "select case when age > '18' then home else zone end as a from reference.people",
        {"a": {"people.age condition", "people.home value", "people.zone value"}, "*": {"people.* rows"}},
    ),
    "the operand of a choice decides": (
        "select case zone when 'z' then 1 end as a from reference.people",
        {"a": {"people.zone condition"}, "*": {"people.* rows"}},
    ),
    "what filters decides on rows, not on the value": (
        "select person from reference.people where age > '18'",
        {"person": {"people.person value"}, "*": {"people.* rows", "people.age rows"}},
    ),
    "what a sum is filtered by decides on it": (
        "select zone, sum(cast(age as bigint)) filter (where home = 'h') as a from reference.people "
        "where person <> 'p' group by zone",
        {
            "zone": {"people.zone value"},
            "a": {"people.age aggregation", "people.home condition", "people.person condition",
                  "people.zone condition", "people.* condition"},
            "*": {"people.* rows", "people.person rows", "people.zone rows"},
        },
    ),
    "a count counts rows": (
        "select count(*) as a from reference.people",
        {"a": {"people.* aggregation"}, "*": {"people.* rows"}},
    ),
    "a sum of ones is a count, also where the ones come from another query": (
        "with ones as (select case when age > '18' then 1 else 0 end as one from reference.people) "
        "select sum(one) as a from ones",
        {"a": {"people.* aggregation", "people.age condition"}, "*": {"people.* rows"}},
    ),
    "a largest value is of rows but does not count them": (
        "select max(age) as a from reference.people",
        {"a": {"people.age aggregation", "people.* condition"}, "*": {"people.* rows"}},
    ),
    "a join decides on rows": (
        "select people.person, zones.name from reference.people left join reference.zones on people.zone = zones.zone",
        {
            "person": {"people.person value"},
            "name": {"zones.name value"},
            "*": {"people.* rows", "zones.* rows", "people.zone rows", "zones.zone rows"},
        },
    ),
    "a window": (
        "select person, row_number() over (partition by zone order by age) as a from reference.people",
        {
            "person": {"people.person value"},
            "a": {"people.zone condition", "people.age condition", "people.* condition"},
            "*": {"people.* rows"},
        },
    ),
    "qualify decides on rows": (
        "select person from reference.people qualify row_number() over (partition by zone order by age) = 1",
        {"person": {"people.person value"}, "*": {"people.* rows", "people.zone rows", "people.age rows"}},
    ),
    "the star of an import": (
        "with given as (select * from reference.zones), again as (select * from given) select * from again",
        {"zone": {"zones.zone value"}, "name": {"zones.name value"}, "*": {"zones.* rows"}},
    ),
    "a union is read by place": (
        "select person as a, 'x' as b from reference.people union all select zone, name from reference.zones",
        {"a": {"people.person value", "zones.zone value"}, "b": {"zones.name value"}, "*": {"people.* rows", "zones.* rows"}},
    ),
    "a distinct union compares all columns": (
        "select person as a from reference.people union select zone from reference.zones",
        {
            "a": {"people.person value", "zones.zone value"},
            "*": {"people.* rows", "zones.* rows", "people.person rows", "zones.zone rows"},
        },
    ),
    "exists looks at rows": (
        "select person, exists (select 1 from reference.zones where zones.zone = people.zone) as a from reference.people",
        {
            "person": {"people.person value"},
            "a": {"zones.* condition", "zones.zone condition", "people.zone condition"},
            "*": {"people.* rows"},
        },
    ),
    "not in a list from another table": (
        "select person from reference.people where zone not in (select zone from reference.zones where name = 'n')",
        {
            "person": {"people.person value"},
            "*": {"people.* rows", "people.zone rows", "zones.zone rows", "zones.name rows", "zones.* rows"},
        },
    ),
    "a query for one value": (
        "select person, (select max(name) from reference.zones) as a from reference.people",
        {
            "person": {"people.person value"},
            "a": {"zones.name aggregation", "zones.* condition"},
            "*": {"people.* rows"},
        },
    ),
    "a constant, also through two queries": (
        "with given as (select 'x' as a, person from reference.people) select a, person from given",
        {"a": {"constant"}, "person": {"people.person value"}, "*": {"people.* rows"}},
    ),
    "a list of values": (
        "select a, person from (values ('x', 1)) as given (a, b) cross join reference.people",
        {"a": {"constant"}, "person": {"people.person value"}, "*": {"people.* rows"}},
    ),
    "grouping by a place and an alias": (
        "select upper(zone) as a, count(*) as b from reference.people group by 1 having count(home) > 1",
        {
            "a": {"people.zone value"},
            "b": {"people.* aggregation", "people.zone condition"},
            "*": {"people.* rows", "people.zone rows", "people.home rows"},
        },
    ),
    "a query in the place of a table": (
        "select given.a from (select age as a from reference.people where home = 'h') as given",
        {"a": {"people.age value"}, "*": {"people.* rows", "people.home rows"}},
    ),
    "a join by a column of the same name": (
        "select people.person from reference.people join reference.zones using (zone)",
        {"person": {"people.person value"}, "*": {"people.* rows", "zones.* rows", "people.zone rows", "zones.zone rows"}},
    ),
    "only the newest rows": (
        "select person from reference.people order by age limit 5",
        {"person": {"people.person value"}, "*": {"people.* rows", "people.age rows"}},
    ),
    "an alias that hides a table of the same name": (
        "with zones as (select person as zone from reference.people) select zones.zone from zones",
        {"zone": {"people.person value"}, "*": {"people.* rows"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_column_comes_from(case, tmp_path) -> None:
    sql, expected = CASES[case]
    assert _steps(tmp_path, sql) == expected


def test_a_column_called_by_a_key_word_is_a_column(tmp_path) -> None:
    steps = _steps(
        tmp_path, "select age as force from reference.people", int_y_sql="select force from intermediate.int_x"
    )
    assert steps["force"] == {"people.age value"}


@pytest.mark.parametrize(
    "sql",
    [
        "select ages from reference.people",
        "select zone from reference.people cross join reference.zones",
        "select a from unnest([1, 2]) as given (a)",
    ],
    ids=["no such column", "two tables have it", "a list"],
)
def test_what_cannot_be_followed_is_an_error_that_names_the_file(sql, tmp_path) -> None:
    with pytest.raises(ModelError) as raised:
        _steps(tmp_path, sql)
    assert "int_x.sql" in raised.value.problem


PYTHON = '''"""Doubles.

Grain: a.
Care: none.
"""

READS = {"given": "select person as a, age, max(home) as home from reference.people group by person, age"}


def compute(given):
    return given
'''
SPEC = """description: Doubles.
columns:
  a: {type: varchar, description: Key, from: [given.a]}
  b: {type: varchar, description: Value, from: [given.age], decided_by: [given.home]}
  c: {type: varchar, description: Fixed, from: []}
"""


def test_a_python_model_says_what_its_columns_come_from(tmp_path) -> None:
    steps = _steps(tmp_path, "select b from intermediate.int_y", "intermediate.int_y", int_y_py=PYTHON, int_y_yml=SPEC)
    rows = {"people.* condition", "people.person condition", "people.age condition"}
    assert steps["a"] == rows - {"people.person condition"} | {"people.person value"}
    assert steps["b"] == rows - {"people.age condition"} | {"people.age value", "people.home condition"}
    assert steps["c"] == {"constant"}
    assert steps["*"] == {"people.* rows", "people.person rows", "people.age rows", "people.home rows"}


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (SPEC.replace(", from: []", ""), "column c"),
        (SPEC.replace("given.age", "given.ages"), "given.ages"),
        (SPEC.replace("given.age", "people.age"), "people.age"),
    ],
    ids=["not told", "no such column", "no such argument"],
)
def test_a_python_model_must_tell_rightly(spec, named, tmp_path) -> None:
    with pytest.raises(ModelError) as raised:
        _steps(tmp_path, "select b from intermediate.int_y", int_y_py=PYTHON, int_y_yml=spec)
    assert "int_y.yml" in raised.value.problem and named in raised.value.problem


def test_the_way_goes_down_to_the_end(tmp_path) -> None:
    """Through a count of filtered rows, the filter decides on the figure and the table's rows are counted."""
    graph = _graph(
        tmp_path,
        int_a_sql="select person, zone from reference.people where age > '18'",
        int_b_sql="select zone, count(*) as adults from intermediate.int_a group by zone",
    )
    (tmp_path / "3_marts" / "adults.sql").write_text(HEADER + "select zone as a, adults from intermediate.int_b")
    (tmp_path / "3_marts" / "adults.yml").write_text("description: A.\ncolumns:\n  a: The zone\n  adults: How many\n")
    graph = models.load_graph(tmp_path, [])
    found = {(o.column_name, o.source_column): (o.kind, o.step_count) for o in lineage.trace(graph, {}).origins}
    assert found == {
        ("a", "zone"): ("value", 3),
        ("adults", "*"): ("aggregation", 3),
        ("adults", "age"): ("condition", 3),
        ("adults", "zone"): ("condition", 3),
        ("*", "*"): ("rows", 3),
        ("*", "age"): ("rows", 3),
        ("*", "zone"): ("rows", 3),
    }


def test_lineage_is_kept_and_a_damaged_file_is_made_anew(tmp_path, monkeypatch) -> None:
    graph = _graph(tmp_path / "sql", int_x_sql="select person from reference.people")
    first = lineage.files(graph, {}, tmp_path / "kept")
    texts = {name: path.read_text() for name, path in first.items()}
    assert "intermediate.int_x,person,reference.people,person,value\n" in texts["lineage"]
    first["origins"].write_text("damaged")
    assert {n: p.read_text() for n, p in lineage.files(graph, {}, tmp_path / "kept").items()} == texts
    monkeypatch.setattr(lineage, "trace", lambda *_: pytest.fail("the same code was read again"))
    assert lineage.files(graph, {}, tmp_path / "kept") == first
    monkeypatch.undo()
    changed = _graph(tmp_path / "sql", int_x_sql="select zone from reference.people")
    assert "int_x,zone," in lineage.files(changed, {}, tmp_path / "kept")["lineage"].read_text()
