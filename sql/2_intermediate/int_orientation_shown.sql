-- People identified in difficulty and the steps of their orientation to help, as they may be shown: rounded, the small ones hidden.
-- Grain: partner_type, period_type, period_start.
-- Care: hidden is not missing and not zero: the status beside a count says so; low and high are what the exact count can be.
with

counted as (
    select * from intermediate.int_orientation_by_period
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'partners'
        and measure in (
        'people_identified', 'people_followed', 'orientations_offered', 'orientations_accepted', 'accepted_followed',
        'appointments_kept', 'persons_identified', 'persons_offered', 'persons_accepted', 'persons_kept'
    )
),

shown as (
    select
        case when breakdown = 'total' then 'all' else breakdown_value end as partner_type,
        period_type,
        period_start,
        max(shown_count) filter (where measure = 'people_identified') as identified_count,
        max(shown_count) filter (where measure = 'people_followed') as followed_count,
        max(low_count) filter (where measure = 'people_followed') as followed_low_count,
        max(high_count) filter (where measure = 'people_followed') as followed_high_count,
        max(shown_count) filter (where measure = 'orientations_offered') as offered_count,
        max(shown_count) filter (where measure = 'orientations_accepted') as accepted_count,
        max(low_count) filter (where measure = 'orientations_accepted') as accepted_low_count,
        max(high_count) filter (where measure = 'orientations_accepted') as accepted_high_count,
        max(shown_count) filter (where measure = 'accepted_followed') as accepted_followed_count,
        max(low_count) filter (where measure = 'accepted_followed') as accepted_followed_low_count,
        max(high_count) filter (where measure = 'accepted_followed') as accepted_followed_high_count,
        max(shown_count) filter (where measure = 'appointments_kept') as kept_count,
        max(low_count) filter (where measure = 'appointments_kept') as kept_low_count,
        max(high_count) filter (where measure = 'appointments_kept') as kept_high_count,
        max(shown_count) filter (where measure = 'persons_identified') as identified_person_count,
        max(shown_count) filter (where measure = 'persons_offered') as offered_person_count,
        max(shown_count) filter (where measure = 'persons_accepted') as accepted_person_count,
        max(shown_count) filter (where measure = 'persons_kept') as kept_person_count,
        max(obs_status) filter (where measure = 'people_followed') as followed_status,
        max(obs_status) filter (where measure = 'orientations_accepted') as accepted_status,
        max(obs_status) filter (where measure = 'accepted_followed') as accepted_followed_status,
        max(obs_status) filter (where measure = 'appointments_kept') as kept_status,
        -- S comes after C in the alphabet: it is named when one of the counts is small
        max(obs_status) filter (where substr(measure, 1, 8) <> 'persons_') as hidden_status,
        max(obs_status) filter (where substr(measure, 1, 8) = 'persons_') as person_hidden_status
    from protected
    where breakdown in ('total', 'partner_type')
    group by case when breakdown = 'total' then 'all' else breakdown_value end, period_type, period_start
)

select
    counted.partner_type,
    counted.period_type,
    counted.period_start,
    shown.identified_count,
    shown.followed_count,
    shown.followed_low_count,
    shown.followed_high_count,
    shown.offered_count,
    shown.accepted_count,
    shown.accepted_low_count,
    shown.accepted_high_count,
    shown.accepted_followed_count,
    shown.accepted_followed_low_count,
    shown.accepted_followed_high_count,
    shown.kept_count,
    shown.kept_low_count,
    shown.kept_high_count,
    shown.identified_person_count,
    shown.offered_person_count,
    shown.accepted_person_count,
    shown.kept_person_count,
    shown.followed_status,
    shown.accepted_status,
    shown.accepted_followed_status,
    shown.kept_status,
    shown.hidden_status,
    shown.person_hidden_status,
    counted.on_roster_count,
    counted.reporting_count,
    counted.reports_expected_count,
    counted.reports_received_count,
    counted.reported_month_count,
    counted.obs_status,
    counted.is_synthetic
from counted
left join shown
    on counted.partner_type = shown.partner_type
    and counted.period_type = shown.period_type
    and counted.period_start = shown.period_start
