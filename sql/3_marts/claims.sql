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

observed as (
    select * from intermediate.int_claims_observed
),

limits as (
    select * from intermediate.int_claim_limits
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

-- rounding: half of the last digit that was printed. The limits are those of what was observed: a projection that lies
-- within them is one from which chance alone can lead to such a year (exact limits are those of the test turned round).
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
        observed.observed_value,
        observed.obs_status,
        observed.is_synthetic,
        observed.is_projection,
        conflicts.conflicts_with,
        abs(observed.observed_value - claims.value) as gap,
        case when indicators.unit = 'ratio' then 0.005 else 0.5 end as rounding,
        case
            when limits.limit_method = 'poisson' and limits.limit_count > 0
                then observed.observed_value * limits.lower_limit / nullif(limits.limit_count, 0)
            when limits.limit_method = 'poisson'
                then observed.per * limits.lower_limit / nullif(coalesce(observed.denominator, 1), 0)
            when limits.limit_method is not null then limits.lower_limit
            when observed.is_projection then observed.lower_95
        end as lower_95,
        case
            when limits.limit_method = 'poisson' and limits.limit_count > 0
                then observed.observed_value * limits.upper_limit / nullif(limits.limit_count, 0)
            when limits.limit_method = 'poisson'
                then observed.per * limits.upper_limit / nullif(coalesce(observed.denominator, 1), 0)
            when limits.limit_method is not null then limits.upper_limit
            when observed.is_projection then observed.upper_95
        end as upper_95
    from claims
    inner join observed
        on claims.claim_id = observed.claim_id
    left join limits
        on claims.claim_id = limits.claim_id
    left join indicators
        on claims.indicator_id = indicators.indicator_id
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
            when obs_status = 'U' then 'unreliable'
            when gap <= rounding then 'equal'
            when is_projection and value between lower_95 and upper_95 then 'within_chance'
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
    compared.lower_95 as observed_lower_95,
    compared.upper_95 as observed_upper_95,
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
        when 'unreliable' then 'The observations of the year are unreliable.'
        when 'equal' then 'Observed as stated, to the last digit printed.'
        when 'within_chance' then 'Observed differently, but no further than chance alone takes one year.'
        when 'apart' then 'Observed differently, further than rounding or chance explain.'
    end as reason,
    case judged.finding
        when 'not_observed' then 'Aucune année complète d’observations.'
        when 'synthetic'
            then 'Observations synthétiques (données d’exemple) : elles ne confirment ni n’infirment une affirmation réelle.'
        when 'provisional' then 'Les observations de l’année sont provisoires.'
        when 'unreliable' then 'Les observations de l’année ne sont pas fiables.'
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
