-- Each kind of delivery by month: what was received, how many rows were good, and whether it was there in time.
-- Grain: contract, month_on.
-- Care: months of receipt, not of what the rows tell of; the running month is judged on the day of the run. Rows are sums of those
-- in audit.deliveries, so that a month tells no more than these; hidden where one of them is.
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
    public_rows_read as rows_read,
    public_rows_accepted as rows_accepted,
    public_rows_quarantined as rows_quarantined,
    rows_status,
    is_synthetic
from kinds
