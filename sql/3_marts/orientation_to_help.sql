-- People identified in difficulty and the steps of their orientation to help, by kind of partner and quarter.
-- Grain: partner_type, quarter_on.
-- Care: rounded to 5, the small ones hidden, which hidden_status tells from missing; contacts, unless a column says persons.
with

shown as (
    select * from intermediate.int_orientation_shown
    where period_type = 'quarter'
)

select
    partner_type,
    period_start as quarter_on,
    identified_count,
    followed_count,
    offered_count,
    accepted_count,
    accepted_followed_count,
    kept_count,
    cast(offered_count as double) / nullif(followed_count, 0) as offered_share,
    cast(accepted_count as double) / nullif(followed_count, 0) as accepted_share,
    cast(kept_count as double) / nullif(accepted_followed_count, 0) as kept_share,
    hidden_status,
    identified_person_count,
    offered_person_count,
    accepted_person_count,
    kept_person_count,
    person_hidden_status,
    on_roster_count,
    reporting_count,
    reports_expected_count,
    reports_received_count,
    cast(reports_received_count as double) / nullif(reports_expected_count, 0) as reports_completeness,
    reported_month_count,
    obs_status,
    is_synthetic
from shown
