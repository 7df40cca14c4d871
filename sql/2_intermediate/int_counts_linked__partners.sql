-- Which cells of the partners' part of the cube add up to which: places to the city, steps of the orientation, feedback and versions.
-- Grain: dimension, hierarchy, measure, child.
-- Care: what is coded to the whole city alone is in no place: a cell of its own where organisations count, else a rest.
with

zones as (
    select * from intermediate.int_zones_known
),

home as (
    select zone_code from zones
    where is_home
),

months as (
    select * from reference.months
),

cells as (
    select * from intermediate.int_counts_cubed__partners
),

of_organisations as (
    select measure from (values
        ('contacts'),
        ('people_trained'),
        ('people_planned'),
        ('trained_of_planned'),
        ('planned_with_result'),
        ('trained_without_plan'),
        ('planned_without_result')
    ) as listed (measure)
),

of_people as (
    select measure from (values
        ('mediations'),
        ('mediations_oriented'),
        ('feedback_received'),
        ('feedback_treated'),
        ('feedback_open'),
        ('message_changes')
    ) as listed (measure)
),

places as (
    select zone_code from zones
    where is_within_city or zone_code = 'unlocated'
),

zone_links as (
    select
        'places of the city and the whole' as hierarchy,
        of_organisations.measure,
        places.zone_code as child,
        home.zone_code as parent,
        true as is_exhaustive
    from places
    cross join home
    cross join of_organisations

    union all

    select
        'places of the city and the whole' as hierarchy,
        of_organisations.measure,
        'city_wide' as child,
        home.zone_code as parent,
        true as is_exhaustive
    from home
    cross join of_organisations

    union all

    select
        'places of the city' as hierarchy,
        of_people.measure,
        places.zone_code as child,
        home.zone_code as parent,
        false as is_exhaustive
    from places
    cross join home
    cross join of_people
),

step_links as (
    select * from (values
        ('steps of the orientation', 'people_followed', 'people_identified', false),
        ('steps of the orientation', 'orientations_offered', 'people_followed', false),
        ('steps of the orientation', 'orientations_accepted', 'orientations_offered', false),
        ('steps of the orientation', 'accepted_followed', 'orientations_accepted', false),
        ('steps of the orientation', 'appointments_kept', 'accepted_followed', false),
        ('steps of the persons', 'persons_offered', 'persons_identified', false),
        ('steps of the persons', 'persons_accepted', 'persons_offered', false),
        ('steps of the persons', 'persons_kept', 'persons_accepted', false),
        ('persons among the contacts', 'persons_identified', 'people_identified', false),
        ('persons among the contacts', 'persons_offered', 'orientations_offered', false),
        ('persons among the contacts', 'persons_accepted', 'orientations_accepted', false),
        ('persons among the contacts', 'persons_kept', 'appointments_kept', false),
        ('accepted of the offered and of the followed', 'orientations_accepted', 'people_followed', false),
        ('trained with and without a plan', 'trained_of_planned', 'people_trained', true),
        ('trained with and without a plan', 'trained_without_plan', 'people_trained', true),
        ('planned with and without a result', 'planned_with_result', 'people_planned', true),
        ('planned with and without a result', 'planned_without_result', 'people_planned', true),
        ('mediations that end in an orientation', 'mediations_oriented', 'mediations', false),
        ('feedback treated and open', 'feedback_treated', 'feedback_received', true),
        ('feedback treated and open', 'feedback_open', 'feedback_received', true),
        ('feedback old enough', 'feedback_due', 'feedback_received', false),
        ('feedback treated in time', 'feedback_within_30_days', 'feedback_due', false),
        ('feedback treated at all', 'feedback_within_30_days', 'feedback_treated', false),
        ('feedback that changed the message', 'message_changes', 'feedback_treated', false),
        ('feedback before its version', 'changes_before', 'message_changes', false)
    ) as listed (hierarchy, child, parent, is_exhaustive)
),

-- The feedback that names a version stands beside that of all months: what all months changed is a sum of the months as well.
all_months as (
    select distinct period_start
    from cells
    where period_type = 'all_months'
),

month_links as (
    select
        'month:' || cast(months.month_on as varchar) as child,
        'all_months:' || cast(all_months.period_start as varchar) as parent
    from all_months
    inner join months
        on months.month_on >= all_months.period_start
),

version_links as (
    select distinct
        measure,
        breakdown || ':' || breakdown_value as child
    from cells
    where breakdown = 'message_version'
)

select
    'zone' as dimension,
    hierarchy,
    measure,
    child,
    parent,
    is_exhaustive
from zone_links

union all

select
    'measure' as dimension,
    hierarchy,
    cast(null as varchar) as measure,
    child,
    parent,
    is_exhaustive
from step_links

union all

select
    'period' as dimension,
    'all months' as hierarchy,
    'message_changes' as measure,
    child,
    parent,
    true as is_exhaustive
from month_links

union all

select
    'breakdown' as dimension,
    'feedback that names a version' as hierarchy,
    measure,
    child,
    'total:total' as parent,
    false as is_exhaustive
from version_links
