-- Residents of each zone for every year, from the nearest earlier census population, else the earliest known.
-- Grain: zone_code, year.
-- Care: population_year tells which census stands behind the figure.
with

populations as (
    select * from staging.stg_reference__populations
),

deliveries as (
    select * from sources.deliveries_of_reference
),

years as (
    select distinct year from reference.months
),

candidates as (
    select
        populations.zone_code,
        years.year,
        populations.resident_count,
        populations.year as population_year,
        populations.delivery_id,
        case when populations.year <= years.year then 0 else 1 end as is_later,
        abs(populations.year - years.year) as distance
    from populations
    cross join years
),

nearest as (
    select
        zone_code,
        year,
        resident_count,
        population_year,
        delivery_id
    from candidates
    qualify row_number() over (partition by zone_code, year order by is_later, distance) = 1
)

select
    nearest.zone_code,
    nearest.year,
    nearest.resident_count,
    nearest.population_year,
    coalesce(deliveries.is_synthetic, false) as is_synthetic
from nearest
left join deliveries
    on nearest.delivery_id = deliveries.delivery_id
