-- Which cells of the cube add up to which: zones to the city, months to quarters and years, parts to their total.
-- Grain: dimension, hierarchy, measure, child.
-- Care: a link holds between cells that are alike in all else; where is_exhaustive is false, a rest is left over that is a cell too.
with

partners as (
    select * from intermediate.int_counts_linked__partners
),

cells as (
    select distinct
        measure,
        period_type,
        period_start,
        breakdown,
        breakdown_value
    from intermediate.int_counts_cubed
),

zones as (
    select * from intermediate.int_zones_known
),

months as (
    select * from reference.months
),

surveys as (
    select * from intermediate.int_counts_linked__surveys
),

home as (
    select zone_code from zones
    where is_home
),

-- A police record stands in one zone or in none that is known.
police_measures as (
    select 'violence_trafficking' as measure
    union all
    select 'police_interventions' as measure
),

parts_of_city as (
    select
        zone_code,
        coalesce(is_sensitive, false) as is_sensitive
    from zones
    where is_within_city
),

zone_links as (
    select
        'zones of the city' as hierarchy,
        police_measures.measure,
        zones.zone_code as child,
        home.zone_code as parent
    from zones
    cross join home
    cross join police_measures
    where zones.is_within_city or zones.zone_code = 'unlocated'

    union all

    select
        'zones of a group' as hierarchy,
        police_measures.measure,
        parts_of_city.zone_code as child,
        case when parts_of_city.is_sensitive then 'qpv' else 'hors_qpv' end as parent
    from parts_of_city
    cross join police_measures

    union all

    select
        'zones of a group' as hierarchy,
        police_measures.measure,
        'unlocated' as child,
        'sans_quartier' as parent
    from police_measures

    union all

    select
        'groups of the city' as hierarchy,
        police_measures.measure,
        listed.child,
        home.zone_code as parent
    from (values ('qpv'), ('hors_qpv'), ('sans_quartier')) as listed (child)
    cross join home
    cross join police_measures
),

period_links as (
    select
        'months of a quarter' as hierarchy,
        'month:' || cast(month_on as varchar) as child,
        'quarter:' || cast(quarter_on as varchar) as parent
    from months

    union all

    select distinct
        'quarters of a year' as hierarchy,
        'quarter:' || cast(quarter_on as varchar) as child,
        'year:' || cast(make_date(year, 1, 1) as varchar) as parent
    from months
),

last_twelve_months as (
    select distinct
        measure,
        period_start
    from cells
    where period_type = 'twelve_months'
),

rolling_links as (
    select
        last_twelve_months.measure,
        'month:' || cast(months.month_on as varchar) as child,
        'twelve_months:' || cast(last_twelve_months.period_start as varchar) as parent
    from last_twelve_months
    inner join months
        on months.month_on >= last_twelve_months.period_start
        and months.month_on < cast(last_twelve_months.period_start + interval '12' month as date)
),

-- A question of a survey has links of its own: not everyone answers it.
breakdown_links as (
    select distinct
        measure,
        breakdown,
        breakdown || ':' || breakdown_value as child
    from cells
    -- the versions of the message are not all that feedback leads to: int_counts_linked__partners; of a survey: __surveys
    where breakdown not in ('total', 'message_version')
        and period_type <> 'wave'
),

-- Cleared within three months is part of cleared within six; who subtracts one from the other has counted what lies between.
measure_links as (
    select * from (values
        ('cleared by a horizon', 'cleared_3m', 'cleared_6m', false),
        ('cleared by a horizon', 'cleared_6m', 'cleared_9m', false),
        ('cleared by a horizon', 'cleared_9m', 'cleared_12m', false),
        ('cleared of the facts', 'cleared_12m', 'case_facts', false),
        ('mix of the facts', 'offence_mix', 'case_facts', true)
    ) as listed (hierarchy, child, parent, is_exhaustive)
)

select
    'zone' as dimension,
    hierarchy,
    measure,
    child,
    parent,
    true as is_exhaustive
from zone_links

union all

select
    'period' as dimension,
    hierarchy,
    cast(null as varchar) as measure,
    child,
    parent,
    true as is_exhaustive
from period_links

union all

select
    'period' as dimension,
    'the last twelve months' as hierarchy,
    measure,
    child,
    parent,
    true as is_exhaustive
from rolling_links

union all

select
    'breakdown' as dimension,
    'parts by ' || breakdown as hierarchy,
    measure,
    child,
    'total:total' as parent,
    true as is_exhaustive
from breakdown_links

union all

select
    'measure' as dimension,
    hierarchy,
    cast(null as varchar) as measure,
    child,
    parent,
    is_exhaustive
from measure_links

union all

select
    dimension,
    hierarchy,
    measure,
    child,
    parent,
    is_exhaustive
from partners

union all

select
    dimension,
    hierarchy,
    measure,
    child,
    parent,
    is_exhaustive
from surveys
