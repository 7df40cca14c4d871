-- The catalogue of indicators: what each is, its unit, the wished direction and what to beware of.
-- Grain: indicator_id.
-- Care: an indicator without a wished direction has no good or bad colour.
with

indicators as (
    select * from reference.indicators
)

select
    indicator_id,
    label_fr,
    label_en,
    definition,
    unit,
    logic_level,
    direction,
    caveats,
    numerator,
    denominator,
    lag
from indicators
