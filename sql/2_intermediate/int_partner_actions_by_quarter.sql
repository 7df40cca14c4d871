-- Actions of each partner by quarter, with the steps of the orientation to help.
-- Grain: partner_id, quarter_on.
-- Care: the steps are summed over the actions that report the steps before as well, so that each is a part of the one before.
with

actions as (
    select * from staging.stg_partners__events
),

deliveries as (
    select * from sources.deliveries
),

-- A step left blank is not zero: the people of that action are identified, but what followed is unknown.
counted as (
    select
        partner_id,
        cast(date_trunc('quarter', occurred_on) as date) as quarter_on,
        delivery_id,
        count(*) as action_count,
        sum(identified_count) as identified_count,
        sum(identified_count) filter (
            where offered_count is not null and accepted_count is not null
        ) as followed_count,
        sum(offered_count) filter (
            where identified_count is not null and accepted_count is not null
        ) as offered_count,
        sum(accepted_count) filter (
            where identified_count is not null and offered_count is not null
        ) as accepted_count,
        sum(accepted_count) filter (
            where identified_count is not null and offered_count is not null and kept_count is not null
        ) as accepted_followed_count,
        sum(kept_count) filter (
            where identified_count is not null and offered_count is not null and accepted_count is not null
        ) as kept_count
    from actions
    group by partner_id, cast(date_trunc('quarter', occurred_on) as date), delivery_id
)

select
    counted.partner_id,
    counted.quarter_on,
    cast(sum(counted.action_count) as bigint) as action_count,
    cast(sum(counted.identified_count) as bigint) as identified_count,
    cast(sum(counted.followed_count) as bigint) as followed_count,
    cast(sum(counted.offered_count) as bigint) as offered_count,
    cast(sum(counted.accepted_count) as bigint) as accepted_count,
    cast(sum(counted.accepted_followed_count) as bigint) as accepted_followed_count,
    cast(sum(counted.kept_count) as bigint) as kept_count,
    bool_or(coalesce(deliveries.is_synthetic, false)) as is_synthetic
from counted
left join deliveries
    on counted.delivery_id = deliveries.delivery_id
group by counted.partner_id, counted.quarter_on
