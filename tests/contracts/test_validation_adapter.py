"""The canary of the Great Expectations adapter: what passed, failed or did not run is told right on DuckDB."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import duckdb
import pytest

from flows.core.contracts import Expectation
from flows.core.validation import FAILED, NOT_CHECKED, PASSED, Validator
from flows.settings import PROJECT

GOOD = "(1, 5, 'a', date '2025-01-01'), (2, 10, 'b', date '2025-01-02'), (3, null, null, null)"
ALL = "select * from {batch}"
BAD = "(4, 11, 'c', null), (5, -1, 'd''e', date '1999-01-01'), (6, 10, null, date '2025-01-01')"


def expectation(name: str, **kwargs: object) -> Expectation:
    return Expectation("an_id", name, tuple(kwargs.items()), "critical", "quarantine", "2026-11: a test.")


# what a contract may ask, and of the rows (1 to 6) those that fail it
USED = {
    "expect_column_values_to_be_between": ({"column": "count", "min_value": 0, "max_value": 10}, {4, 5}),
    "expect_column_values_to_be_in_set": ({"column": "kind", "value_set": ("a", "b", "it's")}, {4, 5}),
    "expect_column_values_to_not_be_null": ({"column": "kind"}, {3, 6}),
    "expect_column_values_to_be_null": ({"column": "day"}, {1, 2, 5, 6}),
    "expect_table_row_count_to_be_between": ({"min_value": 7}, None),
    "unexpected_rows_expectation": ({"unexpected_rows_query": f"{ALL} where count > 10 or kind like 'd%'"}, {4, 5}),
}  # fmt: skip


@pytest.fixture
def con():
    with duckdb.connect() as connection:
        connection.execute(f"create table rows as select * from (values {GOOD}, {BAD}) t(_row, count, kind, day)")
        connection.execute(f"create table good as select * from (values {GOOD}) t(_row, count, kind, day)")
        connection.execute("create view looked_at as select * from rows")
        yield connection


@pytest.fixture
def validate(con):
    validator = Validator(con)
    yield lambda table, *asked, **options: validator.validate(table, asked, **{"has_row_ids": True, **options})
    validator.close()


def failing(con, check) -> set[int]:
    return {row for (row,) in con.execute(f"select _row from ({check.failing_rows_sql})").fetchall()}


def test_every_expectation_that_a_contract_or_model_asks_for_is_tried_here() -> None:
    asked = set()
    for path in (PROJECT / "sql").rglob("*.yml"):
        asked |= set(
            re.findall(r"^\s*-?\s*expectation: ((?:un)?expect\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
    assert asked - set(USED) == set()


@pytest.mark.parametrize("table", ["rows", "looked_at"])
@pytest.mark.parametrize("name", USED)
def test_an_expectation_finds_the_rows_that_fail_it(name, table, con, validate) -> None:
    kwargs, wrong = USED[name]
    (check,) = validate(table, expectation(name, **kwargs))
    assert (check.verdict, check.checked_rows, check.problem) == (FAILED, 6, "")
    if wrong is None:
        assert (check.failed_rows, check.failing_rows_sql) == (6, None)
    else:
        assert check.failed_rows == len(wrong)
        assert failing(con, check) == wrong


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in USED
        if n
        not in (
            "expect_column_values_to_not_be_null",
            "expect_column_values_to_be_null",
            "expect_table_row_count_to_be_between",
        )
    ],
)
def test_an_expectation_passes_on_good_rows(name, validate) -> None:
    (check,) = validate("good", expectation(name, **USED[name][0]))
    assert (check.verdict, check.checked_rows, check.failed_rows) == (PASSED, 3, 0)


def test_nulls_and_row_counts_pass_where_they_may(con, validate) -> None:
    con.execute("create table plain as select 1 as _row, 'x' as kind, cast(null as varchar) as nothing")
    asked = (
        expectation("expect_column_values_to_not_be_null", column="kind"),
        expectation("expect_column_values_to_be_null", column="nothing"),
        expectation("expect_table_row_count_to_be_between", min_value=1, max_value=1),
    )
    assert [check.verdict for check in validate("plain", *asked)] == [PASSED] * 3


def test_all_of_them_at_once_answer_in_the_order_in_which_they_were_asked(con, validate) -> None:
    asked = [expectation(name, **kwargs) for name, (kwargs, _) in USED.items()]
    checks = validate("rows", *asked, *reversed(asked))
    assert [check.expectation for check in checks] == [*asked, *reversed(asked)]
    assert {check.verdict for check in checks} == {FAILED}
    wrong = [w for _, w in USED.values()]
    assert [failing(con, c) if c.failing_rows_sql else None for c in checks] == [*wrong, *reversed(wrong)]


def test_many_failing_rows_are_all_found(con, validate) -> None:
    """The library cuts its own lists of failing rows at 20 or 200."""
    con.execute("create table many as select i as _row, i % 3 as kind from range(30000) t(i)")
    query = "select * from {batch} where kind = 1"
    in_set, rows = validate(
        "many",
        expectation("expect_column_values_to_be_in_set", column="kind", value_set=(0, 2)),
        expectation("unexpected_rows_expectation", unexpected_rows_query=query),
    )
    assert in_set.failed_rows == rows.failed_rows == 10_000
    assert failing(con, in_set) == failing(con, rows) == set(range(1, 30_000, 3))


@pytest.mark.parametrize("name", USED)
def test_an_empty_table_has_no_failing_rows(name, con, validate) -> None:
    con.execute("create table nothing as select * from rows where false")
    (check,) = validate("nothing", expectation(name, **USED[name][0]))
    expected = FAILED if name == "expect_table_row_count_to_be_between" else PASSED
    assert (check.verdict, check.checked_rows, check.failed_rows) == (expected, 0, 0)


def test_values_with_quotes_and_numbers_without_end(con, validate) -> None:
    con.execute(
        "create table odd as select * from (values (1, 'it''s', 'nan'::double), (2, '\"', 1.0)) t(_row, kind, count)"
    )
    in_set, between = validate(
        "odd",
        expectation("expect_column_values_to_be_in_set", column="kind", value_set=("it's",)),
        expectation("expect_column_values_to_be_between", column="count", min_value=0, max_value=10),
    )
    assert (failing(con, in_set), failing(con, between)) == ({2}, {1})


def test_a_table_of_a_schema_is_looked_at_without_row_ids(con, validate) -> None:
    con.execute("create schema marts; create table marts.rows as select * exclude (_row) from main.good")
    query = "select kind from {batch} group by kind having count(*) > 1"
    passed, failed = validate(
        "rows",
        expectation("unexpected_rows_expectation", unexpected_rows_query=query),
        expectation("expect_column_values_to_be_between", column="count", min_value=6),
        schema="marts",
        has_row_ids=False,
    )
    assert (passed.verdict, passed.checked_rows) == (PASSED, 3)
    assert (failed.verdict, failed.failed_rows) == (FAILED, 1)


def rows_query(rest: str) -> Expectation:
    return expectation("unexpected_rows_expectation", unexpected_rows_query=f"{ALL} {rest}")


CRASHES = {
    "unknown_column": expectation("expect_column_values_to_be_between", column="nobody", min_value=0),
    "unknown_column_in_sql": rows_query("where nobody > 0"),
    "unknown_column_in_a_set": expectation("expect_column_values_to_be_in_set", column="nobody", value_set=("a",)),
    "unknown_column_not_null": expectation("expect_column_values_to_not_be_null", column="nobody"),
    "broken_sql": rows_query("were"),
    "unknown_table": rows_query("join nowhere on true"),
    "braces_not_doubled": rows_query(r"where kind ~ '\d{8}'"),
    "unknown_name": expectation("expect_everything_to_be_fine", column="count"),
    "unknown_argument": expectation("expect_column_values_to_be_between", column="count", min_value=0, maximum=3),
    "argument_missing": expectation("expect_column_values_to_be_in_set", value_set=("a",)),
    "another_type": expectation("expect_column_values_to_be_between", column="kind", min_value=0, max_value=3),
    "not_supported_on_duckdb": expectation("expect_column_values_to_match_regex", column="kind", regex="^a"),
    "fails_on_a_value": rows_query("where cast(kind as integer) > 0"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_what_crashes_is_not_checked_and_stops_no_other(name, validate) -> None:
    good = expectation("expect_column_values_to_be_between", column="count", min_value=-1, max_value=11)
    bad = expectation("expect_column_values_to_be_between", column="count", min_value=0, max_value=10)
    before, crashed, behind = validate("rows", good, CRASHES[name], bad)
    assert (crashed.verdict, crashed.checked_rows, crashed.failed_rows, crashed.failing_rows_sql) == (
        NOT_CHECKED,
        0,
        0,
        None,
    )
    assert crashed.problem
    assert "d'e" not in crashed.problem and "nobody" not in crashed.problem
    assert (before.verdict, behind.verdict, behind.failed_rows) == (PASSED, FAILED, 2)


def test_a_check_holds_counts_and_never_values(con, validate) -> None:
    con.execute(
        "create table secrets as select i as _row, 'SECRET-canari-' || i as kind, -i as count from range(1, 50) t(i)"
    )
    asked = [expectation(name, **kwargs) for name, (kwargs, _) in USED.items() if kwargs.get("column") != "day"]
    checks = validate("secrets", *asked, *CRASHES.values())
    assert "SECRET" not in repr([check.as_dict() for check in checks])


# connections that are really closed when they are given back: the pool for files does so, and the library may choose it
CLOSED_CONNECTIONS = """
import duckdb_sqlalchemy, sys
from flows.core import validation
from sqlalchemy.pool import NullPool
validation._import()
import great_expectations.execution_engine.sqlalchemy_execution_engine as engine
duckdb_sqlalchemy.Dialect.get_pool_class = classmethod(lambda *_: NullPool)
"""
WITHOUT_THE_PATCH = """
kept = tuple(dialect for dialect in engine._PERSISTED_CONNECTION_DIALECTS if dialect != "duckdb")
assert len(kept) < len(engine._PERSISTED_CONNECTION_DIALECTS)
engine._PERSISTED_CONNECTION_DIALECTS = kept
"""
PRINT_VERDICTS = """
import duckdb
from test_validation_adapter import BAD, GOOD, USED, expectation
con = duckdb.connect()
con.execute(f"create table rows as select * from (values {GOOD}, {BAD}) t(_row, count, kind, day)")
asked = [expectation(name, **kwargs) for name, (kwargs, _) in USED.items()]
checks = validation.Validator(con).validate("rows", asked, has_row_ids=True)
print(*[check.verdict for check in checks])
"""


def python(program: str, *arguments: object, **environment: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": f"{PROJECT}:{Path(__file__).parent}", "NO_COLOR": "1"}
        | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_with_the_adapters_patch_all_is_checked_even_when_connections_are_closed() -> None:
    done = python(CLOSED_CONNECTIONS + PRINT_VERDICTS)
    assert done.stdout.split() == [FAILED] * len(USED), done.stderr


def test_without_the_adapters_patch_nothing_is_checked() -> None:
    done = python(CLOSED_CONNECTIONS + WITHOUT_THE_PATCH + PRINT_VERDICTS)
    assert done.stdout.split() == [NOT_CHECKED] * len(USED), done.stderr


ZONES = "code_zone;type_zone;nom;code_parent\n63113;commune;Clermont-Ferrand;D63\nD63;departement;Puy-de-Dôme;\n"
INCIDENTS = (
    "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service\n"
    "I-1;2025-01-05 14:05;63113;rixe;oui;v1;pm\n"
)


@pytest.fixture
def place(tmp_path):
    """A folder with two deliveries, and a copy of the models and contracts to break."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "zones.csv").write_text(ZONES)
    (tmp_path / "raw" / "incidents.csv").write_text(INCIDENTS)
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    return tmp_path


