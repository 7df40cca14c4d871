-- Cases recorded and cases cleared in each year: the two parts of the press's ratio, exact.
-- Grain: period_start.
-- Care: not for publication; the cases cleared in a year are not those recorded in it.
with

cases as (
    select * from staging.stg_police__cases
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
        count(*) filter (where is_covered) = 12 as is_complete,
        bool_or(is_provisional) as is_provisional,
        max(as_of) as as_of,
        bool_or(is_synthetic) as is_synthetic
    from months
    group by year
)

select
    zones.zone_code,
    make_date(years.year, 1, 1) as period_start,
    case when years.is_complete then counted.recorded_count end as recorded_count,
    case when years.is_complete then counted.cleared_count end as cleared_count,
    years.is_complete,
    years.is_provisional,
    years.as_of,
    years.is_synthetic
from years
inner join counted
    on years.year = counted.year
cross join zones
