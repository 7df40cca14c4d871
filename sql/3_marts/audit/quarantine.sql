-- Rows that were not admitted, counted by delivery and reason.
-- Grain: delivery_id, reason.
-- Care: counts only; the rows with their text stay in the restricted quarantine folder.
with

quarantine as (
    select * from sources.quarantine
),

deliveries as (
    select * from sources.deliveries
)

select
    quarantine.delivery_id,
    quarantine.reason,
    quarantine.rows,
    deliveries.contract,
    deliveries.file_name,
    deliveries.rows_read,
    deliveries.is_synthetic
from quarantine
left join deliveries
    on quarantine.delivery_id = deliveries.delivery_id
