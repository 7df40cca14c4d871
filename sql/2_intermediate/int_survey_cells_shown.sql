-- The protected counts of the survey, back under the names of wave, group of zones and question.
-- Grain: measure, wave_code, zone_group, breakdown, breakdown_value.
-- Care: hidden is NULL with hidden_status S or C; low_count and high_count are the limits that rounding leaves.
with

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'surveys' and period_type = 'wave' and measure in ('survey_responses', 'survey_perceptions', 'survey_consumption')
),

waves as (
    select * from reference.survey_waves
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
)

select
    protected.measure,
    waves.wave_code,
    case when protected.zone_code = home.zone_code then 'all' else protected.zone_code end as zone_group,
    protected.breakdown,
    protected.breakdown_value,
    protected.shown_count,
    protected.low_count,
    protected.high_count,
    protected.obs_status as hidden_status
from protected
inner join waves
    on protected.period_start = waves.opened_on
cross join home
where not coalesce(protected.is_rest, false)
