-- Measures of platforms and poster networks by zone, week, platform and message version, with the commune's own row.
-- Grain: zone_code, week_starts_on, platform, message_version.
-- Care: panel-days and relays add up to the commune; reach, impressions and clicks are only what the platform itself states.
with

metrics as (
    select * from staging.stg_partners__channel_metrics
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

deliveries as (
    select * from sources.deliveries_of_partners
),

-- A platform without a zone speaks of the whole city; a panel or a relay without a zone only lacks its place.
located as (
    select
        case
            when zones.zone_code is not null then zones.zone_code
            when metrics.metric in ('panel_days', 'active_relays') then 'unlocated'
            when metrics.zone_code is null then '63113'
            else 'unlocated'
        end as zone_code,
        cast(date_trunc('week', metrics.week_starts_on) as date) as week_starts_on,
        -- only codes are published: what a delivery calls otherwise stands under other, or unrecognised
        case
            when metrics.platform in (
                'street_furniture', 'facebook', 'instagram', 'snapchat', 'tiktok', 'website', 'shops'
            ) then metrics.platform
            else 'other'
        end as platform,
        case
            when metrics.message_version is null then 'unspecified'
            when translate(
                metrics.message_version, '0123456789BCDEFGHIJKLMNOPQRSTUVWXYZ', '9999999999AAAAAAAAAAAAAAAAAAAAAAAAA'
            ) in ('A9', 'A99', '9999-99-A', '9999-99-A9') then metrics.message_version
            else 'unrecognised'
        end as message_version,
        metrics.metric,
        metrics.metric_value,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from metrics
    left join zones
        on metrics.zone_code = zones.zone_code
    left join deliveries
        on metrics.delivery_id = deliveries.delivery_id
),

measured as (
    select
        zone_code,
        week_starts_on,
        platform,
        message_version,
        sum(metric_value) filter (where metric = 'panel_days') as panel_days,
        sum(metric_value) filter (where metric = 'active_relays') as active_relay_count,
        -- several figures for one place and week are never added: the largest is what was reached at least
        max(metric_value) filter (where metric = 'unique_reach') as unique_reach_count,
        count(*) filter (where metric = 'unique_reach') as reach_figure_count,
        sum(metric_value) filter (where metric = 'impressions') as impression_count,
        sum(metric_value) filter (where metric = 'clicks') as click_count,
        bool_or(is_synthetic) as is_synthetic
    from located
    group by zone_code, week_starts_on, platform, message_version
),

-- The commune's panels and relays: its own figure where the network gives one for the week, else the sum of the places.
own_weeks as (
    select
        platform,
        week_starts_on,
        count(panel_days) > 0 as has_own_panel_days,
        count(active_relay_count) > 0 as has_own_relays
    from measured
    where zone_code = '63113'
    group by platform, week_starts_on
),

commune as (
    select
        '63113' as zone_code,
        measured.week_starts_on,
        measured.platform,
        measured.message_version,
        sum(measured.panel_days) filter (
            where measured.zone_code = '63113' or not coalesce(own_weeks.has_own_panel_days, false)
        ) as panel_days,
        sum(measured.active_relay_count) filter (
            where measured.zone_code = '63113' or not coalesce(own_weeks.has_own_relays, false)
        ) as active_relay_count,
        max(measured.unique_reach_count) filter (where measured.zone_code = '63113') as unique_reach_count,
        max(measured.reach_figure_count) filter (where measured.zone_code = '63113') as reach_figure_count,
        max(measured.impression_count) filter (where measured.zone_code = '63113') as impression_count,
        max(measured.click_count) filter (where measured.zone_code = '63113') as click_count,
        bool_or(measured.is_synthetic) as is_synthetic
    from measured
    left join own_weeks
        on measured.platform = own_weeks.platform
        and measured.week_starts_on = own_weeks.week_starts_on
    group by measured.week_starts_on, measured.platform, measured.message_version
),

placed as (
    select * from measured
    where zone_code <> '63113'
    union all
    select * from commune
)

select
    zone_code,
    week_starts_on,
    platform,
    message_version,
    panel_days,
    active_relay_count,
    unique_reach_count,
    coalesce(reach_figure_count, 0) as reach_figure_count,
    impression_count,
    click_count,
    is_synthetic
from placed
where panel_days is not null
    or active_relay_count is not null
    or unique_reach_count is not null
    or impression_count is not null
    or click_count is not null
