-- Versions of the campaign message, with the feedback that names them as it may be shown.
-- Grain: message_version.
-- Care: hidden is not zero; the day of a single feedback is never shown, its month only where more than a few came.
with

versions as (
    select * from intermediate.int_message_versions
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'partners'
        and breakdown = 'message_version'
),

shown as (
    select
        breakdown_value as message_version,
        max(shown_count) filter (where measure = 'changes_before') as feedback_count,
        max(shown_count) filter (where measure = 'message_changes') as named_count,
        max(obs_status) filter (where measure = 'changes_before') as feedback_status,
        max(obs_status) filter (where measure = 'message_changes') as named_status
    from protected
    group by breakdown_value
)

select
    versions.message_version,
    versions.previous_version,
    versions.first_shown_week_on,
    versions.last_shown_week_on,
    versions.is_change,
    -- what led to a version is what the city itself says when it shows it
    versions.feedback_count > 0 as is_from_feedback,
    shown.feedback_count,
    shown.named_count,
    shown.feedback_status,
    shown.named_status,
    case when shown.feedback_count > 0 then versions.main_topic end as main_topic,
    case
        when shown.feedback_count > 0 then cast(date_trunc('month', versions.first_feedback_on) as date)
    end as first_feedback_month_on,
    case
        when shown.feedback_count > 0
            then date_diff('day', cast(date_trunc('month', versions.first_feedback_on) as date), versions.first_shown_week_on)
    end as days_from_first_feedback_month,
    versions.is_synthetic
from versions
left join shown
    on versions.message_version = shown.message_version
