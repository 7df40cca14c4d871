-- The figures that corrections change, one row each: as printed, and as corrected.
-- Grain: series_number, version_number, territory_code.
-- Care: a rate follows its corrected count or population, unless it is corrected itself; burglary is per dwelling.
with

found as (
    select * from intermediate.int_ssmsi_corrections_found
    where is_applied
),

cells as (
    select
        series_number,
        version_number,
        territory_code,
        indicator_code,
        delivery_id,
        count as printed_count,
        rate_per_1000 as printed_rate_per_1000,
        population as printed_population,
        max(correction_id) filter (where column_name = 'count') as count_correction_id,
        max(correction_id) filter (where column_name = 'rate_per_1000') as rate_correction_id,
        max(correction_id) filter (where column_name = 'population') as population_correction_id,
        max(corrected_value) filter (where column_name = 'count') as corrected_count,
        max(corrected_value) filter (where column_name = 'rate_per_1000') as corrected_rate,
        max(corrected_value) filter (where column_name = 'population') as corrected_population
    from found
    group by
        series_number, version_number, territory_code, indicator_code, delivery_id, count, rate_per_1000, population
),

-- A correction without a value withdraws the figure.
settled as (
    select
        *,
        case when count_correction_id is null then printed_count else cast(round(corrected_count) as bigint) end as count,
        case
            when population_correction_id is null then printed_population
            else cast(round(corrected_population) as bigint)
        end as population
    from cells
)

select
    series_number,
    version_number,
    territory_code,
    delivery_id,
    count,
    case
        when count is null then null
        when rate_correction_id is not null then corrected_rate
        when indicator_code = 'cambriolages_logement' and count = printed_count then printed_rate_per_1000
        when indicator_code = 'cambriolages_logement' then printed_rate_per_1000 * count / nullif(printed_count, 0)
        else 1000.0 * count / nullif(population, 0)
    end as rate_per_1000,
    population,
    printed_count,
    printed_rate_per_1000,
    printed_population,
    concat_ws(', ', count_correction_id, rate_correction_id, population_correction_id) as correction_id
from settled
