-- Waves of the survey with what was received of each, and what of it could not be used.
-- Grain: wave_code.
-- Care: the row 'none' holds responses whose wave nothing tells; they are in no other table. Counts are rounded to 5; those of what could
-- not be used are not told up to 10, and hidden_columns names them.
with

waves as (
    select * from reference.survey_waves
),

shown as (
    select * from intermediate.int_survey_waves_shown
),

weightings as (
    select * from intermediate.int_survey_waves_weighted
),

structures as (
    select * from intermediate.int_survey_structures_waved
)

select
    shown.wave_code,
    waves.label_fr,
    waves.label_en,
    waves.opened_on,
    waves.closed_on,
    waves.mode,
    waves.sample_kind,
    waves.comment as sample_note,
    shown.is_received,
    coalesce(shown.response_count, shown.unassigned_response_count) as response_count,
    coalesce(shown.finished_count, shown.unassigned_finished_count) as finished_count,
    shown.without_zone_count,
    shown.repeated_number_count,
    shown.unknown_question_answer_count,
    shown.unknown_code_answer_count,
    shown.outside_filter_answer_count,
    shown.hidden_columns,
    coalesce(structures.structure_basis, 'none') as structure_basis,
    weightings.weighting,
    weightings.weighting_reason,
    weightings.census_year,
    weightings.joined_age_bands,
    -- from the rounded number: the exact one would tell how many finished
    round(cast(shown.finished_count as double) / nullif(shown.design_effect, 0), 6) as n_eff,
    case when shown.finished_count is not null then shown.design_effect end as design_effect,
    shown.smallest_weight,
    shown.largest_weight,
    shown.trimmed_count,
    shown.largest_miss,
    shown.is_synthetic or coalesce(weightings.is_census_synthetic, false) as is_synthetic
from shown
left join waves
    on shown.wave_code = waves.wave_code
left join weightings
    on shown.wave_code = weightings.wave_code
left join structures
    on shown.wave_code = structures.wave_code
