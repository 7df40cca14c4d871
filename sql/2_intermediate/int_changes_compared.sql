-- Each published figure beside the same period of the year before, with what each was counted over.
-- Grain: indicator_id, zone_code, period_type, period_start.
-- Care: totals only, and only where both figures are known; a year counts as a year, months and quarters by their days.
with

-- What is published, so that no comparison gives a hidden figure away.
published as (
    select * from marts.indicator_values
    where period_type in ('month', 'quarter', 'year')
        and breakdown = 'total'
        and breakdown_value = 'total'
        and value_kind = 'observed'
        and obs_status in ('A', 'P', 'Z')
        and value is not null
        and numerator is not null
),

methods as (
    select * from reference.interval_methods
    where measure = 'total'
        and interval_method in ('poisson', 'wilson')
),

dated as (
    select
        published.indicator_id,
        published.zone_code,
        published.period_type,
        published.period_start,
        make_date(
            extract(year from published.period_start) - 1, extract(month from published.period_start), 1
        ) as year_before,
        case published.period_type
            when 'month' then 1
            when 'quarter' then 3
        end as month_count,
        published.value,
        published.numerator,
        published.denominator,
        published.obs_status,
        published.is_synthetic,
        case methods.interval_method
            when 'poisson' then 'ratio'
            when 'wilson' then 'difference'
        end as change_measure
    from published
    inner join methods
        on published.indicator_id = methods.indicator_id
),

-- A February of 29 days has more of everything than one of 28; one day in a year changes less than the last digit shown.
with_days as (
    select
        dated.*,
        case
            when period_type = 'year' then 1
            else date_diff(
                'day',
                period_start,
                make_date(
                    extract(year from period_start)
                        + case when extract(month from period_start) + month_count > 12 then 1 else 0 end,
                    extract(month from period_start) + month_count
                        - case when extract(month from period_start) + month_count > 12 then 12 else 0 end,
                    1
                )
            )
        end as day_count
    from dated
),

with_exposure as (
    select
        with_days.*,
        case change_measure
            when 'ratio' then coalesce(denominator, 1) * day_count
            else denominator
        end as exposure
    from with_days
)

select
    later.indicator_id,
    later.zone_code,
    later.period_type,
    later.period_start,
    earlier.period_start as compared_with_start,
    later.change_measure,
    later.value,
    earlier.value as earlier_value,
    later.numerator as later_count,
    later.exposure as later_exposure,
    earlier.numerator as earlier_count,
    earlier.exposure as earlier_exposure,
    case when later.obs_status = 'P' or earlier.obs_status = 'P' then 'P' else 'A' end as obs_status,
    later.is_synthetic or earlier.is_synthetic as is_synthetic
from with_exposure as later
inner join with_exposure as earlier
    on later.indicator_id = earlier.indicator_id
    and later.zone_code = earlier.zone_code
    and later.period_type = earlier.period_type
    and later.year_before = earlier.period_start
where later.exposure > 0
    and earlier.exposure > 0
