-- The exact cube of counts: every count of a police record or a person that any published figure rests on, one row a cell.
-- Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: exact counts, not for publication: int_counts_protected alone reads it; what was not delivered has no cell.
with

police as (
    select * from intermediate.int_counts_cubed__police
),

clear_up as (
    select * from intermediate.int_counts_cubed__clear_up
),

partners as (
    select * from intermediate.int_counts_cubed__partners
),

surveys as (
    select * from intermediate.int_counts_cubed__surveys
),

home as (
    select zone_code
    from intermediate.int_zones_known
    where is_home
),

measures as (
    select * from reference.disclosure_measures
),

cells as (
    select
        'police' as domain, measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
        group_count, contributor_count, largest_count, series, level
    from police

    union all

    select
        'clear_up' as domain, measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
        group_count, contributor_count, largest_count, series, level
    from clear_up

    union all

    select
        'partners' as domain, measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
        group_count, contributor_count, largest_count, series, level
    from partners

    union all

    select
        'surveys' as domain, measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
        group_count, contributor_count, largest_count, series, level
    from surveys
)

-- 2026-11: what is asked for first is hidden last: the city before its zones, a year before its months, a total before its parts,
-- of a survey all respondents before a group of them, and what shares are taken over before one answer.
select
    cells.domain,
    cells.measure,
    cells.zone_code,
    cells.period_type,
    cells.period_start,
    cells.breakdown,
    cells.breakdown_value,
    cells.exact_count,
    cells.group_count,
    cells.contributor_count,
    cells.largest_count,
    cells.series,
    cells.level,
    cast(
        coalesce(measures.weight, 1)
        * case
            when cells.period_type <> 'wave' then 1
            when cells.breakdown_value in ('total', 'asked', 'in_denominator') then 10
            when cells.breakdown_value = 'top_two' then 3
            else 1
        end
        * case when cells.period_type = 'wave' and cells.zone_code = home.zone_code then 3 else 1 end
        * case when cells.period_type = 'wave' or cells.breakdown <> 'total' then 1 when cells.zone_code = home.zone_code then 10 else 3 end
        * case cells.period_type when 'wave' then 1 when 'month' then 1 when 'quarter' then 2 else 5 end as double
    ) as weight
from cells
cross join home
left join measures
    on cells.measure = measures.measure
