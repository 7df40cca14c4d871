-- What others state about the campaign and the city, each claim beside what was observed.
-- Grain: claim_id.
-- Care: a claim is not a fact, and synthetic observations can neither confirm nor refute it.
with

claims as (
    select * from reference.claims
),

indicators as (
    select * from reference.indicators
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
        observations.denominator,
        observations.obs_status,
        observations.is_synthetic
    from observations
    inner join peers
        on observations.zone_code = peers.zone_code
        and peers.role = 'subject'
        and peers.territory_type = 'commune'
),

-- Two statements about the same past year cannot both be true when they differ by more than one per cent.
conflicts as (
    select
        claims.claim_id,
        min(others.claim_id) as conflicts_with
    from claims
    inner join claims as others
        on claims.indicator_id = others.indicator_id
        and claims.period_start_on = others.period_start_on
        and claims.claim_id <> others.claim_id
        and abs(claims.value - others.value) > 0.01 * claims.value
    where claims.value_kind in ('baseline', 'press_claim')
        and others.value_kind in ('baseline', 'press_claim')
    group by claims.claim_id
),

-- rounding: half of the last digit that was printed. chance: how far one year may lie from a right projection
-- (Poisson for counts, binomial for ratios, 95 %); a statement about the past has no such margin.
compared as (
    select
        claims.claim_id,
        claims.indicator_id,
        claims.period,
        claims.value,
        claims.value_kind,
        claims.source,
        claims.verification,
        claims.value_as_printed,
        claims.statement_fr,
        claims.source_kind,
        claims.noted_on,
        indicators.unit,
        observed_in_city.value as observed_value,
        observed_in_city.obs_status,
        coalesce(observed_in_city.is_synthetic, false) as is_synthetic,
        conflicts.conflicts_with,
        abs(observed_in_city.value - claims.value) as gap,
        case when indicators.unit = 'ratio' then 0.005 else 0.5 end as rounding,
        case
            when claims.value_kind in ('baseline', 'press_claim') then 0
            when indicators.unit = 'ratio'
                then 1.96 * sqrt(claims.value * (1 - claims.value) / nullif(observed_in_city.denominator, 0))
            else 1.96 * sqrt(claims.value)
        end as chance
    from claims
    left join indicators
        on claims.indicator_id = indicators.indicator_id
    left join observed_in_city
        on claims.indicator_id = observed_in_city.indicator_id
        and claims.period_start_on = observed_in_city.period_start
    left join conflicts
        on claims.claim_id = conflicts.claim_id
),

judged as (
    select
        claim_id,
        case
            when observed_value is null then 'not_observed'
            when is_synthetic then 'synthetic'
            when obs_status = 'P' then 'provisional'
            when gap <= rounding then 'equal'
            when gap <= chance then 'within_chance'
            else 'apart'
        end as finding
    from compared
)

select
    compared.claim_id,
    compared.indicator_id,
    compared.period,
    compared.value,
    compared.value_kind,
    compared.source,
    compared.verification,
    compared.observed_value,
    case judged.finding
        when 'equal' then 'consistent'
        when 'within_chance' then 'not distinguishable'
        when 'apart' then 'contradicted'
        else 'cannot be checked'
    end as verdict,
    case judged.finding
        when 'equal' then 'concordant'
        when 'within_chance' then 'non distinguable'
        when 'apart' then 'contredit'
        else 'non vérifiable'
    end as verdict_fr,
    case judged.finding
        when 'not_observed' then 'No complete year of observations.'
        when 'synthetic' then 'The observations are synthetic sample data: they can neither confirm nor refute a real claim.'
        when 'provisional' then 'The observations of the year are provisional.'
        when 'equal' then 'Observed as stated, to the last digit printed.'
        when 'within_chance' then 'Observed differently, but no further than chance alone takes one year.'
        when 'apart' then 'Observed differently, further than rounding or chance explain.'
    end as reason,
    case judged.finding
        when 'not_observed' then 'Aucune année complète d’observations.'
        when 'synthetic'
            then 'Observations synthétiques (données d’exemple) : elles ne confirment ni n’infirment une affirmation réelle.'
        when 'provisional' then 'Les observations de l’année sont provisoires.'
        when 'equal' then 'Observé tel qu’annoncé, au dernier chiffre imprimé près.'
        when 'within_chance' then 'Observé autrement, mais pas au-delà de ce que le hasard seul fait d’une année.'
        when 'apart' then 'Observé autrement, au-delà de l’arrondi et du hasard.'
    end as reason_fr,
    compared.value_as_printed,
    compared.unit,
    compared.statement_fr,
    compared.source_kind,
    compared.conflicts_with,
    compared.noted_on,
    compared.is_synthetic
from compared
inner join judged
    on compared.claim_id = judged.claim_id
