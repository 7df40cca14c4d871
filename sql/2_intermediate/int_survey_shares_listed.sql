-- Shares of the survey from what may be shown, weighted and unweighted: of every answer over which shares are taken, and of the top two.
-- Grain: wave_code, zone_group, question_code, measure, subquestion_code, answer_code.
-- Care: without sampling intervals; share_low and share_high are what rounding leaves possible. measure is 'answer' or 'top_two'.
with

answers as (
    select * from intermediate.int_survey_answers_shown
    where is_in_denominator
),

questions as (
    select * from intermediate.int_survey_questions_shown
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
        answer_low_count as part_low_count,
        answer_high_count as part_high_count,
        weight_shift,
        share_hidden_status as hidden_status
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
        top_two_low_count as part_low_count,
        top_two_high_count as part_high_count,
        top_two_weight_shift as weight_shift,
        top_two_hidden_status as hidden_status
    from questions
    where top_two_count is not null or top_two_hidden_status is not null
),

measured as (
    select
        listed.wave_code,
        listed.zone_group,
        listed.question_code,
        listed.measure,
        listed.subquestion_code,
        listed.answer_code,
        cast(listed.part_count as double) as part_count,
        cast(listed.part_low_count as double) as part_low_count,
        cast(listed.part_high_count as double) as part_high_count,
        listed.weight_shift,
        listed.hidden_status,
        cast(questions.in_denominator_count as double) as in_denominator_count,
        cast(questions.in_denominator_low_count as double) as in_denominator_low_count,
        cast(questions.in_denominator_high_count as double) as in_denominator_high_count,
        questions.design_effect,
        questions.obs_status as question_status,
        questions.is_synthetic
    from listed
    inner join questions
        on listed.wave_code = questions.wave_code
        and listed.zone_group = questions.zone_group
        and listed.question_code = questions.question_code
)

select
    wave_code,
    zone_group,
    question_code,
    measure,
    subquestion_code,
    answer_code,
    -- Kish's effective sample size, of the number that is shown
    round(in_denominator_count / nullif(design_effect, 0), 6) as n_eff,
    in_denominator_low_count / nullif(design_effect, 0) as n_eff_low,
    design_effect,
    case
        when part_count + weight_shift < 0 then 0.0
        when part_count + weight_shift > in_denominator_count then 1.0
        else (part_count + weight_shift) / nullif(in_denominator_count, 0)
    end as share,
    -- a shift of whole respondents may be off by half of one; what nobody gave is known to be nothing
    case
        when part_high_count = 0 or part_low_count + weight_shift < 0.5 then 0.0
        when part_low_count + weight_shift - 0.5 > in_denominator_high_count then 1.0
        else (part_low_count + weight_shift - 0.5) / nullif(in_denominator_high_count, 0)
    end as share_low,
    case
        when part_high_count = 0 then 0.0
        when part_high_count + weight_shift + 0.5 > in_denominator_low_count then 1.0
        else (part_high_count + weight_shift + 0.5) / nullif(in_denominator_low_count, 0)
    end as share_high,
    part_count / nullif(in_denominator_count, 0) as share_unweighted,
    hidden_status,
    question_status,
    is_synthetic
from measured
