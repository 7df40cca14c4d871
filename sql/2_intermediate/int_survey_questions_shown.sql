-- Respondents, denominator and top two answers of every question, as they may be shown, with what weighting does to them.
-- Grain: wave_code, zone_group, question_code.
-- Care: counts come from the protected cube alone; a shift is what weighting adds to a count, in whole respondents of mean weight.
with

counted as (
    select * from intermediate.int_survey_questions_counted
),

questions as (
    select * from reference.survey_questions
    where subject <> 'profile'
),

cells as (
    select * from intermediate.int_survey_cells_shown
),

waves as (
    select * from reference.survey_waves
),

run as (
    select * from sources.run
),

-- What weighting adds to a count (or takes from it): of answers that weigh 1 on average in their denominator, the sum of weights less their
-- number. It is told apart from the count because a weighted share of many digits would be a second measurement of it: a yes and a no
-- with shares to a tenth of a point tell, among 140, both counts to one. Shifts add up to 0 over the answers of a question, and to that
-- of the two best, whatever the counts are, so they tell nothing of them; whole respondents, so that no weight can be read off either.
-- By way of an integer: a rounded -0.2 is -0.0, which a database and Parquet keep differently.
shifts as (
    select
        wave_code,
        zone_group,
        question_code,
        cast(cast(round(top_two_weight * in_denominator_count / nullif(in_denominator_weight, 0) - top_two_count) as bigint) as double)
            as top_two_weight_shift,
        cast(cast(round(dont_know_weight * respondent_count / nullif(respondent_weight, 0) - dont_know_count) as bigint) as double)
            as dont_know_weight_shift,
        round(in_denominator_count / nullif(n_eff, 0), 2) as design_effect
    from counted
),

joined as (
    select
        counted.wave_code,
        counted.zone_group,
        counted.question_code,
        coalesce(filters.shown_count, asked.shown_count) as asked_count,
        coalesce(filters.hidden_status, asked.hidden_status) as asked_hidden_status,
        denominators.shown_count as in_denominator_count,
        denominators.low_count as in_denominator_low_count,
        denominators.high_count as in_denominator_high_count,
        -- nothing can be a share of nobody
        case
            when denominators.shown_count = 0 then 'S'
            else denominators.hidden_status
        end as hidden_status,
        outside.shown_count as outside_count,
        outside.low_count as outside_low_count,
        outside.high_count as outside_high_count,
        outside.hidden_status as outside_hidden_status,
        dont_know.shown_count as dont_know_count,
        dont_know.hidden_status as dont_know_cell_status,
        top_two.shown_count as top_two_count,
        top_two.low_count as top_two_low_count,
        top_two.high_count as top_two_high_count,
        top_two.hidden_status as top_two_cell_status,
        counted.top_two_count is not null as has_top_two,
        counted.dont_know_count is not null as has_dont_know,
        shifts.top_two_weight_shift,
        shifts.dont_know_weight_shift,
        shifts.design_effect,
        waves.closed_on >= run.as_of as is_provisional,
        counted.is_synthetic
    from counted
    inner join questions
        on counted.question_code = questions.question_code
    inner join shifts
        on counted.wave_code = shifts.wave_code
        and counted.zone_group = shifts.zone_group
        and counted.question_code = shifts.question_code
    inner join waves
        on counted.wave_code = waves.wave_code
    left join cells as asked
        on asked.measure = 'survey_responses'
        and asked.breakdown = 'total'
        and questions.filter_question_code is null
        and counted.wave_code = asked.wave_code
        and counted.zone_group = asked.zone_group
    left join cells as filters
        on filters.measure = 'survey_responses'
        and 'filter of ' || counted.question_code = filters.breakdown
        and filters.breakdown_value = 'asked'
        and counted.wave_code = filters.wave_code
        and counted.zone_group = filters.zone_group
    left join cells as denominators
        on 'survey_' || questions.subject = denominators.measure
        and counted.question_code = denominators.breakdown
        and denominators.breakdown_value = 'in_denominator'
        and counted.wave_code = denominators.wave_code
        and counted.zone_group = denominators.zone_group
    left join cells as outside
        on 'survey_' || questions.subject = outside.measure
        and counted.question_code = outside.breakdown
        and outside.breakdown_value = 'outside'
        and counted.wave_code = outside.wave_code
        and counted.zone_group = outside.zone_group
    left join cells as dont_know
        on 'survey_' || questions.subject = dont_know.measure
        and counted.question_code = dont_know.breakdown
        and dont_know.breakdown_value = 'dont_know'
        and counted.wave_code = dont_know.wave_code
        and counted.zone_group = dont_know.zone_group
    left join cells as top_two
        on 'survey_' || questions.subject = top_two.measure
        and counted.question_code = top_two.breakdown
        and top_two.breakdown_value = 'top_two'
        and counted.wave_code = top_two.wave_code
        and counted.zone_group = top_two.zone_group
    cross join run
)

select
    wave_code,
    zone_group,
    question_code,
    asked_count,
    asked_hidden_status,
    -- no cell of its own: with one, a hidden "don't know" would ask for a hidden denominator, and take every share with it
    in_denominator_count + outside_count as respondent_count,
    in_denominator_low_count + outside_low_count as respondent_low_count,
    in_denominator_high_count + outside_high_count as respondent_high_count,
    in_denominator_count,
    in_denominator_low_count,
    in_denominator_high_count,
    case when hidden_status is null and outside_count is not null then dont_know_count end as dont_know_count,
    case when has_dont_know then coalesce(hidden_status, dont_know_cell_status, outside_hidden_status) end as dont_know_hidden_status,
    case when hidden_status is null then top_two_count end as top_two_count,
    case when hidden_status is null then top_two_low_count end as top_two_low_count,
    case when hidden_status is null then top_two_high_count end as top_two_high_count,
    case when has_top_two then coalesce(hidden_status, top_two_cell_status) end as top_two_hidden_status,
    coalesce(hidden_status, outside_hidden_status, asked_hidden_status) as counts_hidden_status,
    case when hidden_status is null and top_two_count is not null then top_two_weight_shift end as top_two_weight_shift,
    case
        when hidden_status is null and dont_know_count is not null and outside_count is not null then dont_know_weight_shift
    end as dont_know_weight_shift,
    case when hidden_status is null then design_effect end as design_effect,
    hidden_status,
    -- fewer than 11 answers are hidden, fewer than 30 are shown as unreliable (DESIGN §8): as few as rounding leaves possible
    case
        when hidden_status is not null then hidden_status
        when in_denominator_low_count < 30 then 'U'
        when is_provisional then 'P'
        else 'A'
    end as obs_status,
    is_synthetic
from joined
