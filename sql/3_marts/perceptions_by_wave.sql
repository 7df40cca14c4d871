-- How safe residents feel, whether they trust the police, see patrols and recall the campaign, by wave.
-- Grain: wave_code, question_code, subquestion_code, answer_code, zone_group.
-- Care: unweighted, of a sample that is not a probability sample; top_two_share stands on every row of a question.
with

questions as (
    select * from reference.survey_questions
    where subject = 'perceptions'
),

codes as (
    select * from reference.survey_answer_codes
),

waves as (
    select * from reference.survey_waves
),

answers as (
    select * from intermediate.int_survey_answers_coded
),

counted as (
    select * from intermediate.int_survey_questions_counted
)

select
    answers.wave_code,
    answers.question_code,
    answers.subquestion_code,
    answers.answer_code,
    answers.zone_group,
    waves.opened_on as wave_opened_on,
    questions.indicator_id,
    questions.label_fr as question_fr,
    questions.label_en as question_en,
    answers.answer_value,
    codes.meaning_fr as answer_fr,
    codes.meaning_en as answer_en,
    answers.answer_order,
    answers.is_top_two,
    answers.is_dont_know,
    answers.is_in_denominator,
    waves.sample_kind,
    counted.respondent_count as n,
    counted.in_denominator_count as n_in_denominator,
    case when counted.obs_status not in ('S', 'C') then answers.answer_count end as answer_count,
    case
        when counted.obs_status not in ('S', 'C') and answers.is_in_denominator
            then cast(answers.answer_count as double) / nullif(counted.in_denominator_count, 0)
    end as answer_share,
    case
        when counted.obs_status not in ('S', 'C')
            then cast(counted.top_two_count as double) / nullif(counted.in_denominator_count, 0)
    end as top_two_share,
    case
        when counted.obs_status not in ('S', 'C')
            then cast(counted.dont_know_count as double) / nullif(counted.respondent_count, 0)
    end as dont_know_share,
    false as is_weighted,
    counted.obs_status,
    answers.is_synthetic
from answers
inner join questions
    on answers.question_code = questions.question_code
inner join codes
    on answers.question_code = codes.question_code
    and answers.subquestion_code = codes.subquestion_code
    and answers.answer_code = codes.answer_code
inner join waves
    on answers.wave_code = waves.wave_code
inner join counted
    on answers.wave_code = counted.wave_code
    and answers.question_code = counted.question_code
    and answers.zone_group = counted.zone_group
