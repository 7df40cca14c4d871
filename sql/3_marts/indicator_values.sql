-- Every value of every indicator, by zone, period and breakdown, with its interval and its status.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: NULL is not 0, obs_status says why; totals are the rows of breakdown 'total', never a sum over breakdowns or zones.
with

indicator_values as (
    select * from intermediate.int_indicator_values
),

limits as (
    select * from intermediate.int_interval_limits
),

-- The limits of a count become those of a rate by what made the count a rate: by the value itself, so that the publisher's
-- rounding is kept, and for a count of 0 by the denominator.
with_limits as (
    select
        indicator_values.indicator_id,
        indicator_values.zone_code,
        indicator_values.period_type,
        indicator_values.period_start,
        indicator_values.breakdown,
        indicator_values.breakdown_value,
        indicator_values.value_kind,
        indicator_values.value,
        indicator_values.numerator,
        indicator_values.denominator,
        indicator_values.lower_95,
        indicator_values.upper_95,
        case
            when limits.limit_method = 'poisson' and limits.limit_count > 0
                then indicator_values.value * limits.lower_limit / nullif(limits.limit_count, 0)
            when limits.limit_method = 'poisson'
                then indicator_values.per * limits.lower_limit / nullif(coalesce(indicator_values.denominator, 1), 0)
            else limits.lower_limit
        end as computed_lower_95,
        case
            when limits.limit_method = 'poisson' and limits.limit_count > 0
                then indicator_values.value * limits.upper_limit / nullif(limits.limit_count, 0)
            when limits.limit_method = 'poisson'
                then indicator_values.per * limits.upper_limit / nullif(coalesce(indicator_values.denominator, 1), 0)
            else limits.upper_limit
        end as computed_upper_95,
        indicator_values.interval_method,
        indicator_values.obs_status,
        indicator_values.source,
        indicator_values.as_of,
        indicator_values.is_synthetic
    from indicator_values
    left join limits
        on indicator_values.limit_method = limits.limit_method
        and indicator_values.limit_count = limits.limit_count
        and indicator_values.limit_base = limits.limit_base
)

select
    indicator_id,
    zone_code,
    period_type,
    period_start,
    breakdown,
    breakdown_value,
    value_kind,
    value,
    numerator,
    denominator,
    coalesce(lower_95, computed_lower_95) as lower_95,
    coalesce(upper_95, computed_upper_95) as upper_95,
    case
        when lower_95 is not null and interval_method <> 'survey' then 'own'
        when coalesce(lower_95, computed_lower_95) is not null then interval_method
        else 'none'
    end as interval_method,
    obs_status,
    source,
    as_of,
    is_synthetic
from with_limits
