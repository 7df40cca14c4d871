"""One query leads from a published figure to the deliveries, receipts, verdicts and corrections behind it."""

from __future__ import annotations

import re

import pytest

from flows.settings import PROJECT

QUERY = """
select
    behind.contract,
    behind.kind,
    deliveries.file_name,
    left(deliveries.sha256, 8) as sha256,
    cast(deliveries.received_at as date) as received_on,
    deliveries.verdict,
    deliveries.rows_accepted as accepted,
    deliveries.rows_quarantined as set_aside,
    (
        select string_agg(checks.expectation_id, ', ' order by checks.expectation_id)
        from audit.checks as checks
        where checks.subject = deliveries.delivery_id and checks.verdict <> 'passed'
    ) as not_passed,
    (
        select string_agg(corrections.correction_id, ', ' order by corrections.correction_id)
        from audit.corrections as corrections
        where told.obs_status = 'E' and deliveries.contract like 'ssmsi%' and corrections.status = 'applied'
            and corrections.territory_code = zones.territory_code and corrections.year = extract(year from told.period_start)
    ) as corrections
from marts.indicator_values as told
inner join marts.zones as zones
    on told.zone_code = zones.zone_code
inner join audit.provenance as behind
    on behind.table_name = 'marts.indicator_values'
    and behind.column_name = 'value'
    and told.indicator_id = behind.indicator_id
inner join audit.deliveries as deliveries
    on behind.contract = deliveries.contract
    and deliveries.is_in_force
where told.indicator_id = 'oriented_to_help'
    and told.zone_code = '63113'
    and told.period_start = date '2025-04-01'
    and told.breakdown = 'total'
order by behind.kind, behind.contract, deliveries.delivery_rank
"""


def test_from_a_figure_to_its_deliveries(release) -> None:
    found = release.execute(QUERY).fetchall()
    names = [column[0] for column in release.description]
    rows = [dict(zip(names, row, strict=True)) for row in found]
    logs = [row for row in rows if row["contract"] == "partner_events"]
    assert {row["file_name"] for row in logs} == {
        "partners/actions-partenaires-2023.xlsx",
        "partners/actions-partenaires-2024-2025.csv",
        "partners/actions-partenaires-2026.jsonl",
    }
    assert {row["kind"] for row in logs} == {"aggregation"}
    (two_years,) = [row for row in logs if "2024-2025" in row["file_name"]]
    assert two_years["verdict"] == "warned" and "orientation_steps_ordered" in two_years["not_passed"]
    # all of the partners' counts are protected together: what may be shown of one depends on the others
    beside = {row["contract"] for row in rows if row["kind"] == "aggregation"} - {"partner_events"}
    assert beside == {"channel_metrics", "resident_feedback", "zones"}
    assert {row["contract"] for row in rows if row["kind"] == "condition"} == {"partner_meetings", "partner_roster"}


def test_a_published_figure_leads_to_its_base_alone(release) -> None:
    query = QUERY.replace("oriented_to_help", "drug_use_recorded").replace("2025-04-01", "2025-01-01")
    contracts = {row[0] for row in release.execute(query).fetchall()}
    assert contracts == {"ssmsi_communal", "ssmsi_departemental"}


@pytest.mark.parametrize("table", ["marts.indicator_values", "marts.scorecard", "marts.perceptions_by_wave"])
def test_every_row_of_a_table_leads_to_deliveries_in_force(table, release) -> None:
    sql = """select count(*) from audit.provenance as behind
        inner join audit.deliveries as deliveries on behind.contract = deliveries.contract and deliveries.is_in_force
        where behind.table_name = ? and behind.indicator_id = 'all'"""
    assert release.execute(sql, [table]).fetchone()[0] > 0


def test_the_readme_shows_this_query() -> None:
    shown = re.search(r"<!-- query:provenance -->\n```sql\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert shown, "the README leads from a figure to its deliveries"
    assert shown.group(1).strip() == QUERY.strip()
