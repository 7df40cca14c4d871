-- What was done among residents, by zone and month, quarter and year, as it may be shown.
-- Grain: zone_code, period_type, period_start.
-- Care: hidden is not missing and not zero: the status beside a count says so; low and high are what the exact count can be.
with

counted as (
    select * from intermediate.int_outreach_by_period
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'partners'
        and breakdown = 'total'
        and measure in (
            'contacts', 'people_trained', 'people_planned', 'trained_of_planned', 'planned_with_result', 'mediations',
            'mediations_oriented', 'feedback_received', 'feedback_treated', 'message_changes'
        )
),

shown as (
    select
        zone_code,
        period_type,
        period_start,
        max(shown_count) filter (where measure = 'contacts') as contact_count,
        max(shown_count) filter (where measure = 'people_trained') as trained_count,
        max(shown_count) filter (where measure = 'people_planned') as planned_count,
        max(shown_count) filter (where measure = 'trained_of_planned') as trained_of_planned_count,
        max(shown_count) filter (where measure = 'planned_with_result') as planned_with_result_count,
        max(shown_count) filter (where measure = 'mediations') as mediation_count,
        max(low_count) filter (where measure = 'mediations') as mediation_low_count,
        max(high_count) filter (where measure = 'mediations') as mediation_high_count,
        max(shown_count) filter (where measure = 'mediations_oriented') as mediation_oriented_count,
        max(low_count) filter (where measure = 'mediations_oriented') as mediation_oriented_low_count,
        max(high_count) filter (where measure = 'mediations_oriented') as mediation_oriented_high_count,
        max(shown_count) filter (where measure = 'feedback_received') as feedback_received_count,
        max(shown_count) filter (where measure = 'feedback_treated') as feedback_treated_count,
        max(shown_count) filter (where measure = 'message_changes') as message_change_count,
        max(obs_status) filter (where measure = 'contacts') as contact_status,
        -- S comes after C in the alphabet: it is named when one of the counts is small
        max(obs_status) filter (where measure in ('people_trained', 'people_planned')) as training_status,
        max(obs_status) filter (where measure in ('trained_of_planned', 'planned_with_result')) as trained_ratio_status,
        max(obs_status) filter (where measure = 'mediations') as mediation_status,
        max(obs_status) filter (where measure = 'mediations_oriented') as mediation_oriented_status,
        max(obs_status) filter (where measure = 'feedback_received') as feedback_received_status,
        max(obs_status) filter (where measure = 'feedback_treated') as feedback_treated_status,
        max(obs_status) filter (where measure = 'message_changes') as message_change_status
    from protected
    group by zone_code, period_type, period_start
)

select
    counted.zone_code,
    counted.period_type,
    counted.period_start,
    counted.public_action_count,
    counted.information_point_count,
    -- where no point was open, everybody can see that nobody was met there
    case when counted.information_point_count = 0 then 0 else shown.contact_count end as contact_count,
    counted.contact_stated_point_count,
    counted.training_count,
    case when counted.training_count = 0 then 0 else shown.trained_count end as trained_count,
    case when counted.training_count = 0 then 0 else shown.planned_count end as planned_count,
    case when counted.training_count = 0 then 0 else shown.trained_of_planned_count end as trained_of_planned_count,
    case when counted.training_count = 0 then 0 else shown.planned_with_result_count end as planned_with_result_count,
    shown.mediation_count,
    shown.mediation_low_count,
    shown.mediation_high_count,
    shown.mediation_oriented_count,
    shown.mediation_oriented_low_count,
    shown.mediation_oriented_high_count,
    counted.meetings_planned_count,
    counted.meetings_held_count,
    counted.other_meetings_planned_count,
    counted.other_meetings_held_count,
    counted.decisions_opened_count,
    counted.decisions_closed_count,
    shown.feedback_received_count,
    shown.feedback_treated_count,
    shown.message_change_count,
    shown.contact_status,
    shown.training_status,
    shown.trained_ratio_status,
    shown.mediation_status,
    shown.mediation_oriented_status,
    shown.feedback_received_status,
    shown.feedback_treated_status,
    shown.message_change_status,
    counted.is_action_log_reported,
    counted.is_meeting_log_reported,
    counted.is_feedback_log_reported,
    counted.is_action_log_due,
    counted.is_meeting_log_due,
    counted.is_feedback_log_due,
    counted.is_action_log_provisional,
    counted.is_meeting_log_provisional,
    counted.is_feedback_log_provisional,
    counted.reports_expected_count,
    counted.reports_received_count,
    counted.is_action_log_thin,
    counted.is_action_log_complete,
    counted.is_synthetic
from counted
left join shown
    on counted.zone_code = shown.zone_code
    and counted.period_type = shown.period_type
    and counted.period_start = shown.period_start
