-- What each partner reported for each month, with the steps of the orientation to help, of each delivery.
-- Grain: partner_id, month_on, is_counted_in_persons, delivery_id.
-- Care: exact, not for publication; a step is summed over the actions that report the steps before it.
with

actions as (
    select * from staging.stg_partners__events
)

-- A step left blank is not zero: the people of that action are identified, but what followed is unknown.
select
    partner_id,
    cast(date_trunc('month', occurred_on) as date) as month_on,
    is_counted_in_persons,
    delivery_id,
    cast(count(*) filter (where action <> 'nothing_to_report') as bigint) as action_count,
    cast(sum(identified_count) as bigint) as identified_count,
    cast(sum(identified_count) filter (
        where offered_count is not null and accepted_count is not null
    ) as bigint) as followed_count,
    cast(sum(offered_count) filter (
        where identified_count is not null and accepted_count is not null
    ) as bigint) as offered_count,
    cast(sum(accepted_count) filter (
        where identified_count is not null and offered_count is not null
    ) as bigint) as accepted_count,
    cast(sum(accepted_count) filter (
        where identified_count is not null and offered_count is not null and kept_count is not null
    ) as bigint) as accepted_followed_count,
    cast(sum(kept_count) filter (
        where identified_count is not null and offered_count is not null and accepted_count is not null
    ) as bigint) as kept_count
from actions
group by partner_id, cast(date_trunc('month', occurred_on) as date), is_counted_in_persons, delivery_id
