-- Every zone that a figure can stand for: delivered zones, Clermont-Ferrand with its peers, and the place nobody told.
-- Grain: zone_code.
-- Care: a delivered zone wins over ours of the same code; 'unlocated' holds what happened in the city without a quartier.
with

delivered as (
    select * from staging.stg_reference__zones
),

deliveries as (
    select * from sources.deliveries_of_reference
),

peers as (
    select * from reference.peers
),

-- The only place that names the city of the campaign is reference.peers.
home as (
    select zone_code, name
    from peers
    where role = 'subject' and territory_type = 'commune'
),

ours as (
    select
        peers.zone_code,
        peers.territory_type as zone_type,
        peers.name,
        peers.parent_code
    from peers
    left join delivered
        on peers.zone_code = delivered.zone_code
    where delivered.zone_code is null

    union all

    select
        'unlocated' as zone_code,
        'unlocated' as zone_type,
        home.name || ', lieu non précisé' as name,
        home.zone_code as parent_code
    from home
),

every_zone as (
    select
        delivered.zone_code,
        delivered.zone_type,
        delivered.name,
        delivered.parent_code,
        delivered.is_sensitive,
        coalesce(deliveries.is_synthetic, false) as is_synthetic
    from delivered
    left join deliveries
        on delivered.delivery_id = deliveries.delivery_id

    union all

    select
        zone_code,
        zone_type,
        name,
        parent_code,
        cast(null as boolean) as is_sensitive,
        false as is_synthetic
    from ours
)

select
    every_zone.zone_code,
    every_zone.zone_type,
    every_zone.name,
    every_zone.parent_code,
    every_zone.is_sensitive,
    case
        when every_zone.zone_type = 'commune' then every_zone.zone_code
        when every_zone.zone_type in ('departement', 'region') then substr(every_zone.zone_code, 2)
    end as territory_code,
    every_zone.zone_type in ('quartier', 'qpv', 'iris', 'secteur') as is_within_city,
    every_zone.zone_code = home.zone_code as is_home,
    every_zone.is_synthetic
from every_zone
cross join home
