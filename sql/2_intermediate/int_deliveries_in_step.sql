-- Admitted deliveries, each with its place in the history of its kind and in that of its file.
-- Grain: delivery_id.
-- Care: partners send logs of their own, so a partner's history is told apart by sender; editions of a published base are one
-- history in the order of their editions, other files one for each name.
with

deliveries as (
    select * from sources.deliveries
),

contracts as (
    select * from sources.contracts
),

admitted as (
    select
        deliveries.delivery_id,
        deliveries.contract,
        deliveries.source,
        deliveries.file_name,
        deliveries.edition_date,
        deliveries.delivery_rank,
        deliveries.is_in_force,
        cast(deliveries.received_at as date) as received_on,
        deliveries.is_synthetic,
        contracts.period_unit,
        deliveries.contract || case when deliveries.source = 'partners' then ' ' || coalesce(deliveries.sender, '?') else '' end as history,
        deliveries.contract || case when deliveries.edition_date is null then ' ' || deliveries.file_name else '' end as file_history,
        coalesce(deliveries.edition_date, cast(deliveries.received_at as date)) as known_on
    from deliveries
    inner join contracts
        on deliveries.contract = contracts.contract
    where deliveries.verdict in ('passed', 'warned')
)

select
    delivery_id,
    contract,
    source,
    file_name,
    edition_date,
    delivery_rank,
    is_in_force,
    received_on,
    is_synthetic,
    period_unit,
    history,
    file_history,
    known_on,
    row_number() over (partition by history order by known_on, delivery_rank) as step,
    row_number() over (partition by file_history order by known_on, delivery_rank) as file_step
from admitted
