-- Residents by zone and year, as the newest delivery tells them.
-- Grain: zone_code, year.
-- Care: a year without a row has no figure of its own; see int_populations_by_year.
with

deliveries as (
    select * from sources.populations
)

select
    zone_code,
    year,
    resident_count,
    population_source,
    delivery_id
from deliveries
qualify row_number() over (partition by zone_code, year order by delivery_rank desc, delivery_id desc) = 1
