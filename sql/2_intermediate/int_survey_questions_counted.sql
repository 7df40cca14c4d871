-- Respondents, denominator and top two answers of every question by wave and group of zones.
-- Grain: wave_code, zone_group, question_code.
-- Care: exact, not yet hidden; counts are unweighted, weights beside them; empty where the question has no such answer.
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

waves as (
    select * from reference.survey_waves
),

run as (
    select * from sources.run
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
        sum(weight_total) as weight_total,
        sum(weight_total) filter (where is_in_denominator) as in_denominator_weight,
        sum(weight_square_total) filter (where is_in_denominator) as in_denominator_weight_square,
        sum(weight_total) filter (where is_dont_know) as dont_know_weight,
        sum(weight_total) filter (where is_top_two) as top_two_weight,
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
        sum(weight) as weight_total,
        sum(weight * weight) as weight_square_total
    from weighed_responses
    where zone_group is not null
    group by wave_code, zone_group
    union all
    select
        wave_code,
        'all' as zone_group,
        count(*) as respondent_count,
        sum(weight) as weight_total,
        sum(weight * weight) as weight_square_total
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
),

-- A hidden group must not be what is left when the other group is taken from all.
hidden as (
    select
        wave_code,
        question_code
    from denominated
    where zone_group <> 'all' and in_denominator_count < 11
    group by wave_code, question_code
)

select
    denominated.wave_code,
    denominated.zone_group,
    denominated.question_code,
    denominated.asked_count,
    denominated.respondent_count,
    denominated.in_denominator_count,
    denominated.dont_know_count,
    denominated.top_two_count,
    denominated.respondent_weight,
    denominated.in_denominator_weight,
    denominated.dont_know_weight,
    denominated.top_two_weight,
    -- Kish's effective sample size: how many answers of equal weight would say as much
    denominated.in_denominator_weight * denominated.in_denominator_weight
        / nullif(denominated.in_denominator_weight_square, 0) as n_eff,
    -- fewer than 11 answers are hidden, fewer than 30 are shown as unreliable (DESIGN §8)
    case
        when denominated.in_denominator_count < 11 then 'S'
        when denominated.zone_group <> 'all' and hidden.question_code is not null then 'C'
        when denominated.in_denominator_count < 30 then 'U'
        when waves.closed_on >= run.as_of then 'P'
        else 'A'
    end as obs_status,
    denominated.is_synthetic
from denominated
inner join waves
    on denominated.wave_code = waves.wave_code
left join hidden
    on denominated.wave_code = hidden.wave_code
    and denominated.question_code = hidden.question_code
cross join run
