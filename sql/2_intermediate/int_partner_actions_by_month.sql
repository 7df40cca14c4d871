-- Actions of partners by zone, month and kind of action.
-- Grain: zone_code, month_on, action.
-- Care: exact, not for publication; zone_code is 'unlocated' where the log names no zone or one that is not of the city.
with

actions as (
    select * from intermediate.int_partner_actions_located
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
from actions
group by zone_code, month_on, action
