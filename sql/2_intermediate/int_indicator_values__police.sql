-- What the city's police extracts say of the indicators, by zone: months, and quarters and years of which every month is there.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: a record without a quartier counts in the city and in 'unlocated'; a month without a delivery is missing, not zero.
with

incidents as (
    select * from staging.stg_police__incidents
),

interventions as (
    select * from staging.stg_police__interventions
),

cases as (
    select * from staging.stg_police__cases
),

months as (
    select * from intermediate.int_police_months
),

zones as (
    select * from intermediate.int_zones_known
),

populations as (
    select * from intermediate.int_populations_by_year
),

-- Incidents that the rule does not link to trafficking count as 0, so that they still show that the zone is in use.
recorded as (
    select
        'violence_trafficking' as indicator_id,
        'police_incidents' as source,
        zone_code,
        month_on,
        'total' as breakdown,
        'total' as breakdown_value,
        count(*) filter (where is_trafficking_linked) as record_count
    from incidents
    group by zone_code, month_on

    union all

    select
        'police_interventions' as indicator_id,
        'police_interventions' as source,
        zone_code,
        month_on,
        'total' as breakdown,
        'total' as breakdown_value,
        count(*) as record_count
    from interventions
    group by zone_code, month_on

    union all

    select
        'police_interventions' as indicator_id,
        'police_interventions' as source,
        zone_code,
        month_on,
        'service' as breakdown,
        service as breakdown_value,
        count(*) as record_count
    from interventions
    group by zone_code, month_on, service

    union all

    select
        'police_interventions' as indicator_id,
        'police_interventions' as source,
        zone_code,
        month_on,
        'type' as breakdown,
        intervention_type as breakdown_value,
        count(*) as record_count
    from interventions
    group by zone_code, month_on, intervention_type

    union all

    select
        'police_interventions' as indicator_id,
        'police_interventions' as source,
        zone_code,
        month_on,
        'origin' as breakdown,
        origin as breakdown_value,
        count(*) as record_count
    from interventions
    group by zone_code, month_on, origin
),

located as (
    select
        recorded.indicator_id,
        recorded.source,
        coalesce(zones.zone_code, 'unlocated') as zone_code,
        recorded.month_on,
        recorded.breakdown,
        recorded.breakdown_value,
        recorded.record_count
    from recorded
    left join zones
        on recorded.zone_code = zones.zone_code
        and zones.is_within_city
),

counted as (
    select
        indicator_id,
        zone_code,
        month_on,
        breakdown,
        breakdown_value,
        cast(sum(record_count) as bigint) as record_count
    from located
    group by indicator_id, zone_code, month_on, breakdown, breakdown_value

    union all

    select
        located.indicator_id,
        zones.zone_code,
        located.month_on,
        located.breakdown,
        located.breakdown_value,
        cast(sum(located.record_count) as bigint) as record_count
    from located
    cross join zones
    where zones.is_home
    group by located.indicator_id, zones.zone_code, located.month_on, located.breakdown, located.breakdown_value
),

-- A source that codes quartiers says nothing of IRIS: zeros are only for the types of zone that it uses.
used_types as (
    select distinct
        located.source,
        zones.zone_type
    from located
    inner join zones
        on located.zone_code = zones.zone_code
),

sources_seen as (
    select distinct source from located
),

places as (
    select
        used_types.source,
        zones.zone_code
    from used_types
    inner join zones
        on used_types.zone_type = zones.zone_type
        and zones.is_within_city

    union all

    select
        sources_seen.source,
        zones.zone_code
    from sources_seen
    cross join zones
    where zones.is_home or zones.zone_code = 'unlocated'
),

series as (
    select distinct
        indicator_id,
        source,
        breakdown,
        breakdown_value
    from located
),

