-- Answers to the survey with what each code means, every answer of a scale present even when nobody gave it.
-- Grain: wave_code, zone_group, question_code, subquestion_code, answer_code.
-- Care: exact, not for publication: read int_survey_answers_shown; zone_group 'all' also holds those who did not say where they live;
-- unknown codes and skipped questions are left out.
with

counted as (
    select * from intermediate.int_survey_answers_counted
    where is_asked and wave_code <> 'none'
),

codes as (
    select * from reference.survey_answer_codes
),

known as (
    select
        counted.wave_code,
        counted.zone_group,
        counted.question_code,
        counted.subquestion_code,
        counted.answer_code,
        counted.answer_count,
        counted.weight_total,
        counted.weight_square_total,
        counted.is_synthetic
    from counted
    inner join codes
        on counted.question_code = codes.question_code
        and counted.subquestion_code = codes.subquestion_code
        and counted.answer_code = codes.answer_code
),

grouped as (
    select * from known
    where zone_group <> 'unknown'
    union all
    select
        wave_code,
        'all' as zone_group,
        question_code,
        subquestion_code,
        answer_code,
        answer_count,
        weight_total,
        weight_square_total,
        is_synthetic
    from known
),

summed as (
    select
        wave_code,
        zone_group,
        question_code,
        subquestion_code,
        answer_code,
        cast(sum(answer_count) as bigint) as answer_count,
        cast(sum(cast(weight_total as decimal(28, 9))) as double) as weight_total,
        cast(sum(cast(weight_square_total as decimal(28, 9))) as double) as weight_square_total
    from grouped
    group by wave_code, zone_group, question_code, subquestion_code, answer_code
),

answered_questions as (
    select
        wave_code,
        zone_group,
        question_code,
        bool_or(is_synthetic) as is_synthetic
    from grouped
    group by wave_code, zone_group, question_code
)

select
    answered_questions.wave_code,
    answered_questions.zone_group,
    answered_questions.question_code,
    codes.subquestion_code,
    codes.answer_code,
    codes.answer_value,
    codes.answer_order,
    codes.is_top_two,
    codes.is_dont_know,
    codes.is_in_denominator,
    coalesce(summed.answer_count, 0) as answer_count,
    coalesce(summed.weight_total, 0.0) as weight_total,
    coalesce(summed.weight_square_total, 0.0) as weight_square_total,
    answered_questions.is_synthetic
from answered_questions
inner join codes
    on answered_questions.question_code = codes.question_code
left join summed
    on answered_questions.wave_code = summed.wave_code
    and answered_questions.zone_group = summed.zone_group
    and answered_questions.question_code = summed.question_code
    and codes.subquestion_code = summed.subquestion_code
    and codes.answer_code = summed.answer_code
