-- Every delivery known on the day of the run, also the refused and the replaced ones, with its verdict.
-- Grain: delivery_id.
-- Care: rows of police records and persons are rounded to 5, small counts hidden (rows_status); rows_read = rows_accepted +
-- rows_quarantined as shown. Only deliveries in force reach the published figures.
with

deliveries as (
    select * from sources.deliveries
),

contracts as (
    select * from sources.contracts
)

select
    deliveries.delivery_id,
    deliveries.contract,
    deliveries.file_name,
    deliveries.sha256,
    deliveries.public_bytes as bytes,
    deliveries.received_at,
    deliveries.verdict,
    deliveries.public_rows_read as rows_read,
    deliveries.public_rows_accepted as rows_accepted,
    deliveries.public_rows_quarantined as rows_quarantined,
    deliveries.rows_status,
    deliveries.public_refusal as refusal,
    deliveries.is_in_force,
    deliveries.superseded_by,
    deliveries.source,
    contracts.title_fr as contract_title_fr,
    contracts.title as contract_title_en,
    contracts.owner,
    deliveries.licence,
    deliveries.citation,
    deliveries.edition_date,
    deliveries.wave_code,
    deliveries.is_synthetic,
    deliveries.delivery_rank,
    deliveries.contract_version
from deliveries
left join contracts
    on deliveries.contract = contracts.contract
