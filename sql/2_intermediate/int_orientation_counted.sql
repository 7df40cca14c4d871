-- People identified in difficulty and the steps of their orientation to help, by kind of partner and quarter.
-- Grain: partner_type, quarter_on.
-- Care: exact, not for publication; contacts, but for the person columns; 'all' is a total; only what was reported.
with

actions as (
    select * from intermediate.int_partner_actions_by_quarter
),

roster_by_quarter as (
    select * from intermediate.int_roster_by_quarter
),

memberships as (
    select * from intermediate.int_roster_memberships
),

reports_due as (
    select * from intermediate.int_reports_due_by_month
),

logs as (
    select * from intermediate.int_partner_logs_by_month
    where log_name = 'partner_events'
),

-- The kind of a partner is that of the frozen roster; of one that is not on it, what the newest list says.
newest_types as (
    select
        partner_id,
        partner_type
    from memberships
    qualify row_number() over (partition by partner_id order by list_on desc, signed_on desc) = 1
),

typed as (
    select
        coalesce(roster_by_quarter.partner_type, newest_types.partner_type, 'unknown') as partner_type,
        actions.quarter_on,
        actions.action_count,
        actions.identified_count,
        actions.followed_count,
        actions.offered_count,
        actions.accepted_count,
        actions.accepted_followed_count,
        actions.kept_count,
        actions.identified_person_count,
        actions.offered_person_count,
        actions.accepted_person_count,
        actions.kept_person_count,
        actions.is_synthetic
    from actions
    left join roster_by_quarter
        on actions.partner_id = roster_by_quarter.partner_id
        and actions.quarter_on = roster_by_quarter.quarter_on
    left join newest_types
        on actions.partner_id = newest_types.partner_id
),

spread as (
    select * from typed
    union all
    select
        'all' as partner_type,
        quarter_on,
        action_count,
        identified_count,
        followed_count,
        offered_count,
        accepted_count,
        accepted_followed_count,
        kept_count,
        identified_person_count,
        offered_person_count,
        accepted_person_count,
        kept_person_count,
        is_synthetic
    from typed
),

counted as (
    select
        partner_type,
        quarter_on,
        cast(sum(action_count) as bigint) as action_count,
        cast(sum(identified_count) as bigint) as identified_count,
        cast(sum(followed_count) as bigint) as followed_count,
        cast(sum(offered_count) as bigint) as offered_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(accepted_followed_count) as bigint) as accepted_followed_count,
        cast(sum(kept_count) as bigint) as kept_count,
        cast(sum(identified_person_count) as bigint) as identified_person_count,
        cast(sum(offered_person_count) as bigint) as offered_person_count,
        cast(sum(accepted_person_count) as bigint) as accepted_person_count,
        cast(sum(kept_person_count) as bigint) as kept_person_count,
        bool_or(is_synthetic) as is_synthetic
    from spread
    group by partner_type, quarter_on
),

roster_spread as (
    select
        roster_by_quarter.partner_type,
        roster_by_quarter.quarter_on,
        actions.partner_id is not null as is_reporting
    from roster_by_quarter
    left join actions
        on roster_by_quarter.partner_id = actions.partner_id
        and roster_by_quarter.quarter_on = actions.quarter_on
    union all
    select
        'all' as partner_type,
        roster_by_quarter.quarter_on,
        actions.partner_id is not null as is_reporting
    from roster_by_quarter
    left join actions
        on roster_by_quarter.partner_id = actions.partner_id
        and roster_by_quarter.quarter_on = actions.quarter_on
),

on_roster as (
    select
        partner_type,
        quarter_on,
        count(*) as on_roster_count,
        count(*) filter (where is_reporting) as reporting_count
    from roster_spread
    group by partner_type, quarter_on
),

due_spread as (
    select
        partner_type,
        quarter_on,
        is_received
    from reports_due
    union all
    select
        'all' as partner_type,
        quarter_on,
        is_received
    from reports_due
),

due as (
    select
        partner_type,
        quarter_on,
        count(*) as reports_expected_count,
        count(*) filter (where is_received) as reports_received_count
    from due_spread
    group by partner_type, quarter_on
),

quarters as (
    select
        quarter_on,
        count(*) filter (where is_reported) as reported_month_count,
        bool_or(is_provisional or not is_quarter_over) as is_provisional,
        bool_or(is_synthetic) as is_synthetic
    from logs
    group by quarter_on
    having bool_or(is_quarter_over)
        or count(*) filter (where is_reported) > 0
),

listed as (
    select partner_type, quarter_on from counted
    union
    select partner_type, quarter_on from on_roster
    union
    -- a quarter of which nothing came is seen missing
    select 'all' as partner_type, quarter_on from quarters
),

-- Zero where somebody reported and said so, or reported nothing to report. Left blank by all, or all silent: unknown.
measured as (
    select
        listed.partner_type,
        quarters.quarter_on,
        case
            when counted.identified_count is not null then counted.identified_count
            when counted.action_count = 0 then 0
        end as identified_count,
        counted.followed_count,
        counted.offered_count,
        counted.accepted_count,
        counted.accepted_followed_count,
        counted.kept_count,
        counted.identified_person_count,
        counted.offered_person_count,
        counted.accepted_person_count,
        counted.kept_person_count,
        coalesce(on_roster.on_roster_count, 0) as on_roster_count,
        coalesce(on_roster.reporting_count, 0) as reporting_count,
        coalesce(due.reports_expected_count, 0) as reports_expected_count,
        coalesce(due.reports_received_count, 0) as reports_received_count,
        quarters.reported_month_count,
        quarters.is_provisional,
        coalesce(counted.is_synthetic, quarters.is_synthetic) as is_synthetic
    from listed
    inner join quarters
        on listed.quarter_on = quarters.quarter_on
    left join counted
        on listed.partner_type = counted.partner_type
        and listed.quarter_on = counted.quarter_on
    left join on_roster
        on listed.partner_type = on_roster.partner_type
        and listed.quarter_on = on_roster.quarter_on
    left join due
        on listed.partner_type = due.partner_type
        and listed.quarter_on = due.quarter_on
)

select
    partner_type,
    quarter_on,
    identified_count,
    case when identified_count is not null then coalesce(followed_count, 0) end as followed_count,
    case when identified_count is not null then coalesce(offered_count, 0) end as offered_count,
    case when identified_count is not null then coalesce(accepted_count, 0) end as accepted_count,
    case when identified_count is not null then coalesce(accepted_followed_count, 0) end as accepted_followed_count,
    case when identified_count is not null then coalesce(kept_count, 0) end as kept_count,
    identified_person_count,
    offered_person_count,
    accepted_person_count,
    kept_person_count,
    on_roster_count,
    reporting_count,
    reports_expected_count,
    reports_received_count,
    reported_month_count,
    case
        when identified_count is null then 'M'
        when is_provisional then 'P'
        when reported_month_count < 3 then 'U'
        -- 2026-11: the rule of int_participation_counted; with nobody on the roster, nobody knows who should have reported
        when reporting_count * 2 < on_roster_count or on_roster_count = 0 then 'U'
        else 'A'
    end as obs_status,
    is_synthetic
from measured
