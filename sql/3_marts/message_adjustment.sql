-- Feedback of residents by month of receipt: treated, open, after how many days, and the versions of the message that changed.
-- Grain: month_on.
-- Care: open feedback is no delay: a median over the treated alone is too short while many are open; hidden is not missing.
with

shown as (
    select * from intermediate.int_message_adjustment_shown
    where period_type = 'month'
)

select
    period_start as month_on,
    received_count,
    treated_count,
    open_count,
    cast(treated_count as double) / nullif(received_count, 0) as treated_share,
    due_count,
    within_30_days_count,
    cast(within_30_days_count as double) / nullif(due_count, 0) as within_30_days_share,
    treated_delay_days_median,
    half_treated_days,
    open_days_at_least,
    greatest(received_status, treated_status, open_status, due_status, within_30_days_status) as hidden_status,
    led_to_change_count,
    led_to_change_status as change_hidden_status,
    shown_delay_days_median,
    versions_changed_count,
    versions_from_feedback_count,
    case
        when not is_feedback_log_reported then 'M'
        when is_provisional then 'P'
        else 'A'
    end as obs_status,
    is_synthetic
from shown
