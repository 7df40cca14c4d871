-- Feedback of residents and what became of it, as in the newest delivery that names the feedback.
-- Grain: feedback_id.
-- Care: the residents' words are never staged.
select
    feedback_id,
    received_on,
    zone_code,
    topic,
    treated_on,
    outcome,
    upper(message_version) as message_version,
    upper(new_message_version) as new_message_version,
    delivery_id
from sources.resident_feedback
qualify row_number() over (
    partition by feedback_id
    order by delivery_rank desc, delivery_id desc
) = 1
