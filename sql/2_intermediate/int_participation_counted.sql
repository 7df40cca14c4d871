-- Partners on the frozen roster, those that reported and those that were active, by kind of partner, zone and quarter.
-- Grain: partner_type, zone_code, quarter_on.
-- Care: 'all' and '63113' are totals, never to be added to the rest; where nobody reported, the active are unknown, not zero.
with

roster_by_quarter as (
    select * from intermediate.int_roster_by_quarter
),

memberships as (
    select * from intermediate.int_roster_memberships
),

lists as (
    select * from intermediate.int_roster_lists
),

actions as (
    select * from intermediate.int_partner_actions_by_quarter
),

reports_due as (
    select * from intermediate.int_reports_due_by_month
),

months as (
    select * from reference.months
),

run as (
    select * from sources.run
),

logs as (
    select * from intermediate.int_partner_logs_by_month
    where log_name = 'partner_events'
),

reported as (
    select
        quarter_on,
        count(*) filter (where is_reported) as reported_month_count,
        bool_or(is_provisional) as is_provisional,
        bool_or(is_synthetic) filter (where is_reported) as is_synthetic
    from logs
    group by quarter_on
),

quarters as (
    select distinct
        months.quarter_on,
        cast(months.quarter_on + interval 3 month as date) as next_quarter_on,
        cast(months.quarter_on + interval 3 month as date) <= run.as_of as is_quarter_over
    from months
    inner join run
        on months.quarter_on <= run.as_of
),

due as (
    select
        partner_id,
        quarter_on,
        count(*) as expected_count,
        count(*) filter (where is_received) as received_count
    from reports_due
    group by partner_id, quarter_on
),

on_roster as (
    select
        roster_by_quarter.partner_type,
        roster_by_quarter.zone_code,
        roster_by_quarter.quarter_on,
        1 as on_roster_count,
        0 as signed_count,
        case
            when roster_by_quarter.left_on < cast(roster_by_quarter.quarter_on + interval 3 month as date) then 1
            else 0
        end as left_count,
        case when actions.partner_id is null then 0 else 1 end as reporting_count,
        case when actions.action_count > 0 then 1 else 0 end as active_count,
        coalesce(due.expected_count, 0) as reports_expected_count,
        coalesce(due.received_count, 0) as reports_received_count,
        roster_by_quarter.is_synthetic
    from roster_by_quarter
    left join actions
        on roster_by_quarter.partner_id = actions.partner_id
        and roster_by_quarter.quarter_on = actions.quarter_on
    left join due
        on roster_by_quarter.partner_id = due.partner_id
        and roster_by_quarter.quarter_on = due.quarter_on
),

-- Signed after the quarter's first day, says the list of the next quarter's start, on whose frozen roster they are.
signed as (
    select
        memberships.partner_type,
        memberships.zone_code,
        quarters.quarter_on,
        0 as on_roster_count,
        1 as signed_count,
        0 as left_count,
        0 as reporting_count,
        0 as active_count,
        0 as reports_expected_count,
        0 as reports_received_count,
        memberships.is_synthetic
    from quarters
    inner join lists
        on quarters.next_quarter_on >= lists.valid_from_on
        and quarters.next_quarter_on < lists.valid_until_on
    inner join memberships
        on lists.list_on = memberships.list_on
        and memberships.signed_on > quarters.quarter_on
        and memberships.signed_on < quarters.next_quarter_on
    -- a corrected signature is still one signature
    qualify row_number() over (
        partition by quarters.quarter_on, memberships.partner_id
        order by memberships.signed_on desc
    ) = 1
),

members as (
    select * from on_roster
    union all
    select * from signed
),

-- Every partner stands under its own zone and under the commune, with its own kind and with all.
placed as (
    select * from members
    where zone_code <> '63113'
    union all
    select
        partner_type,
        '63113' as zone_code,
        quarter_on,
        on_roster_count,
        signed_count,
        left_count,
        reporting_count,
        active_count,
        reports_expected_count,
        reports_received_count,
        is_synthetic
    from members
),

typed as (
    select * from placed
    union all
    select
        'all' as partner_type,
        zone_code,
        quarter_on,
        on_roster_count,
        signed_count,
        left_count,
        reporting_count,
        active_count,
        reports_expected_count,
        reports_received_count,
        is_synthetic
    from placed
),

