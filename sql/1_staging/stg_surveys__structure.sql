-- Wordings of the surveys' questions, sub-questions and answers, of every structure file in force.
-- Grain: delivery_id, survey_id, element, question_code, subquestion_code, answer_code, language.
-- Care: a survey that is asked again has a structure for each time; which one belongs to which wave is decided later.
select
    delivery_id,
    survey_id,
    element,
    question_code,
    subquestion_code,
    answer_code,
    language,
    question_type,
    wording
from sources.survey_structure
