-- What changed from one year to the next: each indicator's total beside the same period of the year before, with an interval.
-- Grain: indicator_id, zone_code, period_type, period_start.
-- Care: of many comparisons one in twenty is "distinguishable" by chance alone; and a change, even a real one, has no cause here.
with

compared as (
    select * from intermediate.int_changes_compared
),

limits as (
    select * from intermediate.int_change_limits
),

methods as (
    select * from reference.interval_methods
    where measure = 'total'
),

changes as (
    select
        compared.indicator_id,
        compared.zone_code,
        compared.period_type,
        compared.period_start,
        compared.compared_with_start,
        compared.value,
        compared.earlier_value,
        compared.change_measure,
        case
            when compared.change_measure = 'ratio'
                then (compared.later_count / nullif(compared.later_exposure, 0))
                    / nullif(compared.earlier_count / nullif(compared.earlier_exposure, 0), 0)
        end as ratio,
        case
            when compared.change_measure = 'difference'
                then compared.later_count / nullif(compared.later_exposure, 0)
                    - compared.earlier_count / nullif(compared.earlier_exposure, 0)
        end as difference,
        limits.lower_limit as lower_95,
        limits.upper_limit as upper_95,
        compared.later_count,
        compared.earlier_count,
        compared.obs_status,
        compared.is_synthetic,
        methods.caution_fr,
        methods.caution_en
    from compared
    left join limits
        on compared.change_measure = limits.change_measure
        and compared.later_count = limits.later_count
        and compared.later_exposure = limits.later_exposure
        and compared.earlier_count = limits.earlier_count
        and compared.earlier_exposure = limits.earlier_exposure
    left join methods
        on compared.indicator_id = methods.indicator_id
),

judged as (
    select
        changes.*,
        case
            -- a period that was not over when it was delivered has a part of its count: it would read as a fall
            when change_measure = 'ratio' and obs_status = 'P' then 'open'
            when change_measure = 'ratio' and lower_95 > 1 then 'higher'
            when change_measure = 'ratio' and upper_95 < 1 then 'lower'
            when change_measure = 'difference' and lower_95 > 0 then 'higher'
            when change_measure = 'difference' and upper_95 < 0 then 'lower'
            else 'no'
        end as finding,
        -- a limit that would be printed as 1.00 without being 1 takes one digit more
        case
            when abs(lower_95 - 1) < 0.005 or abs(upper_95 - 1) < 0.005 then 3
            else 2
        end as digits
    from changes
),

-- Points are hundredths of a share: 0.19 to 0.23 is +4.0 points.
printed as (
    select
        judged.*,
        case digits
            when 3 then cast(cast(ratio as decimal(18, 3)) as varchar)
            else cast(cast(ratio as decimal(18, 2)) as varchar)
        end as ratio_text,
        case digits
            when 3 then cast(cast(lower_95 as decimal(18, 3)) as varchar)
            else cast(cast(lower_95 as decimal(18, 2)) as varchar)
        end as lower_text,
        case digits
            when 3 then cast(cast(upper_95 as decimal(18, 3)) as varchar)
            else cast(cast(upper_95 as decimal(18, 2)) as varchar)
        end as upper_text,
        case when difference >= 0.0005 then '+' else '' end
            || replace(cast(cast(100 * difference as decimal(18, 1)) as varchar), '-', '−') as difference_text,
        case when lower_95 >= 0.0005 then '+' else '' end
            || replace(cast(cast(100 * lower_95 as decimal(18, 1)) as varchar), '-', '−') as lower_points,
        case when upper_95 >= 0.0005 then '+' else '' end
            || replace(cast(cast(100 * upper_95 as decimal(18, 1)) as varchar), '-', '−') as upper_points
    from judged
),

worded as (
    select
        printed.*,
        case
            when change_measure = 'difference'
                then difference_text || ' points (' || lower_points || ' to ' || upper_points || ')'
            when earlier_count = 0 and later_count = 0 then '0 in both periods'
            when earlier_count = 0 then 'from 0 to ' || cast(cast(round(later_count) as bigint) as varchar)
            else ratio_text || ' (' || lower_text || '–' || upper_text || ')'
        end as change_en,
        case
            when change_measure = 'difference'
                then replace(difference_text, '.', ',')
                    || case when abs(difference) < 0.01995 then ' point (' else ' points (' end
                    || replace(lower_points, '.', ',') || ' à ' || replace(upper_points, '.', ',') || ')'
            when earlier_count = 0 and later_count = 0 then '0 dans les deux périodes'
            when earlier_count = 0 then 'de 0 à ' || cast(cast(round(later_count) as bigint) as varchar)
            else replace(ratio_text || ' (' || lower_text || '–' || upper_text || ')', '.', ',')
        end as change_fr,
        case finding
            when 'higher' then 'higher, by more than chance alone explains'
            when 'lower' then 'lower, by more than chance alone explains'
            when 'open' then 'provisional, the count may still grow: nothing can be told yet'
            else 'not distinguishable from no change'
        end as finding_en,
        case finding
            when 'higher' then 'hausse que le hasard seul n’explique pas'
            when 'lower' then 'baisse que le hasard seul n’explique pas'
            when 'open' then 'provisoire, le compte peut encore augmenter : on ne peut rien en dire'
            else 'on ne peut pas distinguer d’une absence de changement'
        end as finding_fr,
        case when finding in ('higher', 'lower') then coalesce('; ' || caution_en, '') else '' end as warning_en,
        case when finding in ('higher', 'lower') then coalesce(' ; ' || caution_fr, '') else '' end as warning_fr,
        case when obs_status = 'P' and finding <> 'open' then ' (provisional figures)' else '' end as provisional_en,
        case when obs_status = 'P' and finding <> 'open' then ' (chiffres provisoires)' else '' end as provisional_fr
    from printed
)

select
    indicator_id,
    zone_code,
    period_type,
    period_start,
    compared_with_start,
    value,
    earlier_value,
    change_measure,
    ratio,
    difference,
    lower_95,
    upper_95,
    finding in ('higher', 'lower') as is_distinguishable,
    change_fr,
    change_en,
    change_fr || ' : ' || finding_fr || warning_fr || provisional_fr as reading_fr,
    change_en || ': ' || finding_en || warning_en || provisional_en as reading_en,
    obs_status,
    is_synthetic
from worded
