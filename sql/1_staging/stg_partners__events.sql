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
    coalesce(counted_as = 'persons', false) as is_counted_in_persons,
    delivery_id
from actions
where not exists (
    select 1
    from repeated
    where repeated.event_id = actions.event_id
        and repeated.newest_rank > actions.delivery_rank
)
