-- What was asked in each wave: every question of its structure file, word for word, with a hash.
-- Grain: wave_code, question_code.
-- Care: a wave without a structure file has no rows; equal hashes are equal wordings.
with

wordings as (
    select * from intermediate.int_survey_wordings
),

structures as (
    select * from intermediate.int_survey_structures_waved
),

questions as (
    select * from reference.survey_questions
)

select
    wordings.wave_code,
    wordings.question_code,
    questions.indicator_id,
    questions.label_fr as question_fr,
    questions.label_en as question_en,
    wordings.wording,
    wordings.wording_hash,
    structures.structure_basis,
    questions.question_code is not null as is_used,
    structures.is_synthetic
from wordings
inner join structures
    on wordings.wave_code = structures.wave_code
left join questions
    on wordings.question_code = questions.question_code
