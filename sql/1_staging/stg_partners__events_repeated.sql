-- Actions that more than one delivery names, and the newest delivery that does: few, in a file that mostly grows.
-- Grain: event_id.
-- Care: of a delivery itself each action is admitted once only (key of the contract), so its rank decides alone.
with

actions as (
    select * from sources.partner_events
),

sizes as (
    select
        delivery_id,
        count(*) as row_count
    from actions
    group by delivery_id
),

largest as (
    select delivery_id
    from sizes
    qualify row_number() over (order by row_count desc, delivery_id) = 1
),

-- What two deliveries name stands in another than the largest: its millions need not be grouped one by one.
candidates as (
    select event_id
    from actions
    where delivery_id not in (select delivery_id from largest)
)

select
    event_id,
    max(delivery_rank) as newest_rank
from actions
where event_id in (select event_id from candidates)
group by event_id
having count(*) > 1
