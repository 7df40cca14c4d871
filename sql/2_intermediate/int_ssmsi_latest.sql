-- The newest published figure of the zones that the barometer follows, by year and SSMSI indicator.
-- Grain: territory_type, territory_code, year, indicator_code.
-- Care: the same choice as is_latest_edition in marts.police_statistics, made over the few zones that matter here.
with

corrected as (
    select * from intermediate.int_ssmsi_corrected
),

zones as (
    select * from intermediate.int_zones_known
    where territory_code is not null
)

select
    zones.zone_code,
    corrected.territory_type,
    corrected.territory_code,
    corrected.year,
    corrected.indicator_code,
    corrected.unit,
    corrected.count,
    corrected.rate_per_1000,
    corrected.is_published,
    corrected.population,
    corrected.edition_date,
    corrected.correction_id,
    corrected.is_synthetic
from corrected
inner join zones
    on corrected.territory_type = zones.zone_type
    and corrected.territory_code = zones.territory_code
qualify row_number() over (
    partition by corrected.territory_type, corrected.territory_code, corrected.year, corrected.indicator_code
    order by corrected.version_number desc
) = 1
