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
            when low_limits.limit_method = 'poisson' and indicator_values.numerator > 0
                then indicator_values.value * low_limits.lower_limit / nullif(indicator_values.numerator, 0)
            when low_limits.limit_method = 'poisson'
                then indicator_values.per * low_limits.lower_limit / nullif(coalesce(indicator_values.denominator, 1), 0)
            else low_limits.lower_limit
        end as computed_lower_95,
        case
            when high_limits.limit_method = 'poisson' and indicator_values.numerator > 0
                then indicator_values.value * high_limits.upper_limit / nullif(indicator_values.numerator, 0)
            when high_limits.limit_method = 'poisson'
                then indicator_values.per * high_limits.upper_limit / nullif(coalesce(indicator_values.denominator, 1), 0)
            else high_limits.upper_limit
        end as computed_upper_95,
        indicator_values.interval_method,
        indicator_values.obs_status,
        indicator_values.source,
        indicator_values.as_of,
        indicator_values.is_synthetic
    from indicator_values
    left join limits as low_limits
        on indicator_values.limit_method = low_limits.limit_method
        and indicator_values.limit_count = low_limits.limit_count
        and indicator_values.limit_base = low_limits.limit_base
    left join limits as high_limits
        on indicator_values.limit_method = high_limits.limit_method
        and indicator_values.upper_limit_count = high_limits.limit_count
        and indicator_values.upper_limit_base = high_limits.limit_base
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
