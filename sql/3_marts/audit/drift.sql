-- Each admitted delivery beside the history of its kind: what differs from it, and by which rule that is too much.
-- Grain: delivery_id, measure, item.
-- Care: a difference is a question to the sender, not an error. Of police records and persons it is told what is outside, not by how
-- much: a month's rows or a label's share are counts of them. A level is a mean per filled cell.
with

judged as (
    select * from intermediate.int_deliveries_judged
),

contracts as (
    select * from sources.contracts
),

guarded as (
    select
        judged.delivery_id,
        judged.measure,
        judged.item,
        judged.contract,
        judged.file_name,
        judged.edition_date,
        judged.value,
        judged.expected,
        judged.ratio,
        -- columns are no rows
        coalesce(contracts.counts_of, 'persons') <> 'open' and judged.measure <> 'column_retold' as is_hidden,
        judged.lowest_ratio,
        judged.highest_ratio,
        judged.lowest_difference,
        judged.highest_difference,
        judged.is_outside,
        judged.decided_on,
        judged.reason,
        judged.is_synthetic
    from judged
    left join contracts
        on judged.contract = contracts.contract
)

select
    delivery_id,
    measure,
    item,
    contract,
    file_name,
    edition_date,
    case when is_hidden then null else value end as value,
    case when is_hidden then null else expected end as expected,
    case when is_hidden then null else ratio end as ratio,
    is_hidden,
    lowest_ratio,
    highest_ratio,
    lowest_difference,
    highest_difference,
    is_outside,
    decided_on,
    reason,
    is_synthetic
from guarded