def run(place: Path, program: str = "") -> subprocess.CompletedProcess:
    """The real command, after the program has broken what it likes."""
    options = ("run", "--direct", "--raw", place / "raw", "--out", place / "out")
    return python(program + "from flows import cli\ncli.main()", *options, BAROMETER_SQL=place / "sql", COLUMNS="1000")


def nothing_is_published(place: Path) -> bool:
    return not (place / "out" / "current").exists() and not list((place / "out").glob("releases/*"))


def crash(place: Path, file: str, id: str) -> None:
    """Let the expectation of a contract or model ask for a column that there is not."""
    path = place / "sql" / file
    text = path.read_text(encoding="utf-8")
    entry = re.search(rf"  - id: {id}\n.*?(?=\n  - id: |\Z)", text, re.DOTALL).group()
    broken = f"  - id: {id}\n    expectation: unexpected_rows_expectation\n    kwargs:\n"
    broken += "      unexpected_rows_query: select * from {batch} where no_such_column > 0\n"
    broken += "\n".join(line for line in entry.splitlines() if re.match(r"    (severity|on_failure|reason):", line))
    path.write_text(text.replace(entry, broken), encoding="utf-8")


def test_without_the_adapters_patch_a_run_publishes_nothing_and_names_what_did_not_run(place) -> None:
    done = run(place, CLOSED_CONNECTIONS + WITHOUT_THE_PATCH)
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr and nothing_is_published(place)
    told = done.stderr.partition("did not run: ")[2]
    for file, ids in {
        "zones.csv": ("rows_present", "zone_code_present", "zone_type_known", "not_its_own_parent", "key_unique"),
        "incidents.csv": ("rows_present", "readable", "category_known", "occurred_at_plausible", "no_personal_values"),
    }.items():
        named = next(part for part in told.split("; ") if part.startswith(file))
        assert [id for id in ids if f"{id} (" not in named] == []
    assert "linked_needs_rule" not in told, "it only warns"


