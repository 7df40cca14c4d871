-- What disclosure control hides: cells of each published count by period, breakdown and place, and how much stays visible.
-- Grain: measure, period_type, breakdown, place.
-- Care: counts of cells, not of people; how many are hidden for which reason is rounded to 5, and told from 20 hidden cells on.
with

cells as (
    select * from intermediate.int_counts_protected
    -- what is coded to the whole city is in no place and shown nowhere by itself
    where not is_rest
        and zone_code <> 'city_wide'
),

measures as (
    select * from reference.disclosure_measures
),

zones as (
    select * from intermediate.int_zones_known
),

home as (
    select zone_code from zones
    where is_home
),

placed as (
    select
        cells.measure,
        cells.period_type,
        cells.breakdown,
        case
            when cells.zone_code = home.zone_code then 'city'
            when zones.zone_code is null then 'zone group'
            else 'zone'
        end as place,
        extract(year from cells.period_start) as year,
        cells.shown_count,
        cells.obs_status,
        cells.rule,
        cells.mark
    from cells
    cross join home
    left join zones
        on cells.zone_code = zones.zone_code
),

-- Of what the city's total of the year is shown, how much is still shown in the finer table.
city_years as (
    select
        cells.measure,
        extract(year from cells.period_start) as year,
        cells.shown_count
    from cells
    inner join home
        on cells.zone_code = home.zone_code
    where cells.period_type = 'year'
        and cells.breakdown = 'total'
        and cells.shown_count is not null
),

whole_years as (
    select
        placed.measure,
        placed.period_type,
        placed.breakdown,
        placed.place,
        placed.year,
        sum(placed.shown_count) as shown_sum,
        max(city_years.shown_count) as city_count
    from placed
    inner join city_years
        on placed.measure = city_years.measure
        and placed.year = city_years.year
    where placed.period_type in ('month', 'quarter', 'year')
    group by placed.measure, placed.period_type, placed.breakdown, placed.place, placed.year
),

visible as (
    select
        measure,
        period_type,
        breakdown,
        place,
        cast(coalesce(sum(shown_sum), 0) as double) / nullif(sum(city_count), 0) as visible_total_share
    from whole_years
    group by measure, period_type, breakdown, place
),

counted as (
    select
        measure,
        period_type,
        breakdown,
        place,
        count(*) as cell_count,
        count(*) filter (where obs_status is null) as shown_cell_count,
        count(*) filter (where mark in ('small', 'other') and rule in ('small', 'group')) as small_cell_count,
        count(*) filter (where mark in ('small', 'other') and rule in ('dominance', 'contributors')) as one_organisation_cell_count,
        count(*) filter (where mark in ('small', 'other') and rule is null) as partner_cell_count,
        -- where to tell the reason would give a count away
        count(*) filter (where mark = 'untold') as untold_cell_count,
        count(*) filter (where mark in ('withheld', 'latent')) as withheld_cell_count
    from placed
    group by measure, period_type, breakdown, place
),

hidden as (
    select
        *,
        small_cell_count + one_organisation_cell_count + partner_cell_count as reason_told_cell_count
    from counted
)

-- Who knows that of two hidden cells exactly one is small can work out more than the sums tell; of twenty, rounded, he cannot.
select
    hidden.measure,
    hidden.period_type,
    hidden.breakdown,
    hidden.place,
    measures.family,
    measures.shown_in,
    measures.label_fr,
    measures.label_en,
    hidden.cell_count,
    hidden.shown_cell_count,
    hidden.reason_told_cell_count + hidden.untold_cell_count as hidden_cell_count,
    case when hidden.reason_told_cell_count >= 20 then 5 * cast(round(hidden.small_cell_count / 5.0) as bigint) end as small_cell_count,
    case when hidden.reason_told_cell_count >= 20 then 5 * cast(round(hidden.one_organisation_cell_count / 5.0) as bigint) end as one_organisation_cell_count,
    case when hidden.reason_told_cell_count >= 20 then 5 * cast(round(hidden.partner_cell_count / 5.0) as bigint) end as partner_cell_count,
    hidden.untold_cell_count,
    hidden.withheld_cell_count,
    cast(hidden.shown_cell_count as double) / nullif(hidden.cell_count, 0) as visible_cell_share,
    visible.visible_total_share
from hidden
left join measures
    on hidden.measure = measures.measure
left join visible
    on hidden.measure = visible.measure
    and hidden.period_type = visible.period_type
    and hidden.breakdown = visible.breakdown
    and hidden.place = visible.place
