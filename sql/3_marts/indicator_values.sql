-- Every value of every indicator, by zone, period and breakdown, with its status.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: NULL is not 0, obs_status says why; totals are the rows of breakdown 'total', never a sum over breakdowns or zones.
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

completeness as (
    select * from intermediate.int_indicator_values__completeness
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
    denominator,
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
    denominator,
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
    denominator,
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
    denominator,
    lower_95,
    upper_95,
    obs_status,
    source,
    as_of,
    is_synthetic
from completeness
