-- People met and trained by zone and period: their number, how many organisations met some, and the largest part of one.
-- Grain: measure, zone_code, period_type, period_start.
-- Care: exact, not for publication; 'city_wide' is what is coded to the whole city; no row where nothing took place.
with

actions as (
    select * from intermediate.int_partner_actions_located
    where action in ('information_point', 'training')
),

periods as (
    select * from intermediate.int_outreach_by_period
    where is_action_log_reported
),

months as (
    select * from reference.months
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
),

placed as (
    select
        case when actions.zone_code = home.zone_code then 'city_wide' else actions.zone_code end as zone_code,
        actions.month_on,
        actions.partner_id,
        actions.contact_count,
        actions.trained_count,
        actions.planned_count,
        actions.trained_of_planned_count,
        actions.planned_with_result_count,
        actions.action
    from actions
    cross join home

    union all

    select
        home.zone_code,
        actions.month_on,
        actions.partner_id,
        actions.contact_count,
        actions.trained_count,
        actions.planned_count,
        actions.trained_of_planned_count,
        actions.planned_with_result_count,
        actions.action
    from actions
    cross join home
),

-- What is trained beside any plan, or planned without a result, is a difference of two published counts: it is protected too.
measured as (
    select 'contacts' as measure, zone_code, month_on, partner_id, contact_count as people_count
    from placed
    where action = 'information_point'

    union all

    select 'people_trained' as measure, zone_code, month_on, partner_id, trained_count as people_count
    from placed
    where action = 'training'

    union all

    select 'people_planned' as measure, zone_code, month_on, partner_id, planned_count as people_count
    from placed
    where action = 'training'

    union all

    select 'trained_of_planned' as measure, zone_code, month_on, partner_id, trained_of_planned_count as people_count
    from placed
    where action = 'training'

    union all

    select 'planned_with_result' as measure, zone_code, month_on, partner_id, planned_with_result_count as people_count
    from placed
    where action = 'training'

    union all

    select
        'trained_without_plan' as measure,
        zone_code,
        month_on,
        partner_id,
        nullif(trained_count - coalesce(trained_of_planned_count, 0), 0) as people_count
    from placed
    where action = 'training'

    union all

    select
        'planned_without_result' as measure,
        zone_code,
        month_on,
        partner_id,
        nullif(planned_count - coalesce(planned_with_result_count, 0), 0) as people_count
    from placed
    where action = 'training'
),

by_period as (
    select measured.measure, measured.zone_code, 'month' as period_type, measured.month_on as period_start,
        measured.partner_id, measured.people_count
    from measured

    union all

    select measured.measure, measured.zone_code, 'quarter' as period_type, months.quarter_on as period_start,
        measured.partner_id, measured.people_count
    from measured
    inner join months
        on measured.month_on = months.month_on

    union all

    select measured.measure, measured.zone_code, 'year' as period_type, make_date(months.year, 1, 1) as period_start,
        measured.partner_id, measured.people_count
    from measured
    inner join months
        on measured.month_on = months.month_on
),

whole_periods as (
    select distinct
        period_type,
        period_start
    from periods
),

parts as (
    select
        by_period.measure,
        by_period.zone_code,
        by_period.period_type,
        by_period.period_start,
        by_period.partner_id,
        sum(by_period.people_count) as people_count
    from by_period
    inner join whole_periods
        on by_period.period_type = whole_periods.period_type
        and by_period.period_start = whole_periods.period_start
    group by
        by_period.measure, by_period.zone_code, by_period.period_type, by_period.period_start, by_period.partner_id
)

select
    measure,
    zone_code,
    period_type,
    period_start,
    cast(sum(people_count) as bigint) as people_count,
    count(*) filter (where people_count > 0) as contributor_count,
    cast(max(people_count) as bigint) as largest_count
from parts
group by measure, zone_code, period_type, period_start
having count(people_count) > 0
