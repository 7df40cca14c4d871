-- The newest published figure of the territories that may be shown: zones, peers, candidate cities and their départements.
-- Grain: territory_type, territory_code, year, indicator_code.
-- Care: the same choice as is_latest_edition in marts.police_statistics; one scan of the bases serves all who need few places.
with

corrected as (
    select * from intermediate.int_ssmsi_corrected
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
    corrected.territory_type,
    corrected.territory_code,
    corrected.year,
    corrected.indicator_code,
    corrected.unit,
    corrected.count,
    corrected.rate_per_1000,
    corrected.is_published,
    corrected.population,
    corrected.edition_date,
    corrected.correction_id,
    corrected.is_synthetic
from corrected
inner join followed
    on corrected.territory_type = followed.territory_type
    and corrected.territory_code = followed.territory_code
qualify row_number() over (
    partition by corrected.territory_type, corrected.territory_code, corrected.year, corrected.indicator_code
    order by corrected.version_number desc
) = 1
