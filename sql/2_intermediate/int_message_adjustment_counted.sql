-- Feedback received in each month, how much was treated and after how many days, and the versions of the message that changed.
-- Grain: month_on.
-- Care: exact, not for publication; open is no delay; the share within 30 days rests on feedback 30 days old when its delivery was written.
with

feedback as (
    select * from intermediate.int_feedback_followed
),

versions as (
    select * from intermediate.int_message_versions
),

exposure as (
    select * from intermediate.int_exposure_located
    where message_version not in ('unspecified', 'unrecognised')
),

logs as (
    select * from intermediate.int_partner_logs_by_month
    where log_name = 'resident_feedback'
),

months as (
    select * from reference.months
),

run as (
    select * from sources.run
),

followed as (
    select
        feedback.month_on,
        feedback.is_treated,
        feedback.delay_days,
        feedback.known_days,
        feedback.is_message_change,
        case
            when feedback.received_on < versions.first_shown_week_on
                then date_diff('day', feedback.received_on, versions.first_shown_week_on)
        end as shown_delay_days,
        feedback.is_synthetic
    from feedback
    left join versions
        on feedback.new_message_version = versions.message_version
),

ranked as (
    select
        month_on,
        delay_days,
        row_number() over (partition by month_on order by case when is_treated then 0 else 1 end, delay_days) as delay_rank,
        count(*) over (partition by month_on) as received_count
    from followed
),

-- The day by which half of all was treated, the open ones being later than any: nothing while half is open.
halves as (
    select
        month_on,
        delay_days as half_treated_days
    from ranked
    where 2 * delay_rank >= received_count
        and 2 * (delay_rank - 1) < received_count
),

counted as (
    select
        month_on,
        count(*) as received_count,
        count(*) filter (where is_treated) as treated_count,
        count(*) filter (where not is_treated) as open_count,
        median(delay_days) filter (where is_treated) as treated_delay_days_median,
        count(*) filter (where known_days >= 30) as due_count,
        count(*) filter (where known_days >= 30 and delay_days <= 30) as within_30_days_count,
        count(*) filter (where is_message_change) as led_to_change_count,
        median(shown_delay_days) as shown_delay_days_median,
        count(shown_delay_days) as shown_delay_count,
        bool_or(is_synthetic) as is_synthetic
    from followed
    group by month_on
),

-- Of a month for which no network or platform names a version, nobody knows which was shown.
shown_months as (
    select
        cast(date_trunc('month', week_starts_on) as date) as month_on,
        bool_or(is_synthetic) as is_synthetic
    from exposure
    group by cast(date_trunc('month', week_starts_on) as date)
),

changed as (
    select
        cast(date_trunc('month', first_shown_week_on) as date) as month_on,
        count(*) as versions_changed_count,
        count(*) filter (where feedback_count > 0) as versions_from_feedback_count
    from versions
    where is_change
    group by cast(date_trunc('month', first_shown_week_on) as date)
),

listed as (
    select month_on from logs
    union
    select shown_months.month_on
    from shown_months
    inner join months
        on shown_months.month_on = months.month_on
    inner join run
        on months.month_on <= run.as_of
)

select
    listed.month_on,
    coalesce(logs.is_reported, false) as is_feedback_log_reported,
    case when logs.is_reported then coalesce(counted.received_count, 0) end as received_count,
    case when logs.is_reported then coalesce(counted.treated_count, 0) end as treated_count,
    case when logs.is_reported then coalesce(counted.open_count, 0) end as open_count,
    case when logs.is_reported then coalesce(counted.due_count, 0) end as due_count,
    case when logs.is_reported then coalesce(counted.within_30_days_count, 0) end as within_30_days_count,
    cast(counted.treated_delay_days_median as double) as treated_delay_days_median,
    halves.half_treated_days,
    case when logs.is_reported then coalesce(counted.led_to_change_count, 0) end as led_to_change_count,
    cast(counted.shown_delay_days_median as double) as shown_delay_days_median,
    coalesce(counted.shown_delay_count, 0) as shown_delay_count,
    case when shown_months.month_on is not null then coalesce(changed.versions_changed_count, 0) end as versions_changed_count,
    case
        when shown_months.month_on is not null then coalesce(changed.versions_from_feedback_count, 0)
    end as versions_from_feedback_count,
    -- 2026-11: until the youngest feedback is 30 days old, both shares still rise
    coalesce(logs.is_provisional, false) or coalesce(counted.due_count < counted.received_count, false) as is_provisional,
    logs.month_on is not null as is_feedback_log_due,
    months.next_month_on > run.as_of as is_month_running,
    coalesce(counted.is_synthetic, logs.is_synthetic, false) or coalesce(shown_months.is_synthetic, false) as is_synthetic
from listed
inner join months
    on listed.month_on = months.month_on
cross join run
left join logs
    on listed.month_on = logs.month_on
left join counted
    on listed.month_on = counted.month_on
left join halves
    on listed.month_on = halves.month_on
left join shown_months
    on listed.month_on = shown_months.month_on
left join changed
    on listed.month_on = changed.month_on
