-- Actions of partners, as in the newest delivery that names the action.
-- Grain: event_id.
-- Care: counts are contacts, not persons; a blank count was not reported and is not zero.
select
    event_id,
    partner_id,
    occurred_on,
    action,
    zone_code,
    people_reached as contact_count,
    people_in_difficulty as identified_count,
    orientations_offered as offered_count,
    orientations_accepted as accepted_count,
    appointments_kept as kept_count,
    people_trained as trained_count,
    people_planned as planned_count,
    delivery_id
from sources.partner_events
qualify row_number() over (
    partition by event_id
    order by delivery_rank desc, delivery_id desc
) = 1
