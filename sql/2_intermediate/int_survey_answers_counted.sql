-- Answers to the survey counted by code, before anything is known about their meaning.
-- Grain: wave_code, zone_group, question_code, subquestion_code, answer_code, is_asked.
-- Care: finished responses only; the wave is 'none' and the group of zones 'unknown' where the response does not tell; a
-- response without a wave weighs 1. What a structure file says is answered in own words is not counted, whatever it looks like.
with

structures as (
    select * from staging.stg_surveys__structure
),

-- LimeSurvey's types of text, date and file, and the XLSForm's: one word looks like a code, and is somebody's word.
own_words as (
    select distinct question_code
    from structures
    where
        element = 'question'
        and question_type in (
            'S', 'T', 'U', 'Q', ';', 'D', '|', 'text', 'date', 'time', 'datetime', 'dateTime', 'image', 'audio', 'video', 'file',
            'barcode', 'geopoint', 'geotrace', 'geoshape'
        )
),

answers as (
    select answers_read.*
    from staging.stg_surveys__answers as answers_read
    left join own_words
        on answers_read.question_code = own_words.question_code
    where own_words.question_code is null
),

responses as (
    select * from intermediate.int_survey_responses_waved
    where is_finished
),

weights as (
    select * from intermediate.int_survey_weights
),

questions as (
    select * from reference.survey_questions
),

filtered_questions as (
    select * from questions
    where filter_question_code is not null
),

filter_questions as (
    select distinct filter_question_code from filtered_questions
),

filter_answers as (
    select
        answers.delivery_id,
        answers.response_number,
        answers.question_code,
        answers.answer_code
    from answers
    inner join filter_questions
        on answers.question_code = filter_questions.filter_question_code
),

open_answers as (
    select
        answers.delivery_id,
        answers.response_number,
        answers.question_code,
        answers.subquestion_code,
        answers.answer_code,
        true as is_asked
    from answers
    left join filtered_questions
        on answers.question_code = filtered_questions.question_code
    where filtered_questions.question_code is null
),

-- An answer to a question that the respondent's own filter should have skipped is told apart, not used.
filtered_answers as (
    select
        answers.delivery_id,
        answers.response_number,
        answers.question_code,
        answers.subquestion_code,
        answers.answer_code,
        filter_answers.answer_code is not null as is_asked
    from answers
    inner join filtered_questions
        on answers.question_code = filtered_questions.question_code
    left join filter_answers
        on answers.delivery_id = filter_answers.delivery_id
        and answers.response_number = filter_answers.response_number
        and filtered_questions.filter_question_code = filter_answers.question_code
        and filtered_questions.filter_answer_code = filter_answers.answer_code
),

given_answers as (
    select * from open_answers
    union all
    select * from filtered_answers
)

select
    coalesce(responses.wave_code, 'none') as wave_code,
    coalesce(responses.zone_group, 'unknown') as zone_group,
    given_answers.question_code,
    given_answers.subquestion_code,
    given_answers.answer_code,
    given_answers.is_asked,
    count(*) as answer_count,
    sum(coalesce(weights.weight, 1.0)) as weight_total,
    sum(coalesce(weights.weight, 1.0) * coalesce(weights.weight, 1.0)) as weight_square_total,
    bool_or(responses.is_synthetic) as is_synthetic
from given_answers
inner join responses
    on given_answers.delivery_id = responses.delivery_id
    and given_answers.response_number = responses.response_number
left join weights
    on responses.delivery_id = weights.delivery_id
    and responses.response_number = weights.response_number
group by
    coalesce(responses.wave_code, 'none'),
    coalesce(responses.zone_group, 'unknown'),
    given_answers.question_code,
    given_answers.subquestion_code,
    given_answers.answer_code,
    given_answers.is_asked
