-- What the city's police extracts say of the indicators, by zone: months, quarters, years and the last twelve months.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: counts are the protected ones; a month without a delivery is missing, a hidden count is neither missing nor zero.
with

counted as (
    select * from intermediate.int_police_counted
),

case_years as (
    select * from intermediate.int_case_years_counted
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'police'
),

populations as (
    select * from intermediate.int_populations_by_year
),

periods as (
    select
        counted.indicator_id,
        counted.zone_code,
        counted.period_type,
        counted.period_start,
        counted.year,
        counted.breakdown,
        counted.breakdown_value,
        protected.shown_count as record_count,
        case
            when not counted.is_covered then 'M'
            when protected.obs_status is not null then protected.obs_status
            when counted.is_provisional then 'P'
            when protected.shown_count = 0 then 'Z'
            else 'A'
        end as obs_status,
        counted.source,
        counted.as_of,
        counted.is_synthetic
    from counted
    left join protected
        on counted.indicator_id = protected.measure
        and case
            when counted.breakdown <> 'zone_group' then counted.zone_code
            when counted.breakdown_value = 'unlocated' then 'sans_quartier'
            else counted.breakdown_value
        end = protected.zone_code
        and counted.period_type = protected.period_type
        and counted.period_start = protected.period_start
        and case when counted.breakdown = 'zone_group' then 'total' else counted.breakdown end = protected.breakdown
        and case when counted.breakdown = 'zone_group' then 'total' else counted.breakdown_value end
            = protected.breakdown_value
),

-- Residents of the year of the period; int_populations_by_year says whose stand in for a year without a published population.
rates as (
    select
        case periods.indicator_id
            when 'violence_trafficking' then 'violence_trafficking_rate'
            when 'police_interventions' then 'police_interventions_rate'
        end as indicator_id,
        periods.zone_code,
        periods.period_type,
        periods.period_start,
        periods.breakdown,
        periods.breakdown_value,
        10000.0 * periods.record_count / nullif(populations.resident_count, 0) as value,
        periods.record_count,
        populations.resident_count,
        case
            when coalesce(populations.resident_count, 0) = 0 then 'M'
            else periods.obs_status
        end as obs_status,
        periods.source,
        periods.as_of,
        periods.is_synthetic or coalesce(populations.is_synthetic, false) as is_synthetic
    from periods
    left join populations
        on periods.zone_code = populations.zone_code
        and periods.year = populations.year
    where periods.breakdown = 'total'
        and periods.period_type <> 'twelve_months'
        and periods.zone_code <> 'unlocated'
),

-- The press's ratio: the cases cleared in a year are not the cases recorded in it.
ratios as (
    select
        case_years.zone_code,
        case_years.period_start,
        cleared.shown_count as cleared_count,
        recorded.shown_count as recorded_count,
        case
            when not case_years.is_complete or recorded.shown_count = 0 then 'M'
            when coalesce(cleared.obs_status, recorded.obs_status) is not null
                then coalesce(cleared.obs_status, recorded.obs_status)
            when case_years.is_provisional then 'P'
            when cleared.shown_count = 0 then 'Z'
            else 'A'
        end as obs_status,
        case_years.as_of,
        case_years.is_synthetic
    from case_years
    left join protected as recorded
        on recorded.measure = 'cases_recorded'
        and case_years.zone_code = recorded.zone_code
        and recorded.period_type = 'year'
        and case_years.period_start = recorded.period_start
    left join protected as cleared
        on cleared.measure = 'cases_cleared'
        and case_years.zone_code = cleared.zone_code
        and cleared.period_type = 'year'
        and case_years.period_start = cleared.period_start
)

select
    indicator_id,
    zone_code,
    period_type,
    period_start,
    breakdown,
    breakdown_value,
    'observed' as value_kind,
    cast(record_count as double) as value,
    cast(record_count as double) as numerator,
    cast(null as double) as denominator,
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    obs_status,
    source,
    as_of,
    is_synthetic
from periods

union all

select
    indicator_id,
    zone_code,
    period_type,
    period_start,
    breakdown,
    breakdown_value,
    'observed' as value_kind,
    cast(value as double) as value,
    cast(record_count as double) as numerator,
    cast(resident_count as double) as denominator,
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    obs_status,
    source,
    as_of,
    is_synthetic
from rates

union all

select
    'clear_up_ratio' as indicator_id,
    zone_code,
    'year' as period_type,
    period_start,
    'total' as breakdown,
    'total' as breakdown_value,
    'observed' as value_kind,
    cast(cleared_count as double) / nullif(recorded_count, 0) as value,
    case when recorded_count is not null then cast(cleared_count as double) end as numerator,
    case when cleared_count is not null then cast(recorded_count as double) end as denominator,
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    obs_status,
    'police_cases' as source,
    as_of,
    is_synthetic
from ratios
