-- Clermont-Ferrand, its département and region beside the peers: recorded drug offences as the SSMSI publishes them.
-- Grain: zone_code, year, indicator_code.
-- Care: never a ranking: the figures measure enforcement, and the peers are poor matches in size; hidden is NULL, not 0.
with

latest as (
    select * from intermediate.int_ssmsi_latest
    where indicator_code in (
        'usage_stupefiants', 'usage_stupefiants_afd', 'usage_stupefiants_hors_afd', 'trafic_stupefiants'
    )
),

peers as (
    select * from reference.peers
)

select
    peers.zone_code,
    peers.name,
    peers.territory_type,
    peers.territory_code,
    peers.role,
    latest.year,
    latest.indicator_code,
    latest.unit,
    latest.count,
    latest.rate_per_1000,
    latest.is_published,
    latest.population,
    latest.edition_date,
    peers.note,
    latest.is_synthetic
from latest
inner join peers
    on latest.zone_code = peers.zone_code
