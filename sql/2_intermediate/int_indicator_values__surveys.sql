-- Indicators that the survey gives, by wave, unweighted.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: unweighted, not of a probability sample; a wave that was due for the question and did not come is missing.
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

counted as (
    select * from intermediate.int_survey_questions_counted
),

answers as (
    select * from intermediate.int_survey_answers_coded
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
        due.opened_on as period_start,
        zone_groups.breakdown,
        zone_groups.breakdown_value,
        counted.top_two_count as numerator,
        counted.in_denominator_count as denominator,
        counted.obs_status,
        counted.is_synthetic
    from due
    cross join zone_groups
    left join counted
        on due.question_code = counted.question_code
        and due.wave_code = counted.wave_code
        and zone_groups.zone_group = counted.zone_group
    where due.scale <> 'change'
        -- a wave that did not come is missing once, as a total
        and (zone_groups.breakdown = 'total' or counted.question_code is not null)
),

-- Less, same and more are three figures of which none is the total.
change_values as (
    select
        due.indicator_id,
        due.opened_on as period_start,
        'answer' as breakdown,
        codes.answer_value as breakdown_value,
        answers.answer_count as numerator,
        counted.in_denominator_count as denominator,
        counted.obs_status,
        counted.is_synthetic
    from due
    inner join codes
        on due.question_code = codes.question_code
        and codes.is_in_denominator
    left join counted
        on due.question_code = counted.question_code
        and due.wave_code = counted.wave_code
        and counted.zone_group = 'all'
    left join answers
        on due.question_code = answers.question_code
        and due.wave_code = answers.wave_code
        and codes.subquestion_code = answers.subquestion_code
        and codes.answer_code = answers.answer_code
        and answers.zone_group = 'all'
    where due.scale = 'change'
),

all_values as (
    select * from top_two_values
    union all
    select * from change_values
),

-- A hidden figure loses what it could be worked out from.
shown as (
    select
        indicator_id,
        period_start,
        breakdown,
        breakdown_value,
        case when obs_status not in ('S', 'C') then cast(numerator as double) end as numerator,
        cast(denominator as double) as denominator,
        coalesce(obs_status, 'M') as obs_status,
        coalesce(is_synthetic, false) as is_synthetic
    from all_values
)

select
    shown.indicator_id,
    '63113' as zone_code,
    'wave' as period_type,
    shown.period_start,
    shown.breakdown,
    shown.breakdown_value,
    'observed' as value_kind,
    shown.numerator / nullif(shown.denominator, 0) as value,
    shown.numerator,
    shown.denominator,
    -- an interval of an unweighted quota sample would promise what it cannot keep; it comes with the weights
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    case
        when shown.obs_status = 'A' and shown.numerator = 0 then 'Z'
        else shown.obs_status
    end as obs_status,
    'survey_answers' as source,
    run.as_of,
    shown.is_synthetic
from shown
cross join run
