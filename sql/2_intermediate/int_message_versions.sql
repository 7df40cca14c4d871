-- Versions of the campaign message: when each was first shown, and the feedback that names it as what it led to.
-- Grain: message_version.
-- Care: exact, not for publication; only feedback from before a version's first week counts; some versions change without any.
with

exposure as (
    select * from intermediate.int_exposure_located
    where message_version not in ('unspecified', 'unrecognised')
),

feedback as (
    select * from intermediate.int_feedback_followed
    where new_message_version is not null
),

-- A network that lists a version with nothing on display does not show it yet.
shown as (
    select
        message_version,
        min(week_starts_on) as first_shown_week_on,
        max(week_starts_on) as last_shown_week_on,
        bool_or(is_synthetic) as is_synthetic
    from exposure
    where panel_days > 0
        or active_relay_count > 0
        or unique_reach_count > 0
        or impression_count > 0
    group by message_version
),

ordered as (
    select
        message_version,
        first_shown_week_on,
        last_shown_week_on,
        lag(message_version) over (order by first_shown_week_on, message_version) as version_before,
        -- several versions from the first week on are one beginning and no change
        first_shown_week_on > min(first_shown_week_on) over () as is_change,
        is_synthetic
    from shown
),

named as (
    select
        feedback.new_message_version as message_version,
        count(*) as named_count,
        count(*) filter (
            where shown.message_version is null or feedback.received_on < shown.first_shown_week_on
        ) as feedback_count,
        min(feedback.received_on) filter (
            where shown.message_version is null or feedback.received_on < shown.first_shown_week_on
        ) as first_feedback_on,
        bool_or(feedback.is_synthetic) as is_synthetic
    from feedback
    left join shown
        on feedback.new_message_version = shown.message_version
    group by feedback.new_message_version
),

topics as (
    select
        feedback.new_message_version as message_version,
        feedback.topic,
        count(*) as topic_count
    from feedback
    left join shown
        on feedback.new_message_version = shown.message_version
    where shown.message_version is null or feedback.received_on < shown.first_shown_week_on
    group by feedback.new_message_version, feedback.topic
),

main_topics as (
    select
        message_version,
        topic
    from topics
    qualify row_number() over (partition by message_version order by topic_count desc, topic) = 1
),

listed as (
    select message_version from ordered
    union
    select message_version from named
)

select
    listed.message_version,
    case when ordered.is_change then ordered.version_before end as previous_version,
    ordered.first_shown_week_on,
    ordered.last_shown_week_on,
    coalesce(ordered.is_change, false) as is_change,
    cast(coalesce(named.feedback_count, 0) as bigint) as feedback_count,
    cast(coalesce(named.named_count, 0) as bigint) as named_count,
    main_topics.topic as main_topic,
    named.first_feedback_on,
    coalesce(ordered.is_synthetic, false) or coalesce(named.is_synthetic, false) as is_synthetic
from listed
left join ordered
    on listed.message_version = ordered.message_version
left join named
    on listed.message_version = named.message_version
left join main_topics
    on listed.message_version = main_topics.message_version
