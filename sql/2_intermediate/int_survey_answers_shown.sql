-- Answers to the survey with what each code means, counted as they may be shown, with what weighting adds to each count.
-- Grain: wave_code, zone_group, question_code, subquestion_code, answer_code.
-- Care: counts come from the protected cube alone; where a question's denominator is hidden, so is every answer to it. A shift can be
-- hidden (share_hidden_status) where the count is not: shifts add up to 0, so one alone that is hidden would be told by the others.
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
        shown.top_two_hidden_status is not null as is_top_two_hidden,
        -- why apart from the count, and whole: int_survey_questions_shown
        cast(cast(round(
            answers.weight_total * counted.in_denominator_count / nullif(counted.in_denominator_weight, 0) - answers.answer_count
        ) as bigint) as double) as weight_shift,
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
),

-- The sums that shifts make: of the two best answers, of the others, and of both together. A box stands alone.
sides as (
    select
        wave_code,
        zone_group,
        question_code,
        is_top_two,
        count(hidden_status) as hidden_count
    from joined
    where is_in_denominator and subquestion_code = '-'
    group by wave_code, zone_group, question_code, is_top_two
),

partners as (
    select
        joined.wave_code,
        joined.zone_group,
        joined.question_code,
        joined.answer_code
    from joined
    inner join sides
        on joined.wave_code = sides.wave_code
        and joined.zone_group = sides.zone_group
        and joined.question_code = sides.question_code
        and joined.is_top_two = sides.is_top_two
    where joined.is_in_denominator
        and joined.subquestion_code = '-'
        and joined.hidden_status is null
        and joined.shown_count > 0
        and case
            when joined.is_top_two_hidden then sides.hidden_count = 0
            else sides.hidden_count = 1
        end
    qualify row_number() over (
        partition by joined.wave_code, joined.zone_group, joined.question_code, joined.is_top_two
        order by joined.shown_count, joined.answer_code
    ) = 1
)

select
    joined.wave_code,
    joined.zone_group,
    joined.question_code,
    joined.subquestion_code,
    joined.answer_code,
    joined.answer_value,
    joined.answer_order,
    joined.is_top_two,
    joined.is_dont_know,
    joined.is_in_denominator,
    case when joined.hidden_status is null then joined.shown_count end as answer_count,
    case when joined.hidden_status is null then joined.low_count end as answer_low_count,
    case when joined.hidden_status is null then joined.high_count end as answer_high_count,
    case
        when joined.hidden_status is null and partners.answer_code is null and joined.is_in_denominator then joined.weight_shift
    end as weight_shift,
    joined.hidden_status,
    coalesce(joined.hidden_status, case when partners.answer_code is not null then 'C' end) as share_hidden_status,
    joined.is_synthetic
from joined
left join partners
    on joined.wave_code = partners.wave_code
    and joined.zone_group = partners.zone_group
    and joined.question_code = partners.question_code
    and joined.answer_code = partners.answer_code
    and joined.subquestion_code = '-'
