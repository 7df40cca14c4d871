-- Responses to the survey with their wave and what respondents tell of themselves: group of zones, age band, sex.
-- Grain: delivery_id, response_number.
-- Care: wave_code is empty when neither the export, nor the receipt, nor the date tells it; such responses are counted, not used.
with

answers as (
    select * from staging.stg_surveys__answers
),

deliveries as (
    select * from sources.deliveries_of_surveys
),

waves as (
    select * from reference.survey_waves
),

zone_groups as (
    select * from reference.survey_answer_codes
    where question_code = 'ZONE'
),

age_bands as (
    select * from reference.survey_answer_codes
    where question_code = 'AGE'
),

sexes as (
    select * from reference.survey_answer_codes
    where question_code = 'SEXE'
),

responses as (
    select
        delivery_id,
        response_number,
        max(wave_code) as hidden_wave_code,
        max(submitted_on) as submitted_on,
        max(case when question_code = 'ZONE' then answer_code end) as zone_answer_code,
        max(case when question_code = 'AGE' then answer_code end) as age_answer_code,
        max(case when question_code = 'SEXE' then answer_code end) as sex_answer_code
    from answers
    group by delivery_id, response_number
),

-- Without a single date in the whole export, the column was not exported and says nothing about who finished.
exports as (
    select
        delivery_id,
        count(submitted_on) > 0 as has_submission_dates
    from responses
    group by delivery_id
),

-- LimeSurvey writes 1980-01-01 when dates are not kept: no wave was open then, so that no wave is found. A day within
-- two waves would tell nothing either.
days as (
    select
        submitted_days.submitted_on,
        max(waves.wave_code) as wave_code
    from (select distinct submitted_on from responses) as submitted_days
    inner join waves
        on submitted_days.submitted_on between waves.opened_on and waves.closed_on
    group by submitted_days.submitted_on
    having count(*) = 1
)

select
    responses.delivery_id,
    responses.response_number,
    coalesce(hidden_waves.wave_code, delivered_waves.wave_code, days.wave_code) as wave_code,
    case
        when hidden_waves.wave_code is not null then 'export'
        when delivered_waves.wave_code is not null then 'receipt'
        when days.wave_code is not null then 'date'
        else 'none'
    end as wave_basis,
    zone_groups.answer_value as zone_group,
    age_bands.answer_value as age_band,
    sexes.answer_value as sex,
    responses.submitted_on is not null or not exports.has_submission_dates as is_finished,
    coalesce(deliveries.is_synthetic, false) as is_synthetic
from responses
inner join exports
    on responses.delivery_id = exports.delivery_id
left join deliveries
    on responses.delivery_id = deliveries.delivery_id
left join waves as hidden_waves
    on responses.hidden_wave_code = hidden_waves.wave_code
left join waves as delivered_waves
    on deliveries.wave_code = delivered_waves.wave_code
left join days
    on responses.submitted_on = days.submitted_on
left join zone_groups
    on responses.zone_answer_code = zone_groups.answer_code
left join age_bands
    on responses.age_answer_code = age_bands.answer_code
left join sexes
    on responses.sex_answer_code = sexes.answer_code
