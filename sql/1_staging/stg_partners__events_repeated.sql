-- Actions that more than one delivery names, and the newest delivery that does: few, in a file that mostly grows.
-- Grain: event_id.
-- Care: of a delivery itself each action is admitted once only (key of the contract), so its rank decides alone.
select
    event_id,
    max(delivery_rank) as newest_rank
from sources.partner_events
group by event_id
having count(*) > 1
