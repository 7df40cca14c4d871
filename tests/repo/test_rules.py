"""The rules that no model may break, each broken on purpose: what guards it goes red and names the rule.

Two kinds of guard. Expectations beside the marts (`rule_…` in the .yml) look at the built data at every run. Where data
cannot tell, the parsed text of the queries is looked at here. Each guard is tried on the committed models, where it must
find nothing, and on copies in which one line is wrong, where it must.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import duckdb
import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

SQL = PROJECT / "sql"

# ---------------------------------------------------------------- guards on the text of the queries

ADDING = {"sum", "sum_no_overflow", "fsum", "kahan_sum", "+"}
PUBLISHED_FIGURES = {"count", "rate_per_1000", "departement_count", "departement_rate_per_1000"}
SSMSI = re.compile(r"ssmsi|police_statistics|peer_c|peer_s")
CITED_REACH = {"reach_figure_count"}
"""How many figures of reach there are, which is no reach."""

COLOURS = re.compile(r"colou?r|couleur|traffic_light|\bfeu\b|is_good|is_bad|is_better|is_worse")
RANKING = re.compile(r"(^|_)(rank|rang|ranking|classement|palmares)(_|$)")
COMPOSITE = re.compile(r"score|composite|safety_index|indice_s")


@cache
def _parsed(query: str) -> list:
    """DuckDB's own parse of a query; kept, since a broken copy differs in one file."""
    with duckdb.connect() as con:
        answer = json.loads(con.execute("select json_serialize_sql(?)", [query]).fetchone()[0])
    assert not answer["error"], answer
    return answer["statements"]


def _nodes(tree: object) -> Iterator[dict]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _columns(tree: object) -> set[str]:
    return {node["column_names"][-1] for node in _nodes(tree) if node.get("class") == "COLUMN_REF"}


def _texts(tree: object) -> set[str]:
    values = (node["value"].get("value") for node in _nodes(tree) if node.get("class") == "CONSTANT")
    return {value for value in values if isinstance(value, str)}


def _is_zero(node: object) -> bool:
    """Whether an expression is the number 0, also when it is cast."""
    if not isinstance(node, dict):
        return False
    if node.get("class") == "CAST":
        return _is_zero(node["child"])
    return node.get("class") == "CONSTANT" and not node["value"]["is_null"] and node["value"].get("value") in (0, "0")


def _additions(tree: object) -> Iterator[dict]:
    return (node for node in _nodes(tree) if node.get("function_name") in ADDING)


def _added(node: dict) -> object:
    """What an addition adds: not the window's partitions, nor the filter."""
    return node["children"]


def _adds_figures(model, tree) -> Iterator[dict]:
    if any(SSMSI.search(name) for name in model.reads):
        yield from (node for node in _additions(tree) if _columns(_added(node)) & PUBLISHED_FIGURES)


def afd_added_to_use(model, tree) -> Iterator[str]:
    for node in _adds_figures(model, tree):
        if node["function_name"] == "+" or any("afd" in text for text in _texts(node)):
            yield f"adds {', '.join(sorted(_columns(_added(node)) & PUBLISHED_FIGURES))}"


def blank_read_as_zero(model, tree) -> Iterator[str]:
    for node in _nodes(tree):
        zero = node.get("type") == "OPERATOR_COALESCE" and any(_is_zero(child) for child in node["children"])
        zero = zero or (node.get("class") == "CASE" and _is_zero(node["else_expr"]))
        if zero and (model.schema == "staging" or _columns(node) & PUBLISHED_FIGURES):
            yield f"fills {', '.join(sorted(_columns(node)))} with 0"


def complement_used(model, tree) -> Iterator[str]:
    yield from (f"reads {column}" for column in _columns(tree) if column.startswith("complement"))
    yield from (f"publishes {column}" for column in model.columns if column.startswith("complement"))


def reach_summed(model, tree) -> Iterator[str]:
    for node in _additions(tree):
        columns = {c for c in _columns(_added(node)) if "reach" in c and c not in CITED_REACH}
        if columns:
            yield f"adds {', '.join(sorted(columns))}"
        elif "metric_value" in _columns(_added(node)) and not _texts(node) - {"unique_reach"}:
            yield "adds every metric, unique reach with them"
        elif "metric_value" in _columns(_added(node)) and "unique_reach" in _texts(node):
            yield "adds unique reach"


