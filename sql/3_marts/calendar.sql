-- The campaign and what happened around it, to be drawn on every curve.
-- Grain: event_id.
-- Care: most dates come from the press; other measures began in the same months, so a change has several causes.
with

events as (
    select * from reference.calendar
)

select
    event_id,
    starts_on,
    ends_on,
    date_precision,
    event_fr,
    event_en,
    kind,
    is_launch,
    is_placebo_date,
    place,
    source,
    source_kind
from events
