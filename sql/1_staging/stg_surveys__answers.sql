-- Answers of the surveys by code, as in the newest export of the wave that holds the response.
-- Grain: delivery_id, response_number, question_code, subquestion_code.
-- Care: response numbers start again with every wave, so a response is known only within its delivery.
with

answers as (
    select * from sources.survey_answers
),

repeated as (
    select * from staging.stg_surveys__responses_repeated
)

select
    answers.delivery_id,
    answers.response_number,
    answers.question_code,
    answers.subquestion_code,
    answers.answer_code,
    answers.wave_code,
    answers.submitted_on
from answers
left join repeated
    on answers.delivery_id = repeated.delivery_id
    and answers.response_number = repeated.response_number
where repeated.response_number is null
