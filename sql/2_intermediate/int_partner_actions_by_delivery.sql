-- Actions of partners by zone as written, month and kind of action, of each delivery.
-- Grain: zone_code, month_on, action, delivery_id.
-- Care: exact, not for publication; a blank count adds nothing, and a report of nothing is no action.
with

actions as (
    select * from staging.stg_partners__events
)

-- Millions of rows become thousands here; everything later works on the thousands.
select
    zone_code,
    cast(date_trunc('month', occurred_on) as date) as month_on,
    action,
    delivery_id,
    cast(count(*) as bigint) as action_count,
    cast(sum(contact_count) as bigint) as contact_count,
    cast(count(contact_count) as bigint) as contact_stated_count,
    cast(sum(trained_count) as bigint) as trained_count,
    cast(sum(planned_count) as bigint) as planned_count,
    cast(sum(trained_count) filter (where planned_count is not null) as bigint) as trained_of_planned_count,
    cast(sum(planned_count) filter (where trained_count is not null) as bigint) as planned_with_result_count,
    cast(count(*) filter (where accepted_count > 0) as bigint) as oriented_action_count
from actions
-- a report of nothing is no action, though it covers its month
where action <> 'nothing_to_report'
group by zone_code, cast(date_trunc('month', occurred_on) as date), action, delivery_id
