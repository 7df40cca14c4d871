-- Indicators that the partners' deliveries give: participation, orientation, outreach and exposure.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: 'measure' is a second measure, no part of the total; counts of people are the protected ones; low and high are what they can be.
with

run as (
    select * from sources.run
),

participation as (
    select * from intermediate.int_participation_counted
),

orientation as (
    select * from intermediate.int_orientation_shown
),

outreach as (
    select * from intermediate.int_outreach_shown
),

exposure as (
    select * from intermediate.int_exposure_located
),

relay_shops as (
    select * from intermediate.int_relay_shops_by_week
),

adjustment as (
    select * from intermediate.int_message_adjustment_shown
),

weeks as (
    select * from intermediate.int_weeks_listed
),

participation_values as (
    select
        'partner_participation' as indicator_id,
        zone_code,
        'quarter' as period_type,
        quarter_on as period_start,
        case when partner_type = 'all' then 'total' else 'partner_type' end as breakdown,
        case when partner_type = 'all' then 'total' else partner_type end as breakdown_value,
        active_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        on_roster_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(active_count as double) / nullif(on_roster_count, 0) as value,
        cast(null as varchar) as hidden_status,
        obs_status = 'P' as is_provisional,
        obs_status = 'U' as is_unreliable,
        obs_status = 'Z' as is_true_zero,
        'partner_events, partner_roster' as source,
        is_synthetic
    from participation
    where on_roster_count > 0
),

orientation_values as (
    select
        'oriented_to_help' as indicator_id,
        '63113' as zone_code,
        period_type,
        period_start,
        case when partner_type = 'all' then 'total' else 'partner_type' end as breakdown,
        case when partner_type = 'all' then 'total' else partner_type end as breakdown_value,
        accepted_count as numerator,
        accepted_low_count as numerator_low,
        accepted_high_count as numerator_high,
        followed_count as denominator,
        followed_low_count as denominator_low,
        followed_high_count as denominator_high,
        cast(accepted_count as double) / nullif(followed_count, 0) as value,
        coalesce(accepted_status, followed_status) as hidden_status,
        obs_status = 'P' as is_provisional,
        obs_status = 'U' as is_unreliable,
        reports_received_count = reports_expected_count as is_true_zero,
        'partner_events' as source,
        is_synthetic
    from orientation
    where identified_count is null or identified_count > 0
    union all
    select
        'first_appointment_kept' as indicator_id,
        '63113' as zone_code,
        period_type,
        period_start,
        case when partner_type = 'all' then 'total' else 'partner_type' end as breakdown,
        case when partner_type = 'all' then 'total' else partner_type end as breakdown_value,
        kept_count as numerator,
        kept_low_count as numerator_low,
        kept_high_count as numerator_high,
        accepted_followed_count as denominator,
        accepted_followed_low_count as denominator_low,
        accepted_followed_high_count as denominator_high,
        cast(kept_count as double) / nullif(accepted_followed_count, 0) as value,
        coalesce(kept_status, accepted_followed_status) as hidden_status,
        obs_status = 'P' as is_provisional,
        obs_status = 'U' as is_unreliable,
        reports_received_count = reports_expected_count as is_true_zero,
        'partner_events' as source,
        is_synthetic
    from orientation
    where accepted_count is null or accepted_count > 0
),

