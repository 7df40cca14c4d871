-- Respondents, denominator and top two answers of every question by wave and group of zones.
-- Grain: wave_code, zone_group, question_code.
-- Care: exact, not for publication: read int_survey_questions_shown; counts are unweighted, weights beside them.
with

answers as (
    select * from intermediate.int_survey_answers_coded
),

responses as (
    select * from intermediate.int_survey_responses_waved
    where is_finished and wave_code is not null
),

questions as (
    select * from reference.survey_questions
),

weights as (
    select * from intermediate.int_survey_weights
),

answered as (
    select
        wave_code,
        zone_group,
        question_code,
        cast(sum(answer_count) as bigint) as answer_count,
        cast(sum(case when is_in_denominator then answer_count else 0 end) as bigint) as in_denominator_count,
        cast(sum(answer_count) filter (where is_dont_know) as bigint) as dont_know_count,
        cast(sum(answer_count) filter (where is_top_two) as bigint) as top_two_count,
        cast(sum(cast(weight_total as decimal(28, 9))) as double) as weight_total,
        cast(sum(cast(weight_total as decimal(28, 9))) filter (where is_in_denominator) as double) as in_denominator_weight,
        cast(sum(cast(weight_square_total as decimal(28, 9))) filter (where is_in_denominator) as double) as in_denominator_weight_square,
        cast(sum(cast(weight_total as decimal(28, 9))) filter (where is_dont_know) as double) as dont_know_weight,
        cast(sum(cast(weight_total as decimal(28, 9))) filter (where is_top_two) as double) as top_two_weight,
        bool_or(is_synthetic) as is_synthetic
    from answers
    group by wave_code, zone_group, question_code
),

-- Who was shown a question: those who gave the filter's answer, or everyone.
filter_counts as (
    select
        wave_code,
        zone_group,
        question_code,
        answer_code,
        answer_count,
        weight_total,
        weight_square_total
    from answers
),

weighed_responses as (
    select
        responses.wave_code,
        responses.zone_group,
        weights.weight
    from responses
    inner join weights
        on responses.delivery_id = weights.delivery_id
        and responses.response_number = weights.response_number
),

respondents as (
    select
        wave_code,
        zone_group,
        count(*) as respondent_count,
        cast(sum(cast(weight as decimal(28, 9))) as double) as weight_total,
        cast(sum(cast(weight * weight as decimal(28, 9))) as double) as weight_square_total
    from weighed_responses
    where zone_group is not null
    group by wave_code, zone_group
    union all
    select
        wave_code,
        'all' as zone_group,
        count(*) as respondent_count,
        cast(sum(cast(weight as decimal(28, 9))) as double) as weight_total,
        cast(sum(cast(weight * weight as decimal(28, 9))) as double) as weight_square_total
    from weighed_responses
    group by wave_code
),

denominated as (
    select
        answered.wave_code,
        answered.zone_group,
        answered.question_code,
        questions.denominator_rule,
        case
            when questions.filter_question_code is not null then filter_counts.answer_count
            else respondents.respondent_count
        end as asked_count,
        case
            when questions.denominator_rule = 'answered' then answered.answer_count
            when questions.filter_question_code is not null then filter_counts.answer_count
            else respondents.respondent_count
        end as respondent_count,
        case
            when questions.denominator_rule = 'answered' then answered.in_denominator_count
            when questions.filter_question_code is not null then filter_counts.answer_count
            else respondents.respondent_count
        end as in_denominator_count,
        case
            when questions.denominator_rule = 'answered' then answered.weight_total
            when questions.filter_question_code is not null then filter_counts.weight_total
            else respondents.weight_total
        end as respondent_weight,
        case
            when questions.denominator_rule = 'answered' then answered.in_denominator_weight
            when questions.filter_question_code is not null then filter_counts.weight_total
            else respondents.weight_total
        end as in_denominator_weight,
        case
            when questions.denominator_rule = 'answered' then answered.in_denominator_weight_square
            when questions.filter_question_code is not null then filter_counts.weight_square_total
            else respondents.weight_square_total
        end as in_denominator_weight_square,
        case when questions.denominator_rule = 'answered' then answered.dont_know_count end as dont_know_count,
        case when questions.denominator_rule = 'answered' then answered.dont_know_weight end as dont_know_weight,
        answered.top_two_count,
        answered.top_two_weight,
        answered.is_synthetic
    from answered
    inner join questions
        on answered.question_code = questions.question_code
    left join filter_counts
        on answered.wave_code = filter_counts.wave_code
        and answered.zone_group = filter_counts.zone_group
        and questions.filter_question_code = filter_counts.question_code
        and questions.filter_answer_code = filter_counts.answer_code
    left join respondents
        on answered.wave_code = respondents.wave_code
        and answered.zone_group = respondents.zone_group
)

select
    wave_code,
    zone_group,
    question_code,
    asked_count,
    respondent_count,
    in_denominator_count,
    dont_know_count,
    top_two_count,
    respondent_weight,
    in_denominator_weight,
    dont_know_weight,
    top_two_weight,
    -- Kish's effective sample size: how many answers of equal weight would say as much
    in_denominator_weight * in_denominator_weight
        / nullif(in_denominator_weight_square, 0) as n_eff,
    is_synthetic
from denominated
