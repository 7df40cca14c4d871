-- Each kind of delivery by month: what was received, how many rows were good, and whether it was there in time.
-- Grain: contract, month_on.
-- Care: months of receipt, not of what the rows tell of; the running month is judged on the day of the run.
with

kinds as (
    select * from intermediate.int_deliveries_by_month
)

select
    source,
    contract,
    month_on,
    judged_on,
    is_provisional,
    expected_every_days,
    last_received_on,
    state,
    received_count,
    refused_count,
    rows_read,
    rows_accepted,
    rows_quarantined,
    is_synthetic
from kinds
