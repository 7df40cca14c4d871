"""The rules of intervals and changes, broken one by one in a copy of the release: the named check finds each."""

from __future__ import annotations

import duckdb
import pytest

from flows.core import models
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

GRAPH = models.load_graph(PROJECT / "sql", load_contracts(PROJECT / "sql" / "0_sources"))

BROKEN = [
    ("indicator_values", "interval_holds_the_value", "lower_95 = value + 1 where lower_95 is not null"),
    ("indicator_values", "interval_holds_the_value", "upper_95 = 'nan' where upper_95 is not null"),
    ("indicator_values", "interval_is_whole", "upper_95 = null where upper_95 is not null"),
    ("indicator_values", "interval_is_whole", "interval_method = 'none' where interval_method = 'wilson'"),
    ("indicator_values", "nothing_hidden_has_an_interval", "value = null, obs_status = 'S' where lower_95 is not null"),
    ("indicator_values", "limits_of_a_share_are_shares", "upper_95 = 1.2 where interval_method = 'wilson'"),
    ("indicators", "interval_method_decided", "interval_reason = null where indicator_id = 'recall'"),
    ("indicator_changes", "grain_present", "reading_fr = null where is_distinguishable"),
    ("indicator_changes", "interval_holds_the_change", "upper_95 = ratio / 2 where ratio > 0"),
    ("indicator_changes", "interval_holds_the_change", "lower_95 = null where difference is not null"),
    ("indicator_changes", "words_follow_the_interval", "is_distinguishable = true where not is_distinguishable"),
    (
        "indicator_changes",
        "words_follow_the_interval",
        "reading_fr = replace(reading_fr, ' : on ne peut', ' : hausse que le hasard seul n’explique pas, on ne peut')",
    ),
    (
        "indicator_changes",
        "same_period_a_year_before",
        "compared_with_start = compared_with_start - interval 1 month where period_type = 'month'",
    ),
    ("indicator_changes", "provisional_says_so", "obs_status = 'P' where obs_status = 'A'"),
    ("indicator_changes", "status_known", "obs_status = 'S' where obs_status = 'A'"),
    ("claims", "only_projections_have_a_margin", "verdict = 'not distinguishable' where value_kind = 'baseline'"),
    (
        "claims",
        "only_projections_have_a_margin",
        "observed_lower_95 = observed_value + 1 where value_kind = 'forecast'",
    ),
    ("scorecard", "change_with_its_interval", "change_lower_95 = null, change = '1,11' where row_order = 1"),
    ("scorecard_printed", "every_cell_is_printed", "evolution = null where row_order = 4"),
]


def _failed(con, table: str, expectation_id: str) -> int:
    expectations = GRAPH.by_name[f"marts.{table}"].expectations
    kwargs = dict(next(e.kwargs for e in expectations if e.id == expectation_id))
    if "column" in kwargs:
        allowed = ", ".join(f"'{value}'" for value in kwargs["value_set"])
        query = f"select * from {{batch}} where {kwargs['column']} not in ({allowed})"
    else:
        query = kwargs["unexpected_rows_query"]
    return con.execute(f"select count(*) from ({query.replace('{batch}', 'batch')})").fetchone()[0]


@pytest.mark.parametrize(
    ("table", "expectation_id", "change"), BROKEN, ids=[f"{t}-{e}-{n}" for n, (t, e, _) in enumerate(BROKEN)]
)
def test_a_broken_rule_is_found(table, expectation_id, change, sample_run) -> None:
    settings, _ = sample_run
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.current}/campaign.duckdb' as release (read_only)")
        con.execute(f"create table batch as select * from release.marts.{table}")
        assert _failed(con, table, expectation_id) == 0
        con.execute(f"update batch set {change}")
        assert _failed(con, table, expectation_id) > 0
