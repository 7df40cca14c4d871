-- What cohorts of facts say of clear-up: within 3, 6, 9 and 12 months, by class, and with the offence mix held fixed.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: the period is that of the facts, not of the clearances; the press's ratio of the period is another indicator.
with

counted as (
    select * from intermediate.int_clear_up_shown
),

standardised as (
    select * from intermediate.int_clear_up_standardised
    where months_after = 12
),

limits as (
    select * from intermediate.int_clear_up_limits
),

zones as (
    select * from intermediate.int_zones_known
    where is_home
)

select
    case counted.months_after
        when 3 then 'clear_up_3m'
        when 6 then 'clear_up_6m'
        when 9 then 'clear_up_9m'
        when 12 then 'clear_up_12m'
    end as indicator_id,
    zones.zone_code,
    counted.period_type,
    counted.period_start,
    case when counted.offence_class = 'all' then 'total' else 'offence_class' end as breakdown,
    case when counted.offence_class = 'all' then 'total' else counted.offence_class end as breakdown_value,
    'observed' as value_kind,
    cast(counted.cleared_count as double) / nullif(counted.fact_count, 0) as value,
    case when counted.fact_count is not null then cast(counted.cleared_count as double) end as numerator,
    cast(case when counted.cleared_count is not null then counted.fact_count end as double) as denominator,
    limits.lower_95,
    limits.upper_95,
    case
        when counted.missing_reason is not null then 'M'
        when counted.hidden_status is not null then counted.hidden_status
        when counted.cleared_count = 0 then 'Z'
        else 'A'
    end as obs_status,
    'police_cases' as source,
    counted.as_of,
    counted.is_synthetic
from counted
cross join zones
left join limits
    on counted.cleared_count = limits.cleared_count
    and counted.fact_count = limits.fact_count

union all

-- Weights are scaled so that the weighted facts are as many as the facts.
select
    'clear_up_12m_standardised' as indicator_id,
    zones.zone_code,
    standardised.period_type,
    standardised.period_start,
    'total' as breakdown,
    'total' as breakdown_value,
    'observed' as value_kind,
    case when standardised.missing_reason is null then standardised.share end as value,
    case when standardised.missing_reason is null then standardised.share * standardised.fact_count end as numerator,
    case when standardised.missing_reason is null then cast(standardised.fact_count as double) end as denominator,
    case when standardised.missing_reason is null then standardised.lower_95 end as lower_95,
    case when standardised.missing_reason is null then standardised.upper_95 end as upper_95,
    case
        when standardised.missing_reason = 'class_hidden' then 'C'
        when standardised.missing_reason is not null then 'M'
        when standardised.share = 0 then 'Z'
        else 'A'
    end as obs_status,
    'police_cases' as source,
    standardised.as_of,
    standardised.is_synthetic
from standardised
cross join zones
