-- The newest published figure of the zones that the barometer follows, by year and SSMSI indicator.
-- Grain: territory_type, territory_code, year, indicator_code.
-- Care: the same choice as is_latest_edition in marts.police_statistics, made over the few zones that matter here.
with

latest as (
    select * from intermediate.int_ssmsi_latest_by_territory
),

zones as (
    select * from intermediate.int_zones_known
    where territory_code is not null
)

select
    zones.zone_code,
    latest.territory_type,
    latest.territory_code,
    latest.year,
    latest.indicator_code,
    latest.unit,
    latest.count,
    latest.rate_per_1000,
    latest.is_published,
    latest.population,
    latest.edition_date,
    latest.correction_id,
    latest.is_synthetic
from latest
inner join zones
    on latest.territory_type = zones.zone_type
    and latest.territory_code = zones.territory_code
