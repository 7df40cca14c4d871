"""The suites of the published tables: each expectation across columns and tables passes on the sample and is broken on purpose.

`BROKEN` says, by table and expectation, one change to the table after which the expectation must fail.
"""

from __future__ import annotations

import csv
from datetime import date

import duckdb
import pytest

from flows.core import building, ledger, models
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

SQL = PROJECT / "sql"
CITY = "zone_code = '63113'"
FIRST = "rowid = (select min(rowid) from {table} where %s)"


def first(condition: str) -> str:
    """The first row for which a condition holds."""
    return FIRST.replace("%s", condition)


LINK = "insert into {table} (chain_position, release, manifest_sha256, previous_release, is_intact)"

DRIFT = {
    "period_rows_as_usual": "period_rows",
    "no_period_missing": "period_missing",
    "no_period_lost": "period_lost",
    "period_rows_told_alike": "period_rows_retold",
    "period_totals_told_alike": "period_total_retold",
    "period_not_copied": "period_copied",
    "no_rows_ahead": "rows_ahead",
    "rows_not_fewer": "delivery_rows",
    "level_as_before": "level",
    "columns_filled_as_before": "filled_share",
    "shares_as_before": "label_share",
    "known_rows_unchanged": "column_retold",
    "codes_on_the_lists": "code_unlisted",
    "no_unknown_label": "label_new",
    "no_label_lost": "label_lost",
    "no_unknown_column": "column_new",
    "no_column_lost": "column_lost",
}
"""The measure of audit.drift that each of its expectations looks at."""

