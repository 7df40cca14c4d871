-- Partners on the frozen roster and those of them with an action, by kind of partner, zone and quarter.
-- Grain: partner_type, zone_code, quarter_on.
-- Care: 'all' and '63113' are totals, never to be added to the rest; a quarter without a log has no count of active partners.
with

roster_by_quarter as (
    select * from intermediate.int_roster_by_quarter
),

roster as (
    select * from staging.stg_partners__roster
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

deliveries as (
    select * from sources.deliveries
),

actions as (
    select * from intermediate.int_partner_actions_by_quarter
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

on_roster as (
    select
        roster_by_quarter.partner_type,
        roster_by_quarter.zone_code,
        roster_by_quarter.quarter_on,
        1 as on_roster_count,
        0 as signed_count,
        case when actions.partner_id is null then 0 else 1 end as active_count,
        roster_by_quarter.is_synthetic
    from roster_by_quarter
    left join actions
        on roster_by_quarter.partner_id = actions.partner_id
        and roster_by_quarter.quarter_on = actions.quarter_on
),

-- Signed after the quarter's first day: they join the frozen roster of the next quarter.
signed as (
    select
        roster.partner_type,
        case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
        cast(date_trunc('quarter', roster.signed_on) as date) as quarter_on,
        0 as on_roster_count,
        1 as signed_count,
        0 as active_count,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from roster
    left join zones
        on roster.zone_code = zones.zone_code
    left join deliveries
        on roster.delivery_id = deliveries.delivery_id
    where roster.signed_on > cast(date_trunc('quarter', roster.signed_on) as date)
),

members as (
    select * from on_roster
    union all
    select * from signed
),

counted as (
    select
        partner_type,
        zone_code,
        quarter_on,
        cast(sum(on_roster_count) as bigint) as on_roster_count,
        cast(sum(signed_count) as bigint) as signed_in_quarter_count,
        cast(sum(active_count) as bigint) as active_count,
        bool_or(is_synthetic) as is_synthetic
    from members
    group by partner_type, zone_code, quarter_on
),

-- Every partner stands under its own zone and under the commune, with its own kind and with all.
placed as (
    select * from counted
    where zone_code <> '63113'
    union all
    select
        partner_type,
        '63113' as zone_code,
        quarter_on,
        on_roster_count,
        signed_in_quarter_count,
        active_count,
        is_synthetic
    from counted
),

typed as (
    select * from placed
    union all
    select
        'all' as partner_type,
        zone_code,
        quarter_on,
        on_roster_count,
        signed_in_quarter_count,
        active_count,
        is_synthetic
    from placed
),

totalled as (
    select
        partner_type,
        zone_code,
        quarter_on,
        cast(sum(on_roster_count) as bigint) as on_roster_count,
        cast(sum(signed_in_quarter_count) as bigint) as signed_in_quarter_count,
        cast(sum(active_count) as bigint) as active_count,
        bool_or(is_synthetic) as is_synthetic
    from typed
    group by partner_type, zone_code, quarter_on
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
    group by actions.quarter_on
),

quarters as (
    select distinct
        months.quarter_on,
        cast(months.quarter_on + interval 3 month as date) <= run.as_of as is_quarter_over
    from months
    inner join run
        on months.quarter_on <= run.as_of
),

measured as (
    select
        totalled.partner_type,
        totalled.zone_code,
        totalled.quarter_on,
        totalled.on_roster_count,
        totalled.signed_in_quarter_count,
        case when reported.reported_month_count > 0 then totalled.active_count end as active_count,
        case
            when totalled.partner_type = 'all' and totalled.zone_code = '63113' and reported.reported_month_count > 0
                then coalesce(off_roster.active_off_roster_count, 0)
        end as active_off_roster_count,
        coalesce(reported.reported_month_count, 0) as reported_month_count,
        coalesce(reported.is_provisional, false) or not quarters.is_quarter_over as is_provisional,
        totalled.is_synthetic or coalesce(reported.is_synthetic, false) as is_synthetic
    from totalled
    inner join quarters
        on totalled.quarter_on = quarters.quarter_on
    left join reported
        on totalled.quarter_on = reported.quarter_on
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
    active_count,
    active_off_roster_count,
    reported_month_count,
    case
        when active_count is null or on_roster_count = 0 then 'M'
        when is_provisional then 'P'
        when reported_month_count < 3 then 'U'
        when active_count = 0 then 'Z'
        else 'A'
    end as obs_status,
    is_synthetic
from measured
