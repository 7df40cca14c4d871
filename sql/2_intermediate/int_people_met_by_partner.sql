-- People met at information points, trained and planned for training, of each partner by zone and month.
-- Grain: zone_code, month_on, partner_id.
-- Care: exact, not for publication; zone_code is 'unlocated' where the log names no zone or one that is not of the city.
with

actions as (
    select * from staging.stg_partners__events
    where action in ('information_point', 'training')
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

counted as (
    select
        case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
        cast(date_trunc('month', actions.occurred_on) as date) as month_on,
        actions.partner_id,
        sum(actions.contact_count) filter (where actions.action = 'information_point') as contact_count,
        sum(actions.trained_count) filter (where actions.action = 'training') as trained_count,
        sum(actions.planned_count) filter (where actions.action = 'training') as planned_count,
        sum(actions.trained_count) filter (
            where actions.action = 'training' and actions.planned_count is not null
        ) as trained_of_planned_count,
        sum(actions.planned_count) filter (
            where actions.action = 'training' and actions.trained_count is not null
        ) as planned_with_result_count
    from actions
    left join zones
        on actions.zone_code = zones.zone_code
    group by
        case when zones.zone_code is null then 'unlocated' else zones.zone_code end,
        cast(date_trunc('month', actions.occurred_on) as date),
        actions.partner_id
)

select
    zone_code,
    month_on,
    partner_id,
    cast(contact_count as bigint) as contact_count,
    cast(trained_count as bigint) as trained_count,
    cast(planned_count as bigint) as planned_count,
    cast(trained_of_planned_count as bigint) as trained_of_planned_count,
    cast(planned_with_result_count as bigint) as planned_with_result_count
from counted
