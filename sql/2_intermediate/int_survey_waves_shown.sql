-- Waves of the survey with what was received of each and how its weights came out, as it may be shown.
-- Grain: wave_code.
-- Care: counts are rounded to 5; what could not be used stands in no other figure: up to 10 it is not told, and hidden_columns names it.
with

waves as (
    select * from reference.survey_waves
),

questions as (
    select * from reference.survey_questions
),

codes as (
    select * from reference.survey_answer_codes
),

responses as (
    select * from intermediate.int_survey_responses_waved
),

answers as (
    select * from intermediate.int_survey_answers_counted
),

weightings as (
    select * from intermediate.int_survey_waves_weighted
),

cells as (
    select * from intermediate.int_survey_cells_shown
    where measure = 'survey_responses' and zone_group = 'all'
),

responses_counted as (
    select
        coalesce(wave_code, 'none') as wave_code,
        count(*) as response_count,
        count(*) filter (where is_finished) as finished_count,
        count(*) filter (where is_finished and zone_group is null) as without_zone_count,
        bool_or(is_synthetic) as is_synthetic
    from responses
    group by coalesce(wave_code, 'none')
),

repeated as (
    select
        wave_code,
        count(*) as repeated_number_count
    from (
        select
            wave_code,
            response_number
        from responses
        where wave_code is not null
        group by wave_code, response_number
        having count(*) > 1
    ) as repeated_numbers
    group by wave_code
),

answers_judged as (
    select
        answers.wave_code,
        answers.answer_count,
        answers.is_asked,
        questions.question_code is not null as is_known_question,
        codes.question_code is not null
            -- some exports write N for a box left unticked, others leave it empty: both say the same
            or coalesce(questions.scale = 'multiple_choice' and answers.answer_code = 'N', false)
            -- withheld at admission, so that nobody is nearly alone: no doubt about the questionnaire
            or answers.answer_code = 'withheld' as is_known_answer
    from answers
    left join questions
        on answers.question_code = questions.question_code
    left join codes
        on answers.question_code = codes.question_code
        and answers.subquestion_code = codes.subquestion_code
        and answers.answer_code = codes.answer_code
),

answers_counted as (
    select
        wave_code,
        cast(sum(case when not is_known_question then answer_count else 0 end) as bigint) as unknown_question_answer_count,
        cast(sum(case when is_known_question and not is_known_answer then answer_count else 0 end) as bigint)
            as unknown_code_answer_count,
        cast(sum(case when not is_asked then answer_count else 0 end) as bigint) as outside_filter_answer_count
    from answers_judged
    group by wave_code
),

listed_waves as (
    select wave_code from waves
    union
    select wave_code from responses_counted
),

exact as (
    select
        listed_waves.wave_code,
        responses_counted.wave_code is not null as is_received,
        responses_counted.response_count,
        responses_counted.finished_count,
        responses_counted.without_zone_count,
        case
            when responses_counted.wave_code is not null then coalesce(repeated.repeated_number_count, 0)
        end as repeated_number_count,
        answers_counted.unknown_question_answer_count,
        answers_counted.unknown_code_answer_count,
        answers_counted.outside_filter_answer_count,
        weightings.trimmed_count,
        coalesce(responses_counted.is_synthetic, false) as is_synthetic
    from listed_waves
    left join responses_counted
        on listed_waves.wave_code = responses_counted.wave_code
    left join repeated
        on listed_waves.wave_code = repeated.wave_code
    left join answers_counted
        on listed_waves.wave_code = answers_counted.wave_code
    left join weightings
        on listed_waves.wave_code = weightings.wave_code
),