BROKEN = {
    "marts.indicator_values": {
        "figures_derived": f"update {{table}} set value = value / 100 where {first('denominator > 0 and value > 0')}",
        "rate_fits_count": "update {table} set value = 10 * value where indicator_id = 'drug_use_recorded'",
        "shares_within_one": "update {table} set numerator = denominator + 1 where indicator_id = 'oriented_to_help'",
        "shops_within_eligible": "update {table} set denominator = 0 where indicator_id = 'reach_shops'",
        "zones_add_up": f"update {{table}} set numerator = 0 where indicator_id = 'information_points' and {CITY}",
        "periods_add_up": "update {table} set numerator = numerator + 1 where period_type = 'year'",
        "partner_periods_add_up": (
            "update {table} set numerator = numerator + 1 where period_type = 'month' and indicator_id = 'neighbourhood_meetings'"
        ),
        "breakdowns_add_up": "delete from {table} where breakdown_value = 'police_municipale'",
        "no_month_left_out": "delete from {table} where period_start = date '2024-05-01'",
        "period_starts_right": "update {table} set period_start = period_start + interval 1 day where period_type = 'wave'",
        "words_known": "update {table} set value_kind = 'seen' where indicator_id = 'recall'",
        "agrees_with_police_statistics": "update {table} set value = value + 0.01 where indicator_id = 'trafficking_recorded'",
        "agrees_with_partner_tables": "update {table} set value = value + 1 where indicator_id = 'information_points'",
        "agrees_with_waves": "update {table} set lower_95 = lower_95 - 0.01 where indicator_id = 'safety_night'",
        "agrees_with_clear_up_cohorts": "update {table} set value = null where indicator_id = 'clear_up_6m'",
        "source_in_force": "update {table} set source = 'police_rumours' where indicator_id = 'recall'",
        "not_in_the_future": "update {table} set period_start = date '2062-01-01' where indicator_id = 'recall'",
        "previous_periods_kept": "delete from {table} where indicator_id = 'reach_posters' and period_start = date '2026-01-05'",
        "previous_zones_kept": "delete from {table} where indicator_id = 'police_interventions' and zone_code = 'CF08'",
        "previous_figures_kept": "update {table} set value = value + 1 where indicator_id = 'police_interventions'",
        "previous_levels_kept": "update {table} set value = 2 * value, numerator = 2 * numerator where breakdown = 'total'",
        "few_unlocated": "update {table} set numerator = 40 where zone_code = 'unlocated' and period_type = 'quarter'",
        "zone_known": "update {table} set zone_code = 'CF99' where zone_code = 'CF08'",
    },
    "marts.police_statistics": {
        "figures_possible": "update {table} set count = 0 where indicator_code = 'trafic_stupefiants'",
        "years_plausible": "update {table} set year = 2062 where year = 2021",
        "rate_fits_count": "update {table} set rate_per_1000 = rate_per_1000 / 10",
        "use_is_fines_and_other": (
            "insert into {table} select * replace ('usage_stupefiants_afd' as indicator_code, 10 as count) from {table}"
            " where indicator_code = 'usage_stupefiants' and territory_type = 'departement';"
            "insert into {table} select * replace ('usage_stupefiants_hors_afd' as indicator_code) from {table}"
            " where indicator_code = 'usage_stupefiants' and territory_type = 'departement'"
        ),
        "one_latest_edition": "update {table} set is_latest_edition = true",
        "delivery_in_force": f"update {{table}} set delivery_id = '0000000000000000' where {first('true')}",
        "corrections_are_listed": f"update {{table}} set correction_id = 'ours' where {first('true')}",
        "units_as_listed": "update {table} set unit = 'victime' where unit = 'mis_en_cause'",
        "years_differ": (
            "insert into {table} select * replace (year + 1 as year) from {table} where territory_type = 'departement'"
            " and year = (select max(year) from {table} where territory_type = 'departement')"
        ),
        "no_year_lost_between_editions": (
            "delete from {table} where territory_type = 'departement' and edition_date > date '2024-01-01' and year >= 2022"
        ),
        "residents_agree": "update {table} set population = 2 * population where territory_type = 'commune'",
        "previous_periods_kept": "delete from {table} where year = 2021",
        "previous_figures_kept": f"update {{table}} set count = count + 1 where {first('count > 0')}",
    },
    "marts.indicator_changes": {
        "agrees_with_indicators": f"update {{table}} set earlier_value = earlier_value + 1 where {first('true')}",
        "figures_derived": "update {table} set difference = -difference where change_measure = 'difference' and difference <> 0",
        "newest_levels_plausible": "update {table} set lower_95 = 1.8 where change_measure = 'ratio' and " + CITY,
    },
    "marts.scorecard": {
        "agrees_with_indicators": "update {table} set observed_2025 = observed_2024",
        "words_known": "update {table} set projection_kind = 'observed'",
    },
    "marts.scorecard_printed": {"agrees_with_scorecard": "update {table} set observe_2025 = '150' where row_order = 1"},
    "marts.claims": {
        "agrees_with_indicators": "update {table} set observed_value = value",
        "keys_present": "update {table} set source = null",
        "words_known": "update {table} set verdict_fr = 'concordant'",
        "previous_claims_kept": "delete from {table} where claim_id = 'press_interventions_2024'",
    },
    "marts.calendar": {
        "keys_present": "update {table} set starts_on = null",
        "words_known": "update {table} set date_precision = 'about'",
        "launch_to_the_day": "update {table} set starts_on = date '2026-02-01' where is_placebo_date",
    },
    "marts.zones": {
        "keys_present": "update {table} set name = null where zone_code = 'CF08'",
        "city_present": "delete from {table} where zone_code = 'unlocated'",
        "population_with_its_year": "update {table} set population_year = null",
        "parts_within_their_whole": "update {table} set population = 10 * population where zone_code = 'CF08'",
        "quartiers_make_the_city": "update {table} set zone_type = 'quartier' where zone_type = 'qpv'",
        "margins_fit_the_zones": "update {table} set population = population / 10 where zone_type = 'qpv'",
        "previous_zones_kept": "update {table} set zone_code = 'CF23' where zone_code = 'CF08'",
    },
    "marts.indicators": {"previous_indicators_kept": "update {table} set unit = 'percent' where unit = 'ratio'"},
    **{
        f"marts.{name}": {
            "words_known": "update {table} set zone_group = 'centre' where zone_group = 'qpv'",
            "figures_derived": f"update {{table}} set answer_count = answer_count + 1 where {first('answer_count > 0')}",
            "answers_add_up": f"update {{table}} set answer_share = answer_share + 0.05 where {first('answer_share > 0')}",
            "counts_rounded": f"update {{table}} set answer_weight_shift = 0.5 where {first('answer_weight_shift is not null')}",
            "small_groups_hidden": "update {table} set answer_share = 0.06 where obs_status = 'S'",
            "groups_within_all": "update {table} set n = n + 1000 where zone_group = 'qpv'",
            "wave_listed": "update {table} set wave_code = '2031-01'",
            "indicator_in_catalogue": "update {table} set indicator_id = 'wellbeing'",
            "previous_periods_kept": "delete from {table} where wave_code = '2025-03'",
            **more,
        }
        for name, more in {
            "perceptions_by_wave": {
                "day_safer_than_night": "update {table} set top_two_share = 0 where indicator_id = 'safety_day'",
            },
            "consumption_by_wave": {},
        }.items()
    },
    "marts.survey_waves": {
        "keys_present": "update {table} set mode = null",
        "figures_possible": "update {table} set finished_count = response_count + 1",
        "words_known": "update {table} set sample_kind = 'random'",
        "previous_waves_kept": "update {table} set finished_count = 100 where wave_code = '2026-09'",
    },
    "marts.survey_wordings": {
        "keys_present": "update {table} set wording_hash = null",
        "wave_listed": "update {table} set wave_code = '2031-01'",
        "equal_wording_equal_hash": "update {table} set wording_hash = '0123456789abcdef'",
    },
    "marts.wave_comparisons": {
        "agrees_with_waves": "update {table} set share = share + 0.01",
        "figures_derived": "update {table} set difference = share",
    },
    "marts.drug_facts_by_service": {
        "keys_present": "insert into {table} (year, force, index_code) values (2019, 'customs', 55)",
        "delivery_in_force": "insert into {table} (year, delivery_id) values (2019, '0000000000000000')",
        "previous_periods_kept": (
            "drop view previous.drug_facts_by_service; create table previous.drug_facts_by_service as select * from {table};"
            "insert into previous.drug_facts_by_service (year, force) values (2019, 'police')"
        ),
    },
    "marts.exposure_by_zone_week": {
        "figures_possible": "update {table} set week_starts_on = week_starts_on + interval 1 day",
        "reach_within_impressions": "update {table} set impression_count = 0 where unique_reach_count > 0",
        "zone_known": "update {table} set zone_code = 'CF99' where zone_code = 'CF08'",
        "zones_add_up": f"update {{table}} set panel_days = panel_days - 1 where panel_days > 0 and {CITY}",
        "previous_periods_kept": "delete from {table} where week_starts_on = date '2026-01-05'",
    },
    "marts.outreach": {
        "figures_derived": "update {table} set meetings_held_share = meetings_held_share / 100",
        "words_known": "update {table} set action_obs_status = 'Z'",
        "zone_known": "update {table} set zone_code = 'CF99' where zone_code = 'CF08'",
        "zones_add_up": f"update {{table}} set public_action_count = 0 where {CITY}",
        "parts_within_wholes": f"update {{table}} set mediation_count = 10, mediation_oriented_count = 15 where {CITY}",
        "missing_is_not_zero": "update {table} set mediation_hidden_status = null where mediation_count is null",
        "few_people_hidden": f"update {{table}} set mediation_count = 7 where {CITY}",
    },
    "marts.partner_participation": {
        "figures_derived": "update {table} set active_share = 100 * active_share",
        "words_known": "update {table} set partner_type = 'bar' where partner_type = 'shop'",
        "zone_known": "update {table} set zone_code = 'CF99' where zone_code = 'CF08'",
        "types_add_up": "delete from {table} where partner_type = 'shop'",
        "zones_add_up": f"update {{table}} set on_roster_count = 1 where {CITY}",
    },
    "marts.orientation_to_help": {
        "figures_derived": "update {table} set accepted_share = 100 * accepted_share",
        "words_known": "update {table} set obs_status = 'Z'",
        "types_add_up": "update {table} set accepted_count = 500 where partner_type = 'help_centre'",
        "missing_is_not_zero": "update {table} set hidden_status = null where partner_type = 'school'",
        "steps_ordered": "update {table} set kept_count = identified_count + 5 where partner_type = 'all'",
        "few_people_hidden": "update {table} set kept_count = 37 where partner_type = 'all'",
    },
    "marts.message_adjustment": {
        "figures_derived": "update {table} set treated_share = 100 * treated_share",
        "few_people_hidden": "update {table} set open_count = 3 where open_count is null and obs_status <> 'M'",
        "missing_is_not_zero": "update {table} set hidden_status = null where treated_count is null",
        "agrees_with_versions": "update {table} set versions_changed_count = versions_changed_count + 1",
    },
    "marts.message_versions": {
        "versions_follow_each_other": "update {table} set last_shown_week_on = date '2020-01-06'",
        "previous_versions_kept": "delete from {table} where is_change",
        "few_people_hidden": "update {table} set feedback_count = 2 where is_change",
        "feedback_before_the_version": "update {table} set days_from_first_feedback_month = -3",
    },
    "marts.clear_up_cohorts": {
        "keys_present": f"update {{table}} set months_after = null where {first('true')}",
        "figures_derived": "update {table} set cleared_share = cleared_share / 100",
        "standardised_between_classes": "update {table} set reference_weight = 2 * reference_weight",
    },
    "marts.peer_selection": {
        "figures_possible": "update {table} set zone_code = '63113' where zone_code = (select min(zone_code) from {table})",
        "nearest_are_chosen": "update {table} set is_chosen = true",
    },
    "marts.peer_comparison": {
        "agrees_with_police_statistics": f"update {{table}} set count = count + 1 where {first('count > 0')}",
        "status_tells_the_figure": "update {table} set obs_status = 'S'",
        "city_present": "update {table} set role = 'similar'",
        "chosen_are_shown": "update {table} set role = 'similar' where zone_code = '44109'",
        "previous_zones_kept": "delete from {table} where zone_code = '34032'",
    },
    "marts.revisions": {
        "figures_derived": "update {table} set count_difference = old_count",
        "delivery_in_force": "update {table} set old_delivery_id = '0000000000000000'",
        "agrees_with_police_statistics": "update {table} set new_count = new_count + 1",
        "revision_plausible": "update {table} set new_count = 3 * old_count",
    },
    "audit.deliveries": {
        "rows_add_up": f"update {{table}} set rows_read = rows_read + 1 where {first('rows_read > 0')}",
        "small_counts_hidden": "update {table} set rows_accepted = 364 where file_name = 'police/incidents-2026.csv'",
        "identity_is_the_hash": "update {table} set sha256 = reverse(sha256)",
        "force_is_told": f"update {{table}} set is_in_force = false where {first('is_in_force')}",
        "received_by_the_day": "update {table} set received_at = timestamp '2062-01-01'",
        "ranks_are_whole": "delete from {table} where delivery_rank = 3",
        "previous_deliveries_kept": "delete from {table} where delivery_rank = 3",
    },
    "audit.quarantine": {"quarantine_adds_up": f"delete from {{table}} where {first('true')}"},
    "audit.completeness": {
        "rows_agree_with_deliveries": f"update {{table}} set rows_read = rows_read + 1 where {first('rows_read > 0')}",
        "keys_present": f"update {{table}} set state = null where {first('true')}",
    },
    "audit.drift": {
        id: f"insert into {{table}} (delivery_id, measure, item, is_outside) values ('d', '{measure}', 'all', true)"
        for id, measure in DRIFT.items()
    },
    "audit.freshness": {
        "delivery_not_late": f"update {{table}} set state = 'late' where {first('true')}",
        "delivery_not_missing": f"update {{table}} set state = 'missing' where {first('true')}",
        "rows_reach_the_delivery": "update {table} set lag_days = expected_every_days + 1",
    },
    "audit.lineage": {
        "kind_known": f"update {{table}} set kind = 'magic' where {first('true')}",
        "step_complete": f"update {{table}} set upstream_column = null where {first('true')}",
        "no_way_ends_in_between": "delete from {table} where table_name = 'intermediate.int_orientation_counted'",
    },
    "audit.origins": {
        "kind_known": f"update {{table}} set kind = 'magic' where {first('true')}",
        "origin_is_a_source": f"update {{table}} set source_table = 'marts.zones' where {first('true')}",
    },
    "audit.releases": {
        "link_complete": f"{LINK} values (1, 'r1', null, null, null)",
        "earlier_releases_intact": f"{LINK} values (1, 'r1', 'h', null, false)",
        "links_follow_one_another": f"{LINK} values (1, 'r1', 'h', null, true), (2, 'r2', 'h', 'r0', true)",
    },
    "audit.release_checks": {"words_known": f"update {{table}} set failed_rows = 1 where {first('true')}"},
    "audit.provenance": {
        "contract_known": f"update {{table}} set contract = null where {first('true')}",
        "figures_rest_on_deliveries": "delete from {table} where indicator_id = 'recall' and column_name = 'value'",
    },
    "audit.checks": {
        "words_known": "update {table} set failed_rows = 1 where " + first("verdict = 'passed'"),
        "nothing_critical_stands_open": (
            "update {table} set verdict = 'not_checked' where "
            + first("severity = 'critical' and subject like 'marts.%'")
        ),
        "all_in_force_was_checked": "delete from {table} where subject = (select min(subject) from {table})",
    },
    "audit.corrections": {
        "words_known": (
            "insert into {table} (correction_id, status, decided_status, rows_touched) values ('c', 'applied', 'active', 0)"
        ),
        "previous_corrections_kept": (
            "drop view previous.corrections; create table previous.corrections as select * from {table};"
            "insert into previous.corrections (correction_id, column_name) values ('c', 'count')"
        ),
    },
}
CASES = [(table, id) for table, cases in BROKEN.items() for id in cases]


