-- Partners on the roster at the start of each quarter, those that reported and those that were active, by kind and zone.
-- Grain: partner_type, zone_code, quarter_on.
-- Care: 'all' and the commune are totals; the roster is frozen; silence is not inactivity: read reports_completeness beside it.
with

counted as (
    select * from intermediate.int_participation_counted
)

select
    partner_type,
    zone_code,
    quarter_on,
    on_roster_count,
    signed_in_quarter_count,
    left_in_quarter_count,
    reporting_count,
    active_count,
    on_roster_count - reporting_count as silent_count,
    cast(active_count as double) / nullif(on_roster_count, 0) as active_share,
    cast(active_count + on_roster_count - reporting_count as double) / nullif(on_roster_count, 0) as active_share_at_most,
    active_off_roster_count,
    reports_expected_count,
    reports_received_count,
    cast(reports_received_count as double) / nullif(reports_expected_count, 0) as reports_completeness,
    reported_month_count,
    roster_list_on,
    is_roster_reconstructed,
    is_roster_doubtful,
    obs_status,
    is_synthetic
from counted