def people_summed(model, tree) -> Iterator[str]:
    for node in _adds_figures(model, tree):
        if node["function_name"] != "+":
            yield f"sums {', '.join(sorted(_columns(_added(node)) & PUBLISHED_FIGURES))}"


def activity_coloured(model, tree) -> Iterator[str]:
    if model.is_published:
        yield from (f"publishes {column}" for column in model.columns if COLOURS.search(column))


def composite_score(model, tree) -> Iterator[str]:
    if model.is_published:
        yield from (f"publishes {column}" for column in model.columns if COMPOSITE.search(column))


def cities_ranked(model, tree) -> Iterator[str]:
    if model.schema == "marts":
        yield from (f"publishes {column}" for column in model.columns if RANKING.search(column))
    for node in _nodes(tree):
        if node.get("class") == "WINDOW" and _columns(node["orders"]) & PUBLISHED_FIGURES:
            yield f"orders by {', '.join(sorted(_columns(node['orders']) & PUBLISHED_FIGURES))}"


GUARDS: dict[str, Callable] = {
    "use already contains the fines (AFD): the two are never added": afd_added_to_use,
    "blank is not published, never 0": blank_read_as_zero,
    "complement_info_* never fills a commune": complement_used,
    "reach is never summed over platforms": reach_summed,
    "people implicated are never summed over communes or months": people_summed,
    "activity has no good or bad colour": activity_coloured,
    "there is no composite score": composite_score,
    "cities are never ranked": cities_ranked,
}


def broken_rules(graph) -> list[str]:
    """Every rule that the text of a model breaks: `rule: model does what`."""
    broken = []
    for model in graph.models:
        for query in [model.sql] if model.sql else list(model.inputs.values()):
            tree = _parsed(query)
            broken += [f"{rule}: {model.name} {what}" for rule, guard in GUARDS.items() for what in guard(model, tree)]
    return broken


# ---------------------------------------------------------------- guards on built data

MARTS = (
    "marts.police_statistics",
    "marts.peer_comparison",
    "marts.indicator_values",
    "marts.exposure_by_zone_week",
    "marts.indicators",
    "marts.zones",
)


def _cell(code: str, year: int, label: str, count: int | None, residents: int, **more: object) -> dict:
    row = {"territory_code": code, "year": year, "indicator_label": label, "unit_label": "Mis en cause", "count": count}
    rate = None if count is None else round(1000 * count / residents, 4)
    status = "ndiff" if count is None else "diff"
    return {**row, "rate_per_1000": rate, "population": residents, "publication_status": status, **more}


USE, FINES, TRAFFICKING = "Usage de stupéfiants", "Usage de stupéfiants (AFD)", "Trafic de stupéfiants"
COMMUNES = [
    _cell("63113", 2024, USE, 1500, 146000),
    _cell("63113", 2024, FINES, 1100, 146000),
    _cell("63113", 2024, TRAFFICKING, 200, 146000),
    _cell("34032", 2024, USE, 600, 81000),
    _cell("34032", 2024, FINES, 350, 81000),
    _cell("34032", 2024, TRAFFICKING, None, 81000, complement_count=1.61, complement_rate_per_1000=0.02),
]
DEPARTEMENTS = [_cell("34", 2024, TRAFFICKING, 824, 1230000)]
METRICS = [
    {"platform": "facebook", "week_starts_on": "2026-01-05", "metric": "unique_reach", "value": 5000},
    {"platform": "instagram", "week_starts_on": "2026-01-05", "metric": "unique_reach", "value": 4000},
    {"platform": "facebook", "week_starts_on": "2026-01-05", "metric": "impressions", "value": 9000},
]
DELIVERIES = [
    {"delivery_id": "c", "contract": "ssmsi_communal", "edition_date": "2025-06-20", "delivery_rank": 1},
    {"delivery_id": "m", "contract": "channel_metrics", "delivery_rank": 2},
    {"delivery_id": "d", "contract": "ssmsi_departemental", "edition_date": "2025-06-20", "delivery_rank": 3},
]


