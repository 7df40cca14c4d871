-- Partners on the roster at the start of each quarter, and how many of them were active, by kind of partner and zone.
-- Grain: partner_type, zone_code, quarter_on.
-- Care: 'all' and the commune are totals; a quarter without a log is missing; silence is not inactivity while months are lacking.
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
    active_count,
    cast(active_count as double) / nullif(on_roster_count, 0) as active_share,
    active_off_roster_count,
    reported_month_count,
    obs_status,
    is_synthetic
from counted
