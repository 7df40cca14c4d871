-- The cells of the exact cube that the city's police records give: incidents, interventions, and the press's clear-up ratio.
-- Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: exact counts, not for publication; a group of quartiers stands here as a zone between its quartiers and the city.
with

counted as (
    select * from intermediate.int_police_counted
    where record_count is not null
),

zones as (
    select * from intermediate.int_zones_known
),

ratio_parts as (
    select * from intermediate.int_case_years_counted
    where recorded_count is not null
),

-- One table at three levels: the city's own series, the groups', the quartiers', each with every breakdown by itself.
cells as (
    select
        counted.indicator_id as measure,
        case
            when counted.breakdown <> 'zone_group' then counted.zone_code
            when counted.breakdown_value = 'unlocated' then 'sans_quartier'
            else counted.breakdown_value
        end as zone_code,
        counted.period_type,
        counted.period_start,
        case when counted.breakdown = 'zone_group' then 'total' else counted.breakdown end as breakdown,
        case when counted.breakdown = 'zone_group' then 'total' else counted.breakdown_value end as breakdown_value,
        counted.record_count,
        counted.breakdown || case
            when counted.breakdown = 'zone_group' then ''
            when zones.is_home then ' in the city'
            else ' by zone'
        end as series
    from counted
    left join zones
        on counted.zone_code = zones.zone_code

    union all

    select
        'cases_recorded' as measure,
        zone_code,
        'year' as period_type,
        period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        recorded_count as record_count,
        cast(null as varchar) as series
    from ratio_parts

    union all

    select
        'cases_cleared' as measure,
        zone_code,
        'year' as period_type,
        period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        cleared_count as record_count,
        cast(null as varchar) as series
    from ratio_parts
)

select
    measure,
    zone_code,
    period_type,
    period_start,
    breakdown,
    breakdown_value,
    record_count as exact_count,
    cast(null as bigint) as group_count,
    cast(null as bigint) as contributor_count,
    cast(null as bigint) as largest_count,
    case when period_type in ('month', 'quarter', 'year') then measure || ' · ' || series end as series,
    case period_type
        when 'month' then 1
        when 'quarter' then 2
        when 'year' then 3
    end as level
from cells
