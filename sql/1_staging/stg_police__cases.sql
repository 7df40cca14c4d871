-- Recorded cases, one row for each, with the clearance known to the newest delivery.
-- Grain: case_id.
-- Care: where the extract has no date of recording, the date of the fact stands in for it.
with

deliveries as (
    select * from sources.police_cases
)

select
    case_id,
    zone_code,
    offence_class,
    fact_on,
    coalesce(recorded_on, fact_on) as recorded_on,
    cleared_on,
    delivery_id
from deliveries
qualify row_number() over (partition by case_id order by delivery_rank desc, delivery_id desc) = 1
