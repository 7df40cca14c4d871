-- Cases recorded and cases cleared in each year: the two parts of the press's ratio, exact.
-- Grain: period_start.
-- Care: not for publication; the cases cleared in a year are not those recorded in it, and none older than two years are asked for.
with

cases as (
    select * from staging.stg_police__cases
),

followed as (
    select * from intermediate.int_cases_followed
),

months as (
    select * from intermediate.int_police_months
    where source = 'police_cases'
),

zones as (
    select * from intermediate.int_zones_known
    where is_home
),

events as (
    select
        extract(year from recorded_on) as year,
        1 as recorded,
        0 as cleared
    from cases

    union all

    select
        extract(year from cleared_on) as year,
        0 as recorded,
        1 as cleared
    from cases
    where cleared_on is not null
),

counted as (
    select
        year,
        cast(sum(recorded) as bigint) as recorded_count,
        cast(sum(cleared) as bigint) as cleared_count
    from events
    group by year
),

years as (
    select
        year,
        count(*) filter (where is_covered) = 12 as is_delivered,
        bool_or(is_provisional) as is_provisional,
        max(as_of) as as_of,
        bool_or(is_synthetic) as is_synthetic
    from months
    group by year
),

open_cases as (
    select
        extract(year from cases.recorded_on) as year,
        min(followed.open_until_on) as open_until_on,
        bool_or(followed.open_until_on is null) as is_any_unfollowed
    from cases
    left join followed
        on cases.case_id = followed.case_id
    where cases.cleared_on is null
    group by extract(year from cases.recorded_on)
),

-- 2026-11: what was cleared in a year was recorded in it or, for the most part, in the year before: both must have been delivered,
-- and each case that is open among them told of until the last week of the year. A file made earlier lacks clearances.
whole as (
    select
        years.year,
        years.is_delivered
            and coalesce(before.is_delivered, false)
            and count(*) filter (
                where open_cases.is_any_unfollowed
                    or open_cases.open_until_on < make_date(years.year, 12, 25)
            ) = 0 as is_complete,
        years.is_provisional,
        years.as_of,
        years.is_synthetic
    from years
    left join years as before
        on before.year = years.year - 1
    left join open_cases
        on open_cases.year in (years.year, years.year - 1)
    group by
        years.year, years.is_delivered, before.is_delivered, years.is_provisional, years.as_of, years.is_synthetic
)

select
    zones.zone_code,
    make_date(whole.year, 1, 1) as period_start,
    case when whole.is_complete then counted.recorded_count end as recorded_count,
    case when whole.is_complete then counted.cleared_count end as cleared_count,
    whole.is_complete,
    whole.is_provisional,
    whole.as_of,
    whole.is_synthetic
from whole
inner join counted
    on whole.year = counted.year
cross join zones
