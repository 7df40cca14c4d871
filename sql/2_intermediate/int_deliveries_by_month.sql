-- Each kind of delivery by month: what was received, how many rows were good, and whether it was there in time.
-- Grain: contract, month_on.
-- Care: the rule of `barometer status` on the last day of each month: late when the newest admitted delivery is older than
-- expected_every_days; a refused one does not count. A contract is expected from the first month of its source on.
-- Rows are exact; public_ ones are sums of what may be shown of each delivery.
with

deliveries as (
    select * from sources.deliveries
),

contracts as (
    select * from sources.contracts
),

months as (
    select * from reference.months
),

run as (
    select * from sources.run
),

-- A file that answers to no contract is nobody's delivery, but it was received, and it is not hidden.
kinds as (
    select
        contract,
        source,
        expected_every_days
    from contracts

    union all

    select
        'unrecognised' as contract,
        'unrecognised' as source,
        cast(null as integer) as expected_every_days
),

received as (
    select
        coalesce(contract, 'unrecognised') as contract,
        coalesce(source, 'unrecognised') as source,
        cast(received_at as date) as received_on,
        verdict in ('passed', 'warned') as is_admitted,
        rows_read,
        rows_accepted,
        rows_quarantined,
        public_rows_read,
        public_rows_accepted,
        public_rows_quarantined,
        rows_status,
        is_synthetic
    from deliveries
),

-- Nothing tells when a kind of delivery should have begun. Silence must not look complete, so all of a source's kinds
-- are expected once the source has sent anything.
source_starts as (
    select
        source,
        min(received_on) as first_received_on
    from received
    group by source
),

spans as (
    select
        kinds.contract,
        kinds.source,
        kinds.expected_every_days,
        months.month_on,
        months.next_month_on,
        least(cast(months.next_month_on - interval 1 day as date), run.as_of) as judged_on,
        date_diff('day', run.as_of, months.next_month_on) > 1 as is_provisional
    from kinds
    inner join source_starts
        on kinds.source = source_starts.source
    cross join run
    inner join months
        on months.next_month_on > source_starts.first_received_on
        and months.month_on <= run.as_of
),

counted as (
    select
        contract,
        cast(date_trunc('month', received_on) as date) as month_on,
        count(*) as received_count,
        count(*) filter (where not is_admitted) as refused_count,
        cast(sum(rows_read) as bigint) as rows_read,
        cast(sum(rows_accepted) as bigint) as rows_accepted,
        cast(sum(rows_quarantined) as bigint) as rows_quarantined,
        -- what one of them hides must not be the difference to a sum
        case when count(*) = count(public_rows_read) then cast(sum(public_rows_read) as bigint) end as public_rows_read,
        case when count(*) = count(public_rows_accepted) then cast(sum(public_rows_accepted) as bigint) end as public_rows_accepted,
        case when count(*) = count(public_rows_quarantined) then cast(sum(public_rows_quarantined) as bigint) end as public_rows_quarantined,
        case
            when count(*) filter (where rows_status = 'hidden') > 0 then 'hidden'
            when count(*) filter (where rows_status = 'rounded') > 0 then 'rounded'
            else 'exact'
        end as rows_status
    from received
    group by contract, cast(date_trunc('month', received_on) as date)
),

known_until as (
    select
        spans.contract,
        spans.month_on,
        max(received.received_on) filter (where received.is_admitted) as last_received_on,
        bool_or(received.is_synthetic) as is_synthetic
    from spans
    inner join received
        on spans.contract = received.contract
        and received.received_on <= spans.judged_on
    group by spans.contract, spans.month_on
)

select
    spans.contract,
    spans.source,
    spans.month_on,
    spans.judged_on,
    spans.is_provisional,
    coalesce(counted.received_count, 0) as received_count,
    coalesce(counted.refused_count, 0) as refused_count,
    coalesce(counted.rows_read, 0) as rows_read,
    coalesce(counted.rows_accepted, 0) as rows_accepted,
    coalesce(counted.rows_quarantined, 0) as rows_quarantined,
    case when counted.contract is null then 0 else counted.public_rows_read end as public_rows_read,
    case when counted.contract is null then 0 else counted.public_rows_accepted end as public_rows_accepted,
    case when counted.contract is null then 0 else counted.public_rows_quarantined end as public_rows_quarantined,
    coalesce(counted.rows_status, 'exact') as rows_status,
    spans.expected_every_days,
    known_until.last_received_on,
    case
        when spans.expected_every_days is null and known_until.last_received_on is null then 'none yet'
        when spans.expected_every_days is null then 'received'
        when known_until.last_received_on is null then 'missing'
        when date_diff('day', known_until.last_received_on, spans.judged_on) > spans.expected_every_days then 'late'
        else 'on time'
    end as state,
    coalesce(known_until.is_synthetic, false) as is_synthetic
from spans
left join counted
    on spans.contract = counted.contract
    and spans.month_on = counted.month_on
left join known_until
    on spans.contract = known_until.contract
    and spans.month_on = known_until.month_on
