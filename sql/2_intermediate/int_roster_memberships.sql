-- Memberships as each list of partners states them, with the day for which the list speaks.
-- Grain: list_on, partner_id, signed_on.
-- Care: a list is whole, not an addition to the one before; files of one day make one list together.
with

roster as (
    select * from staging.stg_partners__roster
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

deliveries as (
    select * from sources.deliveries_of_partners
),

run as (
    select * from sources.run
),

-- The day of receipt, or an earlier one that its receipt names; a list cannot speak of a day after it was received.
dated as (
    select
        roster.partner_id,
        roster.signed_on,
        roster.left_on,
        roster.partner_type,
        roster.zone_code,
        roster.is_relay_eligible,
        roster.delivery_id,
        roster.delivery_rank,
        coalesce(cast(deliveries.received_at as date), run.as_of) as received_on,
        deliveries.edition_date,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from roster
    cross join run
    left join deliveries
        on roster.delivery_id = deliveries.delivery_id
)

select
    case
        when dated.edition_date < dated.received_on then dated.edition_date
        else dated.received_on
    end as list_on,
    dated.partner_id,
    dated.signed_on,
    dated.left_on,
    dated.partner_type,
    case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
    coalesce(dated.is_relay_eligible, false) as is_relay_eligible,
    dated.is_synthetic
from dated
left join zones
    on dated.zone_code = zones.zone_code
qualify row_number() over (
    partition by
        case when dated.edition_date < dated.received_on then dated.edition_date else dated.received_on end,
        dated.partner_id,
        dated.signed_on
    order by dated.delivery_rank desc, dated.delivery_id desc
) = 1