@pytest.fixture(scope="module")
def graph():
    return models.load_graph(SQL, load_contracts(SQL / "0_sources"))


@pytest.fixture(scope="module")
def world(sample_run, graph):
    """The sample's release in a database of its own, with itself as the release before."""
    settings, _ = sample_run
    contracts = load_contracts(SQL / "0_sources")
    manifest = ledger.read_json(settings.current / "manifest.json")
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.current / 'campaign.duckdb'}' as release (read_only)")
        con.execute("create schema previous")
        for name in manifest["tables"]:
            schema, _, table = name.partition(".")
            con.execute(f"create schema if not exists {schema}")
            con.execute(f"create view {name} as select * from release.{name}")
            con.execute(f"create view previous.{table} as select * from release.{name}")
        staged = {}
        for rank, entry in enumerate(manifest["deliveries"], 1):
            if entry["is_in_force"]:
                verdict = ledger.read_json(settings.out / "verdicts" / f"{entry['delivery_id']}.json")
                place = (entry["delivery_id"], rank, settings.staged / verdict["staged"])
                staged.setdefault(entry["contract"], []).append(place)
        models.create_sources(con, contracts, staged)
        con.execute(f"attach '{settings.internal}' as exact (read_only)")
        for name in ("deliveries", "quarantine", "contracts"):
            con.execute(f"create table sources.{name} as select * from exact.sources.{name}")
        models.create_run_table(con, "run", [(date.fromisoformat(manifest["as_of"]), "test")])
        models.create_references(con, graph.references)
        yield con


