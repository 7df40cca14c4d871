-- The months each of the city's police sources spans, and whether a delivery covers them.
-- Grain: source, month_on.
-- Care: a month that no delivery covers is missing, not zero; one not over when it was delivered is provisional.
with

incidents as (
    select * from sources.police_incidents
),

interventions as (
    select * from sources.police_interventions
),

cases as (
    select * from sources.police_cases
),

deliveries as (
    select * from sources.deliveries_of_police
),

months as (
    select * from reference.months
),

-- Read before older rows give way to newer ones: a delivery covers its months even where its rows were replaced since.
delivered as (
    select
        'police_incidents' as source,
        delivery_id,
        cast(date_trunc('month', occurred_at) as date) as month_on,
        count(*) as row_count
    from incidents
    group by delivery_id, cast(date_trunc('month', occurred_at) as date)

    union all

    select
        'police_interventions' as source,
        delivery_id,
        cast(date_trunc('month', started_at) as date) as month_on,
        count(*) as row_count
    from interventions
    group by delivery_id, cast(date_trunc('month', started_at) as date)

    union all

    select
        'police_cases' as source,
        delivery_id,
        cast(date_trunc('month', coalesce(recorded_on, fact_on)) as date) as month_on,
        count(*) as row_count
    from cases
    group by delivery_id, cast(date_trunc('month', coalesce(recorded_on, fact_on)) as date)
),

busiest as (
    select
        source,
        delivery_id,
        max(row_count) as row_count
    from delivered
    group by source, delivery_id
),

-- 2026-11: a delivery whose busiest month has under a quarter of the rows that are usual in a month of the source completes
-- others: it covers no month by itself, nor does its receipt end one that was delivered too early.
usual as (
    select
        source,
        median(row_count) as row_count
    from (
        select
            source,
            month_on,
            max(row_count) as row_count
        from delivered
        group by source, month_on
    ) as fullest
    group by source
),

sized as (
    select
        busiest.source,
        busiest.delivery_id,
        busiest.row_count,
        4 * busiest.row_count < usual.row_count as is_complement
    from busiest
    inner join usual
        on busiest.source = usual.source
),

-- 2026-11: a month with under a tenth of the busiest month's rows at the edge of a delivery is a late row, a typing error
-- or a month that had just begun; it does not make the delivery one of that month, nor of the months between.
spans as (
    select
        delivered.source,
        delivered.delivery_id,
        sized.row_count as busiest_row_count,
        min(delivered.month_on) as first_month_on,
        max(delivered.month_on) as last_month_on
    from delivered
    inner join sized
        on delivered.source = sized.source
        and delivered.delivery_id = sized.delivery_id
    where not sized.is_complement
        and 10 * delivered.row_count >= sized.row_count
    group by delivered.source, delivered.delivery_id, sized.row_count
),

-- 2026-11: a whole month without one row in the city is quiet where the busiest month has under 20, else it is a hole:
-- a source that records twenty a month stays silent by chance less than once in thousands of years.
spanned as (
    select
        spans.source,
        spans.delivery_id,
        months.month_on
    from spans
    inner join months
        on months.month_on between spans.first_month_on and spans.last_month_on
    left join delivered
        on spans.source = delivered.source
        and spans.delivery_id = delivered.delivery_id
        and months.month_on = delivered.month_on
    where delivered.month_on is not null or spans.busiest_row_count < 20
),

-- Small deliveries of one month, day after day, cover it together, where no other does and their rows are not too few for a month.
gathered as (
    select
        delivered.source,
        delivered.month_on
    from delivered
    inner join usual
        on delivered.source = usual.source
    left join spanned
        on delivered.source = spanned.source
        and delivered.month_on = spanned.month_on
    where spanned.month_on is null
    group by delivered.source, delivered.month_on, usual.row_count
    having 4 * sum(delivered.row_count) >= usual.row_count
),

covered as (
    select
        source,
        delivery_id,
        month_on
    from spanned

    union all

    select
        delivered.source,
        delivered.delivery_id,
        delivered.month_on
    from delivered
    inner join gathered
        on delivered.source = gathered.source
        and delivered.month_on = gathered.month_on
),

received as (
    select
        covered.source,
        covered.month_on,
        max(cast(deliveries.received_at as date)) as received_on,
        bool_or(deliveries.is_synthetic) as is_synthetic
    from covered
    left join deliveries
        on covered.delivery_id = deliveries.delivery_id
    group by covered.source, covered.month_on
),

whole_spans as (
    select
        source,
        min(month_on) as first_month_on,
        max(month_on) as last_month_on,
        max(received_on) as received_on,
        bool_or(is_synthetic) as is_synthetic
    from received
    group by source
)

select
    whole_spans.source,
    months.month_on,
    months.year,
    received.month_on is not null as is_covered,
    coalesce(received.received_on < months.next_month_on, false) as is_provisional,
    coalesce(received.received_on, whole_spans.received_on) as as_of,
    coalesce(received.is_synthetic, whole_spans.is_synthetic, false) as is_synthetic
from whole_spans
inner join months
    on months.month_on between whole_spans.first_month_on and whole_spans.last_month_on
left join received
    on whole_spans.source = received.source
    and months.month_on = received.month_on
