-- Each admitted delivery beside what the history of its kind lets expect: periods, rows, columns, labels, levels.
-- Grain: delivery_id, measure, item.
-- Care: counts of rows and totals of whole periods; nothing is judged here, the bounds stand in reference.drift_rules.
with

steps as (
    select * from intermediate.int_deliveries_in_step
),

profiles as (
    select * from sources.profiles
),

labels as (
    select * from reference.ssmsi_labels
),

units as (
    select * from reference.ssmsi_units
),

months as (
    select * from reference.months
),

zones as (
    select zone_code
    from staging.stg_reference__zones
    group by zone_code
),

members as (
    select partner_id
    from staging.stg_partners__roster
    group by partner_id
),

profiled as (
    select
        steps.delivery_id,
        steps.contract,
        steps.is_in_force,
        steps.known_on,
        steps.edition_date,
        steps.period_unit,
        steps.history,
        steps.file_history,
        steps.step,
        steps.file_step,
        profiles.kind,
        profiles.column_name,
        profiles.label,
        profiles.period_on,
        profiles.rows,
        profiles.filled,
        profiles.total,
        replace(trim(translate(
            lower(profiles.label),
            'àâäéèêëîïôöùûüç’‘ʼ´`' || chr(160),
            'aaaeeeeiioouuuc'''''''''' '
        )), '  ', ' ') as label_key,
        case
            when steps.period_unit = 'year' then cast(profiles.period_on + interval 1 year as date)
            else cast(profiles.period_on + interval 1 month as date)
        end <= steps.known_on as is_complete
    from steps
    inner join profiles
        on steps.delivery_id = profiles.delivery_id
),

-- A publisher's label under its stable code: another spelling of it is no new label.
named as (
    select
        profiled.delivery_id,
        profiled.contract,
        profiled.edition_date,
        profiled.history,
        profiled.file_history,
        profiled.step,
        profiled.file_step,
        profiled.kind,
        profiled.column_name,
        profiled.period_on,
        profiled.rows,
        profiled.filled,
        profiled.total,
        profiled.is_complete,
        coalesce(labels.indicator_code, units.unit, profiled.label) as label,
        case
            when profiled.kind = 'header' then profiled.label = 'known'
            when profiled.column_name = 'indicator_label' then labels.indicator_code is not null
            when profiled.column_name = 'unit_label' then units.unit is not null
            when profiled.column_name = 'zone_code' then zones.zone_code is not null
            when profiled.column_name = 'partner_id' then members.partner_id is not null
            when profiled.column_name = 'rule_version' then false
            else profiled.label <> '(unknown)'
        end as is_known,
        labels.seen_until
    from profiled
    left join labels
        on profiled.label_key = labels.label_key
        and profiled.column_name = 'indicator_label'
    left join units
        on profiled.label_key = units.unit_key
        and profiled.column_name = 'unit_label'
    left join zones
        on profiled.label = zones.zone_code
        and profiled.column_name = 'zone_code'
    left join members
        on profiled.label = members.partner_id
        and profiled.column_name = 'partner_id'
),

-- Two spellings of one label in one delivery are one.
labelled as (
    select
        delivery_id,
        contract,
        edition_date,
        history,
        file_history,
        step,
        file_step,
        kind,
        column_name,
        label,
        period_on,
        is_complete,
        bool_and(is_known) as is_known,
        max(seen_until) as seen_until,
        cast(sum(rows) as bigint) as rows,
        cast(sum(filled) as bigint) as filled,
        sum(total) as total
    from named
    where kind in ('label', 'period_label', 'header')
    group by
        delivery_id, contract, edition_date, history, file_history, step, file_step, kind, column_name, label, period_on, is_complete
),

periods as (
    select
        delivery_id,
        contract,
        history,
        file_history,
        step,
        file_step,
        period_unit,
        period_on,
        is_complete,
        rows,
        total
    from profiled
    where kind = 'period'
),

whole_periods as (
    select
        delivery_id,
        history,
        step,
        count(*) as period_count,
        cast(sum(rows) as bigint) as row_count,
        min(period_on) as first_period_on,
        max(period_on) as last_period_on
    from periods
    where is_complete
    group by delivery_id, history, step
),

-- What a period usually holds: by the delivery before, or by the delivery itself where it is long enough to tell.
usual as (
    select
        own.delivery_id,
        own.first_period_on,
        own.last_period_on,
        own.row_count * 1.0 / nullif(own.period_count, 0) as own_rows,
        case
            when before.period_count >= 3 then before.row_count * 1.0 / nullif(before.period_count, 0)
            when own.period_count >= 6 then own.row_count * 1.0 / nullif(own.period_count, 0)
        end as usual_month_rows,
        before.row_count * 1.0 / nullif(before.period_count, 0) as usual_year_rows
    from whole_periods as own
    left join whole_periods as before
        on own.history = before.history
        and own.step = before.step + 1
),

period_rows as (
    select
        periods.delivery_id,
        'period_rows' as measure,
        cast(periods.period_on as varchar) as item,
        cast(periods.rows as double) as value,
        cast(case when periods.period_unit = 'year' then usual.usual_year_rows else usual.usual_month_rows end as double) as expected,
        periods.rows as row_count,
        true as is_known
    from periods
    inner join usual
        on periods.delivery_id = usual.delivery_id
    where periods.is_complete
),

period_missing as (
    select
        usual.delivery_id,
        'period_missing' as measure,
        cast(months.month_on as varchar) as item,
        cast(0 as double) as value,
        cast(usual.own_rows as double) as expected,
        cast(0 as bigint) as row_count,
        true as is_known
    from usual
    inner join steps
        on usual.delivery_id = steps.delivery_id
    inner join months
        on months.month_on between usual.first_period_on and usual.last_period_on
        and (steps.period_unit = 'month' or extract(month from months.month_on) = 1)
    left join periods
        on usual.delivery_id = periods.delivery_id
        and months.month_on = periods.period_on
    where periods.delivery_id is null
),

-- The same file, or the next edition: a period that it told before and tells no more.
periods_followed as (
    select
        file_history,
        file_step,
        period_on,
        rows,
        lead(file_step) over (partition by file_history, period_on order by file_step) as next_file_step
    from periods
),

period_lost as (
    select
        steps.delivery_id,
        'period_lost' as measure,
        cast(periods_followed.period_on as varchar) as item,
        cast(0 as double) as value,
        cast(periods_followed.rows as double) as expected,
        cast(0 as bigint) as row_count,
        true as is_known
    from periods_followed
    inner join steps
        on periods_followed.file_history = steps.file_history
        and periods_followed.file_step + 1 = steps.file_step
    where coalesce(periods_followed.next_file_step, 0) <> periods_followed.file_step + 1
),

retold as (
    select
        delivery_id,
        'period_rows_retold' as measure,
        cast(period_on as varchar) as item,
        cast(rows as double) as value,
        cast(lag(rows) over (partition by file_history, period_on order by file_step) as double) as expected,
        rows as row_count,
        true as is_known
    from periods
    where is_complete

    union all

    select
        delivery_id,
        'period_total_retold' as measure,
        cast(period_on as varchar) as item,
        cast(total as double) as value,
        cast(lag(total) over (partition by file_history, period_on order by file_step) as double) as expected,
        rows as row_count,
        true as is_known
    from periods
    where is_complete
        and total is not null

    union all

    select
        delivery_id,
        'period_total_retold' as measure,
        cast(period_on as varchar) || ' ' || label as item,
        cast(total as double) as value,
        cast(lag(total) over (partition by file_history, period_on, column_name, label order by file_step) as double) as expected,
        rows as row_count,
        true as is_known
    from labelled
    where is_complete
        and kind = 'period_label'
        and total is not null
),

levels as (
    select
        delivery_id,
        'level' as measure,
        column_name || ' ' || label as item,
        cast(total / nullif(filled, 0) as double) as value,
        cast(lag(total / nullif(filled, 0)) over (partition by history, column_name, label order by step) as double) as expected,
        filled as row_count,
        true as is_known
    from labelled
    where kind = 'label'
        and column_name in ('indicator_label', 'metric')
        and total is not null

    union all

    select
        delivery_id,
        'level' as measure,
        column_name as item,
        cast(total / nullif(rows, 0) as double) as value,
        cast(lag(total / nullif(rows, 0)) over (partition by history, column_name order by step) as double) as expected,
        rows as row_count,
        true as is_known
    from profiled
    where kind = 'column'
        and total is not null
        and edition_date is null
),

totals as (
    select
        delivery_id,
        rows as row_count
    from profiled
    where kind = 'rows'
),

shares as (
    select
        profiled.delivery_id,
        profiled.history,
        profiled.step,
        profiled.column_name,
        profiled.rows * 1.0 / nullif(totals.row_count, 0) as filled_share,
        totals.row_count
    from profiled
    inner join totals
        on profiled.delivery_id = totals.delivery_id
    where profiled.kind = 'column'
),

filled_shares as (
    select
        delivery_id,
        'filled_share' as measure,
        column_name as item,
        cast(filled_share as double) as value,
        cast(lag(filled_share) over (partition by history, column_name order by step) as double) as expected,
        row_count,
        true as is_known
    from shares
),

-- Shares of labels and of yes and no: what one word gains another loses. Codes of places and partners come and go.
label_shares as (
    select
        labelled.delivery_id,
        'label_share' as measure,
        labelled.column_name || ' ' || labelled.label as item,
        cast(labelled.rows * 1.0 / nullif(totals.row_count, 0) as double) as value,
        cast(lag(labelled.rows * 1.0 / nullif(totals.row_count, 0)) over (
            partition by labelled.history, labelled.column_name, labelled.label order by labelled.step
        ) as double) as expected,
        totals.row_count,
        true as is_known
    from labelled
    inner join totals
        on labelled.delivery_id = totals.delivery_id
    where labelled.kind = 'label'
        and labelled.edition_date is null
        and labelled.column_name not in ('zone_code', 'partner_id', 'rule_version')
),

-- A code that the lists in force do not hold, in the rows in force.
codes_unlisted as (
    select
        labelled.delivery_id,
        'code_unlisted' as measure,
        labelled.column_name as item,
        cast(sum(labelled.rows) as double) as value,
        cast(null as double) as expected,
        cast(sum(labelled.rows) as bigint) as row_count,
        false as is_known
    from labelled
    inner join steps
        on labelled.delivery_id = steps.delivery_id
    where labelled.kind = 'label'
        and steps.is_in_force
        and not labelled.is_known
        and (
            (labelled.column_name = 'zone_code' and exists (select 1 from zones))
            or (labelled.column_name = 'partner_id' and exists (select 1 from members))
        )
    group by labelled.delivery_id, labelled.column_name
),

-- Months that had not begun when the file came. What is planned may lie ahead, and so may the end of a membership.
rows_ahead as (
    select
        delivery_id,
        'rows_ahead' as measure,
        column_name as item,
        cast(sum(rows) as double) as value,
        cast(null as double) as expected,
        cast(sum(rows) as bigint) as row_count,
        true as is_known
    from profiled
    where kind = 'date'
        and period_on > known_on
        and column_name not in ('planned_on', 'left_on')
    group by delivery_id, column_name
),

delivery_rows as (
    select
        delivery_id,
        'delivery_rows' as measure,
        'all' as item,
        cast(rows as double) as value,
        cast(lag(rows) over (partition by file_history order by file_step) as double) as expected,
        rows as row_count,
        true as is_known
    from profiled
    where kind = 'rows'
),

contents as (
    select
        delivery_id,
        contract,
        file_history,
        file_step,
        is_in_force,
        is_complete,
        column_name,
        label as checksum,
        period_on,
        rows,
        lag(label) over (partition by file_history, column_name, period_on order by file_step) as checksum_before
    from profiled
    where kind = 'content'
),

-- Of the periods told again by the same file, those in which a column says something else. What is filled in as time goes
-- by (clearance, treatment, departure) may.
columns_retold as (
    select
        delivery_id,
        'column_retold' as measure,
        column_name as item,
        cast(count(*) filter (where checksum <> checksum_before) * 1.0 / nullif(count(*), 0) as double) as value,
        cast(0 as double) as expected,
        count(*) as row_count,
        true as is_known
    from contents
    where checksum_before is not null
        and is_complete
        and substr(column_name, 1, 1) <> '('
        and column_name not in ('cleared_on', 'treated_on', 'outcome', 'new_message_version', 'left_on', 'held_on', 'decisions_closed')
    group by delivery_id, column_name
),

-- The same rows under other numbers: in another file of the kind, or (without their dates) in another period.
repeated as (
    select
        delivery_id,
        contract,
        column_name,
        period_on,
        rows,
        count(*) over (partition by contract, column_name, checksum, rows, coalesce(cast(period_on as varchar), 'all')) as same_period_count,
        count(*) over (partition by contract, column_name, checksum, rows, period_on is null) as same_rows_count
    from contents
    where is_in_force
        and substr(column_name, 1, 1) = '('
),

copies as (
    select
        delivery_id,
        'period_copied' as measure,
        coalesce(cast(period_on as varchar), 'all') as item,
        cast(rows as double) as value,
        cast(null as double) as expected,
        rows as row_count,
        max(case when column_name = '(content)' then same_period_count else same_rows_count end) = 1 as is_known
    from repeated
    group by delivery_id, period_on, rows
),

-- Labels and columns: when was it seen before, and is it there in the delivery that follows?
followed as (
    select
        delivery_id,
        history,
        step,
        kind,
        column_name,
        label,
        is_known,
        seen_until,
        rows,
        lag(step) over (partition by history, kind, column_name, label order by step) as seen_in_step,
        lead(step) over (partition by history, kind, column_name, label order by step) as next_step
    from labelled
    where kind in ('label', 'header')
),

appeared as (
    select
        delivery_id,
        case when kind = 'label' then 'label_new' else 'column_new' end as measure,
        case when kind = 'label' then column_name || ' ' || label else column_name end as item,
        cast(rows as double) as value,
        cast(null as double) as expected,
        rows as row_count,
        is_known
    from followed
    where step > 1
        and seen_in_step is null
        and (kind = 'header' or column_name not in ('zone_code', 'partner_id'))
),

vanished as (
    select
        steps.delivery_id,
        case when followed.kind = 'label' then 'label_lost' else 'column_lost' end as measure,
        case when followed.kind = 'label' then followed.column_name || ' ' || followed.label else followed.column_name end as item,
        cast(0 as double) as value,
        -- as many as before, in the proportion of the two deliveries
        cast(followed.rows * 1.0 * now_told.row_count / nullif(then_told.row_count, 0) as double) as expected,
        cast(0 as bigint) as row_count,
        -- a label that the publisher has given up, and a column that no contract knows, are not missed
        followed.seen_until is not null or not followed.is_known as is_known
    from followed
    inner join steps
        on followed.history = steps.history
        and followed.step + 1 = steps.step
    inner join totals as now_told
        on steps.delivery_id = now_told.delivery_id
    inner join totals as then_told
        on followed.delivery_id = then_told.delivery_id
    where coalesce(followed.next_step, 0) <> followed.step + 1
        and (followed.kind = 'header' or followed.column_name not in ('zone_code', 'partner_id', 'rule_version'))
),

measured as (
    select delivery_id, measure, item, value, expected, row_count, is_known from period_rows where expected is not null
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from period_missing
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from period_lost
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from retold where expected is not null
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from levels where expected is not null
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from filled_shares where expected is not null
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from appeared
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from vanished
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from label_shares where expected is not null
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from codes_unlisted
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from rows_ahead
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from delivery_rows where expected is not null
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from columns_retold
    union all
    select delivery_id, measure, item, value, expected, row_count, is_known from copies where not is_known
)

select
    measured.delivery_id,
    measured.measure,
    measured.item,
    steps.contract,
    steps.source,
    steps.file_name,
    steps.edition_date,
    measured.value,
    measured.expected,
    measured.row_count,
    measured.is_known,
    steps.is_synthetic
from measured
inner join steps
    on measured.delivery_id = steps.delivery_id
