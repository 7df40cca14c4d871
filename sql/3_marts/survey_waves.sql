-- Waves of the survey with what was received of each, and what of it could not be used.
-- Grain: wave_code.
-- Care: the row 'none' holds responses whose wave nothing tells; they are in no other table.
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

structures as (
    select * from intermediate.int_survey_structures_waved
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
)

select
    listed_waves.wave_code,
    waves.label_fr,
    waves.label_en,
    waves.opened_on,
    waves.closed_on,
    waves.mode,
    waves.sample_kind,
    waves.comment as sample_note,
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
    coalesce(structures.structure_basis, 'none') as structure_basis,
    weightings.weighting,
    weightings.weighting_reason,
    weightings.census_year,
    weightings.joined_age_bands,
    weightings.n_eff,
    weightings.design_effect,
    weightings.smallest_weight,
    weightings.largest_weight,
    weightings.trimmed_count,
    weightings.largest_miss,
    coalesce(responses_counted.is_synthetic, false) or coalesce(weightings.is_census_synthetic, false) as is_synthetic
from listed_waves
left join waves
    on listed_waves.wave_code = waves.wave_code
left join responses_counted
    on listed_waves.wave_code = responses_counted.wave_code
left join repeated
    on listed_waves.wave_code = repeated.wave_code
left join answers_counted
    on listed_waves.wave_code = answers_counted.wave_code
left join weightings
    on listed_waves.wave_code = weightings.wave_code
left join structures
    on listed_waves.wave_code = structures.wave_code