outreach_measures as (
    select
        'information_points' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'total' as measure,
        information_point_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(information_point_count as double) as value,
        cast(null as varchar) as hidden_status,
        'partner_events' as source,
        is_action_log_provisional as is_provisional,
        is_action_log_thin as is_unreliable,
        is_action_log_complete as is_true_zero,
        is_synthetic
    from outreach
    where is_action_log_due
    union all
    select
        'information_points' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'contacts' as measure,
        contact_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(contact_count as double) as value,
        contact_status as hidden_status,
        'partner_events' as source,
        is_action_log_provisional as is_provisional,
        -- 2026-11: fewer than half of the points state their contacts
        is_action_log_thin or coalesce(contact_stated_point_count * 2 < information_point_count, false) as is_unreliable,
        is_action_log_complete and coalesce(contact_stated_point_count = information_point_count, false) as is_true_zero,
        is_synthetic
    from outreach
    where is_action_log_due
    union all
    select
        'mediation_training' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'total' as measure,
        trained_of_planned_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        planned_with_result_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(trained_of_planned_count as double) / nullif(planned_with_result_count, 0) as value,
        trained_ratio_status as hidden_status,
        'partner_events' as source,
        is_action_log_provisional as is_provisional,
        is_action_log_thin as is_unreliable,
        is_action_log_complete as is_true_zero,
        is_synthetic
    from outreach
    where is_action_log_due
    union all
    select
        'mediation_training' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'mediations_oriented' as measure,
        mediation_oriented_count as numerator,
        mediation_oriented_low_count as numerator_low,
        mediation_oriented_high_count as numerator_high,
        mediation_count as denominator,
        mediation_low_count as denominator_low,
        mediation_high_count as denominator_high,
        cast(mediation_oriented_count as double) / nullif(mediation_count, 0) as value,
        coalesce(mediation_oriented_status, mediation_status) as hidden_status,
        'partner_events' as source,
        is_action_log_provisional as is_provisional,
        is_action_log_thin as is_unreliable,
        is_action_log_complete as is_true_zero,
        is_synthetic
    from outreach
    where is_action_log_due
    union all
    select
        'neighbourhood_meetings' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'total' as measure,
        meetings_held_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        meetings_planned_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(meetings_held_count as double) / nullif(meetings_planned_count, 0) as value,
        cast(null as varchar) as hidden_status,
        'partner_meetings' as source,
        is_meeting_log_provisional as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from outreach
    where is_meeting_log_due
    union all
    select
        'neighbourhood_meetings' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'decisions_closed' as measure,
        decisions_closed_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        decisions_opened_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(decisions_closed_count as double) / nullif(decisions_opened_count, 0) as value,
        cast(null as varchar) as hidden_status,
        'partner_meetings' as source,
        is_meeting_log_provisional as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from outreach
    where is_meeting_log_due
    union all
    select
        'message_adjustment' as indicator_id,
        zone_code,
        period_type,
        period_start,
        'received' as measure,
        feedback_received_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(feedback_received_count as double) as value,
        feedback_received_status as hidden_status,
        'resident_feedback' as source,
        is_feedback_log_provisional as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from outreach
    where is_feedback_log_due
    union all
    select
        'message_adjustment' as indicator_id,
        '63113' as zone_code,
        period_type,
        period_start,
        'total' as measure,
        treated_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        received_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(treated_count as double) / nullif(received_count, 0) as value,
        coalesce(treated_status, received_status) as hidden_status,
        'resident_feedback' as source,
        is_provisional as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from adjustment
    where is_feedback_log_due
    union all
    select
        'message_adjustment' as indicator_id,
        '63113' as zone_code,
        period_type,
        period_start,
        'within_30_days' as measure,
        within_30_days_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        due_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(within_30_days_count as double) / nullif(due_count, 0) as value,
        coalesce(within_30_days_status, due_status) as hidden_status,
        'resident_feedback' as source,
        is_provisional as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from adjustment
    where is_feedback_log_due
    union all
    select
        'message_adjustment' as indicator_id,
        '63113' as zone_code,
        period_type,
        period_start,
        'led_to_change' as measure,
        led_to_change_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(led_to_change_count as double) as value,
        led_to_change_status as hidden_status,
        'resident_feedback' as source,
        is_provisional as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from adjustment
    where is_feedback_log_due
    union all
    select
        'message_adjustment' as indicator_id,
        '63113' as zone_code,
        period_type,
        period_start,
        'versions_changed' as measure,
        versions_changed_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        cast(versions_changed_count as double) as value,
        cast(null as varchar) as hidden_status,
        'channel_metrics, resident_feedback' as source,
        is_month_running as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        is_synthetic
    from adjustment
    where period_type = 'month' and (versions_changed_count is not null or is_feedback_log_due)
),

