-- Exposure to the campaign by zone, week, platform and message version: panel-days, relays, reach as each platform states it.
-- Grain: zone_code, week_starts_on, platform, message_version.
-- Care: reach adds up over nothing, platforms least of all, relays not over versions; the commune holds its zones' total.
with

located as (
    select * from intermediate.int_exposure_located
)

select
    zone_code,
    week_starts_on,
    platform,
    message_version,
    panel_days,
    active_relay_count,
    unique_reach_count,
    coalesce(reach_figure_count > 1, false) as is_reach_lower_bound,
    impression_count,
    click_count,
    is_synthetic
from located
