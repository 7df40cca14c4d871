-- Every city that could stand beside Clermont-Ferrand, its distance in the years before the launch, and what the rule said.
-- Grain: zone_code.
-- Care: the order of choice tells how alike two series are; it ranks no city by crime, and a distance has no good end.
with

measured as (
    select * from intermediate.int_peer_cities_measured
),

candidates as (
    select * from reference.candidate_cities
),

rule as (
    select * from reference.peer_rule
)

select
    measured.territory_code as zone_code,
    measured.name,
    measured.departement_code,
    measured.outcome,
    measured.is_chosen,
    measured.choice_order,
    measured.distance,
    measured.shared_indicator_count,
    measured.shared_figure_count,
    measured.first_year,
    measured.last_year,
    measured.population,
    measured.population_year,
    candidates.police_service,
    candidates.police_zone_basis,
    case measured.outcome
        when 'chosen' then 'Retenue : parmi les ' || cast(rule.chosen_count as varchar)
            || ' villes dont les séries d’avant le lancement sont les plus proches'
        when 'not_among_nearest' then 'Comparable, mais d’autres séries sont plus proches'
        when 'excluded' then candidates.exclusion_fr
        when 'not_police_zone' then 'Aucun service de la police nationale trouvé à son nom'
        when 'out_of_size' then 'Hors de la taille retenue : ' || cast(rule.min_resident_count as varchar)
            || ' à ' || cast(rule.max_resident_count as varchar) || ' habitants'
        when 'no_series' then 'Ne peut être jugée : la base communale livrée n’a pas ses années d’avant le lancement'
        when 'series_too_short' then 'Ne peut être jugée : moins de ' || cast(rule.min_indicator_count as varchar)
            || ' indicateurs diffusés pour les deux villes sur ' || cast(rule.min_year_count as varchar) || ' années au moins'
    end as outcome_fr,
    case measured.outcome
        when 'chosen' then 'Chosen: among the ' || cast(rule.chosen_count as varchar)
            || ' cities whose series before the launch are nearest'
        when 'not_among_nearest' then 'Comparable, but other series are nearer'
        when 'excluded' then candidates.exclusion
        when 'not_police_zone' then 'No service of the national police was found under its name'
        when 'out_of_size' then 'Outside the size chosen: ' || cast(rule.min_resident_count as varchar)
            || ' to ' || cast(rule.max_resident_count as varchar) || ' residents'
        when 'no_series' then 'Cannot be judged: the communal base delivered lacks its years before the launch'
        when 'series_too_short' then 'Cannot be judged: fewer than ' || cast(rule.min_indicator_count as varchar)
            || ' indicators published for both cities in at least ' || cast(rule.min_year_count as varchar) || ' years'
    end as outcome_en,
    candidates.source,
    measured.edition_date,
    measured.is_synthetic
from measured
cross join rule
inner join candidates
    on measured.territory_code = candidates.territory_code
