-- The newest published figure of the zones that the barometer follows, by year and SSMSI indicator.
-- Grain: territory_type, territory_code, year, indicator_code.
-- Care: the same choice as is_latest_edition in marts.police_statistics, made over the few zones that matter here.
with

harmonised as (
    select * from intermediate.int_ssmsi_harmonised
),

zones as (
    select * from intermediate.int_zones_known
    where territory_code is not null
)

select
    zones.zone_code,
    harmonised.territory_type,
    harmonised.territory_code,
    harmonised.year,
    harmonised.indicator_code,
    harmonised.unit,
    harmonised.count,
    harmonised.rate_per_1000,
    harmonised.is_published,
    harmonised.population,
    harmonised.edition_date,
    harmonised.is_synthetic
from harmonised
inner join zones
    on harmonised.territory_type = zones.zone_type
    and harmonised.territory_code = zones.territory_code
qualify row_number() over (
    partition by harmonised.territory_type, harmonised.territory_code, harmonised.year, harmonised.indicator_code
    order by harmonised.version_number desc
) = 1
