-- What was done among residents, by zone and month: information points, training, mediation, meetings, feedback.
-- Grain: zone_code, month_on.
-- Care: the commune is the total, zones of different types overlap; a month without the log is empty, a zone without a row 0.
with

counted as (
    select * from intermediate.int_outreach_counted
)

select
    zone_code,
    month_on,
    action_count,
    information_point_count,
    contact_count,
    training_count,
    trained_count,
    planned_count,
    cast(trained_of_planned_count as double) / nullif(planned_with_result_count, 0) as trained_ratio,
    mediation_count,
    mediation_oriented_count,
    cast(mediation_oriented_count as double) / nullif(mediation_count, 0) as mediation_oriented_share,
    meetings_planned_count,
    meetings_held_count,
    cast(meetings_held_count as double) / nullif(meetings_planned_count, 0) as meetings_held_share,
    other_meetings_planned_count,
    other_meetings_held_count,
    decisions_opened_count,
    decisions_closed_count,
    feedback_received_count,
    feedback_treated_count,
    cast(feedback_treated_count as double) / nullif(feedback_received_count, 0) as feedback_treated_share,
    message_change_count,
    is_action_log_reported,
    is_meeting_log_reported,
    is_feedback_log_reported,
    is_action_log_provisional or is_meeting_log_provisional or is_feedback_log_provisional as is_provisional,
    is_synthetic
from counted
