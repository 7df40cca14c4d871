-- What was done among residents, by zone and month: points, training, mediation, meetings, feedback.
-- Grain: zone_code, month_on.
-- Care: exact, not for publication; '63113' holds everything, also what names no zone; a month without the log is empty.
with

actions as (
    select * from intermediate.int_partner_actions_by_month
),

meetings as (
    select * from staging.stg_partners__meetings
),

feedback as (
    select * from intermediate.int_feedback_followed
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

deliveries as (
    select * from sources.deliveries_of_partners
),

run as (
    select * from sources.run
),

logs as (
    select * from intermediate.int_partner_logs_by_month
),

reports_due as (
    select * from intermediate.int_reports_due_by_month
),

-- Any partner may act anywhere, so each zone depends on the reports of all of them.
due as (
    select
        month_on,
        count(*) as reports_expected_count,
        count(*) filter (where is_received) as reports_received_count
    from reports_due
    group by month_on
),

actions_placed as (
    select * from actions
    where zone_code <> '63113'
    union all
    select
        '63113' as zone_code,
        month_on,
        action,
        action_count,
        contact_count,
        contact_stated_count,
        trained_count,
        planned_count,
        trained_of_planned_count,
        planned_with_result_count,
        oriented_action_count,
        is_synthetic
    from actions
),

actions_counted as (
    select
        zone_code,
        month_on,
        -- mediations and interviews are left out: beside the others, their number would follow from the number of all
        cast(sum(action_count) filter (
            where action in ('information_point', 'training', 'workshop', 'poster_relay')
        ) as bigint) as public_action_count,
        cast(sum(action_count) filter (where action = 'information_point') as bigint) as information_point_count,
        cast(sum(contact_count) filter (where action = 'information_point') as bigint) as contact_count,
        cast(sum(contact_stated_count) filter (where action = 'information_point') as bigint) as contact_stated_point_count,
        cast(sum(action_count) filter (where action = 'training') as bigint) as training_count,
        cast(sum(trained_count) filter (where action = 'training') as bigint) as trained_count,
        cast(sum(planned_count) filter (where action = 'training') as bigint) as planned_count,
        cast(sum(trained_of_planned_count) filter (where action = 'training') as bigint) as trained_of_planned_count,
        cast(sum(planned_with_result_count) filter (where action = 'training') as bigint) as planned_with_result_count,
        cast(sum(action_count) filter (where action = 'mediation') as bigint) as mediation_count,
        cast(sum(oriented_action_count) filter (where action = 'mediation') as bigint) as mediation_oriented_count,
        bool_or(is_synthetic) as is_synthetic
    from actions_placed
    group by zone_code, month_on
),

-- A meeting belongs to the month for which it was planned, so that held never exceeds planned; one still to come is left out.
meetings_located as (
    select
        case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
        cast(date_trunc('month', meetings.planned_on) as date) as month_on,
        coalesce(meetings.meeting_type, 'other') as meeting_type,
        meetings.held_on is not null and meetings.held_on <= run.as_of as is_held,
        meetings.decisions_opened_count,
        meetings.decisions_closed_count,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from meetings
    inner join run
        on meetings.planned_on <= run.as_of
    left join zones
        on meetings.zone_code = zones.zone_code
    left join deliveries
        on meetings.delivery_id = deliveries.delivery_id
),

meetings_placed as (
    select * from meetings_located
    where zone_code <> '63113'
    union all
    select
        '63113' as zone_code,
        month_on,
        meeting_type,
        is_held,
        decisions_opened_count,
        decisions_closed_count,
        is_synthetic
    from meetings_located
),

meetings_counted as (
    select
        zone_code,
        month_on,
        count(*) filter (where meeting_type = 'neighbourhood') as meetings_planned_count,
        count(*) filter (where meeting_type = 'neighbourhood' and is_held) as meetings_held_count,
        count(*) filter (where meeting_type <> 'neighbourhood') as other_meetings_planned_count,
        count(*) filter (where meeting_type <> 'neighbourhood' and is_held) as other_meetings_held_count,
        cast(sum(decisions_opened_count) as bigint) as decisions_opened_count,
        cast(sum(decisions_closed_count) as bigint) as decisions_closed_count,
        count(*) filter (where is_held) as held_count,
        bool_or(is_synthetic) as is_synthetic
    from meetings_placed
    group by zone_code, month_on
),

feedback_located as (
    select
        case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
        feedback.month_on,
        feedback.is_treated,
        feedback.is_message_change,
        feedback.is_synthetic
    from feedback
    left join zones
        on feedback.zone_code = zones.zone_code
),

feedback_placed as (
    select * from feedback_located
    where zone_code <> '63113'
    union all
    select
        '63113' as zone_code,
        month_on,
        is_treated,
        is_message_change,
        is_synthetic
    from feedback_located
),

feedback_counted as (
    select
        zone_code,
        month_on,
        count(*) as feedback_received_count,
        count(*) filter (where is_treated) as feedback_treated_count,
        count(*) filter (where is_message_change) as message_change_count,
        bool_or(is_synthetic) as is_synthetic
    from feedback_placed
    group by zone_code, month_on
),

months as (
    select
        month_on,
        bool_or(is_reported and log_name = 'partner_events') as is_action_log_reported,
        bool_or(is_reported and log_name = 'partner_meetings') as is_meeting_log_reported,
        bool_or(is_reported and log_name = 'resident_feedback') as is_feedback_log_reported,
        -- due: the log had begun, and the month is over or came early
        bool_or(log_name = 'partner_events') as is_action_log_due,
        bool_or(log_name = 'partner_meetings') as is_meeting_log_due,
        bool_or(log_name = 'resident_feedback') as is_feedback_log_due,
        bool_or(is_provisional and log_name = 'partner_events') as is_action_log_provisional,
        bool_or(is_provisional and log_name = 'partner_meetings') as is_meeting_log_provisional,
        bool_or(is_provisional and log_name = 'resident_feedback') as is_feedback_log_provisional,
        bool_or(is_synthetic) as is_synthetic
    from logs
    group by month_on
),

listed_zones as (
    select zone_code from actions_counted
    union
    select zone_code from meetings_counted
    union
    select zone_code from feedback_counted
)

select
    listed_zones.zone_code,
    months.month_on,
    case
        when months.is_action_log_reported then coalesce(actions_counted.public_action_count, 0)
    end as public_action_count,
    case
        when months.is_action_log_reported then coalesce(actions_counted.information_point_count, 0)
    end as information_point_count,
    -- counts of people: zero only where nothing took place; blank in the log stays blank
    case
        when months.is_action_log_reported and coalesce(actions_counted.information_point_count, 0) = 0 then 0
        when months.is_action_log_reported then actions_counted.contact_count
    end as contact_count,
    case
        when months.is_action_log_reported then coalesce(actions_counted.contact_stated_point_count, 0)
    end as contact_stated_point_count,
    case when months.is_action_log_reported then coalesce(actions_counted.training_count, 0) end as training_count,
    case
        when months.is_action_log_reported and coalesce(actions_counted.training_count, 0) = 0 then 0
        when months.is_action_log_reported then actions_counted.trained_count
    end as trained_count,
    case
        when months.is_action_log_reported and coalesce(actions_counted.training_count, 0) = 0 then 0
        when months.is_action_log_reported then actions_counted.planned_count
    end as planned_count,
    case
        when months.is_action_log_reported and coalesce(actions_counted.training_count, 0) = 0 then 0
        when months.is_action_log_reported then actions_counted.trained_of_planned_count
    end as trained_of_planned_count,
    case
        when months.is_action_log_reported and coalesce(actions_counted.training_count, 0) = 0 then 0
        when months.is_action_log_reported then actions_counted.planned_with_result_count
    end as planned_with_result_count,
    case when months.is_action_log_reported then coalesce(actions_counted.mediation_count, 0) end as mediation_count,
    case
        when months.is_action_log_reported then coalesce(actions_counted.mediation_oriented_count, 0)
    end as mediation_oriented_count,
    case
        when months.is_meeting_log_reported then coalesce(meetings_counted.meetings_planned_count, 0)
    end as meetings_planned_count,
    case
        when months.is_meeting_log_reported then coalesce(meetings_counted.meetings_held_count, 0)
    end as meetings_held_count,
    case
        when months.is_meeting_log_reported then coalesce(meetings_counted.other_meetings_planned_count, 0)
    end as other_meetings_planned_count,
    case
        when months.is_meeting_log_reported then coalesce(meetings_counted.other_meetings_held_count, 0)
    end as other_meetings_held_count,
    case
        when months.is_meeting_log_reported and coalesce(meetings_counted.held_count, 0) = 0 then 0
        when months.is_meeting_log_reported then meetings_counted.decisions_opened_count
    end as decisions_opened_count,
    case
        when months.is_meeting_log_reported and coalesce(meetings_counted.held_count, 0) = 0 then 0
        when months.is_meeting_log_reported then meetings_counted.decisions_closed_count
    end as decisions_closed_count,
    case
        when months.is_feedback_log_reported then coalesce(feedback_counted.feedback_received_count, 0)
    end as feedback_received_count,
    case
        when months.is_feedback_log_reported then coalesce(feedback_counted.feedback_treated_count, 0)
    end as feedback_treated_count,
    case
        when months.is_feedback_log_reported then coalesce(feedback_counted.message_change_count, 0)
    end as message_change_count,
    months.is_action_log_reported,
    months.is_meeting_log_reported,
    months.is_feedback_log_reported,
    months.is_action_log_due,
    months.is_meeting_log_due,
    months.is_feedback_log_due,
    months.is_action_log_provisional,
    months.is_meeting_log_provisional,
    months.is_feedback_log_provisional,
    coalesce(due.reports_expected_count, 0) as reports_expected_count,
    coalesce(due.reports_received_count, 0) as reports_received_count,
    -- 2026-11: the rule of int_participation_counted: more partners silent than reporting; without a roster nobody
    -- knows who should have reported
    coalesce(due.reports_received_count * 2 < due.reports_expected_count, true) as is_action_log_thin,
    coalesce(due.reports_received_count = due.reports_expected_count, false) as is_action_log_complete,
    case
        when actions_counted.zone_code is null and meetings_counted.zone_code is null
            and feedback_counted.zone_code is null then months.is_synthetic
        else coalesce(actions_counted.is_synthetic, false)
            or coalesce(meetings_counted.is_synthetic, false)
            or coalesce(feedback_counted.is_synthetic, false)
    end as is_synthetic
from listed_zones
cross join months
left join actions_counted
    on listed_zones.zone_code = actions_counted.zone_code
    and months.month_on = actions_counted.month_on
left join meetings_counted
    on listed_zones.zone_code = meetings_counted.zone_code
    and months.month_on = meetings_counted.month_on
left join feedback_counted
    on listed_zones.zone_code = feedback_counted.zone_code
    and months.month_on = feedback_counted.month_on
left join due
    on months.month_on = due.month_on
