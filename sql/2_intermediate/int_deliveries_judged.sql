-- Each admitted delivery beside the history of its kind, judged by the rule that goes for it; values are exact.
-- Grain: delivery_id, measure, item.
-- Care: not published as it is: values of police records and persons are counts of them. A level is a mean per filled cell.
with

compared as (
    select * from intermediate.int_deliveries_compared
),

rules as (
    select * from reference.drift_rules
),

ruled as (
    select
        compared.delivery_id,
        compared.measure,
        compared.item,
        compared.contract,
        compared.file_name,
        compared.edition_date,
        compared.value,
        compared.expected,
        compared.row_count,
        compared.is_known,
        compared.is_synthetic,
        rules.contract as ruled_contract,
        rules.lowest_ratio,
        rules.highest_ratio,
        rules.lowest_difference,
        rules.highest_difference,
        rules.min_expected,
        rules.min_rows,
        rules.decided_on,
        rules.reason
    from compared
    left join rules
        on compared.measure = rules.measure
        and rules.contract in ('any', compared.contract)
    qualify row_number() over (
        partition by compared.delivery_id, compared.measure, compared.item
        order by case when rules.contract = 'any' then 1 else 0 end
    ) = 1
)

select
    delivery_id,
    measure,
    item,
    contract,
    file_name,
    edition_date,
    value,
    expected,
    value / nullif(expected, 0) as ratio,
    lowest_ratio,
    highest_ratio,
    lowest_difference,
    highest_difference,
    case
        when measure in ('column_new', 'column_lost') then not is_known
        when measure in ('label_new', 'code_unlisted', 'period_copied') then not is_known and coalesce(row_count >= min_rows, false)
        when measure = 'rows_ahead' then coalesce(row_count >= min_rows, false)
        when measure in ('period_lost', 'period_missing') then coalesce(expected >= min_expected, false)
        when measure = 'label_lost' then not is_known and coalesce(expected >= min_expected, false)
        -- a column that empties altogether, or comes to life, is told however few of its cells were filled
        when measure = 'filled_share' and lowest_difference is not null and row_count >= min_rows
            and ((value = 0 and expected >= 0.05) or (expected = 0 and value >= 0.5)) then true
        when measure in ('filled_share', 'label_share', 'column_retold') then
            coalesce(row_count >= min_rows, true)
            and (
                coalesce(value - expected < lowest_difference, false)
                or coalesce(value - expected > highest_difference, false)
            )
        else
            coalesce(expected >= min_expected, true) and coalesce(row_count >= min_rows, true)
            and (
                coalesce(value < lowest_ratio * expected, false)
                or coalesce(value > highest_ratio * expected, false)
            )
    end as is_outside,
    decided_on,
    reason,
    is_synthetic
from ruled
