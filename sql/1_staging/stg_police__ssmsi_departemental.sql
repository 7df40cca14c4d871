-- SSMSI départements' base, every edition in force, one row per territory, year and printed label.
-- Grain: delivery_id, territory_code, year, indicator_label.
-- Care: blank is not published, never 0.
with

editions as (
    select * from sources.ssmsi_departemental
)

select
    delivery_id,
    'departement' as territory_type,
    territory_code,
    year,
    indicator_label,
    unit_label,
    count,
    case when count is not null then rate_per_1000 end as rate_per_1000,
    count is not null as is_published,
    population
from editions
