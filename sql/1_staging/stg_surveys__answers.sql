-- Answers of the surveys by code.
-- Grain: delivery_id, response_number, question_code, subquestion_code.
-- Care: response numbers start again with every wave, so a response is known only within its delivery.
select
    delivery_id,
    response_number,
    question_code,
    subquestion_code,
    answer_code,
    wave_code,
    submitted_on
from sources.survey_answers
