-- Clermont-Ferrand beside named and similar cities: recorded drug offences as rates with intervals, as the SSMSI publishes them.
-- Grain: zone_code, year, indicator_code.
-- Care: never a ranking: the figures measure enforcement; hidden is NULL, and a département's figure is never the commune's.
with

latest as (
    select * from intermediate.int_ssmsi_latest_by_territory
    where indicator_code in (
        'usage_stupefiants', 'usage_stupefiants_afd', 'usage_stupefiants_hors_afd', 'trafic_stupefiants'
    )
),

peers as (
    select * from reference.peers
),

measured as (
    select * from intermediate.int_peer_cities_measured
),

limits as (
    select * from intermediate.int_peer_limits
),

territories as (
    select
        zone_code,
        name,
        territory_type,
        territory_code,
        case when territory_type = 'commune' then substr(parent_code, 2) end as departement_code,
        role,
        cast(null as integer) as choice_order,
        note
    from peers

    union all

    select
        measured.territory_code as zone_code,
        measured.name,
        'commune' as territory_type,
        measured.territory_code,
        measured.departement_code,
        'similar' as role,
        measured.choice_order,
        'Chosen by the rule of marts.peer_selection: police zone, size, nearest series before the launch' as note
    from measured
    left join peers
        on measured.territory_code = peers.territory_code
        and peers.territory_type = 'commune'
    where measured.is_chosen
        and peers.zone_code is null
),

own as (
    select
        territories.zone_code,
        latest.year,
        latest.indicator_code,
        latest.unit,
        latest.count,
        latest.rate_per_1000,
        1000.0 * limits.lower_95 / nullif(latest.population, 0) as lower_95,
        1000.0 * limits.upper_95 / nullif(latest.population, 0) as upper_95,
        latest.is_published,
        latest.population,
        latest.edition_date,
        latest.correction_id,
        latest.is_synthetic
    from territories
    inner join latest
        on territories.territory_type = latest.territory_type
        and territories.territory_code = latest.territory_code
    left join limits
        on latest.count = limits.count
),

-- Use without fines is published for no commune, so no commune is asked for it.
around as (
    select
        territories.zone_code,
        latest.year,
        latest.indicator_code,
        latest.unit,
        latest.count,
        latest.rate_per_1000,
        1000.0 * limits.lower_95 / nullif(latest.population, 0) as lower_95,
        1000.0 * limits.upper_95 / nullif(latest.population, 0) as upper_95,
        latest.edition_date,
        latest.is_synthetic
    from territories
    inner join latest
        on latest.territory_type = 'departement'
        and territories.departement_code = latest.territory_code
    left join limits
        on latest.count = limits.count
    where latest.is_published
        and latest.indicator_code <> 'usage_stupefiants_hors_afd'
),

cells as (
    select zone_code, year, indicator_code
    from own

    union

    select zone_code, year, indicator_code
    from around
),

beside as (
    select
        cells.zone_code,
        cells.year,
        cells.indicator_code,
        coalesce(own.unit, around.unit) as unit,
        own.count,
        own.rate_per_1000,
        own.lower_95,
        own.upper_95,
        coalesce(own.is_published, false) as is_published,
        own.zone_code is not null as is_delivered,
        own.population,
        own.edition_date,
        own.correction_id,
        coalesce(own.is_synthetic, false) as is_synthetic,
        around.zone_code is not null and not coalesce(own.is_published, false) as is_departement_shown,
        around.count as around_count,
        around.rate_per_1000 as around_rate_per_1000,
        around.lower_95 as around_lower_95,
        around.upper_95 as around_upper_95,
        around.edition_date as around_edition_date,
        around.is_synthetic as is_around_synthetic
    from cells
    left join own
        on cells.zone_code = own.zone_code
        and cells.year = own.year
        and cells.indicator_code = own.indicator_code
    left join around
        on cells.zone_code = around.zone_code
        and cells.year = around.year
        and cells.indicator_code = around.indicator_code
)

select
    territories.zone_code,
    territories.name,
    territories.territory_type,
    territories.territory_code,
    territories.role,
    territories.choice_order,
    beside.year,
    beside.indicator_code,
    beside.unit,
    beside.count,
    beside.rate_per_1000,
    beside.lower_95,
    beside.upper_95,
    beside.is_published,
    case
        when not beside.is_delivered then 'M'
        when beside.correction_id is not null then 'E'
        when not beside.is_published and territories.territory_type = 'commune' then 'S'
        when beside.rate_per_1000 is null then 'M'
        when beside.count = 0 then 'Z'
        else 'A'
    end as obs_status,
    beside.population,
    case
        when beside.is_published then territories.territory_type
        when beside.is_departement_shown then 'departement'
        else 'none'
    end as figure_level,
    territories.departement_code,
    case when beside.is_departement_shown then beside.around_count end as departement_count,
    case when beside.is_departement_shown then beside.around_rate_per_1000 end as departement_rate_per_1000,
    case when beside.is_departement_shown then beside.around_lower_95 end as departement_lower_95,
    case when beside.is_departement_shown then beside.around_upper_95 end as departement_upper_95,
    case
        when beside.is_published then 'Chiffre du territoire lui-même'
        when beside.is_departement_shown and beside.is_delivered
            then 'Chiffre communal non diffusé par le SSMSI, donc inconnu ; à côté, celui du département, qui n’est pas celui de la commune'
        when beside.is_departement_shown
            then 'Aucune base communale livrée pour cette année ; à côté, le chiffre du département, qui n’est pas celui de la commune'
        else 'Chiffre non diffusé par le SSMSI, donc inconnu'
    end as figure_fr,
    case
        when beside.is_published then 'Figure of the territory itself'
        when beside.is_departement_shown and beside.is_delivered
            then 'The SSMSI does not publish the commune''s figure, so it is unknown; beside it the département''s, which is not the commune''s'
        when beside.is_departement_shown
            then 'No communal base was delivered for this year; beside it the département''s figure, which is not the commune''s'
        else 'The SSMSI does not publish the figure, so it is unknown'
    end as figure_en,
    case when beside.is_departement_shown and not beside.is_delivered then beside.around_edition_date
        else beside.edition_date
    end as edition_date,
    territories.note,
    beside.is_synthetic or (beside.is_departement_shown and beside.is_around_synthetic) as is_synthetic
from beside
inner join territories
    on beside.zone_code = territories.zone_code