@pytest.fixture(scope="module")
def validator(world):
    from flows.core.validation import Validator

    validator = Validator(world)
    yield validator
    validator.close()


@pytest.fixture
def broken(world):
    """broken(table, change) puts a changed copy in the table's place for the time of a test."""
    change_of = {}

    def change_table(name: str, change: str) -> None:
        change_of[name] = change
        world.execute(f"drop view {name}; create table {name} as select * from release.{name}")
        for statement in change.replace("{table}", name).split(";"):
            world.execute(statement)

    yield change_table
    for name in change_of:
        world.execute(f"drop table {name}; create view {name} as select * from release.{name}")
        before = f"previous.{name.partition('.')[2]}"
        if before in change_of[name]:
            world.execute(f"drop table {before}; create view {before} as select * from release.{name}")


def test_every_published_table_has_a_suite(graph) -> None:
    assert [m.name for m in graph.models if m.is_published and not m.expectations] == []


def test_every_query_looks_at_its_own_table(graph) -> None:
    queries = [
        (f"{model.name}: {expectation.id}", expectation.arguments().get("unexpected_rows_query"))
        for model in graph.models
        for expectation in model.expectations
    ]
    assert [name for name, query in queries if query is not None and models.BATCH not in query] == []


def test_what_an_expectation_names_is_built_before_it_is_checked(graph) -> None:
    late = building.late_models(graph)
    assert [
        f"{model.name}: {id} names {name}"
        for model in graph.models
        if model.name not in late
        for id, names in model.named.items()
        for name in names
        if name in late or name in building.LATE_SOURCES
    ] == []


