-- Every value of every indicator, with the way in which its interval is made.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: what limits are computed from is filled only where they are to be: not for what is hidden, missing or brings its own.
with

police as (
    select * from intermediate.int_indicator_values__police
),

published as (
    select * from intermediate.int_indicator_values__published
),

partners as (
    select * from intermediate.int_indicator_values__partners
),

surveys as (
    select * from intermediate.int_indicator_values__surveys
),

clear_up as (
    select * from intermediate.int_indicator_values__clear_up
),

completeness as (
    select * from intermediate.int_indicator_values__completeness
),

methods as (
    select * from reference.interval_methods
),

all_values as (
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
        cast(null as double) as numerator_low,
        cast(null as double) as numerator_high,
        denominator,
        cast(null as double) as denominator_low,
        cast(null as double) as denominator_high,
        lower_95,
        upper_95,
        obs_status,
        source,
        as_of,
        is_synthetic
    from police

    union all

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
        cast(null as double) as numerator_low,
        cast(null as double) as numerator_high,
        denominator,
        cast(null as double) as denominator_low,
        cast(null as double) as denominator_high,
        lower_95,
        upper_95,
        obs_status,
        source,
        as_of,
        is_synthetic
    from published

    union all

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
        numerator_low,
        numerator_high,
        denominator,
        denominator_low,
        denominator_high,
        lower_95,
        upper_95,
        obs_status,
        source,
        as_of,
        is_synthetic
    from partners

    union all

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
        cast(null as double) as numerator_low,
        cast(null as double) as numerator_high,
        denominator,
        cast(null as double) as denominator_low,
        cast(null as double) as denominator_high,
        lower_95,
        upper_95,
        obs_status,
        source,
        as_of,
        is_synthetic
    from surveys

    union all

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
        cast(null as double) as numerator_low,
        cast(null as double) as numerator_high,
        denominator,
        cast(null as double) as denominator_low,
        cast(null as double) as denominator_high,
        lower_95,
        upper_95,
        obs_status,
        source,
        as_of,
        is_synthetic
    from clear_up

    union all

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
        cast(null as double) as numerator_low,
        cast(null as double) as numerator_high,
        denominator,
        cast(null as double) as denominator_low,
        cast(null as double) as denominator_high,
        lower_95,
        upper_95,
        obs_status,
        source,
        as_of,
        is_synthetic
    from completeness
),

with_method as (
    select
        all_values.indicator_id,
        all_values.zone_code,
        all_values.period_type,
        all_values.period_start,
        all_values.breakdown,
        all_values.breakdown_value,
        all_values.value_kind,
        all_values.value,
        all_values.numerator,
        -- a count that is not rounded is what it is
        coalesce(all_values.numerator_low, all_values.numerator) as numerator_low,
        coalesce(all_values.numerator_high, all_values.numerator) as numerator_high,
        all_values.denominator,
        coalesce(all_values.denominator_low, all_values.denominator) as denominator_low,
        coalesce(all_values.denominator_high, all_values.denominator) as denominator_high,
        all_values.lower_95,
        all_values.upper_95,
        all_values.obs_status,
        all_values.source,
        all_values.as_of,
        all_values.is_synthetic,
        coalesce(methods.interval_method, 'none') as interval_method,
        coalesce(methods.per, 1) as per,
        coalesce(
            methods.interval_method in ('poisson', 'wilson', 'count_ratio')
            and all_values.obs_status in ('A', 'E', 'P', 'U', 'Z')
            and all_values.value is not null
            and all_values.numerator is not null
            and all_values.lower_95 is null
            and all_values.upper_95 is null,
            false
        ) as needs_limits
    from all_values
    left join methods
        on all_values.indicator_id = methods.indicator_id
        and case when all_values.breakdown = 'measure' then all_values.breakdown_value else 'total' end = methods.measure
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
    lower_95,
    upper_95,
    obs_status,
    source,
    as_of,
    is_synthetic,
    interval_method,
    per,
    case when needs_limits then interval_method end as limit_method,
    -- The lower limit from the least that the rounded parts can be, the upper from the most: rounding widens, it never narrows.
    case when needs_limits then numerator_low end as limit_count,
    -- the limits of a count do not depend on what it is divided by
    case
        when needs_limits and interval_method = 'poisson' then cast(1 as double)
        when needs_limits then denominator_high
    end as limit_base,
    case
        when needs_limits and interval_method = 'wilson' and numerator <= denominator
            then least(numerator_high, denominator_low)
        when needs_limits then numerator_high
    end as upper_limit_count,
    case
        when needs_limits and interval_method = 'poisson' then cast(1 as double)
        when needs_limits then denominator_low
    end as upper_limit_base
from with_method
