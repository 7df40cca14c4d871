"""Reach is never summed: not over platforms, zones, weeks or versions, in no column of any published table.

Every reach that is given here is a number of its own, such that each sum of some of them is another. The tables are
built from them and searched for such a sum. The rule is then broken on purpose, in each place where a model takes the
larger of several figures, and the search must find it.
"""

from __future__ import annotations

import shutil
from itertools import combinations

import duckdb
import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.core.validation import FAILED, PASSED, Validator
from flows.settings import PROJECT

SQL = PROJECT / "sql"
CONTRACTS = load_contracts(SQL / "0_sources")
GRAPH = models.load_graph(SQL, CONTRACTS)
EXPOSURE = "intermediate.int_exposure_located"
VALUES = "intermediate.int_indicator_values__partners"

# platform, week, zone, version, people reached
GIVEN = [
    ("facebook", "2025-11-24", None, "V1", 1_000_003),
    ("facebook", "2025-11-24", None, "V2", 1_000_033),
    ("facebook", "2025-11-24", "CF01", "V1", 1_000_151),
    ("facebook", "2025-12-01", None, "V2", 1_000_537),
    ("instagram", "2025-11-24", None, "V1", 1_002_041),
    ("un blog", "2025-11-24", None, "V1", 1_008_101),
    ("une radio", "2025-11-24", None, "V1", 1_032_067),
]
REACHES = [reach for *_, reach in GIVEN]
SUMS = {sum(some) for count in range(2, len(REACHES) + 1) for some in combinations(REACHES, count)}


def test_each_sum_of_reaches_is_recognised() -> None:
    assert len(SUMS) == 2 ** len(REACHES) - len(REACHES) - 1, "two different sums are the same number"
    assert not SUMS & set(REACHES)


def tables_with_a_sum(graph, contracts) -> set[str]:
    """The published columns in which a sum of several of the given reaches stands."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as release")
        models.create_sources(con, contracts, {})
        for name in models.RUN_TABLES:
            models.create_run_table(con, name, [])
        con.execute("insert into sources.run values (date '2025-12-08', 'test')")
        models.create_references(con, graph.references)
        con.execute("drop view sources.channel_metrics; drop view sources.zones")
        rows = ", ".join(
            f"('{platform}', date '{week}', {repr(zone) if zone else 'null'}, '{version}', {reach})"
            for platform, week, zone, version, reach in GIVEN
        )
        con.execute(
            f"""create table sources.channel_metrics as
            select *, 'unique_reach' as metric, cast(reach as double) as value, 'd' as delivery_id, 1 as delivery_rank
            from (values {rows}) as given (platform, week_starts_on, zone_code, message_version, reach)"""
        )
        con.execute(
            """create table sources.zones as select 'CF01' as zone_code, 'quartier' as zone_type, 'Jaude' as name,
            '63113' as parent_code, cast(null as boolean) as is_sensitive, 'z' as delivery_id, 1 as delivery_rank"""
        )
        wanted = _from("sources.channel_metrics", graph)
        models.create_schemas(con, graph)
        for model in graph.models:
            if model.name in wanted:
                models.build_model(con, graph, model)
        found = set()
        for model in graph.models:
            if model.name in wanted and model.is_published:
                for column, kind, *_ in con.execute(f"describe {model.name}").fetchall():
                    if kind in ("BIGINT", "INTEGER", "DOUBLE", "HUGEINT") or kind.startswith("DECIMAL"):
                        values = con.execute(f"select distinct {column} from {model.name}").fetchall()
                        if {value for (value,) in values} & SUMS:
                            found.add(f"{model.name}.{column}")
        return found


def _from(source: str, graph) -> set[str]:
    """The models that what is in the source can reach, and all that these read."""
    reached = {source}
    for model in graph.models:
        if reached & set(model.reads):
            reached.add(model.name)
    for model in reversed(graph.models):
        if model.name in reached:
            reached |= set(model.reads)
    return reached


def test_no_published_column_holds_a_sum_of_reaches() -> None:
    assert tables_with_a_sum(GRAPH, CONTRACTS) == set()


BROKEN = {
    "figures of one place": (
        EXPOSURE,
        "max(metric_value) filter (where metric = 'unique_reach')",
        "sum(metric_value) filter (where metric = 'unique_reach')",
    ),
    "zones": (
        EXPOSURE,
        "max(measured.unique_reach_count) filter (where measured.zone_code = '63113')",
        "sum(measured.unique_reach_count)",
    ),
    "platforms": (EXPOSURE, "            ) then metrics.platform\n", "            ) then 'other'\n"),
    "versions": (
        VALUES,
        "max(unique_reach_count) as unique_reach_count",
        "sum(unique_reach_count) as unique_reach_count",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_model_that_sums_reach_is_found(broken, tmp_path) -> None:
    name, right, wrong = BROKEN[broken]
    shutil.copytree(SQL, tmp_path / "sql")
    path = tmp_path / "sql" / GRAPH.by_name[name].path.relative_to(SQL)
    text = path.read_text()
    assert text.count(right) == 1, f"{name} no longer says {right}"
    text = text.replace(right, wrong)
    if broken == "platforms":  # all under one name, and then summed
        text = text.replace(*BROKEN["figures of one place"][1:])
    path.write_text(text)
    found = tables_with_a_sum(models.load_graph(tmp_path / "sql", CONTRACTS), CONTRACTS)
    assert {"marts.exposure_by_zone_week.unique_reach_count", "marts.indicator_values.value"} & found, found


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ("'week', 'platform', 'facebook'", PASSED),
        ("'week', 'total', 'total'", FAILED),
        ("'week', 'platform', 'all'", FAILED),
        ("'month', 'platform', 'facebook'", FAILED),
    ],
)
def test_a_total_of_reach_stops_publishing(row, verdict) -> None:
    """The expectation on marts.indicator_values names the rule, whoever adds the total."""
    (expectation,) = [
        e for e in GRAPH.by_name["marts.indicator_values"].expectations if e.id == "reach_is_never_summed"
    ]
    assert (expectation.severity, expectation.on_failure) == ("critical", "refuse")
    with duckdb.connect() as con:
        con.execute(
            f"""create table given as select 'reach_social' as indicator_id, *
            from (values ({row})) as given (period_type, breakdown, breakdown_value)"""
        )
        assert _verdict(con, expectation) == verdict


@pytest.mark.parametrize(
    ("platform", "verdict"), [("facebook", PASSED), ("other", PASSED), ("all", FAILED), ("Le blog de Jean", FAILED)]
)
def test_a_platform_is_a_code_and_no_total(platform, verdict) -> None:
    model = GRAPH.by_name["marts.exposure_by_zone_week"]
    (expectation,) = [e for e in model.expectations if e.id == "platform_is_a_code"]
    assert (expectation.severity, expectation.on_failure) == ("critical", "refuse")
    with duckdb.connect() as con:
        con.execute("create table given as select ? as platform", [platform])
        assert _verdict(con, expectation) == verdict


def _verdict(con, expectation) -> str:
    validator = Validator(con)
    try:
        return validator.validate("given", [expectation])[0].verdict
    finally:
        validator.close()