outreach_values as (
    select
        indicator_id,
        zone_code,
        period_type,
        period_start,
        case when measure = 'total' then 'total' else 'measure' end as breakdown,
        measure as breakdown_value,
        numerator,
        numerator_low,
        numerator_high,
        denominator,
        denominator_low,
        denominator_high,
        value,
        hidden_status,
        is_provisional,
        is_unreliable,
        is_true_zero,
        source,
        is_synthetic
    from outreach_measures
    -- nothing planned, nothing received: there is no ratio, and nothing is missing either
    where denominator is null or denominator > 0
),

poster_weeks as (
    select
        zone_code,
        week_starts_on,
        sum(panel_days) as panel_days,
        bool_or(is_synthetic) as is_synthetic
    from exposure
    where panel_days is not null
    group by zone_code, week_starts_on
),

poster_zones as (
    select distinct zone_code from poster_weeks
),

-- A week with the commune's row is a week that was delivered; one told for the commune alone leaves its places unknown.
poster_reported_weeks as (
    select
        week_starts_on,
        bool_or(zone_code <> '63113') as has_places,
        bool_or(is_synthetic) as is_synthetic
    from poster_weeks
    group by week_starts_on
),

poster_first_week as (
    select min(week_starts_on) as first_week_starts_on
    from poster_weeks
),

poster_values as (
    select
        'reach_posters' as indicator_id,
        poster_zones.zone_code,
        'week' as period_type,
        weeks.week_starts_on as period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        cast(null as bigint) as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        case
            when poster_weeks.panel_days is not null then poster_weeks.panel_days
            when poster_reported_weeks.has_places then 0
        end as value,
        cast(null as varchar) as hidden_status,
        not weeks.is_week_over as is_provisional,
        false as is_unreliable,
        true as is_true_zero,
        'channel_metrics' as source,
        coalesce(poster_weeks.is_synthetic, poster_reported_weeks.is_synthetic, false) as is_synthetic
    from poster_zones
    cross join weeks
    inner join poster_first_week
        on weeks.week_starts_on >= poster_first_week.first_week_starts_on
    left join poster_reported_weeks
        on weeks.week_starts_on = poster_reported_weeks.week_starts_on
    left join poster_weeks
        on poster_zones.zone_code = poster_weeks.zone_code
        and weeks.week_starts_on = poster_weeks.week_starts_on
    where weeks.is_week_over or poster_reported_weeks.week_starts_on is not null
),

-- Two versions of the message reach partly the same people: the larger figure is what was reached at least.
reach_weeks as (
    select
        zone_code,
        platform,
        week_starts_on,
        max(unique_reach_count) as unique_reach_count,
        cast(sum(reach_figure_count) as bigint) as reach_figure_count,
        bool_or(is_synthetic) as is_synthetic
    from exposure
    where unique_reach_count is not null
    group by zone_code, platform, week_starts_on
),

reach_series as (
    select
        zone_code,
        platform,
        min(week_starts_on) as first_week_starts_on,
        bool_or(is_synthetic) as is_synthetic
    from reach_weeks
    group by zone_code, platform
),

social_values as (
    select
        'reach_social' as indicator_id,
        reach_series.zone_code,
        'week' as period_type,
        weeks.week_starts_on as period_start,
        'platform' as breakdown,
        reach_series.platform as breakdown_value,
        cast(null as bigint) as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        cast(null as bigint) as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        reach_weeks.unique_reach_count as value,
        cast(null as varchar) as hidden_status,
        not weeks.is_week_over as is_provisional,
        coalesce(reach_weeks.reach_figure_count, 0) > 1 as is_unreliable,
        true as is_true_zero,
        'channel_metrics' as source,
        coalesce(reach_weeks.is_synthetic, reach_series.is_synthetic) as is_synthetic
    from reach_series
    inner join weeks
        on weeks.week_starts_on >= reach_series.first_week_starts_on
    left join reach_weeks
        on reach_series.zone_code = reach_weeks.zone_code
        and reach_series.platform = reach_weeks.platform
        and weeks.week_starts_on = reach_weeks.week_starts_on
    where weeks.is_week_over or reach_weeks.week_starts_on is not null
),

