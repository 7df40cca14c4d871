-- The cells of the exact cube that the survey gives: respondents by wave and group of zones, for each question and each answer.
-- Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: exact counts, not for publication; a question is a breakdown, and what it is a part of stands in int_counts_linked__surveys.
with

answers as (
    select * from intermediate.int_survey_answers_coded
),

counted as (
    select * from intermediate.int_survey_questions_counted
),

responses as (
    select * from intermediate.int_survey_responses_waved
    where wave_code is not null
),

questions as (
    select * from reference.survey_questions
    where subject <> 'profile'
),

waves as (
    select * from reference.survey_waves
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
),

delivered as (
    select
        wave_code,
        'all' as zone_group,
        'delivered' as breakdown,
        'responses' as breakdown_value,
        count(*) as exact_count
    from responses
    group by wave_code

    union all

    select
        wave_code,
        'all' as zone_group,
        'total' as breakdown,
        'total' as breakdown_value,
        count(*) filter (where is_finished) as exact_count
    from responses
    group by wave_code

    union all

    select
        wave_code,
        zone_group,
        'total' as breakdown,
        'total' as breakdown_value,
        count(*) filter (where is_finished) as exact_count
    from responses
    where zone_group is not null
    group by wave_code, zone_group
),

-- What a question's figures are taken over; outside it stand those who do not know and the like.
wholes as (
    select
        counted.wave_code,
        counted.zone_group,
        counted.question_code,
        questions.subject,
        counted.asked_count,
        counted.in_denominator_count,
        counted.respondent_count - counted.in_denominator_count as outside_count,
        counted.dont_know_count,
        counted.top_two_count,
        questions.filter_question_code,
        filters.subject as filter_subject
    from counted
    inner join questions
        on counted.question_code = questions.question_code
    left join questions as filters
        on questions.filter_question_code = filters.question_code
    where counted.in_denominator_count is not null
),

given_answers as (
    select
        answers.wave_code,
        answers.zone_group,
        answers.question_code,
        answers.subquestion_code,
        answers.answer_code,
        answers.answer_count,
        wholes.subject,
        wholes.in_denominator_count
    from answers
    inner join wholes
        on answers.wave_code = wholes.wave_code
        and answers.zone_group = wholes.zone_group
        and answers.question_code = wholes.question_code
),

-- Who left a box unticked is a difference of two counts that are shown, so it is a cell.
boxes as (
    select
        wave_code,
        zone_group,
        question_code,
        subquestion_code,
        subject,
        max(in_denominator_count) as in_denominator_count,
        sum(answer_count) as answer_count
    from given_answers
    where subquestion_code <> '-'
    group by wave_code, zone_group, question_code, subquestion_code, subject
),

cells as (
    select
        'responses' as about,
        wave_code,
        zone_group,
        breakdown,
        breakdown_value,
        exact_count,
        null as group_count
    from delivered

    union all

    select
        'responses' as about,
        wave_code,
        zone_group,
        'filter of ' || question_code as breakdown,
        'asked' as breakdown_value,
        asked_count as exact_count,
        null as group_count
    from wholes
    where filter_question_code is not null and asked_count is not null

    union all

    select
        filter_subject as about,
        wave_code,
        zone_group,
        'filter of ' || question_code as breakdown,
        'asked' as breakdown_value,
        asked_count as exact_count,
        null as group_count
    from wholes
    where filter_question_code is not null and asked_count is not null

    union all

    select
        'responses' as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'in_denominator' as breakdown_value,
        in_denominator_count as exact_count,
        null as group_count
    from wholes

    union all

    select
        'responses' as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'outside' as breakdown_value,
        outside_count as exact_count,
        null as group_count
    from wholes

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'in_denominator' as breakdown_value,
        in_denominator_count as exact_count,
        null as group_count
    from wholes

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'outside' as breakdown_value,
        outside_count as exact_count,
        null as group_count
    from wholes

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'dont_know' as breakdown_value,
        dont_know_count as exact_count,
        null as group_count
    from wholes
    where dont_know_count is not null

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'top_two' as breakdown_value,
        top_two_count as exact_count,
        in_denominator_count as group_count
    from wholes
    where top_two_count is not null

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        question_code as breakdown,
        'not_top_two' as breakdown_value,
        in_denominator_count - top_two_count as exact_count,
        in_denominator_count as group_count
    from wholes
    where top_two_count is not null

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        case when subquestion_code = '-' then question_code else question_code || ' ' || subquestion_code end as breakdown,
        'answer ' || answer_code as breakdown_value,
        answer_count as exact_count,
        in_denominator_count as group_count
    from given_answers

    union all

    select
        subject as about,
        wave_code,
        zone_group,
        question_code || ' ' || subquestion_code as breakdown,
        'unticked' as breakdown_value,
        in_denominator_count - answer_count as exact_count,
        in_denominator_count as group_count
    from boxes
)

select
    'survey_' || cells.about as measure,
    case when cells.zone_group = 'all' then home.zone_code else cells.zone_group end as zone_code,
    'wave' as period_type,
    waves.opened_on as period_start,
    cells.breakdown,
    cells.breakdown_value,
    cast(cells.exact_count as bigint) as exact_count,
    cast(cells.group_count as bigint) as group_count,
    cast(null as bigint) as contributor_count,
    cast(null as bigint) as largest_count,
    cast(null as varchar) as series,
    cast(null as integer) as level
from cells
inner join waves
    on cells.wave_code = waves.wave_code
cross join home
