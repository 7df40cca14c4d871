-- How near each candidate city lies to Clermont-Ferrand in the years before the launch, and which ones the rule chooses.
-- Grain: territory_code.
-- Care: a distance between series, not a level of crime: a city further away is neither safer nor less safe.
with

rule as (
    select * from reference.peer_rule
),

calendar as (
    select * from reference.calendar
),

candidates as (
    select * from reference.candidate_cities
),

peers as (
    select * from reference.peers
),

labels as (
    select * from reference.ssmsi_labels
),

communes as (
    select * from intermediate.int_ssmsi_latest_by_territory
    where territory_type = 'commune'
),

period as (
    select
        rule.first_year,
        cast(min(extract(year from calendar.starts_on)) as integer) - 1 as last_year
    from rule
    cross join calendar
    where calendar.is_launch
    group by rule.first_year
),

-- Labels in use today: an indicator and the one that replaced it would count the same facts twice.
-- Fines and the use without fines are parts of drug use, which stands for both.
compared_indicators as (
    select distinct indicator_code
    from labels
    where seen_until is null
        and indicator_code not in ('usage_stupefiants_afd', 'usage_stupefiants_hors_afd')
),

residents as (
    select
        communes.territory_code,
        communes.population,
        communes.year as population_year
    from communes
    cross join period
    where communes.population is not null
        and communes.year <= period.last_year
    qualify row_number() over (
        partition by communes.territory_code
        order by communes.year desc, communes.edition_date desc, communes.indicator_code
    ) = 1
),

judged as (
    select
        candidates.territory_code,
        candidates.name,
        candidates.departement_code,
        residents.population,
        residents.population_year,
        case
            when candidates.exclusion is not null then 'excluded'
            when candidates.police_service is null then 'not_police_zone'
            when residents.population is null then 'no_series'
            when residents.population < rule.min_resident_count
                or residents.population > rule.max_resident_count then 'out_of_size'
            else 'in_rule'
        end as standing
    from candidates
    cross join rule
    left join residents
        on candidates.territory_code = residents.territory_code
),

home as (
    select territory_code
    from peers
    where role = 'subject' and territory_type = 'commune'
),

series as (
    select
        communes.territory_code,
        communes.year,
        communes.indicator_code,
        communes.rate_per_1000,
        communes.edition_date,
        communes.is_synthetic,
        home.territory_code is not null as is_home
    from communes
    cross join period
    inner join compared_indicators
        on communes.indicator_code = compared_indicators.indicator_code
    left join home
        on communes.territory_code = home.territory_code
    left join judged
        on communes.territory_code = judged.territory_code
        and judged.standing = 'in_rule'
    where communes.is_published
        and communes.rate_per_1000 is not null
        and communes.year between period.first_year and period.last_year
        and (home.territory_code is not null or judged.territory_code is not null)
),

-- One scale for each indicator, over all cities and years: a rare offence weighs as much as a frequent one.
scales as (
    select
        indicator_code,
        stddev_samp(rate_per_1000) as rate_scale
    from series
    group by indicator_code
),

differences as (
    select
        others.territory_code,
        others.indicator_code,
        others.year,
        greatest(others.edition_date, own.edition_date) as edition_date,
        others.is_synthetic or own.is_synthetic as is_synthetic,
        (others.rate_per_1000 - own.rate_per_1000) / nullif(scales.rate_scale, 0) as difference
    from series as others
    inner join series as own
        on others.indicator_code = own.indicator_code
        and others.year = own.year
        and own.is_home
    inner join scales
        on others.indicator_code = scales.indicator_code
    where not others.is_home
        and scales.rate_scale > 0
),

by_indicator as (
    select
        differences.territory_code,
        differences.indicator_code,
        avg(differences.difference * differences.difference) as mean_square,
        count(*) as year_count,
        max(differences.edition_date) as edition_date,
        bool_or(differences.is_synthetic) as is_synthetic
    from differences
    cross join rule
    group by differences.territory_code, differences.indicator_code, rule.min_year_count
    having count(*) >= rule.min_year_count
),

-- Each indicator weighs the same, however many of its years both cities published. Rounded, so that ties are ties.
by_city as (
    select
        territory_code,
        round(sqrt(avg(mean_square)), 6) as distance,
        cast(count(*) as integer) as shared_indicator_count,
        cast(sum(year_count) as integer) as shared_figure_count,
        max(edition_date) as edition_date,
        bool_or(is_synthetic) as is_synthetic
    from by_indicator
    group by territory_code
),

measured as (
    select
        judged.territory_code,
        judged.name,
        judged.departement_code,
        judged.population,
        judged.population_year,
        case
            when judged.standing <> 'in_rule' then judged.standing
            when coalesce(by_city.shared_indicator_count, 0) < rule.min_indicator_count then 'series_too_short'
            else 'measured'
        end as standing,
        case when by_city.shared_indicator_count >= rule.min_indicator_count then by_city.distance end as distance,
        coalesce(by_city.shared_indicator_count, 0) as shared_indicator_count,
        coalesce(by_city.shared_figure_count, 0) as shared_figure_count,
        by_city.edition_date,
        coalesce(by_city.is_synthetic, false) as is_synthetic
    from judged
    cross join rule
    left join by_city
        on judged.territory_code = by_city.territory_code
),

ordered as (
    select
        territory_code,
        cast(row_number() over (order by distance, territory_code) as integer) as choice_order
    from measured
    where standing = 'measured'
)

select
    measured.territory_code,
    measured.name,
    measured.departement_code,
    case
        when ordered.choice_order <= rule.chosen_count then 'chosen'
        when ordered.choice_order is not null then 'not_among_nearest'
        else measured.standing
    end as outcome,
    coalesce(ordered.choice_order <= rule.chosen_count, false) as is_chosen,
    ordered.choice_order,
    measured.distance,
    measured.shared_indicator_count,
    measured.shared_figure_count,
    period.first_year,
    period.last_year,
    measured.population,
    measured.population_year,
    measured.edition_date,
    measured.is_synthetic
from measured
cross join rule
cross join period
left join ordered
    on measured.territory_code = ordered.territory_code