exposure_measures as (
    select
        'panel_days' as measure,
        zone_code,
        week_starts_on,
        message_version,
        sum(panel_days) as numerator,
        bool_or(is_synthetic) as is_synthetic
    from exposure
    where panel_days is not null
    group by zone_code, week_starts_on, message_version
    union all
    select
        'relays' as measure,
        zone_code,
        week_starts_on,
        message_version,
        active_relay_count as numerator,
        is_synthetic
    from exposure
    where platform = 'shops'
        and active_relay_count is not null
),

-- More relays than eligible shops: a relay that is on no roster, or a wrong count, and nobody here can say which.
shop_values as (
    select
        'reach_shops' as indicator_id,
        zone_code,
        'week' as period_type,
        week_starts_on as period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        active_relay_count as numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        eligible_shop_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        active_relay_count / nullif(eligible_shop_count, 0) as value,
        cast(null as varchar) as hidden_status,
        not is_week_over as is_provisional,
        coalesce(active_relay_count > eligible_shop_count, false)
            or is_relay_lower_bound
            or is_roster_doubtful as is_unreliable,
        true as is_true_zero,
        'channel_metrics, partner_roster' as source,
        is_synthetic
    from relay_shops
    where eligible_shop_count > 0 or active_relay_count > 0
),

-- What hung or was shown by version of the message: parts of the panel-days, but not of the shops, which may show two.
version_values as (
    select
        case when exposure_measures.measure = 'panel_days' then 'reach_posters' else 'reach_shops' end as indicator_id,
        exposure_measures.zone_code,
        'week' as period_type,
        exposure_measures.week_starts_on as period_start,
        'message_version' as breakdown,
        exposure_measures.message_version as breakdown_value,
        exposure_measures.numerator,
        cast(null as bigint) as numerator_low,
        cast(null as bigint) as numerator_high,
        relay_shops.eligible_shop_count as denominator,
        cast(null as bigint) as denominator_low,
        cast(null as bigint) as denominator_high,
        case
            when exposure_measures.measure = 'panel_days' then exposure_measures.numerator
            else exposure_measures.numerator / nullif(relay_shops.eligible_shop_count, 0)
        end as value,
        cast(null as varchar) as hidden_status,
        not weeks.is_week_over as is_provisional,
        coalesce(exposure_measures.numerator > relay_shops.eligible_shop_count, false)
            or coalesce(relay_shops.is_roster_doubtful, false) as is_unreliable,
        true as is_true_zero,
        case
            when exposure_measures.measure = 'panel_days' then 'channel_metrics'
            else 'channel_metrics, partner_roster'
        end as source,
        exposure_measures.is_synthetic
    from exposure_measures
    inner join weeks
        on exposure_measures.week_starts_on = weeks.week_starts_on
    left join relay_shops
        on exposure_measures.measure = 'relays'
        and exposure_measures.zone_code = relay_shops.zone_code
        and exposure_measures.week_starts_on = relay_shops.week_starts_on
),

all_values as (
    select * from participation_values
    union all
    select * from orientation_values
    union all
    select * from outreach_values
    union all
    select * from poster_values
    union all
    select * from social_values
    union all
    select * from shop_values
    union all
    select * from version_values
)

select
    all_values.indicator_id,
    all_values.zone_code,
    all_values.period_type,
    all_values.period_start,
    all_values.breakdown,
    all_values.breakdown_value,
    'observed' as value_kind,
    cast(all_values.value as double) as value,
    -- a plain count is its own numerator
    cast(coalesce(all_values.numerator, all_values.value) as double) as numerator,
    cast(all_values.numerator_low as double) as numerator_low,
    cast(all_values.numerator_high as double) as numerator_high,
    cast(all_values.denominator as double) as denominator,
    cast(all_values.denominator_low as double) as denominator_low,
    cast(all_values.denominator_high as double) as denominator_high,
    -- intervals need a model of what the counts are a sample of; none is claimed here
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    case
        when all_values.hidden_status is not null then all_values.hidden_status
        when all_values.value is null then 'M'
        when all_values.is_unreliable then 'U'
        when all_values.is_provisional then 'P'
        -- a zero beside silent partners is what was reported, not what is known to be
        when all_values.value = 0 and all_values.is_true_zero then 'Z'
        else 'A'
    end as obs_status,
    all_values.source,
    run.as_of,
    all_values.is_synthetic
from all_values
cross join run
