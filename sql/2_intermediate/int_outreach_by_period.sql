-- What was done among residents, by zone and month, and by the quarters and years of which every month is there.
-- Grain: zone_code, period_type, period_start.
-- Care: exact, not for publication; a longer period with a month that was not reported is empty, not smaller.
with

outreach as (
    select * from intermediate.int_outreach_counted
),

months as (
    select * from reference.months
),

placed as (
    select
        outreach.zone_code,
        'month' as period_type,
        1 as month_count,
        outreach.month_on as period_start,
        outreach.month_on
    from outreach

    union all

    select
        outreach.zone_code,
        'quarter' as period_type,
        3 as month_count,
        months.quarter_on as period_start,
        outreach.month_on
    from outreach
    inner join months
        on outreach.month_on = months.month_on

    union all

    select
        outreach.zone_code,
        'year' as period_type,
        12 as month_count,
        make_date(months.year, 1, 1) as period_start,
        outreach.month_on
    from outreach
    inner join months
        on outreach.month_on = months.month_on
),

-- A period that still runs is not missing yet: it has no row before its last month is due.
added as (
    select
        placed.zone_code,
        placed.period_type,
        placed.period_start,
        sum(outreach.public_action_count) as public_action_count,
        sum(outreach.information_point_count) as information_point_count,
        sum(outreach.contact_count) filter (where outreach.information_point_count > 0) as contact_count,
        sum(outreach.contact_stated_point_count) as contact_stated_point_count,
        sum(outreach.training_count) as training_count,
        sum(outreach.trained_count) filter (where outreach.training_count > 0) as trained_count,
        sum(outreach.planned_count) filter (where outreach.training_count > 0) as planned_count,
        sum(outreach.trained_of_planned_count) filter (where outreach.training_count > 0) as trained_of_planned_count,
        sum(outreach.planned_with_result_count) filter (where outreach.training_count > 0) as planned_with_result_count,
        sum(outreach.mediation_count) as mediation_count,
        sum(outreach.mediation_oriented_count) as mediation_oriented_count,
        sum(outreach.meetings_planned_count) as meetings_planned_count,
        sum(outreach.meetings_held_count) as meetings_held_count,
        sum(outreach.other_meetings_planned_count) as other_meetings_planned_count,
        sum(outreach.other_meetings_held_count) as other_meetings_held_count,
        sum(outreach.decisions_opened_count) as decisions_opened_count,
        sum(outreach.decisions_closed_count) as decisions_closed_count,
        sum(outreach.feedback_received_count) as feedback_received_count,
        sum(outreach.feedback_treated_count) as feedback_treated_count,
        sum(outreach.message_change_count) as message_change_count,
        bool_and(outreach.is_action_log_reported) as is_action_log_reported,
        bool_and(outreach.is_meeting_log_reported) as is_meeting_log_reported,
        bool_and(outreach.is_feedback_log_reported) as is_feedback_log_reported,
        bool_and(outreach.is_action_log_due) as is_action_log_due,
        bool_and(outreach.is_meeting_log_due) as is_meeting_log_due,
        bool_and(outreach.is_feedback_log_due) as is_feedback_log_due,
        bool_or(outreach.is_action_log_provisional) as is_action_log_provisional,
        bool_or(outreach.is_meeting_log_provisional) as is_meeting_log_provisional,
        bool_or(outreach.is_feedback_log_provisional) as is_feedback_log_provisional,
        sum(outreach.reports_expected_count) as reports_expected_count,
        sum(outreach.reports_received_count) as reports_received_count,
        bool_and(outreach.is_action_log_complete) as is_action_log_complete,
        bool_or(outreach.is_synthetic) as is_synthetic
    from placed
    inner join outreach
        on placed.zone_code = outreach.zone_code
        and placed.month_on = outreach.month_on
    group by placed.zone_code, placed.period_type, placed.period_start, placed.month_count
    having count(*) = placed.month_count
)

select
    zone_code,
    period_type,
    period_start,
    case when is_action_log_reported then cast(public_action_count as bigint) end as public_action_count,
    case when is_action_log_reported then cast(information_point_count as bigint) end as information_point_count,
    -- zero where nothing took place; where something did and nobody wrote down the people, they are unknown
    case
        when is_action_log_reported and information_point_count = 0 then 0
        when is_action_log_reported then cast(contact_count as bigint)
    end as contact_count,
    case when is_action_log_reported then cast(contact_stated_point_count as bigint) end as contact_stated_point_count,
    case when is_action_log_reported then cast(training_count as bigint) end as training_count,
    case
        when is_action_log_reported and training_count = 0 then 0
        when is_action_log_reported then cast(trained_count as bigint)
    end as trained_count,
    case
        when is_action_log_reported and training_count = 0 then 0
        when is_action_log_reported then cast(planned_count as bigint)
    end as planned_count,
    case
        when is_action_log_reported and training_count = 0 then 0
        when is_action_log_reported then cast(trained_of_planned_count as bigint)
    end as trained_of_planned_count,
    case
        when is_action_log_reported and training_count = 0 then 0
        when is_action_log_reported then cast(planned_with_result_count as bigint)
    end as planned_with_result_count,
    case when is_action_log_reported then cast(mediation_count as bigint) end as mediation_count,
    case when is_action_log_reported then cast(mediation_oriented_count as bigint) end as mediation_oriented_count,
    case when is_meeting_log_reported then cast(meetings_planned_count as bigint) end as meetings_planned_count,
    case when is_meeting_log_reported then cast(meetings_held_count as bigint) end as meetings_held_count,
    case when is_meeting_log_reported then cast(other_meetings_planned_count as bigint) end as other_meetings_planned_count,
    case when is_meeting_log_reported then cast(other_meetings_held_count as bigint) end as other_meetings_held_count,
    case when is_meeting_log_reported then cast(decisions_opened_count as bigint) end as decisions_opened_count,
    case when is_meeting_log_reported then cast(decisions_closed_count as bigint) end as decisions_closed_count,
    case when is_feedback_log_reported then cast(feedback_received_count as bigint) end as feedback_received_count,
    case when is_feedback_log_reported then cast(feedback_treated_count as bigint) end as feedback_treated_count,
    case when is_feedback_log_reported then cast(message_change_count as bigint) end as message_change_count,
    is_action_log_reported,
    is_meeting_log_reported,
    is_feedback_log_reported,
    is_action_log_due,
    is_meeting_log_due,
    is_feedback_log_due,
    is_action_log_provisional,
    is_meeting_log_provisional,
    is_feedback_log_provisional,
    cast(reports_expected_count as bigint) as reports_expected_count,
    cast(reports_received_count as bigint) as reports_received_count,
    -- 2026-11: the rule of int_participation_counted; without a roster nobody knows who should have reported
    reports_expected_count = 0 or reports_received_count * 2 < reports_expected_count as is_action_log_thin,
    is_action_log_complete,
    is_synthetic
from added
