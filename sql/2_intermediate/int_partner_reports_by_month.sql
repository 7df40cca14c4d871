-- What each partner reported for each month, with the steps of the orientation to help.
-- Grain: partner_id, month_on.
-- Care: a month without a row is silence, not inactivity; a step is summed over the actions that report the steps before it.
with

counted as (
    select * from intermediate.int_partner_reports_by_delivery
),

deliveries as (
    select * from sources.deliveries_of_partners
)

select
    counted.partner_id,
    counted.month_on,
    cast(sum(counted.action_count) as bigint) as action_count,
    cast(sum(counted.identified_count) as bigint) as identified_count,
    cast(sum(counted.followed_count) as bigint) as followed_count,
    cast(sum(counted.offered_count) as bigint) as offered_count,
    cast(sum(counted.accepted_count) as bigint) as accepted_count,
    cast(sum(counted.accepted_followed_count) as bigint) as accepted_followed_count,
    cast(sum(counted.kept_count) as bigint) as kept_count,
    -- the same steps, of the rows that say they count each person once
    cast(sum(counted.identified_count) filter (where counted.is_counted_in_persons) as bigint) as identified_person_count,
    cast(sum(counted.offered_count) filter (where counted.is_counted_in_persons) as bigint) as offered_person_count,
    cast(sum(counted.accepted_count) filter (where counted.is_counted_in_persons) as bigint) as accepted_person_count,
    cast(sum(counted.kept_count) filter (where counted.is_counted_in_persons) as bigint) as kept_person_count,
    bool_or(coalesce(deliveries.is_synthetic, false)) as is_synthetic
from counted
left join deliveries
    on counted.delivery_id = deliveries.delivery_id
group by counted.partner_id, counted.month_on
