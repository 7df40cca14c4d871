-- Measures of platforms and poster networks by week, as in the newest delivery that gives the measure.
-- Grain: platform, week_starts_on, zone_code, metric, message_version.
-- Care: unique reach adds up over nothing: neither platforms, zones, weeks nor message versions. v1 and V1 are one version.
select
    platform,
    week_starts_on,
    zone_code,
    upper(message_version) as message_version,
    metric,
    value as metric_value,
    delivery_id
from sources.channel_metrics
qualify row_number() over (
    partition by platform, week_starts_on, zone_code, metric, upper(message_version)
    -- one version in two spellings within one delivery: the larger figure
    order by delivery_rank desc, delivery_id desc, value desc
) = 1
