-- Exact counts of the city's police records, by zone and month, and by the quarters and years of which every month is there.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: not for publication: read int_counts_protected; a record without a quartier counts in the city and in 'unlocated'.
with

incidents as (
    select * from staging.stg_police__incidents
),

interventions as (
    select * from staging.stg_police__interventions
),

months as (
    select * from intermediate.int_police_months
),

zones as (
    select * from intermediate.int_zones_known
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

-- The coarser place: where a quartier's figures would mostly be hidden, its group of quartiers still has a series.
in_groups as (
    select
        located.indicator_id,
        case
            when located.zone_code = 'unlocated' then 'unlocated'
            when zones.is_sensitive then 'qpv'
            else 'hors_qpv'
        end as zone_group,
        located.month_on,
        located.record_count
    from located
    left join zones
        on located.zone_code = zones.zone_code
    where located.breakdown = 'total'
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

    union all

    select
        in_groups.indicator_id,
        zones.zone_code,
        in_groups.month_on,
        'zone_group' as breakdown,
        in_groups.zone_group as breakdown_value,
        cast(sum(in_groups.record_count) as bigint) as record_count
    from in_groups
    cross join zones
    where zones.is_home
    group by in_groups.indicator_id, zones.zone_code, in_groups.month_on, in_groups.zone_group
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

zone_groups as (
    select 'qpv' as zone_group
    union all
    select 'hors_qpv' as zone_group
    union all
    select 'unlocated' as zone_group
),

series_seen as (
    select distinct
        indicator_id,
        source,
        breakdown,
        breakdown_value
    from located
),

series as (
    select
        series_seen.indicator_id,
        series_seen.source,
        places.zone_code,
        series_seen.breakdown,
        series_seen.breakdown_value
    from series_seen
    inner join places
        on series_seen.source = places.source

    union all

    select
        series_seen.indicator_id,
        series_seen.source,
        zones.zone_code,
        'zone_group' as breakdown,
        zone_groups.zone_group as breakdown_value
    from series_seen
    cross join zone_groups
    cross join zones
    where zones.is_home
        and series_seen.breakdown = 'total'
),

monthly as (
    select
        series.indicator_id,
        series.zone_code,
        'month' as period_type,
        months.month_on as period_start,
        months.year,
        series.breakdown,
        series.breakdown_value,
        case when months.is_covered then coalesce(counted.record_count, 0) end as record_count,
        months.is_covered,
        months.is_provisional,
        series.source,
        months.as_of,
        months.is_synthetic
    from series
    inner join months
        on series.source = months.source
    left join counted
        on series.indicator_id = counted.indicator_id
        and series.breakdown = counted.breakdown
        and series.breakdown_value = counted.breakdown_value
        and series.zone_code = counted.zone_code
        and months.month_on = counted.month_on
),

home as (
    select zone_code from zones
    where is_home
),

-- The twelve months up to the last whole one compare with a year; a sum over published months would lack the hidden ones.
last_months as (
    select
        source,
        max(month_on) as last_month_on
    from months
    where is_covered
        and not is_provisional
    group by source
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
        is_covered,
        is_provisional,
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
        is_covered,
        is_provisional,
        source,
        as_of,
        is_synthetic
    from monthly

    union all

    select
        monthly.indicator_id,
        monthly.zone_code,
        'twelve_months' as period_type,
        12 as month_count,
        cast(last_months.last_month_on - interval '11' month as date) as period_start,
        cast(extract(year from last_months.last_month_on) as bigint) as year,
        monthly.breakdown,
        monthly.breakdown_value,
        monthly.record_count,
        monthly.is_covered,
        monthly.is_provisional,
        monthly.source,
        monthly.as_of,
        monthly.is_synthetic
    from monthly
    inner join home
        on monthly.zone_code = home.zone_code
    inner join last_months
        on monthly.source = last_months.source
        and monthly.period_start > cast(last_months.last_month_on - interval '12' month as date)
        and monthly.period_start <= last_months.last_month_on
    where monthly.breakdown = 'total'
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
        case when count(*) filter (where is_covered) = month_count then cast(sum(record_count) as bigint) end as record_count,
        count(*) filter (where is_covered) = month_count as is_covered,
        bool_or(is_provisional) as is_provisional,
        source,
        max(as_of) as as_of,
        bool_or(is_synthetic) as is_synthetic
    from spans
    group by indicator_id, zone_code, period_type, period_start, year, month_count, breakdown, breakdown_value, source
)

select
    indicator_id, zone_code, period_type, period_start, year, breakdown, breakdown_value, record_count,
    is_covered, is_provisional, source, as_of, is_synthetic
from monthly

union all

select
    indicator_id, zone_code, period_type, period_start, year, breakdown, breakdown_value, record_count,
    is_covered, is_provisional, source, as_of, is_synthetic
from longer