monthly as (
    select
        series.indicator_id,
        places.zone_code,
        'month' as period_type,
        months.month_on as period_start,
        months.year,
        series.breakdown,
        series.breakdown_value,
        case when months.is_covered then coalesce(counted.record_count, 0) end as record_count,
        case
            when not months.is_covered then 'M'
            when months.is_provisional then 'P'
            when coalesce(counted.record_count, 0) = 0 then 'Z'
            else 'A'
        end as obs_status,
        series.source,
        months.as_of,
        months.is_synthetic
    from series
    inner join places
        on series.source = places.source
    inner join months
        on series.source = months.source
    left join counted
        on series.indicator_id = counted.indicator_id
        and series.breakdown = counted.breakdown
        and series.breakdown_value = counted.breakdown_value
        and places.zone_code = counted.zone_code
        and months.month_on = counted.month_on
),

spans as (
    select
        indicator_id,
        zone_code,
        'quarter' as period_type,
        3 as month_count,
        cast(date_trunc('quarter', period_start) as date) as period_start,
        year,
        breakdown,
        breakdown_value,
        record_count,
        obs_status,
        source,
        as_of,
        is_synthetic
    from monthly

    union all

    select
        indicator_id,
        zone_code,
        'year' as period_type,
        12 as month_count,
        make_date(year, 1, 1) as period_start,
        year,
        breakdown,
        breakdown_value,
        record_count,
        obs_status,
        source,
        as_of,
        is_synthetic
    from monthly
),

-- Two months are no quarter, eleven no year: the figure would look like a fall.
longer as (
    select
        indicator_id,
        zone_code,
        period_type,
        period_start,
        year,
        breakdown,
        breakdown_value,
        case when count(record_count) = month_count then cast(sum(record_count) as bigint) end as record_count,
        case
            when count(record_count) < month_count then 'M'
            when bool_or(obs_status = 'P') then 'P'
            when sum(record_count) = 0 then 'Z'
            else 'A'
        end as obs_status,
        source,
        max(as_of) as as_of,
        bool_or(is_synthetic) as is_synthetic
    from spans
    group by indicator_id, zone_code, period_type, period_start, year, month_count, breakdown, breakdown_value, source
),

periods as (
    select
        indicator_id, zone_code, period_type, period_start, year, breakdown, breakdown_value, record_count,
        obs_status, source, as_of, is_synthetic
    from monthly

    union all

    select
        indicator_id, zone_code, period_type, period_start, year, breakdown, breakdown_value, record_count,
        obs_status, source, as_of, is_synthetic
    from longer
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
        and periods.zone_code <> 'unlocated'
),

-- The press's ratio: the cases cleared in a year are not the cases recorded in it.
case_events as (
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

case_counts as (
    select
        year,
        cast(sum(recorded) as bigint) as recorded_count,
        cast(sum(cleared) as bigint) as cleared_count
    from case_events
    group by year
),

case_years as (
    select
        year,
        count(*) filter (where is_covered) = 12 as is_complete,
        bool_or(is_provisional) as is_provisional,
        max(as_of) as as_of,
        bool_or(is_synthetic) as is_synthetic
    from months
    where source = 'police_cases'
    group by year
),

ratios as (
    select
        'clear_up_ratio' as indicator_id,
        zones.zone_code,
        'year' as period_type,
        make_date(case_years.year, 1, 1) as period_start,
        case when case_years.is_complete then case_counts.cleared_count end as cleared_count,
        case when case_years.is_complete then case_counts.recorded_count end as recorded_count,
        case
            when not case_years.is_complete or case_counts.recorded_count = 0 then 'M'
            when case_years.is_provisional then 'P'
            when case_counts.cleared_count = 0 then 'Z'
            else 'A'
        end as obs_status,
        case_years.as_of,
        case_years.is_synthetic
    from case_years
    inner join case_counts
        on case_years.year = case_counts.year
    cross join zones
    where zones.is_home
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
    indicator_id,
    zone_code,
    period_type,
    period_start,
    'total' as breakdown,
    'total' as breakdown_value,
    'observed' as value_kind,
    cast(cleared_count as double) / nullif(recorded_count, 0) as value,
    cast(cleared_count as double) as numerator,
    cast(recorded_count as double) as denominator,
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    obs_status,
    'police_cases' as source,
    as_of,
    is_synthetic
from ratios
