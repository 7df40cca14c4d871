-- Clear-up as cohort curves: of the facts of a month, the share cleared within 3, 6, 9 and 12 months after the fact.
-- Grain: offence_class, cohort_month, months_after.
-- Care: drug use is left out; a cohort that is not old enough has no share; the press's ratio stands here for reconciling only.
with

counted as (
    select * from intermediate.int_clear_up_shown
    where period_type = 'month'
),

standardised as (
    select * from intermediate.int_clear_up_standardised
    where period_type = 'month'
),

limits as (
    select * from intermediate.int_clear_up_limits
),

mix as (
    select * from intermediate.int_offence_mix_shown
),

classes as (
    select * from reference.clear_up_classes
),

whole_mix as (
    select case when count(*) = count(weight) then sum(weight) end as weight
    from mix
),

press_ratios as (
    select
        extract(year from period_start) as year,
        max(value) as value
    from intermediate.int_indicator_values__police
    where indicator_id = 'clear_up_ratio'
        and period_type = 'year'
    group by extract(year from period_start)
)

select
    counted.offence_class,
    counted.period_start as cohort_month,
    counted.months_after,
    case
        when counted.offence_class = 'all' then 'Ensemble, hors usage de stupéfiants'
        else classes.label_fr
    end as offence_label_fr,
    case
        when counted.offence_class = 'all' then 'All offences but drug use'
        else classes.label_en
    end as offence_label_en,
    counted.fact_count,
    counted.cleared_count,
    cast(counted.cleared_count as double) / nullif(counted.fact_count, 0) as cleared_share,
    limits.lower_95,
    limits.upper_95,
    case
        when counted.missing_reason is not null then 'M'
        when counted.hidden_status is not null then counted.hidden_status
        when counted.cleared_count = 0 then 'Z'
        else 'A'
    end as obs_status,
    counted.missing_reason,
    counted.is_old_enough,
    counted.followed_until_on,
    cast(mix.weight as double) / nullif(whole_mix.weight, 0) as reference_weight,
    case when standardised.missing_reason is null then standardised.share end as standardised_share,
    case when standardised.missing_reason is null then standardised.lower_95 end as standardised_lower_95,
    case when standardised.missing_reason is null then standardised.upper_95 end as standardised_upper_95,
    standardised.missing_reason as standardised_missing_reason,
    case when counted.offence_class = 'all' then press_ratios.value end as press_ratio_of_year,
    counted.as_of,
    counted.is_synthetic or coalesce(mix.is_synthetic, false) or coalesce(standardised.is_synthetic, false) as is_synthetic
from counted
cross join whole_mix
left join limits
    on counted.cleared_count = limits.cleared_count
    and counted.fact_count = limits.fact_count
left join classes
    on counted.offence_class = classes.offence_class
left join mix
    on counted.offence_class = mix.offence_class
left join standardised
    on counted.offence_class = 'all'
    and counted.period_start = standardised.period_start
    and counted.months_after = standardised.months_after
left join press_ratios
    on extract(year from counted.period_start) = press_ratios.year