def _give(con, table: str, rows: list[dict]) -> None:
    """Replace a source by a table of the same columns with these rows."""
    kinds = {row[0]: row[1] for row in con.execute(f"describe {table}").fetchall()}
    is_view = con.execute(
        "select count(*) from duckdb_views() where schema_name || '.' || view_name = ?", [table]
    ).fetchone()[0]
    con.execute(f"drop {'view' if is_view else 'table'} {table}")
    con.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
    for row in rows:
        con.execute(f"insert into {table} values ({', '.join('?' * len(kinds))})", [row.get(name) for name in kinds])


@lru_cache(maxsize=1)
def _contracts():
    return load_contracts(SQL / "0_sources")


def _about_the_known_world(model) -> list:
    """The expectations that name no other table than those that the known world has."""
    known = ("sources.", "reference.")
    return [
        expectation
        for expectation in model.expectations
        if all(name in MARTS or name.startswith(known) for name in model.named.get(expectation.id, ()))
    ]


def failing_expectations(sql: Path) -> dict[str, str]:
    """The expectations of the marts that fail on a small, known world built by the models of a folder: id -> reason."""
    from flows.core.validation import Validator

    graph = models.load_graph(sql, _contracts())
    expected = {name: _about_the_known_world(graph.by_name[name]) for name in MARTS}
    needed = set(MARTS)
    for model in reversed(graph.models):
        if model.name in needed:
            needed |= {name for name in model.reads if name in graph.by_name}
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as release")
        models.create_sources(con, _contracts(), {})
        for name in models.RUN_TABLES:
            models.create_run_table(con, name, [])
        con.execute("insert into sources.run values (date '2026-11-01', 'test')")
        models.create_references(con, graph.references)
        _give(con, "sources.ssmsi_communal", [{**row, "delivery_id": "c", "delivery_rank": 1} for row in COMMUNES])
        _give(
            con,
            "sources.ssmsi_departemental",
            [{**row, "delivery_id": "d", "delivery_rank": 3} for row in DEPARTEMENTS],
        )
        _give(con, "sources.channel_metrics", [{**row, "delivery_id": "m", "delivery_rank": 2} for row in METRICS])
        given = {"received_at": "2026-02-01 08:00:00", "verdict": "passed", "is_in_force": True, "is_synthetic": False}
        for name in models.delivery_tables([]):
            _give(con, f"sources.{name}", [{**given, **row} for row in DELIVERIES])
        models.create_schemas(con, graph)
        for model in graph.models:
            if model.name in needed:
                models.build_model(con, graph, model)
        validator = Validator(con)
        try:
            checks = [
                check
                for name in MARTS
                for check in validator.validate(
                    graph.by_name[name].table, expected[name], schema=graph.by_name[name].schema
                )
            ]
        finally:
            validator.close()
    assert not [check.expectation.id for check in checks if check.verdict == "not_checked"]
    return {
        c.expectation.id: c.expectation.reason
        for c in checks
        if c.verdict == "failed" and c.expectation.on_failure == "refuse"
    }


# ---------------------------------------------------------------- the committed models keep every rule


def test_no_query_breaks_a_rule() -> None:
    assert broken_rules(models.load_graph(SQL, _contracts())) == []


def test_the_known_world_keeps_every_rule() -> None:
    assert failing_expectations(SQL) == {}


# ---------------------------------------------------------------- each rule broken on purpose


