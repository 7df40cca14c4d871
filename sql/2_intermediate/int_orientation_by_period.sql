-- People identified in difficulty and the steps of their orientation to help, by kind of partner, quarter and whole year.
-- Grain: partner_type, period_type, period_start.
-- Care: exact, not for publication; a year has a row once its four quarters have, and is empty when one of them was not reported.
with

quarters as (
    select * from intermediate.int_orientation_counted
),

-- Whether a year is whole is asked of all partners together: a kind of which nobody was on the roster for a quarter lacks nothing.
years as (
    select
        make_date(extract(year from quarter_on), 1, 1) as year_on,
        count(*) filter (where obs_status <> 'M') = 4 as is_whole
    from quarters
    where partner_type = 'all'
    group by make_date(extract(year from quarter_on), 1, 1)
    having count(*) = 4
),

added as (
    select
        quarters.partner_type,
        years.year_on,
        years.is_whole,
        sum(quarters.identified_count) as identified_count,
        sum(quarters.followed_count) as followed_count,
        sum(quarters.offered_count) as offered_count,
        sum(quarters.accepted_count) as accepted_count,
        sum(quarters.accepted_followed_count) as accepted_followed_count,
        sum(quarters.kept_count) as kept_count,
        sum(quarters.identified_person_count) as identified_person_count,
        sum(quarters.offered_person_count) as offered_person_count,
        sum(quarters.accepted_person_count) as accepted_person_count,
        sum(quarters.kept_person_count) as kept_person_count,
        sum(quarters.reports_expected_count) as reports_expected_count,
        sum(quarters.reports_received_count) as reports_received_count,
        bool_or(quarters.obs_status = 'P') as is_provisional,
        bool_or(quarters.obs_status in ('U', 'M')) as is_unreliable,
        bool_or(quarters.is_synthetic) as is_synthetic
    from quarters
    inner join years
        on make_date(extract(year from quarters.quarter_on), 1, 1) = years.year_on
    group by quarters.partner_type, years.year_on, years.is_whole
)

select
    partner_type,
    'quarter' as period_type,
    quarter_on as period_start,
    identified_count,
    followed_count,
    offered_count,
    accepted_count,
    accepted_followed_count,
    kept_count,
    identified_person_count,
    offered_person_count,
    accepted_person_count,
    kept_person_count,
    on_roster_count,
    reporting_count,
    reports_expected_count,
    reports_received_count,
    reported_month_count,
    obs_status,
    is_synthetic
from quarters

union all

select
    partner_type,
    'year' as period_type,
    year_on as period_start,
    case when is_whole then cast(identified_count as bigint) end as identified_count,
    case when is_whole then cast(followed_count as bigint) end as followed_count,
    case when is_whole then cast(offered_count as bigint) end as offered_count,
    case when is_whole then cast(accepted_count as bigint) end as accepted_count,
    case when is_whole then cast(accepted_followed_count as bigint) end as accepted_followed_count,
    case when is_whole then cast(kept_count as bigint) end as kept_count,
    case when is_whole then cast(identified_person_count as bigint) end as identified_person_count,
    case when is_whole then cast(offered_person_count as bigint) end as offered_person_count,
    case when is_whole then cast(accepted_person_count as bigint) end as accepted_person_count,
    case when is_whole then cast(kept_person_count as bigint) end as kept_person_count,
    -- the roster is frozen by the quarter; of a year it has no single size
    cast(null as bigint) as on_roster_count,
    cast(null as bigint) as reporting_count,
    cast(reports_expected_count as bigint) as reports_expected_count,
    cast(reports_received_count as bigint) as reports_received_count,
    cast(null as bigint) as reported_month_count,
    case
        when not is_whole or identified_count is null then 'M'
        when is_provisional then 'P'
        when is_unreliable then 'U'
        else 'A'
    end as obs_status,
    is_synthetic
from added
