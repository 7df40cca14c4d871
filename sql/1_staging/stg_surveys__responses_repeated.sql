-- Responses that a newer export of the same wave brings again, as they stand in the older one: not to be counted there.
-- Grain: delivery_id, response_number.
-- Care: numbers start again with every wave and survey: two deliveries are one only where numbers, days and answers agree.
with

answers as (
    select * from sources.survey_answers
),

deliveries as (
    select * from sources.deliveries_of_surveys
),

responses as (
    select
        answers.delivery_id,
        answers.delivery_rank,
        answers.response_number,
        coalesce(max(answers.wave_code), max(deliveries.wave_code)) as told_wave_code,
        max(answers.submitted_on) as submitted_on,
        count(*) filter (where answers.answer_code not in ('unlisted', 'withheld')) as told_count
    from answers
    left join deliveries
        on answers.delivery_id = deliveries.delivery_id
    group by answers.delivery_id, answers.delivery_rank, answers.response_number
),

sizes as (
    select
        delivery_id,
        count(*) as response_count
    from responses
    group by delivery_id
),

shared as (
    select
        older.delivery_id as older_id,
        newer.delivery_id as newer_id,
        older.response_number,
        older.told_count as older_told_count,
        newer.told_count as newer_told_count,
        older.submitted_on = newer.submitted_on as is_same_day
    from responses as older
    inner join responses as newer
        on older.response_number = newer.response_number
        and older.delivery_rank < newer.delivery_rank
    where coalesce(older.told_wave_code = newer.told_wave_code, true)
),

-- A day that one of them does not tell says nothing: not exported, or the response was not finished when the first was made.
pairs as (
    select
        older_id,
        newer_id,
        count(*) as shared_count,
        count(*) filter (where is_same_day) as same_day_count,
        count(*) filter (where is_same_day is not null) as known_day_count,
        cast(sum(older_told_count) as bigint) as older_told_count,
        cast(sum(newer_told_count) as bigint) as newer_told_count
    from shared
    group by older_id, newer_id
),

-- 2026-11: nine tenths, since some responses are deleted between two exports.
likely as (
    select pairs.*
    from pairs
    inner join sizes as older
        on pairs.older_id = older.delivery_id
    inner join sizes as newer
        on pairs.newer_id = newer.delivery_id
    where
        10 * pairs.shared_count >= 9 * least(older.response_count, newer.response_count)
        and 10 * pairs.same_day_count >= 9 * pairs.known_day_count
),

same_answers as (
    select
        likely.older_id,
        likely.newer_id,
        count(*) as same_count
    from likely
    inner join answers as older
        on likely.older_id = older.delivery_id
    inner join answers as newer
        on likely.newer_id = newer.delivery_id
        and older.response_number = newer.response_number
        and older.question_code = newer.question_code
        and older.subquestion_code = newer.subquestion_code
        and older.answer_code = newer.answer_code
    where older.answer_code not in ('unlisted', 'withheld')
    group by likely.older_id, likely.newer_id
),

-- 2026-11: days alone do not decide, for two surveys may both be entered on one day. Two people give about half of the answers
-- alike, one person all but the corrected ones: three quarters lie between.
exported_again as (
    select
        likely.older_id,
        likely.newer_id
    from likely
    inner join same_answers
        on likely.older_id = same_answers.older_id
        and likely.newer_id = same_answers.newer_id
    where 4 * same_answers.same_count >= 3 * least(likely.older_told_count, likely.newer_told_count)
)

select distinct
    shared.older_id as delivery_id,
    shared.response_number
from shared
inner join exported_again
    on shared.older_id = exported_again.older_id
    and shared.newer_id = exported_again.newer_id
