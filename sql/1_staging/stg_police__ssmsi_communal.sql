-- SSMSI communal base, every edition in force, one row per territory, year and printed label.
-- Grain: delivery_id, territory_code, year, indicator_label.
-- Care: a hidden cell is NULL; the départements' mean of hidden communes (complement_*) is left behind here, for good.
with

editions as (
    select * from sources.ssmsi_communal
)

select
    delivery_id,
    'commune' as territory_type,
    territory_code,
    year,
    indicator_label,
    unit_label,
    case when publication_status = 'diff' then count end as count,
    case when publication_status = 'diff' then rate_per_1000 end as rate_per_1000,
    publication_status = 'diff' and count is not null as is_published,
    population
from editions