def test_one_critical_expectation_on_a_delivery_that_crashes_stops_the_run(place) -> None:
    crash(place, "0_sources/police_incidents.yml", "category_known")
    done = run(place)
    assert done.returncode == 7 and nothing_is_published(place), done.stderr
    assert "did not run: incidents.csv: category_known (" in done.stderr


def test_what_did_not_run_is_told_everywhere_and_a_critical_one_on_a_table_stops_the_run(place) -> None:
    crash(place, "0_sources/police_incidents.yml", "linked_needs_rule")
    crash(place, "3_marts/zones.yml", "parent_exists")
    done = run(place)
    assert done.returncode == 0, done.stderr
    for told in ("incidents.csv: linked_needs_rule: not checked", "marts.zones: parent_exists not checked"):
        assert told in done.stdout, done.stdout
    current = place / "out" / "current"
    with duckdb.connect(str(current / "campaign.duckdb"), read_only=True) as con:
        rows = con.execute(
            """select expectation_id, verdict, checked_rows, failed_rows, on_failure from audit.checks
            where expectation_id in ('linked_needs_rule', 'parent_exists')"""
        ).fetchall()
        verdict = con.execute("select verdict from audit.deliveries where file_name = 'incidents.csv'").fetchone()
    assert sorted(rows) == [(id, "not_checked", 0, 0, "warn") for id in ("linked_needs_rule", "parent_exists")]
    assert verdict == ("warned",)
    results = [json.loads(path.read_text()) for path in (current / "validation" / "results").rglob("*.json")]
    unchecked = [result for result in results if result["meta"]["not_checked"]]
    assert [result["success"] for result in unchecked] == [False, False]
    index = (current / "validation" / "index.html").read_text()
    assert index.count('class="sign is-not_checked"') >= 4 and "non vérifié" in index
    pages = [path.read_text() for path in (current / "validation").glob("*/*.html")]
    cards = [
        card
        for page in pages
        for card in re.findall(r'<article class="card of-not_checked".*?</article>', page, re.DOTALL)
    ]
    assert len(cards) == 2
    for card in cards:
        assert "non vérifié" in card and "did not run" not in card and "This check could not run" in card
        assert "is-passed" not in card and "✓" not in card
    first = current.resolve()
    crash(place, "3_marts/zones.yml", "zone_type_known")
    done = run(place)
    assert done.returncode == 7, done.stderr
    assert "did not run: marts.zones: zone_type_known (" in done.stderr
    assert current.resolve() == first


