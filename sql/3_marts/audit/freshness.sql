-- Each kind of delivery on the day of the run: when it last came, when the next was due, and up to when its rows reach.
-- Grain: contract.
-- Care: a refused delivery makes nothing on time; contracts of a source that has sent nothing at all are not listed.
with

contracts as (
    select * from sources.contracts
),

deliveries as (
    select * from sources.deliveries
),

profiles as (
    select * from sources.profiles
),

run as (
    select * from sources.run
),

active_sources as (
    select source
    from deliveries
    where source is not null
    group by source
),

received as (
    select
        contract,
        count(*) as received_count,
        count(*) filter (where verdict not in ('passed', 'warned')) as refused_count,
        max(cast(received_at as date)) as last_received_on,
        max(cast(received_at as date)) filter (where verdict in ('passed', 'warned')) as last_admitted_on,
        bool_or(is_synthetic) as is_synthetic
    from deliveries
    where contract is not null
    group by contract
),

told as (
    select
        deliveries.contract,
        max(profiles.period_on) as last_period_on
    from deliveries
    inner join profiles
        on deliveries.delivery_id = profiles.delivery_id
    where deliveries.is_in_force
        and profiles.kind = 'period'
    group by deliveries.contract
),

dated as (
    select
        contracts.contract,
        contracts.source,
        contracts.title_fr,
        contracts.title as title_en,
        contracts.owner,
        contracts.expected_every_days,
        contracts.period_unit,
        run.as_of as judged_on,
        coalesce(received.received_count, 0) as received_count,
        coalesce(received.refused_count, 0) as refused_count,
        received.last_received_on,
        received.last_admitted_on,
        cast(received.last_admitted_on + contracts.expected_every_days * interval 1 day as date) as due_on,
        told.last_period_on,
        case
            when contracts.period_unit = 'month'
                then date_diff('day', cast(told.last_period_on + interval 1 month as date), received.last_admitted_on)
        end as lag_days,
        coalesce(received.is_synthetic, false) as is_synthetic
    from contracts
    inner join active_sources
        on contracts.source = active_sources.source
    cross join run
    left join received
        on contracts.contract = received.contract
    left join told
        on contracts.contract = told.contract
)

select
    contract,
    source,
    title_fr,
    title_en,
    owner,
    expected_every_days,
    judged_on,
    received_count,
    refused_count,
    last_received_on,
    last_admitted_on,
    due_on,
    greatest(date_diff('day', due_on, judged_on), 0) as late_days,
    last_period_on,
    lag_days,
    case
        when last_admitted_on is null and expected_every_days is null then 'none yet'
        when last_admitted_on is null then 'missing'
        when expected_every_days is null then 'received'
        when due_on < judged_on then 'late'
        else 'on time'
    end as state,
    is_synthetic
from dated
