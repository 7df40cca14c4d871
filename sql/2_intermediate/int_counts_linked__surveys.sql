-- Which cells of the survey add up to which: answers to their question, questions to who was asked, groups of zones to the city.
-- Grain: dimension, hierarchy, measure, child.
-- Care: who skipped a question, or did not say where they live, is the rest of a sum that nobody is told; a filter's answer is who
-- was asked the question behind it, in two measures, so the measures are linked where their cells are alike.
with

questions as (
    select * from reference.survey_questions
    where subject <> 'profile'
),

codes as (
    select * from reference.survey_answer_codes
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
),

best_two as (
    select distinct question_code
    from codes
    where is_top_two
),

asked as (
    select
        question_code,
        'survey_' || subject as measure,
        denominator_rule,
        filter_question_code,
        filter_answer_code,
        case
            when filter_question_code is null then 'total:total'
            else 'filter of ' || question_code || ':asked'
        end as asked_cell
    from questions
),

described as (
    select
        asked.measure,
        codes.question_code,
        codes.subquestion_code,
        case
            when codes.subquestion_code = '-' then codes.question_code
            else codes.question_code || ' ' || codes.subquestion_code
        end as breakdown,
        codes.answer_code,
        codes.is_in_denominator,
        codes.is_dont_know,
        codes.is_top_two,
        best_two.question_code is not null as has_top_two
    from codes
    inner join asked
        on codes.question_code = asked.question_code
    left join best_two
        on codes.question_code = best_two.question_code
),

zone_links as (
    select
        'zone' as dimension,
        'respondents who say where they live' as hierarchy,
        listed.measure,
        listed.child,
        home.zone_code as parent,
        false as is_exhaustive
    from (values
        ('survey_responses', 'qpv'), ('survey_responses', 'hors_qpv'),
        ('survey_perceptions', 'qpv'), ('survey_perceptions', 'hors_qpv'),
        ('survey_consumption', 'qpv'), ('survey_consumption', 'hors_qpv')
    ) as listed (measure, child)
    cross join home
),

-- Their cells are alike where a question's denominator and a filter's answer stand in both.
measure_links as (
    select
        'measure' as dimension,
        'respondents to ' || listed.child as hierarchy,
        cast(null as varchar) as measure,
        listed.child,
        'survey_responses' as parent,
        true as is_exhaustive
    from (values ('survey_perceptions'), ('survey_consumption')) as listed (child)
),

response_links as (
    select
        'breakdown' as dimension,
        'finished responses' as hierarchy,
        'survey_responses' as measure,
        'total:total' as child,
        'delivered:responses' as parent,
        false as is_exhaustive

    union all

    select
        'breakdown' as dimension,
        'asked ' || question_code as hierarchy,
        'survey_responses' as measure,
        asked_cell as child,
        'total:total' as parent,
        false as is_exhaustive
    from asked
    where filter_question_code is not null

    union all

    -- of those asked, some answer and some do not know; over boxes everyone counts who saw them
    select
        'breakdown' as dimension,
        'answers to ' || asked.question_code as hierarchy,
        'survey_responses' as measure,
        asked.question_code || ':' || listed.part as child,
        asked.asked_cell as parent,
        asked.denominator_rule = 'asked' as is_exhaustive
    from asked
    cross join (values ('in_denominator'), ('outside')) as listed (part)
),

filter_links as (
    select
        'breakdown' as dimension,
        'filter of ' || asked.question_code as hierarchy,
        'survey_' || filters.subject as measure,
        asked.filter_question_code || ':answer ' || asked.filter_answer_code as child,
        asked.asked_cell as parent,
        true as is_exhaustive
    from asked
    inner join questions as filters
        on asked.filter_question_code = filters.question_code
),

top_two_links as (
    select
        'breakdown' as dimension,
        'the two best answers and the others' as hierarchy,
        asked.measure,
        asked.question_code || ':' || listed.part as child,
        asked.question_code || ':in_denominator' as parent,
        true as is_exhaustive
    from asked
    inner join best_two
        on asked.question_code = best_two.question_code
    cross join (values ('top_two'), ('not_top_two')) as listed (part)
),

answer_links as (
    select
        'breakdown' as dimension,
        'answers of a question' as hierarchy,
        measure,
        breakdown || ':answer ' || answer_code as child,
        question_code || case
            when not is_in_denominator then ':outside'
            when not has_top_two then ':in_denominator'
            when is_top_two then ':top_two'
            else ':not_top_two'
        end as parent,
        true as is_exhaustive
    from described
    where subquestion_code = '-'

    union all

    select
        'breakdown' as dimension,
        'answers that one does not know' as hierarchy,
        measure,
        breakdown || ':answer ' || answer_code as child,
        question_code || ':dont_know' as parent,
        true as is_exhaustive
    from described
    where subquestion_code = '-' and is_dont_know

    union all

    select
        'breakdown' as dimension,
        'box ' || subquestion_code as hierarchy,
        measure,
        breakdown || ':answer ' || answer_code as child,
        question_code || ':in_denominator' as parent,
        true as is_exhaustive
    from described
    where subquestion_code <> '-'

    union all

    select distinct
        'breakdown' as dimension,
        'box ' || subquestion_code as hierarchy,
        measure,
        breakdown || ':unticked' as child,
        question_code || ':in_denominator' as parent,
        true as is_exhaustive
    from described
    where subquestion_code <> '-'
),

links as (
    select * from zone_links
    union all
    select * from measure_links
    union all
    select * from response_links
    union all
    select * from filter_links
    union all
    select * from top_two_links
    union all
    select * from answer_links
)

select
    dimension,
    hierarchy,
    measure,
    child,
    parent,
    is_exhaustive
from links
