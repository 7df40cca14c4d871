-- The kinds of delivery behind each published column; behind the figures of marts.indicator_values for each indicator apart.
-- Grain: table_name, column_name, indicator_id, contract.
-- Care: join audit.deliveries on contract and is_in_force; the way of each column of a delivery stands in audit.origins.
with

origins as (
    select * from sources.origins
),

indicator_origins as (
    select * from sources.indicator_origins
),

contracts as (
    select * from sources.contracts
),

-- The figures of the indicators are made by different branches of the queries: which, the lineage of each indicator tells.
traced as (
    select
        table_name,
        column_name,
        'all' as indicator_id,
        source_table,
        source_column,
        kind
    from origins

    union all

    select
        'marts.indicator_values' as table_name,
        column_name,
        indicator_id,
        source_table,
        source_column,
        kind
    from indicator_origins
),

ranked as (
    select
        traced.table_name,
        traced.column_name,
        traced.indicator_id,
        contracts.contract,
        case traced.kind when 'value' then 1 when 'aggregation' then 2 when 'condition' then 3 else 4 end as kind_rank,
        case when traced.source_column = '*' then 0 else 1 end as is_named
    from traced
    inner join contracts
        on traced.source_table = concat('sources.', contracts.contract)
),

gathered as (
    select
        table_name,
        column_name,
        indicator_id,
        contract,
        min(kind_rank) as kind_rank,
        cast(sum(is_named) as bigint) as source_column_count
    from ranked
    group by table_name, column_name, indicator_id, contract
)

select
    table_name,
    column_name,
    indicator_id,
    contract,
    case kind_rank when 1 then 'value' when 2 then 'aggregation' when 3 then 'condition' else 'rows' end as kind,
    source_column_count
from gathered
