-- Rows that were not admitted, counted by delivery and reason.
-- Grain: delivery_id, reason.
-- Care: counts only; the rows with their text stay in the restricted quarantine folder. Such rows are in no figure: their counts
-- are exact while they are few beside the accepted ones, else as rows_status says.
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
    quarantine.public_rows as rows,
    quarantine.rows_status,
    deliveries.contract,
    deliveries.file_name,
    deliveries.public_rows_read as rows_read,
    deliveries.is_synthetic
from quarantine
left join deliveries
    on quarantine.delivery_id = deliveries.delivery_id
