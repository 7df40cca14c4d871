-- People identified in difficulty and the steps of their orientation to help, by kind of partner and quarter.
-- Grain: partner_type, quarter_on.
-- Care: contacts, unless a column says persons; 'all' is a total; only what was reported: read reports_completeness beside it.
with

counted as (
    select * from intermediate.int_orientation_counted
)

select
    partner_type,
    quarter_on,
    identified_count,
    followed_count,
    offered_count,
    accepted_count,
    accepted_followed_count,
    kept_count,
    cast(offered_count as double) / nullif(followed_count, 0) as offered_share,
    cast(accepted_count as double) / nullif(followed_count, 0) as accepted_share,
    cast(kept_count as double) / nullif(accepted_followed_count, 0) as kept_share,
    identified_person_count,
    offered_person_count,
    accepted_person_count,
    kept_person_count,
    on_roster_count,
    reporting_count,
    reports_expected_count,
    reports_received_count,
    cast(reports_received_count as double) / nullif(reports_expected_count, 0) as reports_completeness,
    reported_month_count,
    obs_status,
    is_synthetic
from counted