def test_nothing_of_a_closed_validator_stays_in_the_librarys_memory(con) -> None:
    """A process that goes on for long would keep the queries of every table that it has checked. The last engine may stay."""
    engines = []
    for _ in range(3):
        validator = Validator(con)
        (check,) = validator.validate("rows", [expectation("expect_column_values_to_not_be_null", column="kind")])
        assert check.verdict == FAILED
        engines.append(weakref.ref(validator._source.get_execution_engine()))
        validator.close()
    del validator
    gc.collect()
    assert sum(engine() is not None for engine in engines) <= 1


def test_sources_for_pandas_and_spark_are_left_out_and_the_one_for_sql_is_whole(validate) -> None:
    fluent = sys.modules["great_expectations.datasource.fluent"]
    assert not fluent.SparkDatasource.__mro__[1:-1] and not fluent.PandasDatasource.__mro__[1:-1]
    assert fluent.SQLDatasource.__mro__[1:-1] and fluent.InvalidDatasource.__mro__[1:-1]


ALL_ON_DEMAND = """
import sys
from flows.core import validation
gx = validation._import()
print([name for name in ("requests.adapters", "jsonschema.validators") if name in sys.modules])
names = {n.removeprefix(validation.ONE_EXPECTATION) for n in sys.modules if n.startswith(validation.ONE_EXPECTATION + "expect_")}
names -= {"expect_multicolumn_values_to_be_unique"}  # the library itself does not know it by that name
found = [gx.expectations.registry.get_expectation_impl(name) for name in sorted(names)]
print(len(names) > 50, {issubclass(one, gx.expectations.Expectation) and len(one.__mro__) > 3 for one in found})
"""


def test_every_expectation_of_the_library_is_there_when_it_is_asked_for() -> None:
    done = python(ALL_ON_DEMAND)
    assert done.stdout.splitlines() == ["[]", "True {True}"], done.stderr


def test_an_expectation_that_was_changed_is_looked_up_as_it_is_now(validate) -> None:
    import great_expectations as gx

    impl = gx.expectations.registry.get_expectation_impl("expect_column_values_to_be_between")
    asked = impl(column="count", min_value=0)
    for most in (10, 20):
        asked.max_value = most
        assert asked._get_runtime_kwargs()["max_value"] == asked.configuration.kwargs["max_value"] == most


@pytest.mark.parametrize(
    "name", [{"a": "x", "b": None}, {"a": 1, "b": True}, {"a": float("nan"), "b": ["y", None]}, {"a": {"c": 1}, "b": 2}]
)
def test_a_metric_has_the_name_that_the_library_itself_gives_it(name, validate) -> None:
    from great_expectations.core.id_dict import IDDict
    from great_expectations.util import convert_to_json_serializable

    text = json.dumps(convert_to_json_serializable(dict(name)), sort_keys=True)
    assert IDDict(name).to_id() == hashlib.md5(text.encode()).hexdigest()