-- What stands in no other figure and so in no sum of the cube is rounded and hidden here. Whoever does not say where they live is what
-- is left when both groups are taken from all: that there is nobody would make that difference exact, so it is not told either.
shown as (
    select
        exact.wave_code,
        exact.is_received,
        delivered.shown_count as response_count,
        finished.shown_count as finished_count,
        case
            when exact.wave_code = 'none' and exact.response_count > 10
                then cast(5 * round(exact.response_count / 5.0) as bigint)
        end as unassigned_response_count,
        case
            when exact.wave_code = 'none' and exact.finished_count > 10
                then cast(5 * round(exact.finished_count / 5.0) as bigint)
        end as unassigned_finished_count,
        case
            when exact.without_zone_count > 10 then cast(5 * round(exact.without_zone_count / 5.0) as bigint)
        end as without_zone_count,
        case
            when exact.repeated_number_count not between 1 and 10
                then cast(5 * round(exact.repeated_number_count / 5.0) as bigint)
        end as repeated_number_count,
        case
            when exact.unknown_question_answer_count not between 1 and 10
                then cast(5 * round(exact.unknown_question_answer_count / 5.0) as bigint)
        end as unknown_question_answer_count,
        case
            when exact.unknown_code_answer_count not between 1 and 10
                then cast(5 * round(exact.unknown_code_answer_count / 5.0) as bigint)
        end as unknown_code_answer_count,
        case
            when exact.outside_filter_answer_count not between 1 and 10
                then cast(5 * round(exact.outside_filter_answer_count / 5.0) as bigint)
        end as outside_filter_answer_count,
        case
            when exact.trimmed_count not between 1 and 10
                then cast(5 * round(exact.trimmed_count / 5.0) as bigint)
        end as trimmed_count,
        exact.is_synthetic
    from exact
    left join cells as delivered
        on exact.wave_code = delivered.wave_code
        and delivered.breakdown = 'delivered'
    left join cells as finished
        on exact.wave_code = finished.wave_code
        and finished.breakdown = 'total'
),

-- Where an exact count is there and the shown one is not, it is hidden.
hidden as (
    select
        exact.wave_code,
        nullif(
            concat_ws(
                ', ',
                case
                    when exact.response_count is not null
                        and coalesce(shown.response_count, shown.unassigned_response_count) is null
                        then 'response_count'
                end,
                case
                    when exact.finished_count is not null
                        and coalesce(shown.finished_count, shown.unassigned_finished_count) is null
                        then 'finished_count'
                end,
                case when exact.without_zone_count is not null and shown.without_zone_count is null then 'without_zone_count' end,
                case
                    when exact.repeated_number_count is not null and shown.repeated_number_count is null
                        then 'repeated_number_count'
                end,
                case
                    when exact.unknown_question_answer_count is not null and shown.unknown_question_answer_count is null
                        then 'unknown_question_answer_count'
                end,
                case
                    when exact.unknown_code_answer_count is not null and shown.unknown_code_answer_count is null
                        then 'unknown_code_answer_count'
                end,
                case
                    when exact.outside_filter_answer_count is not null and shown.outside_filter_answer_count is null
                        then 'outside_filter_answer_count'
                end,
                case when exact.trimmed_count is not null and shown.trimmed_count is null then 'trimmed_count' end
            ),
            ''
        ) as hidden_columns
    from exact
    inner join shown
        on exact.wave_code = shown.wave_code
)

select
    shown.wave_code,
    shown.is_received,
    shown.response_count,
    shown.finished_count,
    shown.unassigned_response_count,
    shown.unassigned_finished_count,
    shown.without_zone_count,
    shown.repeated_number_count,
    shown.unknown_question_answer_count,
    shown.unknown_code_answer_count,
    shown.outside_filter_answer_count,
    hidden.hidden_columns,
    round(weightings.design_effect, 2) as design_effect,
    -- each is one respondent's weight, and whoever knows the largest knows the fewest who can weigh what a hidden answer weighs
    floor(weightings.smallest_weight) as smallest_weight,
    ceil(weightings.largest_weight) as largest_weight,
    shown.trimmed_count,
    round(weightings.largest_miss, 3) as largest_miss,
    shown.is_synthetic
from shown
inner join hidden
    on shown.wave_code = hidden.wave_code
left join weightings
    on shown.wave_code = weightings.wave_code
