-- The structure file of each wave: the one whose receipt names it, else the newest that came while it was the last to have opened.
-- Grain: wave_code.
-- Care: a wave without a row has none, and its wordings are not known; a structure that came before all waves is the first one's.
with

structures as (
    select
        delivery_id,
        min(survey_id) as survey_id
    from staging.stg_surveys__structure
    group by delivery_id
),

deliveries as (
    select * from sources.deliveries_of_surveys
),

waves as (
    select * from reference.survey_waves
),

received as (
    select
        structures.delivery_id,
        structures.survey_id,
        cast(deliveries.received_at as date) as received_on,
        deliveries.wave_code,
        deliveries.delivery_rank,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from structures
    inner join deliveries
        on structures.delivery_id = deliveries.delivery_id
),

named as (
    select
        received.delivery_id,
        waves.wave_code,
        1 as basis_order,
        'receipt' as structure_basis,
        received.delivery_rank,
        received.is_synthetic
    from received
    inner join waves
        on received.wave_code = waves.wave_code
),

-- The last wave of the survey that had opened when the structure came; the first one when none had.
dated as (
    select
        received.delivery_id,
        waves.wave_code,
        2 as basis_order,
        'date' as structure_basis,
        received.delivery_rank,
        received.is_synthetic
    from received
    inner join waves
        on received.survey_id = waves.survey_id
    where received.wave_code is null
    qualify row_number() over (
        partition by received.delivery_id
        order by
            case when waves.opened_on <= received.received_on then 0 else 1 end,
            case when waves.opened_on <= received.received_on then date_diff('day', waves.opened_on, received.received_on) end,
            waves.opened_on,
            waves.wave_code
    ) = 1
),

candidates as (
    select * from named
    union all
    select * from dated
)

select
    wave_code,
    delivery_id,
    structure_basis,
    is_synthetic
from candidates
qualify row_number() over (partition by wave_code order by basis_order, delivery_rank desc, delivery_id) = 1
