-- Shops that relay posters and shops that could, by zone and week.
-- Grain: zone_code, week_starts_on.
-- Care: relays are counted without names, so one on no roster is among them; a shop that shows two versions is one.
with

exposure as (
    select * from intermediate.int_exposure_located
    where platform = 'shops' and active_relay_count is not null
),

memberships as (
    select * from intermediate.int_roster_memberships
    where partner_type = 'shop' and is_relay_eligible
),

lists as (
    select * from intermediate.int_roster_lists
),

weeks as (
    select * from intermediate.int_weeks_listed
),

first_weeks as (
    select min(week_starts_on) as first_week_starts_on
    from exposure
),

reported_weeks as (
    select
        week_starts_on,
        bool_or(is_synthetic) as is_synthetic
    from exposure
    group by week_starts_on
),

-- A shop that shows two versions in one week stands in the count of each: at least the larger of them, at most their sum.
versions as (
    select
        zone_code,
        week_starts_on,
        max(active_relay_count) as at_least,
        sum(active_relay_count) as at_most
    from exposure
    group by zone_code, week_starts_on
),

places as (
    select
        week_starts_on,
        sum(at_least) as at_least
    from versions
    where zone_code <> '63113'
    group by week_starts_on
),

-- Two versions in two different places are different shops, so the commune has at least those of its places together.
relays as (
    select
        versions.zone_code,
        versions.week_starts_on,
        versions.at_most,
        case
            when versions.zone_code = '63113' and places.at_least > versions.at_most then versions.at_most
            when versions.zone_code = '63113' and places.at_least > versions.at_least then places.at_least
            else versions.at_least
        end as active_relay_count
    from versions
    left join places
        on versions.week_starts_on = places.week_starts_on
),

-- On the list that is to be believed at the week's end, and a partner on any of its days.
-- A shop whose signature was corrected has two periods; it is still one shop.
eligible as (
    select
        weeks.week_starts_on,
        memberships.partner_id,
        memberships.zone_code
    from weeks
    inner join first_weeks
        on weeks.week_starts_on >= first_weeks.first_week_starts_on
    inner join lists
        on weeks.week_starts_on + 6 >= lists.valid_from_on
        and weeks.week_starts_on + 6 < lists.valid_until_on
    inner join memberships
        on lists.list_on = memberships.list_on
        and memberships.signed_on < weeks.week_starts_on + 7
        and (memberships.left_on is null or memberships.left_on > weeks.week_starts_on)
    qualify row_number() over (
        partition by weeks.week_starts_on, memberships.partner_id
        order by memberships.signed_on desc
    ) = 1
),

eligible_placed as (
    select
        zone_code,
        week_starts_on
    from eligible
    where zone_code <> '63113'
    union all
    select
        '63113' as zone_code,
        week_starts_on
    from eligible
),

eligible_counted as (
    select
        zone_code,
        week_starts_on,
        count(*) as eligible_shop_count
    from eligible_placed
    group by zone_code, week_starts_on
),

listed_zones as (
    select zone_code from relays
    union
    select zone_code from eligible_counted
)

select
    listed_zones.zone_code,
    weeks.week_starts_on,
    weeks.is_week_over,
    -- a week told for the commune alone leaves its places unknown
    case
        when places.week_starts_on is not null then coalesce(relays.active_relay_count, 0)
        when listed_zones.zone_code = '63113' then relays.active_relay_count
    end as active_relay_count,
    coalesce(relays.active_relay_count < relays.at_most, false) as is_relay_lower_bound,
    coalesce(eligible_counted.eligible_shop_count, 0) as eligible_shop_count,
    coalesce(lists.is_doubtful, false) as is_roster_doubtful,
    coalesce(reported_weeks.is_synthetic, false) as is_synthetic
from listed_zones
cross join weeks
inner join first_weeks
    on weeks.week_starts_on >= first_weeks.first_week_starts_on
left join reported_weeks
    on weeks.week_starts_on = reported_weeks.week_starts_on
left join places
    on weeks.week_starts_on = places.week_starts_on
left join relays
    on listed_zones.zone_code = relays.zone_code
    and weeks.week_starts_on = relays.week_starts_on
left join eligible_counted
    on listed_zones.zone_code = eligible_counted.zone_code
    and weeks.week_starts_on = eligible_counted.week_starts_on
left join lists
    on weeks.week_starts_on + 6 >= lists.valid_from_on
    and weeks.week_starts_on + 6 < lists.valid_until_on
where weeks.is_week_over or reported_weeks.week_starts_on is not null
