-- Actions of partners by zone, month and kind of action.
-- Grain: zone_code, month_on, action.
-- Care: exact, not for publication; zone_code is 'unlocated' where the log names no zone or one that is not of the city.
with

counted as (
    select * from intermediate.int_partner_actions_by_delivery
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

deliveries as (
    select * from sources.deliveries_of_partners
),

located as (
    select
        case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
        counted.month_on,
        counted.action,
        counted.action_count,
        counted.contact_count,
        counted.contact_stated_count,
        counted.trained_count,
        counted.planned_count,
        counted.trained_of_planned_count,
        counted.planned_with_result_count,
        counted.oriented_action_count,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from counted
    left join zones
        on counted.zone_code = zones.zone_code
    left join deliveries
        on counted.delivery_id = deliveries.delivery_id
)

select
    zone_code,
    month_on,
    action,
    cast(sum(action_count) as bigint) as action_count,
    cast(sum(contact_count) as bigint) as contact_count,
    cast(sum(contact_stated_count) as bigint) as contact_stated_count,
    cast(sum(trained_count) as bigint) as trained_count,
    cast(sum(planned_count) as bigint) as planned_count,
    cast(sum(trained_of_planned_count) as bigint) as trained_of_planned_count,
    cast(sum(planned_with_result_count) as bigint) as planned_with_result_count,
    cast(sum(oriented_action_count) as bigint) as oriented_action_count,
    bool_or(is_synthetic) as is_synthetic
from located
group by zone_code, month_on, action
