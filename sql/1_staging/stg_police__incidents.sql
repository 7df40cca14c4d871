-- Recorded incidents, one row for each, as the newest delivery tells it.
-- Grain: incident_id.
-- Care: occurred_at is local time; an incident without a zone happened in the city, nobody says where.
with

deliveries as (
    select * from sources.police_incidents
)

select
    incident_id,
    zone_code,
    category,
    service,
    rule_version,
    is_trafficking_linked,
    occurred_at,
    cast(date_trunc('month', occurred_at) as date) as month_on,
    delivery_id
from deliveries
qualify row_number() over (partition by incident_id order by delivery_rank desc, delivery_id desc) = 1
