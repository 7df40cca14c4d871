-- Each active correction beside every edition that holds its figure, and whether it is applied there.
-- Grain: correction_id, edition_date.
-- Care: it stops for good with the first edition that prints another value or hides the figure; hidden is never filled.
with

corrections as (
    select * from reference.corrections
    where status = 'active'
),

harmonised as (
    select * from intermediate.int_ssmsi_harmonised
),

-- Of an edition received twice only the later row is published.
found as (
    select
        corrections.correction_id,
        corrections.column_name,
        corrections.printed_value,
        corrections.corrected_value,
        harmonised.series_number,
        harmonised.version_number,
        harmonised.territory_code,
        harmonised.indicator_code,
        harmonised.edition_date,
        harmonised.delivery_id,
        harmonised.count,
        harmonised.rate_per_1000,
        harmonised.population,
        harmonised.is_synthetic,
        case
            when not harmonised.is_published then null
            when corrections.column_name = 'count' then cast(harmonised.count as double)
            when corrections.column_name = 'rate_per_1000' then harmonised.rate_per_1000
            when corrections.column_name = 'population' then cast(harmonised.population as double)
        end as found_value
    from harmonised
    inner join corrections
        on harmonised.territory_type = corrections.territory_type
        and harmonised.territory_code = corrections.territory_code
        and harmonised.year = corrections.year
        and harmonised.indicator_code = corrections.indicator_code
        and harmonised.edition_date >= corrections.first_edition_date
    qualify row_number() over (
        partition by corrections.correction_id, harmonised.edition_date
        order by harmonised.version_number desc
    ) = 1
),

-- Rates are printed with seven decimals.
guarded as (
    select
        *,
        coalesce(abs(found_value - printed_value) < 0.000001, false) as is_as_printed
    from found
)

select
    correction_id,
    column_name,
    printed_value,
    corrected_value,
    series_number,
    version_number,
    territory_code,
    indicator_code,
    edition_date,
    delivery_id,
    count,
    rate_per_1000,
    population,
    is_synthetic,
    found_value,
    bool_and(is_as_printed) over (
        partition by correction_id
        order by edition_date
        rows between unbounded preceding and current row
    ) as is_applied
from guarded
