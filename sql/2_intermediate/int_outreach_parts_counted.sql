-- People met and trained by zone and period: their number, how many organisations met some, and the largest part of one.
-- Grain: measure, zone_code, period_type, period_start.
-- Care: exact, not for publication; 'city_wide' is what is coded to the whole city; no row where nothing took place.
with

people as (
    select * from intermediate.int_people_met_by_partner
),

periods as (
    select * from intermediate.int_outreach_by_period
    where is_action_log_reported
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
),

whole_periods as (
    select distinct
        period_type,
        period_start
    from periods
),

-- Each zone, what is coded to the whole city, and all of it together. All counts side by side: there are hundreds of
-- thousands of partners' months, and only thousands of periods of zones.
by_month as (
    select
        case when people.zone_code = home.zone_code then 'city_wide' else people.zone_code end as zone_code,
        people.month_on,
        people.partner_id,
        people.contact_count,
        people.trained_count,
        people.planned_count,
        people.trained_of_planned_count,
        people.planned_with_result_count
    from people
    cross join home

    union all

    select
        home.zone_code,
        people.month_on,
        people.partner_id,
        cast(sum(people.contact_count) as bigint) as contact_count,
        cast(sum(people.trained_count) as bigint) as trained_count,
        cast(sum(people.planned_count) as bigint) as planned_count,
        cast(sum(people.trained_of_planned_count) as bigint) as trained_of_planned_count,
        cast(sum(people.planned_with_result_count) as bigint) as planned_with_result_count
    from people
    cross join home
    group by home.zone_code, people.month_on, people.partner_id
),

-- Months add up to quarters and quarters to years: each step has fewer rows than the one before.
by_quarter as (
    select
        zone_code,
        cast(date_trunc('quarter', month_on) as date) as quarter_on,
        partner_id,
        cast(sum(contact_count) as bigint) as contact_count,
        cast(sum(trained_count) as bigint) as trained_count,
        cast(sum(planned_count) as bigint) as planned_count,
        cast(sum(trained_of_planned_count) as bigint) as trained_of_planned_count,
        cast(sum(planned_with_result_count) as bigint) as planned_with_result_count
    from by_month
    group by zone_code, cast(date_trunc('quarter', month_on) as date), partner_id
),

by_year as (
    select
        zone_code,
        cast(date_trunc('year', quarter_on) as date) as year_on,
        partner_id,
        cast(sum(contact_count) as bigint) as contact_count,
        cast(sum(trained_count) as bigint) as trained_count,
        cast(sum(planned_count) as bigint) as planned_count,
        cast(sum(trained_of_planned_count) as bigint) as trained_of_planned_count,
        cast(sum(planned_with_result_count) as bigint) as planned_with_result_count
    from by_quarter
    group by zone_code, cast(date_trunc('year', quarter_on) as date), partner_id
),

by_period as (
    select
        by_month.zone_code,
        'month' as period_type,
        by_month.month_on as period_start,
        by_month.contact_count,
        by_month.trained_count,
        by_month.planned_count,
        by_month.trained_of_planned_count,
        by_month.planned_with_result_count
    from by_month
    inner join whole_periods
        on by_month.month_on = whole_periods.period_start
        and whole_periods.period_type = 'month'

    union all

    select
        by_quarter.zone_code,
        'quarter' as period_type,
        by_quarter.quarter_on as period_start,
        by_quarter.contact_count,
        by_quarter.trained_count,
        by_quarter.planned_count,
        by_quarter.trained_of_planned_count,
        by_quarter.planned_with_result_count
    from by_quarter
    inner join whole_periods
        on by_quarter.quarter_on = whole_periods.period_start
        and whole_periods.period_type = 'quarter'

    union all

    select
        by_year.zone_code,
        'year' as period_type,
        by_year.year_on as period_start,
        by_year.contact_count,
        by_year.trained_count,
        by_year.planned_count,
        by_year.trained_of_planned_count,
        by_year.planned_with_result_count
    from by_year
    inner join whole_periods
        on by_year.year_on = whole_periods.period_start
        and whole_periods.period_type = 'year'
),

