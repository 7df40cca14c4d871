-- Waves of the survey with how their weights came out.
-- Grain: wave_code.
-- Care: design_effect is Kish's for the whole wave; that of a question or a group of zones differs.
with

weights as (
    select * from intermediate.int_survey_weights
),

summed as (
    select
        wave_code,
        count(*) as finished_count,
        sum(weight) as weight_total,
        sum(weight * weight) as weight_square_total,
        min(weight) as smallest_weight,
        max(weight) as largest_weight,
        max(weighting) as weighting,
        max(weighting_reason) as weighting_reason,
        max(census_year) as census_year,
        max(joined_age_bands) as joined_age_bands,
        max(trimmed_count) as trimmed_count,
        max(largest_miss) as largest_miss,
        bool_or(is_census_synthetic) as is_census_synthetic
    from weights
    group by wave_code
)

select
    wave_code,
    weighting,
    weighting_reason,
    census_year,
    joined_age_bands,
    round(weight_total * weight_total / nullif(weight_square_total, 0), 6) as n_eff,
    round(finished_count * weight_square_total / nullif(weight_total * weight_total, 0), 6) as design_effect,
    round(smallest_weight, 6) as smallest_weight,
    round(largest_weight, 6) as largest_weight,
    trimmed_count,
    round(largest_miss, 6) as largest_miss,
    is_census_synthetic
from summed
