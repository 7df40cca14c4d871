-- Facts of each cohort and those cleared within 3, 6, 9 and 12 months, by class, as they may be shown.
-- Grain: period_type, period_start, offence_class, months_after.
-- Care: hidden is not missing and not zero: hidden_status says that a count is there and not told; by class only twelve months are.
with

counted as (
    select * from intermediate.int_clear_up_counted
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'clear_up'
),

zones as (
    select * from intermediate.int_zones_known
    where is_home
),

cohorts as (
    select
        counted.period_type,
        counted.period_start,
        counted.offence_class,
        counted.months_after,
        zones.zone_code,
        case when counted.offence_class = 'all' then 'total' else 'offence_class' end as breakdown,
        case when counted.offence_class = 'all' then 'total' else counted.offence_class end as breakdown_value,
        'cleared_' || cast(counted.months_after as varchar) || 'm' as cleared_measure,
        counted.is_old_enough,
        counted.followed_until_on,
        counted.missing_reason,
        counted.as_of,
        counted.is_synthetic
    from counted
    cross join zones
)

select
    cohorts.period_type,
    cohorts.period_start,
    cohorts.offence_class,
    cohorts.months_after,
    facts.shown_count as fact_count,
    cleared.shown_count as cleared_count,
    case
        when cohorts.missing_reason is null and cohorts.offence_class <> 'all' and cohorts.months_after <> 12 then 'C'
        else coalesce(cleared.obs_status, facts.obs_status)
    end as hidden_status,
    cohorts.is_old_enough,
    cohorts.followed_until_on,
    case
        when cohorts.missing_reason is not null then cohorts.missing_reason
        when facts.shown_count = 0 then 'no_facts'
    end as missing_reason,
    cohorts.as_of,
    cohorts.is_synthetic
from cohorts
left join protected as facts
    on facts.measure = 'case_facts'
    and cohorts.zone_code = facts.zone_code
    and cohorts.period_type = facts.period_type
    and cohorts.period_start = facts.period_start
    and cohorts.breakdown = facts.breakdown
    and cohorts.breakdown_value = facts.breakdown_value
left join protected as cleared
    on cohorts.cleared_measure = cleared.measure
    and cohorts.zone_code = cleared.zone_code
    and cohorts.period_type = cleared.period_type
    and cohorts.period_start = cleared.period_start
    and cohorts.breakdown = cleared.breakdown
    and cohorts.breakdown_value = cleared.breakdown_value
