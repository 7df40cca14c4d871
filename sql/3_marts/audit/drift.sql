-- Each admitted delivery beside the history of its kind: what differs from it, and by which rule that is too much.
-- Grain: delivery_id, measure, item.
-- Care: a difference is a question to the sender, not an error; counts of our own sources are rounded to 5, and hidden under 11;
-- shares and means of under 100 rows are hidden too. A level is a mean per filled cell.
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
        -- published bases and lists of residents hold nothing that is not public
        compared.source in ('partners', 'surveys', 'police')
        and compared.contract not in ('ssmsi_communal', 'ssmsi_departemental', 'ssmsi_regional', 'etat_4001_services') as is_guarded,
        compared.measure in ('filled_share', 'label_share', 'level', 'column_retold') as is_relative,
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
),

judged as (
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
        is_guarded,
        is_relative,
        case
            when not is_guarded or measure = 'column_retold' then false
            when is_relative then coalesce(row_count < 100, false)
            else coalesce(value between 0.5 and 10.5, false) or coalesce(expected between 0.5 and 10.5, false)
        end as is_hidden,
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
)

select
    delivery_id,
    measure,
    item,
    contract,
    file_name,
    edition_date,
    case
        when is_hidden then null
        when is_guarded and is_relative then round(value, 2)
        when is_guarded then 5 * round(value / 5)
        else value
    end as value,
    case
        when is_hidden then null
        when is_guarded and is_relative then round(expected, 2)
        when is_guarded then 5 * round(expected / 5)
        else expected
    end as expected,
    case
        when is_hidden then null
        when is_guarded then round(ratio, 2)
        else ratio
    end as ratio,
    is_hidden,
    lowest_ratio,
    highest_ratio,
    lowest_difference,
    highest_difference,
    is_outside,
    decided_on,
    reason,
    is_synthetic
from judged
