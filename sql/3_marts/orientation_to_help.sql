-- People identified in difficulty and the steps of their orientation to help, by kind of partner and quarter.
-- Grain: partner_type, quarter_on.
-- Care: contacts, not persons; 'all' is a total; shares are taken over the actions that report the step.
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
    reported_month_count,
    obs_status,
    is_synthetic
from counted
