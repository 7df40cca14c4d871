-- Zones of the city, what contains them and the peers, with the residents of the newest year known.
-- Grain: zone_code.
-- Care: zones of different types overlap, so only one type may be added up; 'unlocated' is no place, it has no residents.
with

zones as (
    select * from intermediate.int_zones_known
),

populations as (
    select * from staging.stg_reference__populations
),

deliveries as (
    select * from sources.deliveries_of_reference
),

published as (
    select * from intermediate.int_ssmsi_latest
    where population is not null
),

newest_census as (
    select
        populations.zone_code,
        populations.resident_count,
        populations.year,
        populations.population_source,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from populations
    left join deliveries
        on populations.delivery_id = deliveries.delivery_id
    qualify row_number() over (partition by populations.zone_code order by populations.year desc) = 1
),

-- The peers come in no population file of the city: the SSMSI's own denominator stands in.
newest_published as (
    select
        zone_code,
        population,
        year,
        is_synthetic
    from published
    qualify row_number() over (partition by zone_code order by year desc, edition_date desc, indicator_code) = 1
)

select
    zones.zone_code,
    zones.zone_type,
    zones.name,
    zones.parent_code,
    coalesce(newest_census.resident_count, newest_published.population) as population,
    coalesce(newest_census.year, newest_published.year) as population_year,
    case
        when newest_census.zone_code is not null then coalesce(newest_census.population_source, 'populations')
        when newest_published.zone_code is not null then 'SSMSI'
    end as population_source,
    zones.territory_code,
    zones.is_sensitive,
    zones.is_synthetic
        or coalesce(newest_census.is_synthetic, newest_published.is_synthetic, false) as is_synthetic
from zones
left join newest_census
    on zones.zone_code = newest_census.zone_code
left join newest_published
    on zones.zone_code = newest_published.zone_code
