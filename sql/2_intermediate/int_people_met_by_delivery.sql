-- People met at information points, trained and planned for training, of each partner by zone as written and month, of each delivery.
-- Grain: zone_code, month_on, partner_id, delivery_id.
-- Care: exact, not for publication; a blank count adds nothing.
with

actions as (
    select * from staging.stg_partners__events
    where action in ('information_point', 'training')
)

select
    zone_code,
    cast(date_trunc('month', occurred_on) as date) as month_on,
    partner_id,
    delivery_id,
    cast(sum(contact_count) filter (where action = 'information_point') as bigint) as contact_count,
    cast(sum(trained_count) filter (where action = 'training') as bigint) as trained_count,
    cast(sum(planned_count) filter (where action = 'training') as bigint) as planned_count,
    cast(sum(trained_count) filter (
        where action = 'training' and planned_count is not null
    ) as bigint) as trained_of_planned_count,
    cast(sum(planned_count) filter (
        where action = 'training' and trained_count is not null
    ) as bigint) as planned_with_result_count
from actions
group by zone_code, cast(date_trunc('month', occurred_on) as date), partner_id, delivery_id
