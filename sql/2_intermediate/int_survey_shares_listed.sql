-- Shares of the survey, weighted and unweighted: of every answer over which shares are taken, and of the top two together.
-- Grain: wave_code, zone_group, question_code, measure, subquestion_code, answer_code.
-- Care: exact, not yet hidden and without intervals; measure is 'answer' or 'top_two', the latter without an answer_code.
with

answers as (
    select * from intermediate.int_survey_answers_coded
    where is_in_denominator
),

counted as (
    select * from intermediate.int_survey_questions_counted
),

listed as (
    select
        wave_code,
        zone_group,
        question_code,
        'answer' as measure,
        subquestion_code,
        answer_code,
        answer_count as part_count,
        weight_total as part_weight
    from answers

    union all

    select
        wave_code,
        zone_group,
        question_code,
        'top_two' as measure,
        '-' as subquestion_code,
        '-' as answer_code,
        top_two_count as part_count,
        top_two_weight as part_weight
    from counted
    where top_two_count is not null
)

select
    listed.wave_code,
    listed.zone_group,
    listed.question_code,
    listed.measure,
    listed.subquestion_code,
    listed.answer_code,
    listed.part_count,
    listed.part_weight,
    counted.in_denominator_count,
    counted.in_denominator_weight,
    counted.n_eff,
    listed.part_weight / nullif(counted.in_denominator_weight, 0) as share,
    cast(listed.part_count as double) / nullif(counted.in_denominator_count, 0) as share_unweighted,
    counted.obs_status,
    counted.is_synthetic
from listed
inner join counted
    on listed.wave_code = counted.wave_code
    and listed.zone_group = counted.zone_group
    and listed.question_code = counted.question_code