def test_only_warnings_speak_of_the_release_before(graph) -> None:
    """Nothing that is published may depend on it; and its name says so."""
    compared = [
        (model.name, expectation)
        for model in graph.models
        for expectation in model.expectations
        if any(name.startswith("previous.") for name in model.named.get(expectation.id, ()))
    ]
    assert len(compared) > 10
    assert {e.on_failure for _, e in compared} == {"warn"}
    assert [e.id for _, e in compared if not e.id.startswith("previous_")] == []


def test_tables_of_two_schemas_have_names_of_their_own(graph) -> None:
    names = [m.table for m in graph.models if m.is_published]
    assert len(names) == len(set(names)), "previous.<table> would not say which"


def test_every_expectation_across_tables_is_broken_on_purpose(graph) -> None:
    earlier = {  # broken on purpose in tests/repo/test_rules.py, or older than this file
        "rule_afd_never_added_to_use", "rule_people_never_summed", "rule_hidden_stays_hidden", "rule_people_never_added",
        "indicator_in_catalogue", "every_delivery_counted",
    }  # fmt: skip
    named = {(m.name, id) for m in graph.models if m.is_published for id, names in m.named.items() if names}
    assert sorted((table, id) for table, id in named - set(CASES) if id not in earlier) == []


def test_every_expectation_on_provenance_is_broken_on_purpose(graph) -> None:
    tables = ("drift", "freshness", "lineage", "origins", "provenance", "releases", "release_checks")
    expected = {
        (m.name, e.id) for m in graph.models if m.schema == "audit" and m.table in tables for e in m.expectations
    }
    assert sorted(expected - set(CASES)) == []


