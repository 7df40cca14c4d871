-- The catalogue of indicators: what each is, its unit, the wished direction and what to beware of.
-- Grain: indicator_id.
-- Care: an indicator without a wished direction has no good or bad colour.
with

indicators as (
    select * from reference.indicators
),

methods as (
    select * from reference.interval_methods
    where measure = 'total'
)

select
    indicators.indicator_id,
    indicators.label_fr,
    indicators.label_en,
    indicators.definition,
    indicators.unit,
    indicators.logic_level,
    indicators.direction,
    indicators.caveats,
    indicators.numerator,
    indicators.denominator,
    indicators.lag,
    coalesce(methods.interval_method, 'none') as interval_method,
    methods.reason as interval_reason
from indicators
left join methods
    on indicators.indicator_id = methods.indicator_id
