-- Indicators that the survey gives, by wave, raked to the census, with intervals from the effective sample size.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: not of a probability sample, from rounded counts; numerator and denominator are effective numbers of answers (Kish), those who answered
-- stand in marts.perceptions_by_wave and marts.consumption_by_wave; a wave that was due and did not come is missing.
with

run as (
    select * from sources.run
),

questions as (
    select * from reference.survey_questions
    where indicator_id is not null
),

waves as (
    select * from reference.survey_waves
),

codes as (
    select * from reference.survey_answer_codes
),

shares as (
    select * from intermediate.int_survey_shares_estimated
),

weightings as (
    select * from intermediate.int_survey_waves_weighted
),

-- Every wave that has opened and in which the question was asked, delivered or not.
due as (
    select
        questions.indicator_id,
        questions.question_code,
        questions.scale,
        waves.wave_code,
        waves.opened_on
    from questions
    inner join waves as first_waves
        on questions.asked_from_wave_code = first_waves.wave_code
    inner join waves
        on waves.opened_on >= first_waves.opened_on
    inner join run
        on waves.opened_on <= run.as_of
),

zone_groups as (
    select
        zone_group,
        breakdown,
        breakdown_value
    from (values
        ('all', 'total', 'total'), ('qpv', 'zone_group', 'qpv'), ('hors_qpv', 'zone_group', 'hors_qpv')
    ) as listed_groups (zone_group, breakdown, breakdown_value)
),

top_two_values as (
    select
        due.indicator_id,
        due.wave_code,
        due.opened_on as period_start,
        zone_groups.breakdown,
        zone_groups.breakdown_value,
        shares.share,
        shares.n_eff,
        shares.lower_95,
        shares.upper_95,
        shares.obs_status,
        shares.is_synthetic
    from due
    cross join zone_groups
    left join shares
        on due.question_code = shares.question_code
        and due.wave_code = shares.wave_code
        and zone_groups.zone_group = shares.zone_group
        and shares.measure = 'top_two'
    where due.scale <> 'change'
        -- a wave that did not come is missing once, as a total
        and (zone_groups.breakdown = 'total' or shares.question_code is not null)
),

-- Less, same and more are three figures of which none is the total.
change_values as (
    select
        due.indicator_id,
        due.wave_code,
        due.opened_on as period_start,
        'answer' as breakdown,
        codes.answer_value as breakdown_value,
        shares.share,
        shares.n_eff,
        shares.lower_95,
        shares.upper_95,
        shares.obs_status,
        shares.is_synthetic
    from due
    inner join codes
        on due.question_code = codes.question_code
        and codes.is_in_denominator
    left join shares
        on due.question_code = shares.question_code
        and due.wave_code = shares.wave_code
        and codes.subquestion_code = shares.subquestion_code
        and codes.answer_code = shares.answer_code
        and shares.measure = 'answer'
        and shares.zone_group = 'all'
    where due.scale = 'change'
),

all_values as (
    select * from top_two_values
    union all
    select * from change_values
)

select
    all_values.indicator_id,
    '63113' as zone_code,
    'wave' as period_type,
    all_values.period_start,
    all_values.breakdown,
    all_values.breakdown_value,
    'observed' as value_kind,
    all_values.share as value,
    -- whoever takes the denominator for a sample size takes the one that counts
    round(all_values.share * all_values.n_eff, 10) as numerator,
    case when all_values.share is not null then all_values.n_eff end as denominator,
    all_values.lower_95,
    all_values.upper_95,
    case
        when all_values.obs_status = 'A' and all_values.share = 0 then 'Z'
        else coalesce(all_values.obs_status, 'M')
    end as obs_status,
    'survey_answers' as source,
    run.as_of,
    coalesce(all_values.is_synthetic, false) or coalesce(weightings.is_census_synthetic, false) as is_synthetic
from all_values
left join weightings
    on all_values.wave_code = weightings.wave_code
cross join run
