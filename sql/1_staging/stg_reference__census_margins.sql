-- Residents by group of zones, age band and sex, to which survey answers are weighted.
-- Grain: zone_group, age_band, sex, year.
-- Care: margins of one census year belong together.
with

deliveries as (
    select * from sources.census_margins
)

select
    zone_group,
    age_band,
    sex,
    year,
    resident_count,
    delivery_id
from deliveries
qualify row_number() over (partition by zone_group, age_band, sex, year order by delivery_rank desc, delivery_id desc) = 1
