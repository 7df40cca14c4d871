-- Clear-up with the offence mix held fixed: the share of each class, weighted by the facts of the reference year.
-- Grain: period_type, period_start, months_after.
-- Care: missing unless every class that has weight has facts; dropping a class would compare unlike mixes.
with

counted as (
    select * from intermediate.int_clear_up_shown
),

mix as (
    select * from intermediate.int_offence_mix_shown
),

limits as (
    select * from intermediate.int_clear_up_limits
),

whole_mix as (
    select
        count(*) as class_count,
        coalesce(bool_or(weight is null), false) as is_any_hidden,
        sum(weight) as weight,
        coalesce(bool_or(is_synthetic), false) as is_synthetic
    from mix
),

totals as (
    select * from counted
    where offence_class = 'all'
),

shares as (
    select
        counted.period_type,
        counted.period_start,
        counted.months_after,
        cast(mix.weight as double) / nullif(whole_mix.weight, 0) as weight,
        cast(counted.cleared_count as double) / nullif(counted.fact_count, 0) as share,
        counted.hidden_status,
        limits.lower_95,
        limits.upper_95
    from counted
    inner join mix
        on counted.offence_class = mix.offence_class
    cross join whole_mix
    left join limits
        on counted.cleared_count = limits.cleared_count
        and counted.fact_count = limits.fact_count
),

-- Limits from those of the classes: Zou, Huang and Zhang 2009, Computational Statistics & Data Analysis 53: 1080–1085.
-- Decimals add up to the same in any order, which floating point does not: two builds must agree to the last digit.
weighted as (
    select
        period_type,
        period_start,
        months_after,
        count(share) as class_count,
        bool_or(hidden_status is not null) as is_any_hidden,
        cast(sum(cast(weight * share as decimal(28, 20))) as double) as share,
        sqrt(cast(sum(cast(power(weight * (share - lower_95), 2) as decimal(28, 20))) as double)) as below,
        sqrt(cast(sum(cast(power(weight * (upper_95 - share), 2) as decimal(28, 20))) as double)) as above
    from shares
    group by period_type, period_start, months_after
)

select
    totals.period_type,
    totals.period_start,
    totals.months_after,
    totals.fact_count,
    case when weighted.class_count = whole_mix.class_count then weighted.share end as share,
    case when weighted.class_count = whole_mix.class_count then weighted.share - weighted.below end as lower_95,
    case when weighted.class_count = whole_mix.class_count then weighted.share + weighted.above end as upper_95,
    case
        when totals.missing_reason is not null then totals.missing_reason
        when whole_mix.class_count = 0 then 'reference_year_not_delivered'
        when whole_mix.is_any_hidden or weighted.is_any_hidden or totals.hidden_status is not null then 'class_hidden'
        when coalesce(weighted.class_count, 0) < whole_mix.class_count then 'class_without_facts'
    end as missing_reason,
    totals.as_of,
    totals.is_synthetic or whole_mix.is_synthetic as is_synthetic
from totals
cross join whole_mix
left join weighted
    on totals.period_type = weighted.period_type
    and totals.period_start = weighted.period_start
    and totals.months_after = weighted.months_after
