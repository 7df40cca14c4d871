-- What respondents say of their own drug use and of asking for help, by wave.
-- Grain: wave_code, question_code, subquestion_code, answer_code, zone_group.
-- Care: raked to the census, of a sample that is not a probability sample; drug use told to a city hall is under-reported;
-- counts are rounded to 5, and shares are made of them.
with

questions as (
    select * from reference.survey_questions
    where subject = 'consumption'
),

codes as (
    select * from reference.survey_answer_codes
),

waves as (
    select * from reference.survey_waves
),

answers as (
    select * from intermediate.int_survey_answers_shown
),

counted as (
    select * from intermediate.int_survey_questions_shown
),

shares as (
    select * from intermediate.int_survey_shares_estimated
),

answer_shares as (
    select * from shares
    where measure = 'answer'
),

top_two_shares as (
    select * from shares
    where measure = 'top_two'
),

-- What is unreliable is so for the whole question; what is hidden is hidden answer by answer.
statuses as (
    select
        wave_code,
        zone_group,
        question_code,
        max(question_status) as question_status
    from shares
    group by wave_code, zone_group, question_code
),

weightings as (
    select * from intermediate.int_survey_waves_weighted
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
    questions.denominator_rule,
    counted.asked_count as n_asked,
    counted.respondent_count as n,
    counted.in_denominator_count as n_in_denominator,
    counted.counts_hidden_status as n_obs_status,
    round(cast(counted.in_denominator_count as double) / nullif(counted.design_effect, 0), 6) as n_eff,
    counted.design_effect,
    answers.answer_count,
    answer_shares.share as answer_share,
    answer_shares.lower_95,
    answer_shares.upper_95,
    answer_shares.share_unweighted as answer_share_unweighted,
    answers.weight_shift as answer_weight_shift,
    top_two_shares.share as top_two_share,
    top_two_shares.lower_95 as top_two_lower_95,
    top_two_shares.upper_95 as top_two_upper_95,
    top_two_shares.share_unweighted as top_two_share_unweighted,
    counted.top_two_weight_shift,
    coalesce(counted.top_two_hidden_status, case when counted.top_two_count is not null then statuses.question_status end)
        as top_two_obs_status,
    case
        when counted.dont_know_count + counted.dont_know_weight_shift < 0 then 0.0
        when counted.dont_know_count + counted.dont_know_weight_shift > counted.respondent_count then 1.0
        else round(
            (counted.dont_know_count + counted.dont_know_weight_shift) / nullif(cast(counted.respondent_count as double), 0), 10
        )
    end as dont_know_share,
    counted.dont_know_weight_shift,
    counted.dont_know_hidden_status as dont_know_obs_status,
    weightings.weighting = 'raked' as is_weighted,
    weightings.weighting,
    weightings.weighting_reason,
    coalesce(answers.share_hidden_status, statuses.question_status) as obs_status,
    answers.is_synthetic or weightings.is_census_synthetic as is_synthetic
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
inner join weightings
    on answers.wave_code = weightings.wave_code
inner join statuses
    on answers.wave_code = statuses.wave_code
    and answers.question_code = statuses.question_code
    and answers.zone_group = statuses.zone_group
left join answer_shares
    on answers.wave_code = answer_shares.wave_code
    and answers.question_code = answer_shares.question_code
    and answers.zone_group = answer_shares.zone_group
    and answers.subquestion_code = answer_shares.subquestion_code
    and answers.answer_code = answer_shares.answer_code
left join top_two_shares
    on answers.wave_code = top_two_shares.wave_code
    and answers.question_code = top_two_shares.question_code
    and answers.zone_group = top_two_shares.zone_group
