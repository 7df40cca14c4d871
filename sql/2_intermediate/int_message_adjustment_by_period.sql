-- Feedback received and what became of it, by month, and by the quarters and years of which every month is there.
-- Grain: period_type, period_start.
-- Care: exact, not for publication; the delays and versions of the message belong to the month and stand in its table alone.
with

adjustment as (
    select * from intermediate.int_message_adjustment_counted
),

months as (
    select * from reference.months
),

placed as (
    select
        'month' as period_type,
        1 as month_count,
        month_on as period_start,
        month_on
    from adjustment

    union all

    select
        'quarter' as period_type,
        3 as month_count,
        months.quarter_on as period_start,
        adjustment.month_on
    from adjustment
    inner join months
        on adjustment.month_on = months.month_on

    union all

    select
        'year' as period_type,
        12 as month_count,
        make_date(months.year, 1, 1) as period_start,
        adjustment.month_on
    from adjustment
    inner join months
        on adjustment.month_on = months.month_on
),

added as (
    select
        placed.period_type,
        placed.period_start,
        sum(adjustment.received_count) as received_count,
        sum(adjustment.treated_count) as treated_count,
        sum(adjustment.open_count) as open_count,
        sum(adjustment.due_count) as due_count,
        sum(adjustment.within_30_days_count) as within_30_days_count,
        sum(adjustment.led_to_change_count) as led_to_change_count,
        bool_and(adjustment.is_feedback_log_reported) as is_feedback_log_reported,
        bool_and(adjustment.is_feedback_log_due) as is_feedback_log_due,
        bool_or(adjustment.is_provisional) as is_provisional,
        bool_or(adjustment.is_synthetic) as is_synthetic
    from placed
    inner join adjustment
        on placed.month_on = adjustment.month_on
    group by placed.period_type, placed.period_start, placed.month_count
    having count(*) = placed.month_count
)

select
    period_type,
    period_start,
    case when is_feedback_log_reported then cast(received_count as bigint) end as received_count,
    case when is_feedback_log_reported then cast(treated_count as bigint) end as treated_count,
    case when is_feedback_log_reported then cast(open_count as bigint) end as open_count,
    case when is_feedback_log_reported then cast(due_count as bigint) end as due_count,
    case when is_feedback_log_reported then cast(within_30_days_count as bigint) end as within_30_days_count,
    case when is_feedback_log_reported then cast(led_to_change_count as bigint) end as led_to_change_count,
    is_feedback_log_reported,
    is_feedback_log_due,
    is_provisional,
    is_synthetic
from added