def _broken_copy(tmp_path: Path, file: str, right: str, wrong: str) -> Path:
    """A copy of sql/ in which one text stands for another; the text must be there once at least."""
    folder = tmp_path / "sql"
    shutil.copytree(SQL, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert right in text, f"{file} no longer holds the text that this test breaks: choose another"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    return folder


HARMONISED = "2_intermediate/int_ssmsi_harmonised.sql"
COMMUNAL = "1_staging/stg_police__ssmsi_communal.sql"
VALUES = "2_intermediate/int_indicator_values__published.sql"
PARTNERS = "2_intermediate/int_indicator_values__partners.sql"
EXPOSURE = "2_intermediate/int_exposure_located.sql"
CATALOGUE = "reference/indicators.csv"
COUNT = "case when publication_status = 'diff' then count end as count"
PUBLISHED = "publication_status = 'diff' and count is not null as is_published"
NUMERATOR = "cast(count as double) as numerator"

IN_THE_TEXT = {
    "AFD added by sum": (
        VALUES,
        NUMERATOR,
        "cast(sum(count) filter (where indicator_code in ('usage_stupefiants', 'usage_stupefiants_afd'))"
        " over (partition by zone_code, year) as double) as numerator",
        "use already contains the fines (AFD)",
    ),
    "AFD added by plus": (
        VALUES,
        NUMERATOR,
        "cast(count + lag(count) over (order by indicator_code) as double) as numerator",
        "use already contains the fines (AFD)",
    ),
    "blank as 0 in staging": (COMMUNAL, COUNT, "coalesce(count, 0) as count", "blank is not published, never 0"),
    "blank as 0 by case": (
        "1_staging/stg_police__ssmsi_departemental.sql",
        "    count,\n",
        "    case when count > 0 then count else 0 end as count,\n",
        "blank is not published, never 0",
    ),
    "blank as 0 in a mart": (
        "3_marts/peer_comparison.sql",
        "    beside.count,\n",
        "    coalesce(beside.count, cast(0 as bigint)) as count,\n",
        "blank is not published, never 0",
    ),
    "partners' blank as 0": (
        "1_staging/stg_partners__events.sql",
        "actions.people_reached as contact_count",
        "coalesce(actions.people_reached, 0) as contact_count",
        "blank is not published, never 0",
    ),
    "complement for a hidden count": (
        COMMUNAL,
        COUNT,
        "coalesce(count, cast(round(complement_count) as bigint)) as count",
        "complement_info_* never fills a commune",
    ),
    "complement rate": (
        COMMUNAL,
        "then rate_per_1000 end",
        "then rate_per_1000 else complement_rate_per_1000 end",
        "complement_info_* never fills a commune",
    ),
    "reach summed": (
        PARTNERS,
        "max(unique_reach_count) as unique_reach_count",
        "sum(unique_reach_count) as unique_reach_count",
        "reach is never summed over platforms",
    ),
    "reach summed from the metrics": (
        EXPOSURE,
        "max(metric_value) filter (where metric = 'unique_reach')",
        "sum(metric_value) filter (where metric = 'unique_reach')",
        "reach is never summed over platforms",
    ),
    "all metrics summed": (
        EXPOSURE,
        "sum(metric_value) filter (where metric = 'impressions')",
        "sum(metric_value)",
        "reach is never summed over platforms",
    ),
    "people summed over years": (
        "2_intermediate/int_ssmsi_latest.sql",
        "    latest.count,\n",
        "    sum(latest.count) over (partition by latest.territory_code, latest.indicator_code) as count,\n",
        "people implicated are never summed",
    ),
    "people summed in the peers": (
        "3_marts/peer_comparison.sql",
        "        latest.count,\n        latest.rate_per_1000,\n        1000.0",
        "        sum(latest.count) over (partition by latest.year) as count,\n        latest.rate_per_1000,\n        1000.0",
        "people implicated are never summed",
    ),
    "a colour for activity": (
        "3_marts/indicators.yml",
        "  direction: ",
        "  colour: green for more\n  direction: ",
        "activity has no good or bad colour",
    ),
    "a composite score": (
        "3_marts/zones.yml",
        "  zone_type: ",
        "  safety_score: Mean of all indicators\n  zone_type: ",
        "there is no composite score",
    ),
    "a ranking of cities": (
        "3_marts/peer_comparison.sql",
        "    beside.population,\n",
        "    rank() over (partition by beside.year order by beside.rate_per_1000 desc) as population,\n",
        "cities are never ranked",
    ),
    "a column of ranks": (
        "3_marts/peer_comparison.yml",
        "  role: ",
        "  crime_rank: Place of the city\n  role: ",
        "cities are never ranked",
    ),
}


@pytest.mark.parametrize("case", IN_THE_TEXT, ids=str)
def test_a_query_that_breaks_a_rule_is_named_with_it(case: str, tmp_path) -> None:
    file, right, wrong, rule = IN_THE_TEXT[case]
    folder = _broken_copy(tmp_path, file, right, wrong)
    broken = broken_rules(models.load_graph(folder, _contracts()))
    assert any(line.startswith(rule) and Path(file).stem in line for line in broken), broken


IN_THE_DATA = {
    "AFD added to use": (
        VALUES,
        NUMERATOR,
        "cast(case when indicator_code = 'usage_stupefiants' then sum(count) filter"
        " (where indicator_code <> 'trafic_stupefiants')"
        " over (partition by zone_code, year) else count end as double) as numerator",
        "rule_afd_never_added_to_use",
        "(AFD)",
    ),
    "AFD added to the rate of use": (
        VALUES,
        "cast(rate_per_1000 as double) as value",
        "cast(case when indicator_code = 'usage_stupefiants' then 1.7 else 1 end * rate_per_1000 as double) as value",
        "rule_afd_never_added_to_use",
        "(AFD)",
    ),
    "AFD added in the police statistics": (
        HARMONISED,
        "    printed.count,\n",
        "    cast(case when slices.indicator_code = 'usage_stupefiants' then sum(printed.count) over"
        " (partition by printed.delivery_id, printed.territory_code, printed.year) else printed.count end as bigint) as count,\n",
        "rule_people_never_added",
        "(AFD)",
    ),
    "blank read as 0": (
        COMMUNAL,
        COUNT,
        "coalesce(count, 0) as count",
        "published_means_count",
        "blank is not published, never 0",
    ),
    "blank read as a published 0": (
        COMMUNAL,
        f"{COUNT},\n    case when publication_status = 'diff' then rate_per_1000 end as rate_per_1000,\n    {PUBLISHED}",
        "coalesce(count, 0) as count,\n    coalesce(rate_per_1000, 0) as rate_per_1000,\n    true as is_published",
        "rule_hidden_stays_hidden",
        "blank is not published, never 0",
    ),
    "complement fills a commune": (
        COMMUNAL,
        f"{COUNT},\n    case when publication_status = 'diff' then rate_per_1000 end as rate_per_1000,\n    {PUBLISHED}",
        "coalesce(count, cast(round(complement_count) as bigint)) as count,\n"
        "    coalesce(rate_per_1000, complement_rate_per_1000) as rate_per_1000,\n    true as is_published",
        "rule_hidden_stays_hidden",
        "complement_info_*",
    ),
    "reach summed over platforms": (
        PARTNERS,
        "        'platform' as breakdown,\n        reach_series.platform as breakdown_value",
        "        'total' as breakdown,\n        'total' as breakdown_value",
        "rule_reach_never_summed",
        "never summed over them",
    ),
    "platforms taken together": (
        "3_marts/exposure_by_zone_week.sql",
        "    platform,\n    message_version,\n",
        "    case when platform in ('facebook', 'instagram') then 'social media' else platform end as platform,\n"
        "    message_version,\n",
        "rule_reach_never_summed",
        "a sum",
    ),
    "people summed over communes": (
        VALUES,
        NUMERATOR,
        "cast(sum(count) over (partition by territory_type, year, indicator_code) as double) as numerator",
        "rule_people_never_summed",
        "never summed over communes",
    ),
    "people by month": (
        VALUES,
        "'year' as period_type",
        "'month' as period_type",
        "rule_people_never_summed",
        "or months",
    ),
    "a département in place of a hidden commune": (
        "3_marts/peer_comparison.sql",
        "when beside.is_departement_shown then 'departement'",
        "when beside.is_departement_shown then 'commune'",
        "departement_never_stands_in",
        "its own columns",
    ),
    "activity with a wished direction": (
        CATALOGUE,
        "interventions,activity,none",
        "interventions,activity,up",
        "rule_activity_has_no_colour",
        "no good or bad colour",
    ),
    "a safety score": (
        CATALOGUE,
        "data_completeness,",
        "safety_score,Score de sécurité,Safety score,Mean of all,,,points,outcome,up,one month,None\ndata_completeness,",
        "rule_no_composite_score",
        "no composite",
    ),
}


@pytest.mark.parametrize("case", IN_THE_DATA, ids=str)
def test_data_that_break_a_rule_are_refused_by_name(case: str, tmp_path) -> None:
    file, right, wrong, expectation, words = IN_THE_DATA[case]
    failing = failing_expectations(_broken_copy(tmp_path, file, right, wrong))
    assert expectation in failing, failing
    assert words in failing[expectation]
