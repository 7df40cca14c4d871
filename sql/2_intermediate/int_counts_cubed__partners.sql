-- The cells of the exact cube that partners' logs and residents' feedback give: people guided to help, met, trained, heard.
-- Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: exact counts, not for publication; where no point or training took place, all can see that nobody was met: no cell.
with

orientation as (
    select * from intermediate.int_orientation_by_period
),

parts as (
    select * from intermediate.int_outreach_parts_counted
),

outreach as (
    select * from intermediate.int_outreach_by_period
),

adjustment as (
    select * from intermediate.int_message_adjustment_by_period
),

versions as (
    select * from intermediate.int_message_versions
),

home as (
    select zone_code from intermediate.int_zones_known
    where is_home
),

-- Each step is a part of the one before: the group of which none or all took the step.
steps as (
    select 'people_identified' as measure, partner_type, period_type, period_start,
        identified_count as exact_count, cast(null as bigint) as group_count
    from orientation

    union all

    select 'people_followed' as measure, partner_type, period_type, period_start,
        followed_count as exact_count, identified_count as group_count
    from orientation

    union all

    select 'orientations_offered' as measure, partner_type, period_type, period_start,
        offered_count as exact_count, followed_count as group_count
    from orientation

    union all

    select 'orientations_accepted' as measure, partner_type, period_type, period_start,
        accepted_count as exact_count, offered_count as group_count
    from orientation

    union all

    select 'accepted_followed' as measure, partner_type, period_type, period_start,
        accepted_followed_count as exact_count, accepted_count as group_count
    from orientation

    union all

    select 'appointments_kept' as measure, partner_type, period_type, period_start,
        kept_count as exact_count, accepted_followed_count as group_count
    from orientation

    union all

    select 'persons_identified' as measure, partner_type, period_type, period_start,
        identified_person_count as exact_count, cast(null as bigint) as group_count
    from orientation

    union all

    select 'persons_offered' as measure, partner_type, period_type, period_start,
        offered_person_count as exact_count, identified_person_count as group_count
    from orientation

    union all

    select 'persons_accepted' as measure, partner_type, period_type, period_start,
        accepted_person_count as exact_count, offered_person_count as group_count
    from orientation

    union all

    select 'persons_kept' as measure, partner_type, period_type, period_start,
        kept_person_count as exact_count, accepted_person_count as group_count
    from orientation
),

-- Each kind of partner, and each place, is a series of its own: the small ones give way to the year without taking the large ones along.
oriented as (
    select
        steps.measure,
        home.zone_code,
        steps.period_type,
        steps.period_start,
        case when steps.partner_type = 'all' then 'total' else 'partner_type' end as breakdown,
        case when steps.partner_type = 'all' then 'total' else steps.partner_type end as breakdown_value,
        steps.exact_count,
        steps.group_count,
        cast(null as bigint) as contributor_count,
        cast(null as bigint) as largest_count,
        steps.measure || ' · ' || steps.partner_type as series
    from steps
    cross join home
    where steps.exact_count is not null
),

met as (
    select
        parts.measure,
        parts.zone_code,
        parts.period_type,
        parts.period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        parts.people_count as exact_count,
        cast(null as bigint) as group_count,
        parts.contributor_count,
        parts.largest_count,
        parts.measure || case when parts.zone_code = home.zone_code then ' · city' else ' · ' || parts.zone_code end as series
    from parts
    cross join home
),

placed as (
    select 'mediations' as measure, zone_code, period_type, period_start,
        mediation_count as exact_count, cast(null as bigint) as group_count
    from outreach

    union all

    select 'mediations_oriented' as measure, zone_code, period_type, period_start,
        mediation_oriented_count as exact_count, mediation_count as group_count
    from outreach

    union all

    select 'feedback_received' as measure, zone_code, period_type, period_start,
        feedback_received_count as exact_count, cast(null as bigint) as group_count
    from outreach

    union all

    select 'feedback_treated' as measure, zone_code, period_type, period_start,
        feedback_treated_count as exact_count, cast(null as bigint) as group_count
    from outreach

    -- what is still open follows from the two others
    union all

    select 'feedback_open' as measure, zone_code, period_type, period_start,
        feedback_received_count - feedback_treated_count as exact_count, cast(null as bigint) as group_count
    from outreach

    union all

    select 'message_changes' as measure, zone_code, period_type, period_start,
        message_change_count as exact_count, cast(null as bigint) as group_count
    from outreach
),

done as (
    select
        placed.measure,
        placed.zone_code,
        placed.period_type,
        placed.period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        placed.exact_count,
        placed.group_count,
        cast(null as bigint) as contributor_count,
        cast(null as bigint) as largest_count,
        placed.measure || case when placed.zone_code = home.zone_code then ' · city' else ' · ' || placed.zone_code end as series
    from placed
    cross join home
    where placed.exact_count is not null
),

awaited as (
    select 'feedback_due' as measure, period_type, period_start, due_count as exact_count
    from adjustment

    union all

    select 'feedback_within_30_days' as measure, period_type, period_start, within_30_days_count as exact_count
    from adjustment
),

answered as (
    select
        awaited.measure,
        home.zone_code,
        awaited.period_type,
        awaited.period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        awaited.exact_count,
        cast(null as bigint) as group_count,
        cast(null as bigint) as contributor_count,
        cast(null as bigint) as largest_count,
        awaited.measure || ' · city' as series
    from awaited
    cross join home
    where awaited.exact_count is not null
),

-- A version has no month: its feedback is set beside that of all months together.
all_months as (
    select
        min(period_start) as period_start,
        cast(sum(led_to_change_count) as bigint) as led_to_change_count
    from adjustment
    where period_type = 'month' and led_to_change_count is not null
    having count(*) > 0
),

changed as (
    select
        'message_changes' as measure,
        all_months.period_start,
        'total' as breakdown,
        'total' as breakdown_value,
        all_months.led_to_change_count as exact_count
    from all_months

    union all

    select
        'message_changes' as measure,
        all_months.period_start,
        'message_version' as breakdown,
        versions.message_version as breakdown_value,
        versions.named_count as exact_count
    from versions
    cross join all_months

    union all

    select
        'changes_before' as measure,
        all_months.period_start,
        'message_version' as breakdown,
        versions.message_version as breakdown_value,
        versions.feedback_count as exact_count
    from versions
    cross join all_months
),

versioned as (
    select
        changed.measure,
        home.zone_code,
        'all_months' as period_type,
        changed.period_start,
        changed.breakdown,
        changed.breakdown_value,
        changed.exact_count,
        cast(null as bigint) as group_count,
        cast(null as bigint) as contributor_count,
        cast(null as bigint) as largest_count,
        cast(null as varchar) as series
    from changed
    cross join home
),

cells as (
    select * from oriented
    union all
    select * from met
    union all
    select * from done
    union all
    select * from answered
    union all
    select * from versioned
)

select
    measure,
    zone_code,
    period_type,
    period_start,
    breakdown,
    breakdown_value,
    exact_count,
    group_count,
    contributor_count,
    largest_count,
    series,
    case when series is not null then
        case period_type
            when 'month' then 1
            when 'quarter' then 2
            when 'year' then 3
        end
    end as level
from cells
