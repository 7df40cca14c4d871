-- The newest published figure of the territories that may be shown: zones, peers, candidate cities and their départements.
-- Grain: territory_type, territory_code, year, indicator_code.
-- Care: the same choice as is_latest_edition in marts.police_statistics; one scan of the bases serves all who need few places.
with

harmonised as (
    select * from intermediate.int_ssmsi_harmonised
),

zones as (
    select * from staging.stg_reference__zones
),

peers as (
    select * from reference.peers
),

candidates as (
    select * from reference.candidate_cities
),

followed as (
    select territory_type, territory_code
    from peers

    union

    select 'departement' as territory_type, substr(parent_code, 2) as territory_code
    from peers
    where territory_type = 'commune'

    union

    select zone_type as territory_type, zone_code as territory_code
    from zones
    where zone_type = 'commune'

    union

    select zone_type as territory_type, substr(zone_code, 2) as territory_code
    from zones
    where zone_type in ('departement', 'region')

    union

    select 'commune' as territory_type, territory_code
    from candidates

    union

    select 'departement' as territory_type, departement_code as territory_code
    from candidates
)

select
    harmonised.territory_type,
    harmonised.territory_code,
    harmonised.year,
    harmonised.indicator_code,
    harmonised.unit,
    harmonised.count,
    harmonised.rate_per_1000,
    harmonised.is_published,
    harmonised.population,
    harmonised.edition_date,
    harmonised.is_synthetic
from harmonised
inner join followed
    on harmonised.territory_type = followed.territory_type
    and harmonised.territory_code = followed.territory_code
qualify row_number() over (
    partition by harmonised.territory_type, harmonised.territory_code, harmonised.year, harmonised.indicator_code
    order by harmonised.version_number desc
) = 1
