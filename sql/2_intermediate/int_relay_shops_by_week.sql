-- Shops that relay posters and shops that could, by zone and week.
-- Grain: zone_code, week_starts_on.
-- Care: relays come from the weekly measures, eligible shops from the roster: on it on any day of the week; '63113' is the total.
with

exposure as (
    select * from intermediate.int_exposure_located
    where platform = 'shops' and active_relay_count is not null
),

roster as (
    select * from staging.stg_partners__roster
    where partner_type = 'shop' and is_relay_eligible
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
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

relays as (
    select
        zone_code,
        week_starts_on,
        sum(active_relay_count) as active_relay_count
    from exposure
    group by zone_code, week_starts_on
),

-- A shop whose signature was corrected has two periods; it is still one shop.
eligible as (
    select
        weeks.week_starts_on,
        roster.partner_id,
        coalesce(max(zones.zone_code), 'unlocated') as zone_code
    from weeks
    inner join first_weeks
        on weeks.week_starts_on >= first_weeks.first_week_starts_on
    inner join roster
        on roster.signed_on < weeks.week_starts_on + 7
        and (roster.left_on is null or roster.left_on > weeks.week_starts_on)
    left join zones
        on roster.zone_code = zones.zone_code
    group by weeks.week_starts_on, roster.partner_id
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
    case
        when reported_weeks.week_starts_on is not null then coalesce(relays.active_relay_count, 0)
    end as active_relay_count,
    coalesce(eligible_counted.eligible_shop_count, 0) as eligible_shop_count,
    coalesce(reported_weeks.is_synthetic, false) as is_synthetic
from listed_zones
cross join weeks
inner join first_weeks
    on weeks.week_starts_on >= first_weeks.first_week_starts_on
left join reported_weeks
    on weeks.week_starts_on = reported_weeks.week_starts_on
left join relays
    on listed_zones.zone_code = relays.zone_code
    and weeks.week_starts_on = relays.week_starts_on
left join eligible_counted
    on listed_zones.zone_code = eligible_counted.zone_code
    and weeks.week_starts_on = eligible_counted.week_starts_on
where weeks.is_week_over or reported_weeks.week_starts_on is not null
