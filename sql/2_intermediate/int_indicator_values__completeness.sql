-- Completeness of the data by month of receipt: kinds of delivery that were there in time, and rows that were good.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: a delivery is in time by the rule of `barometer status`; breakdowns of rows are a second measure, no part of the total. They
-- are counted as audit.deliveries shows them: hidden (S) where one delivery's rows are.
with

kinds as (
    select * from intermediate.int_deliveries_by_month
),

zones as (
    select * from intermediate.int_zones_known
),

by_source as (
    select
        source,
        month_on,
        judged_on,
        is_provisional,
        count(*) filter (where expected_every_days is not null) as expected_count,
        count(*) filter (where state = 'on time') as on_time_count,
        cast(sum(received_count) as bigint) as received_count,
        case when count(*) = count(public_rows_read) then cast(sum(public_rows_read) as bigint) end as rows_read,
        case when count(*) = count(public_rows_read) then cast(sum(public_rows_accepted) as bigint) end as rows_accepted,
        bool_or(is_synthetic) as is_synthetic
    from kinds
    group by source, month_on, judged_on, is_provisional
),

over_all as (
    select
        month_on,
        judged_on,
        is_provisional,
        cast(sum(expected_count) as bigint) as expected_count,
        cast(sum(on_time_count) as bigint) as on_time_count,
        cast(sum(received_count) as bigint) as received_count,
        case when count(*) = count(rows_read) then cast(sum(rows_read) as bigint) end as rows_read,
        case when count(*) = count(rows_read) then cast(sum(rows_accepted) as bigint) end as rows_accepted,
        bool_or(is_synthetic) as is_synthetic
    from by_source
    group by month_on, judged_on, is_provisional
),

-- A source whose contracts state no frequency (surveys, reference lists) has rows, but nothing that could be late.
measured as (
    select
        month_on, judged_on, is_provisional, 'source' as breakdown, source as breakdown_value,
        on_time_count as numerator, expected_count as denominator, is_synthetic
    from by_source
    where expected_count > 0

    union all

    select
        month_on, judged_on, is_provisional, 'total' as breakdown, 'total' as breakdown_value,
        on_time_count as numerator, expected_count as denominator, is_synthetic
    from over_all
    where expected_count > 0

    union all

    select
        month_on, judged_on, is_provisional, 'good_rows_by_source' as breakdown, source as breakdown_value,
        rows_accepted as numerator, rows_read as denominator, is_synthetic
    from by_source
    where expected_count > 0 or received_count > 0

    union all

    select
        month_on, judged_on, is_provisional, 'measure' as breakdown, 'good_rows' as breakdown_value,
        rows_accepted as numerator, rows_read as denominator, is_synthetic
    from over_all
    where expected_count > 0 or received_count > 0
)

select
    'data_completeness' as indicator_id,
    zones.zone_code,
    'month' as period_type,
    measured.month_on as period_start,
    measured.breakdown,
    measured.breakdown_value,
    'observed' as value_kind,
    cast(measured.numerator as double) / nullif(measured.denominator, 0) as value,
    cast(measured.numerator as double) as numerator,
    cast(measured.denominator as double) as denominator,
    -- every delivery is counted, none is sampled
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    case
        when measured.denominator is null then 'S'
        when measured.denominator = 0 then 'M'
        when measured.is_provisional then 'P'
        when measured.numerator = 0 then 'Z'
        else 'A'
    end as obs_status,
    'deliveries' as source,
    measured.judged_on as as_of,
    measured.is_synthetic
from measured
cross join zones
where zones.is_home
