-- What was done among residents, by zone and month: information points, training, mediation, meetings, feedback.
-- Grain: zone_code, month_on.
-- Care: the commune is the total; hidden counts are neither missing nor zero: their status says so, and longer periods tell more.
with

shown as (
    select * from intermediate.int_outreach_shown
    where period_type = 'month'
)

select
    zone_code,
    period_start as month_on,
    public_action_count,
    information_point_count,
    contact_count,
    contact_status as contact_hidden_status,
    contact_stated_point_count,
    training_count,
    trained_count,
    planned_count,
    cast(trained_of_planned_count as double) / nullif(planned_with_result_count, 0) as trained_ratio,
    greatest(training_status, trained_ratio_status) as training_hidden_status,
    mediation_count,
    mediation_oriented_count,
    cast(mediation_oriented_count as double) / nullif(mediation_count, 0) as mediation_oriented_share,
    greatest(mediation_status, mediation_oriented_status) as mediation_hidden_status,
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
    greatest(feedback_received_status, feedback_treated_status) as feedback_hidden_status,
    message_change_count,
    message_change_status as message_change_hidden_status,
    is_action_log_reported,
    is_meeting_log_reported,
    is_feedback_log_reported,
    is_action_log_provisional or is_meeting_log_provisional or is_feedback_log_provisional as is_provisional,
    reports_expected_count,
    reports_received_count,
    cast(reports_received_count as double) / nullif(reports_expected_count, 0) as reports_completeness,
    case
        when not is_action_log_reported then 'M'
        when is_action_log_thin then 'U'
        when is_action_log_provisional then 'P'
        else 'A'
    end as action_obs_status,
    case
        when not is_meeting_log_reported then 'M'
        when is_meeting_log_provisional then 'P'
        else 'A'
    end as meeting_obs_status,
    case
        when not is_feedback_log_reported then 'M'
        when is_feedback_log_provisional then 'P'
        else 'A'
    end as feedback_obs_status,
    is_synthetic
from shown
