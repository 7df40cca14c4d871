-- Zones of the city and what contains them, as the newest delivery tells them.
-- Grain: zone_code.
-- Care: zones of different types overlap (a QPV lies across quartiers), so only one type may be added up.
with

deliveries as (
    select * from sources.zones
)

select
    zone_code,
    zone_type,
    name,
    parent_code,
    is_sensitive,
    delivery_id
from deliveries
qualify row_number() over (partition by zone_code order by delivery_rank desc, delivery_id desc) = 1
