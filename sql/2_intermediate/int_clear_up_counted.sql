-- Facts of each cohort (month, quarter or year of the fact) and those cleared within 3, 6, 9 and 12 months, by offence class.
-- Grain: period_type, period_start, offence_class, months_after.
-- Care: exact, not for publication; 'all' holds every class but drug use; a cohort too young has no clearances, missing_reason says why.
with

cases as (
    select * from staging.stg_police__cases
),

classes as (
    select * from reference.clear_up_classes
    where is_counted
),

deliveries as (
    select * from intermediate.int_case_deliveries_followed
),

followed as (
    select * from intermediate.int_cases_followed
),

months as (
    select * from intermediate.int_police_months
    where source = 'police_cases'
),

calendar as (
    select * from reference.months
),

run as (
    select * from sources.run
),

horizons as (
    select 3 as months_after
    union all
    select 6 as months_after
    union all
    select 9 as months_after
    union all
    select 12 as months_after
),

groups as (
    select 'all' as offence_class
    union all
    select offence_class from classes
),

facts as (
    select
        cases.offence_class,
        cast(date_trunc('month', cases.fact_on) as date) as cohort_month,
        cases.fact_on,
        cases.cleared_on,
        coalesce(cases.cleared_on <= deliveries.followed_until_on, false) as is_cleared,
        case
            when cases.cleared_on is null then coalesce(followed.open_until_on, deliveries.followed_until_on)
            else deliveries.followed_until_on
        end as followed_until_on,
        deliveries.received_on,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from cases
    inner join classes
        on cases.offence_class = classes.offence_class
    left join deliveries
        on cases.delivery_id = deliveries.delivery_id
    left join followed
        on cases.case_id = followed.case_id
),

-- Twelve months after 29 February is 28 February, three after 30 November the last of February. The day itself still counts.
counted as (
    select
        facts.cohort_month,
        facts.offence_class,
        horizons.months_after,
        count(*) as fact_count,
        count(*) filter (
            where facts.is_cleared
                and facts.cleared_on <= cast(facts.fact_on + horizons.months_after * interval '1' month as date)
        ) as cleared_count
    from facts
    cross join horizons
    group by facts.cohort_month, facts.offence_class, horizons.months_after
),

grouped as (
    select cohort_month, offence_class, months_after, fact_count, cleared_count
    from counted

    union all

    select
        cohort_month,
        'all' as offence_class,
        months_after,
        sum(fact_count) as fact_count,
        sum(cleared_count) as cleared_count
    from counted
    group by cohort_month, months_after
),

-- An open case was looked at until the deliveries that name it end, whatever newer deliveries say of other cases. One rule for all
-- classes: a class that happens to be wholly cleared must not be shown earlier than the others.
cohorts as (
    select
        cohort_month,
        min(followed_until_on) filter (where not is_cleared) as open_until_on,
        bool_or(not is_cleared and followed_until_on is null) as is_any_unfollowed,
        max(received_on) as received_on,
        bool_or(is_synthetic) as is_synthetic
    from facts
    group by cohort_month
),

newest as (
    select max(followed_until_on) as followed_until_on
    from deliveries
),

-- 2026-11: facts are recorded up to two months late, so a cohort is whole only when the two months after it were delivered too.
late_months as (
    select
        months.month_on,
        count(*) as late_month_count
    from months
    inner join months as late
        on late.month_on > months.month_on
        and late.month_on <= cast(months.month_on + interval '2' month as date)
        and late.is_covered
        and not late.is_provisional
    group by months.month_on
),

