-- Actions of partners, as in the newest delivery that names the action.
-- Grain: event_id.
-- Care: counts are contacts unless the row says persons; a blank count is not zero; a row may say that there is nothing to report.
with

actions as (
    select * from sources.partner_events
),

repeated as (
    select * from staging.stg_partners__events_repeated
)

select
    actions.event_id,
    actions.partner_id,
    actions.occurred_on,
    actions.action,
    actions.zone_code,
    actions.people_reached as contact_count,
    actions.people_in_difficulty as identified_count,
    actions.orientations_offered as offered_count,
    actions.orientations_accepted as accepted_count,
    actions.appointments_kept as kept_count,
    actions.people_trained as trained_count,
    actions.people_planned as planned_count,
    coalesce(actions.counted_as = 'persons', false) as is_counted_in_persons,
    actions.delivery_id
from actions
-- not `exists` with two conditions, which takes three times as long
left join repeated
    on actions.event_id = repeated.event_id
where repeated.event_id is null
    or repeated.newest_rank <= actions.delivery_rank
