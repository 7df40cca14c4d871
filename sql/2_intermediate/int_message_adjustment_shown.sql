-- Feedback received and what became of it, by month, quarter and year, as it may be shown.
-- Grain: period_type, period_start.
-- Care: hidden is not missing and not zero; a median is shown of more than ten cases only, a longest or first case never.
with

counted as (
    select * from intermediate.int_message_adjustment_by_period
),

months as (
    select * from intermediate.int_message_adjustment_counted
),

feedback as (
    select * from intermediate.int_feedback_followed
),

calendar as (
    select * from reference.months
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'partners'
        and breakdown = 'total'
        and measure in (
            'feedback_received', 'feedback_treated', 'feedback_open', 'feedback_due', 'feedback_within_30_days', 'message_changes'
        )
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
),

shown as (
    select
        protected.period_type,
        protected.period_start,
        max(protected.shown_count) filter (where protected.measure = 'feedback_received') as received_count,
        max(protected.shown_count) filter (where protected.measure = 'feedback_treated') as treated_count,
        max(protected.shown_count) filter (where protected.measure = 'feedback_open') as open_count,
        max(protected.shown_count) filter (where protected.measure = 'feedback_due') as due_count,
        max(protected.shown_count) filter (where protected.measure = 'feedback_within_30_days') as within_30_days_count,
        max(protected.shown_count) filter (where protected.measure = 'message_changes') as led_to_change_count,
        max(protected.obs_status) filter (where protected.measure = 'feedback_received') as received_status,
        max(protected.obs_status) filter (where protected.measure = 'feedback_treated') as treated_status,
        max(protected.obs_status) filter (where protected.measure = 'feedback_open') as open_status,
        max(protected.obs_status) filter (where protected.measure = 'feedback_due') as due_status,
        max(protected.obs_status) filter (where protected.measure = 'feedback_within_30_days') as within_30_days_status,
        max(protected.obs_status) filter (where protected.measure = 'message_changes') as led_to_change_status
    from protected
    inner join home
        on protected.zone_code = home.zone_code
    group by protected.period_type, protected.period_start
),

-- The first day on which a delivery told what became of the month's feedback: whatever is open has waited since the month's end.
known as (
    select
        feedback.month_on,
        date_diff('day', max(calendar.next_month_on), min(feedback.known_on)) as days_since_month_end
    from feedback
    inner join calendar
        on feedback.month_on = calendar.month_on
    group by feedback.month_on
)

select
    counted.period_type,
    counted.period_start,
    counted.is_feedback_log_reported,
    shown.received_count,
    shown.treated_count,
    shown.open_count,
    shown.due_count,
    shown.within_30_days_count,
    shown.led_to_change_count,
    shown.received_status,
    shown.treated_status,
    shown.open_status,
    shown.due_status,
    shown.within_30_days_status,
    shown.led_to_change_status,
    -- 2026-11: a median of few cases is one person's case or the mean of two; ten is what a group must pass elsewhere too.
    -- A median below 30 days says that at least half was treated within 30: where that count is hidden, so is the median.
    case
        when shown.treated_count > 10 and shown.within_30_days_count is not null then months.treated_delay_days_median
    end as treated_delay_days_median,
    case
        when shown.received_count > 10 and shown.treated_count is not null and shown.within_30_days_count is not null
            then months.half_treated_days
    end as half_treated_days,
    case
        when shown.led_to_change_count > 10 and months.shown_delay_count > 10 then months.shown_delay_days_median
    end as shown_delay_days_median,
    case
        when shown.open_count > 0 and known.days_since_month_end > 0 then known.days_since_month_end
    end as open_days_at_least,
    case when counted.period_type = 'month' then months.versions_changed_count end as versions_changed_count,
    case when counted.period_type = 'month' then months.versions_from_feedback_count end as versions_from_feedback_count,
    counted.is_provisional,
    counted.is_feedback_log_due,
    coalesce(months.is_month_running, false) as is_month_running,
    counted.is_synthetic
from counted
left join shown
    on counted.period_type = shown.period_type
    and counted.period_start = shown.period_start
left join months
    on counted.period_type = 'month'
    and counted.period_start = months.month_on
left join known
    on counted.period_type = 'month'
    and counted.period_start = known.month_on
