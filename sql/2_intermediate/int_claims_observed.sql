-- Each claim beside what was observed in its year, with the count that chance would move.
-- Grain: claim_id.
-- Care: a statement about the past has no margin of chance: what was counted then was counted. A projection has one.
with

claims as (
    select * from reference.claims
),

methods as (
    select * from reference.interval_methods
    where measure = 'total'
),

peers as (
    select * from reference.peers
),

observations as (
    select * from marts.indicator_values
    where period_type = 'year'
        and breakdown = 'total'
        and breakdown_value = 'total'
        and value_kind = 'observed'
),

observed_in_city as (
    select
        observations.indicator_id,
        observations.period_start,
        observations.value,
        -- a plain count is its own numerator
        coalesce(observations.numerator, case when observations.denominator is null then observations.value end)
            as numerator,
        observations.denominator,
        observations.lower_95,
        observations.upper_95,
        observations.obs_status,
        observations.is_synthetic
    from observations
    inner join peers
        on observations.zone_code = peers.zone_code
        and peers.role = 'subject'
        and peers.territory_type = 'commune'
)

select
    claims.claim_id,
    claims.value_kind not in ('baseline', 'press_claim') as is_projection,
    observed_in_city.value as observed_value,
    observed_in_city.obs_status,
    coalesce(observed_in_city.is_synthetic, false) as is_synthetic,
    observed_in_city.lower_95,
    observed_in_city.upper_95,
    coalesce(methods.per, 1) as per,
    observed_in_city.denominator,
    case
        when methods.interval_method = 'wilson' then 'binomial'
        when methods.interval_method in ('poisson', 'count_ratio') then methods.interval_method
    end as limit_method,
    observed_in_city.numerator as limit_count,
    case
        when methods.interval_method = 'poisson' then cast(1 as double)
        else observed_in_city.denominator
    end as limit_base
from claims
left join observed_in_city
    on claims.indicator_id = observed_in_city.indicator_id
    and claims.period_start_on = observed_in_city.period_start
left join methods
    on claims.indicator_id = methods.indicator_id
