-- Every row of every SSMSI edition in force, with the stable code of its indicator and the version it belongs to.
-- Grain: delivery_id, territory_code, year, indicator_label, unit_label.
-- Care: a label that nobody has mapped is kept as 'unmapped_…'; a replaced label of another scope is another indicator.
with

slices as (
    select * from intermediate.int_ssmsi_slices
),

communal as (
    select * from staging.stg_police__ssmsi_communal
),

departemental as (
    select * from staging.stg_police__ssmsi_departemental
),

regional as (
    select * from staging.stg_police__ssmsi_regional
),

printed as (
    select
        delivery_id, territory_code, year, indicator_label, unit_label,
        count, rate_per_1000, is_published, population
    from communal

    union all

    select
        delivery_id, territory_code, year, indicator_label, unit_label,
        count, rate_per_1000, is_published, population
    from departemental

    union all

    select
        delivery_id, territory_code, year, indicator_label, unit_label,
        count, rate_per_1000, is_published, population
    from regional
)

select
    slices.territory_type,
    printed.territory_code,
    printed.year,
    slices.indicator_code,
    slices.unit,
    printed.count,
    printed.rate_per_1000,
    printed.is_published,
    printed.population,
    slices.edition_date,
    slices.indicator_label,
    slices.unit_label,
    printed.delivery_id,
    slices.is_synthetic,
    slices.series_number,
    slices.version_number,
    slices.is_newest_version,
    slices.is_edition_repeated
from printed
inner join slices
    on printed.delivery_id = slices.delivery_id
    and printed.year = slices.year
    and printed.indicator_label = slices.indicator_label
    and printed.unit_label = slices.unit_label
