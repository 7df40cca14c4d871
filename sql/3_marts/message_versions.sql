-- Versions of the campaign message, when each was on display, and what residents' feedback had to do with it.
-- Grain: message_version.
-- Care: the first version is no change; a version may change without feedback; a changed message is not by itself a better one.
with

versions as (
    select * from intermediate.int_message_versions_shown
)

select
    message_version,
    previous_version,
    first_shown_week_on,
    last_shown_week_on,
    is_change,
    case
        when first_shown_week_on is null then 'announced'
        when not is_change then 'first'
        when is_from_feedback then 'feedback'
        else 'without_feedback'
    end as origin,
    feedback_count,
    named_count,
    greatest(feedback_status, named_status) as hidden_status,
    main_topic,
    first_feedback_month_on,
    days_from_first_feedback_month,
    is_synthetic
from versions
