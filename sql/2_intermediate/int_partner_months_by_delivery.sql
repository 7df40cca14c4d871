-- The months of which each delivery of a partners' log has rows, and how many.
-- Grain: log_name, delivery_id, month_on.
-- Care: read before older rows give way to newer ones: a delivery covers its months even where its rows were replaced since.
with

actions as (
    select * from sources.partner_events
),

meetings as (
    select * from sources.partner_meetings
),

feedback as (
    select * from sources.resident_feedback
)

select
    'partner_events' as log_name,
    delivery_id,
    cast(date_trunc('month', occurred_on) as date) as month_on,
    cast(count(*) as bigint) as row_count
from actions
group by delivery_id, cast(date_trunc('month', occurred_on) as date)
union all
select
    'partner_meetings' as log_name,
    delivery_id,
    cast(date_trunc('month', planned_on) as date) as month_on,
    cast(count(*) as bigint) as row_count
from meetings
group by delivery_id, cast(date_trunc('month', planned_on) as date)
union all
select
    'resident_feedback' as log_name,
    delivery_id,
    cast(date_trunc('month', received_on) as date) as month_on,
    cast(count(*) as bigint) as row_count
from feedback
group by delivery_id, cast(date_trunc('month', received_on) as date)