-- What is trained beside any plan, or planned without a result, is a difference of two published counts: it is protected too.
with_differences as (
    select
        zone_code,
        period_type,
        period_start,
        contact_count,
        trained_count,
        planned_count,
        trained_of_planned_count,
        planned_with_result_count,
        nullif(trained_count - coalesce(trained_of_planned_count, 0), 0) as trained_without_plan_count,
        nullif(planned_count - coalesce(planned_with_result_count, 0), 0) as planned_without_result_count
    from by_period
),

added as (
    select
        zone_code,
        period_type,
        period_start,
        cast(sum(contact_count) as bigint) as contact_count,
        count(*) filter (where contact_count > 0) as contact_contributor_count,
        max(contact_count) as contact_largest_count,
        cast(sum(trained_count) as bigint) as trained_count,
        count(*) filter (where trained_count > 0) as trained_contributor_count,
        max(trained_count) as trained_largest_count,
        cast(sum(planned_count) as bigint) as planned_count,
        count(*) filter (where planned_count > 0) as planned_contributor_count,
        max(planned_count) as planned_largest_count,
        cast(sum(trained_of_planned_count) as bigint) as trained_of_planned_count,
        count(*) filter (where trained_of_planned_count > 0) as trained_of_planned_contributor_count,
        max(trained_of_planned_count) as trained_of_planned_largest_count,
        cast(sum(planned_with_result_count) as bigint) as planned_with_result_count,
        count(*) filter (where planned_with_result_count > 0) as planned_with_result_contributor_count,
        max(planned_with_result_count) as planned_with_result_largest_count,
        cast(sum(trained_without_plan_count) as bigint) as trained_without_plan_count,
        count(*) filter (where trained_without_plan_count > 0) as trained_without_plan_contributor_count,
        max(trained_without_plan_count) as trained_without_plan_largest_count,
        cast(sum(planned_without_result_count) as bigint) as planned_without_result_count,
        count(*) filter (where planned_without_result_count > 0) as planned_without_result_contributor_count,
        max(planned_without_result_count) as planned_without_result_largest_count
    from with_differences
    group by zone_code, period_type, period_start
),

measured as (
    select
        'contacts' as measure,
        zone_code,
        period_type,
        period_start,
        contact_count as people_count,
        contact_contributor_count as contributor_count,
        contact_largest_count as largest_count
    from added

    union all

    select
        'people_trained' as measure,
        zone_code,
        period_type,
        period_start,
        trained_count as people_count,
        trained_contributor_count as contributor_count,
        trained_largest_count as largest_count
    from added

    union all

    select
        'people_planned' as measure,
        zone_code,
        period_type,
        period_start,
        planned_count as people_count,
        planned_contributor_count as contributor_count,
        planned_largest_count as largest_count
    from added

    union all

    select
        'trained_of_planned' as measure,
        zone_code,
        period_type,
        period_start,
        trained_of_planned_count as people_count,
        trained_of_planned_contributor_count as contributor_count,
        trained_of_planned_largest_count as largest_count
    from added

    union all

    select
        'planned_with_result' as measure,
        zone_code,
        period_type,
        period_start,
        planned_with_result_count as people_count,
        planned_with_result_contributor_count as contributor_count,
        planned_with_result_largest_count as largest_count
    from added

    union all

    select
        'trained_without_plan' as measure,
        zone_code,
        period_type,
        period_start,
        trained_without_plan_count as people_count,
        trained_without_plan_contributor_count as contributor_count,
        trained_without_plan_largest_count as largest_count
    from added

    union all

    select
        'planned_without_result' as measure,
        zone_code,
        period_type,
        period_start,
        planned_without_result_count as people_count,
        planned_without_result_contributor_count as contributor_count,
        planned_without_result_largest_count as largest_count
    from added
)

select
    measure,
    zone_code,
    period_type,
    period_start,
    people_count,
    contributor_count,
    largest_count
from measured
where people_count is not null
