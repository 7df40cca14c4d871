-- Each survey figure of a wave beside that of every earlier wave: compared only where the question was the same.
-- Grain: question_code, measure, subquestion_code, answer_code, zone_group, wave_code, earlier_wave_code.
-- Care: one comparison in twenty differs by chance alone, and a difference between waves is not an effect of the campaign.
with

compared as (
    select * from intermediate.int_survey_waves_compared
)

select
    question_code,
    measure,
    subquestion_code,
    answer_code,
    zone_group,
    wave_code,
    earlier_wave_code,
    indicator_id,
    answer_value,
    wave_opened_on,
    sample_kind,
    share,
    earlier_share,
    n_eff,
    earlier_n_eff,
    difference,
    lower_95,
    upper_95,
    p_value,
    distribution_p_value,
    is_comparable,
    reason,
    decision_fr,
    decision_en,
    wording,
    earlier_wording,
    wording_hash,
    earlier_wording_hash,
    obs_status,
    reading_fr,
    reading_en,
    is_synthetic
from compared