def test_every_measure_of_drift_has_its_rule_its_query_and_its_expectation(graph) -> None:
    """A word written otherwise in one of the three would never be outside, and look green."""
    with (SQL / "reference" / "drift_rules.csv").open(encoding="utf-8") as file:
        ruled = {row["measure"] for row in csv.DictReader(file)}
    written = {m for m in ruled if f"'{m}'" in graph.by_name["intermediate.int_deliveries_compared"].sql}
    assert set(DRIFT.values()) == ruled == written


def test_the_sample_meets_every_expectation(world, validator, graph) -> None:
    unmet = [
        (model.name, check.expectation.id, check.problem)
        for model in graph.models
        if model.is_published
        for check in validator.validate(model.table, model.expectations, schema=model.schema)
        if check.verdict != "passed"
    ]
    assert sorted(unmet) == [
        ("audit.freshness", "delivery_not_late", ""),  # two bases of the SSMSI are older than their rhythm
        ("marts.wave_comparisons", "wordings_known", ""),
    ]


@pytest.mark.parametrize(("table", "id"), CASES, ids=[f"{table}: {id}" for table, id in CASES])
def test_broken_on_purpose(table: str, id: str, world, validator, broken, graph) -> None:
    model = graph.by_name[table]
    expectation = next(e for e in model.expectations if e.id == id)
    broken(table, BROKEN[table][id])
    (check,) = validator.validate(model.table, [expectation], schema=model.schema)
    assert (check.verdict, check.problem) == ("failed", "")
    assert check.failed_rows > 0
