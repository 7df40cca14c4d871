-- Answers to the survey with what each code means, counted as they may be shown, with the mean weight of those who gave them.
-- Grain: wave_code, zone_group, question_code, subquestion_code, answer_code.
-- Care: counts come from the protected cube alone; where a question's denominator is hidden, so is every answer to it.
with

answers as (
    select * from intermediate.int_survey_answers_coded
),

counted as (
    select * from intermediate.int_survey_questions_counted
),

shown as (
    select * from intermediate.int_survey_questions_shown
),

questions as (
    select * from reference.survey_questions
),

cells as (
    select * from intermediate.int_survey_cells_shown
),

joined as (
    select
        answers.wave_code,
        answers.zone_group,
        answers.question_code,
        answers.subquestion_code,
        answers.answer_code,
        answers.answer_value,
        answers.answer_order,
        answers.is_top_two,
        answers.is_dont_know,
        answers.is_in_denominator,
        cells.shown_count,
        cells.low_count,
        cells.high_count,
        coalesce(shown.hidden_status, cells.hidden_status) as hidden_status,
        -- why two digits: int_survey_questions_shown
        round(
            (answers.weight_total / nullif(answers.answer_count, 0))
                / nullif(counted.in_denominator_weight / nullif(counted.in_denominator_count, 0), 0),
            2
        ) as weight_ratio,
        answers.is_synthetic
    from answers
    inner join questions
        on answers.question_code = questions.question_code
    inner join counted
        on answers.wave_code = counted.wave_code
        and answers.zone_group = counted.zone_group
        and answers.question_code = counted.question_code
    inner join shown
        on answers.wave_code = shown.wave_code
        and answers.zone_group = shown.zone_group
        and answers.question_code = shown.question_code
    left join cells
        on 'survey_' || questions.subject = cells.measure
        and case
            when answers.subquestion_code = '-' then answers.question_code
            else answers.question_code || ' ' || answers.subquestion_code
        end = cells.breakdown
        and 'answer ' || answers.answer_code = cells.breakdown_value
        and answers.wave_code = cells.wave_code
        and answers.zone_group = cells.zone_group
)

select
    wave_code,
    zone_group,
    question_code,
    subquestion_code,
    answer_code,
    answer_value,
    answer_order,
    is_top_two,
    is_dont_know,
    is_in_denominator,
    case when hidden_status is null then shown_count end as answer_count,
    case when hidden_status is null then low_count end as answer_low_count,
    case when hidden_status is null then high_count end as answer_high_count,
    case when hidden_status is null and is_in_denominator then weight_ratio end as weight_ratio,
    hidden_status,
    is_synthetic
from joined
