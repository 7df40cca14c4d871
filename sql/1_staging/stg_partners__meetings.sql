-- Meetings that were planned, held or not, as in the newest delivery that names the meeting.
-- Grain: meeting_id.
-- Care: held_on is empty when the meeting was not held.
select
    meeting_id,
    meeting_type,
    zone_code,
    planned_on,
    held_on,
    decisions_opened as decisions_opened_count,
    decisions_closed as decisions_closed_count,
    delivery_id
from sources.partner_meetings
qualify row_number() over (
    partition by meeting_id
    order by delivery_rank desc, delivery_id desc
) = 1
