-- Wordings of the surveys' questions, sub-questions and answers, as in the newest structure file.
-- Grain: survey_id, element, question_code, subquestion_code, answer_code, language.
-- Care: a wording changed between two deliveries shows its newest form only.
select
    survey_id,
    element,
    question_code,
    subquestion_code,
    answer_code,
    language,
    question_type,
    wording,
    delivery_id
from sources.survey_structure
qualify row_number() over (
    partition by survey_id, element, question_code, subquestion_code, answer_code, language
    order by delivery_rank desc, delivery_id desc
) = 1