totalled as (
    select
        partner_type,
        zone_code,
        quarter_on,
        cast(sum(on_roster_count) as bigint) as on_roster_count,
        cast(sum(signed_count) as bigint) as signed_in_quarter_count,
        cast(sum(left_count) as bigint) as left_in_quarter_count,
        cast(sum(reporting_count) as bigint) as reporting_count,
        cast(sum(active_count) as bigint) as active_count,
        cast(sum(reports_expected_count) as bigint) as reports_expected_count,
        cast(sum(reports_received_count) as bigint) as reports_received_count,
        bool_or(is_synthetic) as is_synthetic
    from typed
    group by partner_type, zone_code, quarter_on
),

rosters as (
    select
        quarter_on,
        max(list_on) as list_on,
        bool_or(is_reconstructed) as is_reconstructed,
        bool_or(is_doubtful) as is_doubtful
    from roster_by_quarter
    group by quarter_on
),

off_roster as (
    select
        'all' as partner_type,
        '63113' as zone_code,
        actions.quarter_on,
        count(*) as active_off_roster_count
    from actions
    left join roster_by_quarter
        on actions.partner_id = roster_by_quarter.partner_id
        and actions.quarter_on = roster_by_quarter.quarter_on
    where roster_by_quarter.partner_id is null
        and actions.action_count > 0
    group by actions.quarter_on
),

measured as (
    select
        totalled.partner_type,
        totalled.zone_code,
        totalled.quarter_on,
        totalled.on_roster_count,
        totalled.signed_in_quarter_count,
        totalled.left_in_quarter_count,
        case when reported.reported_month_count > 0 then totalled.reporting_count end as reporting_count,
        -- nobody of them reported: silence, of which nobody knows whether it was inactivity
        case
            when reported.reported_month_count > 0 and totalled.reporting_count > 0 then totalled.active_count
        end as active_count,
        case
            when totalled.partner_type = 'all' and totalled.zone_code = '63113' and reported.reported_month_count > 0
                then coalesce(off_roster.active_off_roster_count, 0)
        end as active_off_roster_count,
        totalled.reports_expected_count,
        totalled.reports_received_count,
        coalesce(reported.reported_month_count, 0) as reported_month_count,
        rosters.list_on as roster_list_on,
        coalesce(rosters.is_reconstructed, false) as is_roster_reconstructed,
        coalesce(rosters.is_doubtful, false) as is_roster_doubtful,
        coalesce(reported.is_provisional, false) or not quarters.is_quarter_over as is_provisional,
        totalled.is_synthetic or coalesce(reported.is_synthetic, false) as is_synthetic
    from totalled
    inner join quarters
        on totalled.quarter_on = quarters.quarter_on
    left join reported
        on totalled.quarter_on = reported.quarter_on
    left join rosters
        on totalled.quarter_on = rosters.quarter_on
    left join off_roster
        on totalled.partner_type = off_roster.partner_type
        and totalled.zone_code = off_roster.zone_code
        and totalled.quarter_on = off_roster.quarter_on
    -- a quarter that still runs is not missing yet
    where quarters.is_quarter_over
        or reported.reported_month_count > 0
)

select
    partner_type,
    zone_code,
    quarter_on,
    on_roster_count,
    signed_in_quarter_count,
    left_in_quarter_count,
    reporting_count,
    active_count,
    active_off_roster_count,
    reports_expected_count,
    reports_received_count,
    reported_month_count,
    roster_list_on,
    is_roster_reconstructed,
    is_roster_doubtful,
    case
        when active_count is null or on_roster_count = 0 then 'M'
        when is_provisional then 'P'
        when reported_month_count < 3 or is_roster_doubtful then 'U'
        -- 2026-11: when more partners are silent than have reported, the share says more of the reports than of the partners
        when reporting_count * 2 < on_roster_count then 'U'
        -- one silent partner is enough to turn none into some
        when active_count = 0 and reporting_count < on_roster_count then 'U'
        when active_count = 0 then 'Z'
        else 'A'
    end as obs_status,
    is_synthetic
from measured
