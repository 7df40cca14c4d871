-- The SSMSI editions cut into slices: which delivery prints which indicator for which year, and which slice is newer.
-- Grain: delivery_id, year, indicator_label, unit_label.
-- Care: small on purpose: labels and editions are settled here, once a slice, instead of once a row of 5.6 million.
with

communal as (
    select * from staging.stg_police__ssmsi_communal
),

departemental as (
    select * from staging.stg_police__ssmsi_departemental
),

regional as (
    select * from staging.stg_police__ssmsi_regional
),

deliveries as (
    select * from sources.deliveries_of_police
),

labels as (
    select * from reference.ssmsi_labels
),

units as (
    select * from reference.ssmsi_units
),

slices as (
    select territory_type, delivery_id, year, indicator_label, unit_label
    from communal
    group by territory_type, delivery_id, year, indicator_label, unit_label

    union all

    select territory_type, delivery_id, year, indicator_label, unit_label
    from departemental
    group by territory_type, delivery_id, year, indicator_label, unit_label

    union all

    select territory_type, delivery_id, year, indicator_label, unit_label
    from regional
    group by territory_type, delivery_id, year, indicator_label, unit_label
),

-- Accents, typographic apostrophes and no-break spaces come and go between editions.
spelt as (
    select
        territory_type,
        delivery_id,
        year,
        indicator_label,
        unit_label,
        replace(trim(translate(
            lower(indicator_label),
            'àâäéèêëîïôöùûüç’‘ʼ´`' || chr(160),
            'aaaeeeeiioouuuc'''''''''' '
        )), '  ', ' ') as label_key,
        replace(trim(translate(
            lower(unit_label),
            'àâäéèêëîïôöùûüç’‘ʼ´`' || chr(160),
            'aaaeeeeiioouuuc'''''''''' '
        )), '  ', ' ') as unit_key
    from slices
),

coded as (
    select
        spelt.territory_type,
        spelt.delivery_id,
        spelt.year,
        spelt.indicator_label,
        spelt.unit_label,
        spelt.label_key,
        coalesce(labels.indicator_code, 'unmapped_' || replace(spelt.label_key, ' ', '_')) as indicator_code,
        coalesce(units.unit, 'unmapped_' || replace(spelt.unit_key, ' ', '_')) as unit
    from spelt
    left join labels
        on spelt.label_key = labels.label_key
    left join units
        on spelt.unit_key = units.unit_key
),

-- Two labels of one delivery and year that mean the same code cannot both be it: the second stays apart, unmapped.
ranked as (
    select
        territory_type,
        delivery_id,
        year,
        indicator_label,
        unit_label,
        label_key,
        indicator_code,
        unit,
        dense_rank() over (
            partition by territory_type, delivery_id, year, indicator_code
            order by indicator_label
        ) as label_rank
    from coded
),

-- An edition without a date of its own is dated by the day it was received.
dated as (
    select
        ranked.territory_type,
        ranked.delivery_id,
        ranked.year,
        ranked.indicator_label,
        ranked.unit_label,
        case
            when ranked.label_rank = 1 then ranked.indicator_code
            else 'unmapped_' || replace(ranked.label_key, ' ', '_') || '_' || cast(ranked.label_rank as varchar)
        end as indicator_code,
        ranked.unit,
        coalesce(deliveries.edition_date, cast(deliveries.received_at as date)) as edition_date,
        deliveries.delivery_rank,
        deliveries.is_synthetic
    from ranked
    left join deliveries
        on ranked.delivery_id = deliveries.delivery_id
),

versioned as (
    select
        territory_type,
        delivery_id,
        year,
        indicator_label,
        unit_label,
        indicator_code,
        unit,
        edition_date,
        is_synthetic,
        dense_rank() over (
            order by territory_type, year, indicator_code
        ) as series_number,
        dense_rank() over (
            partition by territory_type, year, indicator_code
            order by edition_date, delivery_rank, delivery_id
        ) as version_number,
        dense_rank() over (
            partition by territory_type, year, indicator_code, edition_date
            order by delivery_rank, delivery_id
        ) as repetition_number
    from dated
)

select
    territory_type,
    delivery_id,
    year,
    indicator_label,
    unit_label,
    indicator_code,
    unit,
    edition_date,
    is_synthetic,
    cast(series_number as integer) as series_number,
    cast(version_number as integer) as version_number,
    version_number = max(version_number) over (
        partition by territory_type, year, indicator_code
    ) as is_newest_version,
    max(repetition_number) over (
        partition by territory_type, year, indicator_code, edition_date
    ) > 1 as is_edition_repeated
from versioned
