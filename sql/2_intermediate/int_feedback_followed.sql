-- Feedback of residents with what became of it by the day on which its delivery was written.
-- Grain: feedback_id.
-- Care: open on that day is open, never a delay; a day of treatment after that day, or before the receipt, is none.
with

feedback as (
    select * from staging.stg_partners__resident_feedback
),

deliveries as (
    select * from sources.deliveries_of_partners
),

run as (
    select * from sources.run
),

-- What became of a feedback is known up to the delivery that tells it, not up to the day of the run.
dated as (
    select
        feedback.feedback_id,
        feedback.zone_code,
        feedback.received_on,
        feedback.treated_on,
        feedback.topic,
        feedback.outcome,
        feedback.new_message_version,
        case
            when cast(deliveries.received_at as date) < run.as_of then cast(deliveries.received_at as date)
            else run.as_of
        end as known_on,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from feedback
    cross join run
    left join deliveries
        on feedback.delivery_id = deliveries.delivery_id
)

select
    feedback_id,
    zone_code,
    received_on,
    cast(date_trunc('month', received_on) as date) as month_on,
    case
        when topic in ('campaign_message', 'safety', 'help', 'cleanliness') then topic
        else 'other'
    end as topic,
    known_on,
    coalesce(treated_on between received_on and known_on, false) as is_treated,
    case when treated_on between received_on and known_on then date_diff('day', received_on, treated_on) end as delay_days,
    date_diff('day', received_on, known_on) as known_days,
    coalesce(treated_on between received_on and known_on, false) and (
        coalesce(outcome = 'message_changed', false) or new_message_version is not null
    ) as is_message_change,
    case
        when treated_on between received_on and known_on
            and translate(
                new_message_version, '0123456789BCDEFGHIJKLMNOPQRSTUVWXYZ', '9999999999AAAAAAAAAAAAAAAAAAAAAAAAA'
            ) in ('A9', 'A99', '9999-99-A', '9999-99-A9') then new_message_version
    end as new_message_version,
    is_synthetic
from dated
where received_on <= known_on