states as (
    select
        months.month_on,
        calendar.quarter_on,
        make_date(months.year, 1, 1) as year_on,
        months.is_covered and not months.is_provisional as is_delivered,
        coalesce(late_months.late_month_count, 0) = 2 as is_late_recorded_delivered,
        -- the last day of the month is the last to have had its full time
        cast(calendar.next_month_on - interval '1' day as date) as last_day_on,
        case
            when not coalesce(cohorts.is_any_unfollowed, false)
                then least(newest.followed_until_on, coalesce(cohorts.open_until_on, newest.followed_until_on))
        end as followed_until_on,
        run.as_of as run_on,
        coalesce(cohorts.received_on, months.as_of) as as_of,
        months.is_synthetic or coalesce(cohorts.is_synthetic, false) as is_synthetic
    from months
    inner join calendar
        on months.month_on = calendar.month_on
    left join late_months
        on months.month_on = late_months.month_on
    left join cohorts
        on months.month_on = cohorts.cohort_month
    cross join newest
    cross join run
),

aged as (
    select
        states.month_on,
        states.quarter_on,
        states.year_on,
        horizons.months_after,
        states.is_delivered,
        states.is_late_recorded_delivered,
        states.run_on >= cast(states.last_day_on + horizons.months_after * interval '1' month as date) as is_time_over,
        coalesce(
            states.followed_until_on >= cast(states.last_day_on + horizons.months_after * interval '1' month as date), false
        ) as is_followed,
        states.followed_until_on,
        states.as_of,
        states.is_synthetic
    from states
    cross join horizons
),

monthly as (
    select
        aged.month_on,
        aged.quarter_on,
        aged.year_on,
        groups.offence_class,
        aged.months_after,
        case when aged.is_delivered then coalesce(grouped.fact_count, 0) end as fact_count,
        coalesce(grouped.cleared_count, 0) as cleared_count,
        aged.is_time_over and aged.is_followed as is_old_enough,
        aged.is_delivered and aged.is_late_recorded_delivered and aged.is_time_over and aged.is_followed as is_whole,
        aged.followed_until_on,
        case
            when not aged.is_delivered then 'month_not_delivered'
            when not aged.is_time_over then 'not_old_enough'
            when not aged.is_late_recorded_delivered then 'late_recordings_not_delivered'
            when not aged.is_followed then 'clearances_not_delivered'
        end as missing_reason,
        aged.as_of,
        aged.is_synthetic
    from aged
    cross join groups
    left join grouped
        on aged.month_on = grouped.cohort_month
        and aged.months_after = grouped.months_after
        and groups.offence_class = grouped.offence_class
),

spans as (
    select
        'quarter' as period_type,
        3 as month_count,
        quarter_on as period_start,
        offence_class,
        months_after,
        fact_count,
        cleared_count,
        is_old_enough,
        is_whole,
        followed_until_on,
        as_of,
        is_synthetic
    from monthly

    union all

    select
        'year' as period_type,
        12 as month_count,
        year_on as period_start,
        offence_class,
        months_after,
        fact_count,
        cleared_count,
        is_old_enough,
        is_whole,
        followed_until_on,
        as_of,
        is_synthetic
    from monthly
),

-- Eleven months of a year are no cohort of that year.
longer as (
    select
        period_type,
        period_start,
        offence_class,
        months_after,
        case when count(*) filter (where is_whole) = month_count then sum(fact_count) end as fact_count,
        case when count(*) filter (where is_whole) = month_count then sum(cleared_count) end as cleared_count,
        count(*) filter (where is_old_enough) = month_count as is_old_enough,
        min(followed_until_on) as followed_until_on,
        case when count(*) filter (where is_whole) < month_count then 'months_missing' end as missing_reason,
        max(as_of) as as_of,
        bool_or(is_synthetic) as is_synthetic
    from spans
    group by period_type, period_start, month_count, offence_class, months_after
)

select
    'month' as period_type,
    month_on as period_start,
    offence_class,
    months_after,
    cast(fact_count as bigint) as fact_count,
    cast(case when is_whole then cleared_count end as bigint) as cleared_count,
    is_old_enough,
    followed_until_on,
    missing_reason,
    as_of,
    is_synthetic
from monthly

union all

select
    period_type,
    period_start,
    offence_class,
    months_after,
    cast(fact_count as bigint) as fact_count,
    cast(cleared_count as bigint) as cleared_count,
    is_old_enough,
    followed_until_on,
    missing_reason,
    as_of,
    is_synthetic
from longer
