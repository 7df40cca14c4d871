-- The cells of the exact cube that cohorts of cases give: facts, and those cleared within 3, 6, 9 and 12 months, by class.
-- Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: exact counts, not for publication; what was cleared between two horizons is a difference, so it is protected as well.
with

counted as (
    select * from intermediate.int_clear_up_counted
),

mix as (
    select * from intermediate.int_offence_mix_counted
),

classes as (
    select * from reference.clear_up_classes
    where is_counted
),

zones as (
    select * from intermediate.int_zones_known
    where is_home
),

-- Facts do not depend on the horizon, but for a longer period they are told only where the horizon's clearances are.
told_facts as (
    select
        period_type,
        period_start,
        offence_class,
        max(fact_count) as fact_count
    from counted
    where fact_count is not null
    group by period_type, period_start, offence_class
),

month_facts as (
    select
        offence_class,
        fact_count,
        cast(date_trunc('quarter', period_start) as date) as quarter_start,
        cast(date_trunc('year', period_start) as date) as year_start
    from told_facts
    where period_type = 'month'
),

-- A quarter whose cohort is too young to be told is the sum of its months all the same, and a year is the offence mix: without it
-- in the cube, what the mix and the other quarters tell of it would be seen only in a later release.
longer_facts as (
    select
        'quarter' as period_type,
        quarter_start as period_start,
        offence_class,
        sum(fact_count) as fact_count
    from month_facts
    group by quarter_start, offence_class
    having count(*) = 3

    union all

    select
        'year' as period_type,
        year_start as period_start,
        offence_class,
        sum(fact_count) as fact_count
    from month_facts
    group by year_start, offence_class
    having count(*) = 12
),

facts as (
    select * from told_facts

    union all

    select
        longer_facts.period_type,
        longer_facts.period_start,
        longer_facts.offence_class,
        cast(longer_facts.fact_count as bigint) as fact_count
    from longer_facts
    left join told_facts
        on longer_facts.period_type = told_facts.period_type
        and longer_facts.period_start = told_facts.period_start
        and longer_facts.offence_class = told_facts.offence_class
    where told_facts.period_type is null
),

-- 2026-11: between two horizons a class clears a handful of facts, so telling its whole curve would hide most of it. By class only
-- twelve months are told, for all classes together also three, six and nine.
cells as (
    select
        'case_facts' as measure,
        period_type,
        period_start,
        offence_class,
        fact_count as exact_count
    from facts

    union all

    select
        'cleared_' || cast(months_after as varchar) || 'm' as measure,
        period_type,
        period_start,
        offence_class,
        cleared_count as exact_count
    from counted
    where cleared_count is not null
        and (offence_class = 'all' or months_after = 12)

    union all

    select
        'offence_mix' as measure,
        'year' as period_type,
        make_date(classes.reference_year, 1, 1) as period_start,
        mix.offence_class,
        cast(mix.weight as bigint) as exact_count
    from mix
    inner join classes
        on mix.offence_class = classes.offence_class
)

select
    cells.measure,
    zones.zone_code,
    cells.period_type,
    cells.period_start,
    case when cells.offence_class = 'all' then 'total' else 'offence_class' end as breakdown,
    case when cells.offence_class = 'all' then 'total' else cells.offence_class end as breakdown_value,
    cells.exact_count,
    cast(null as bigint) as group_count,
    cast(null as bigint) as contributor_count,
    cast(null as bigint) as largest_count,
    case
        when cells.measure <> 'offence_mix'
            then cells.measure || case when cells.offence_class = 'all' then '' else ' by class' end
    end as series,
    case cells.period_type
        when 'month' then 1
        when 'quarter' then 2
        when 'year' then 3
    end as level
from cells
cross join zones
