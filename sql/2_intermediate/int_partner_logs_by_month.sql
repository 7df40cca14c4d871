-- The months of each of the partners' logs, from its first month to the day of the run, and whether a delivery covers them.
-- Grain: log_name, month_on.
-- Care: a month that no delivery covers is missing, not zero; a month that was not over when it was delivered is provisional.
with

delivered as (
    select * from intermediate.int_partner_months_by_delivery
),

deliveries as (
    select * from sources.deliveries_of_partners
),

months as (
    select * from reference.months
),

run as (
    select * from sources.run
),

-- 2026-11: the rule of int_police_months. A delivery whose busiest month has under a quarter of the rows that are usual in a
-- month of the log completes others: it covers no month by itself, nor does its receipt end one that came too early.
usual as (
    select
        log_name,
        median(row_count) as row_count
    from (
        select
            log_name,
            month_on,
            max(row_count) as row_count
        from delivered
        group by log_name, month_on
    ) as fullest
    group by log_name
),

spans as (
    select
        delivered.log_name,
        delivered.delivery_id,
        min(delivered.month_on) as first_month_on,
        max(delivered.month_on) as last_month_on,
        count(*) as month_count
    from delivered
    inner join usual
        on delivered.log_name = usual.log_name
    group by delivered.log_name, delivered.delivery_id, usual.row_count
    having 4 * max(delivered.row_count) >= usual.row_count
),

-- 2026-11: a log with rows in six months or more is one of many months, so a month
-- without a row in it was quiet; a shorter one says nothing of the months between its rows.
spanned as (
    select
        delivered.log_name,
        delivered.delivery_id,
        delivered.month_on
    from delivered
    inner join spans
        on delivered.log_name = spans.log_name
        and delivered.delivery_id = spans.delivery_id
    union
    select
        spans.log_name,
        spans.delivery_id,
        months.month_on
    from spans
    inner join months
        on months.month_on between spans.first_month_on and spans.last_month_on
    where spans.month_count >= 6
),

-- Small deliveries cover a month together, where no other does and their rows are not too few for a month.
gathered as (
    select
        delivered.log_name,
        delivered.month_on
    from delivered
    inner join usual
        on delivered.log_name = usual.log_name
    left join spanned
        on delivered.log_name = spanned.log_name
        and delivered.month_on = spanned.month_on
    where spanned.month_on is null
    group by delivered.log_name, delivered.month_on, usual.row_count
    having 4 * sum(delivered.row_count) >= usual.row_count
),

covered as (
    select
        log_name,
        delivery_id,
        month_on
    from spanned

    union all

    select
        delivered.log_name,
        delivered.delivery_id,
        delivered.month_on
    from delivered
    inner join gathered
        on delivered.log_name = gathered.log_name
        and delivered.month_on = gathered.month_on
),

received as (
    select
        covered.log_name,
        covered.month_on,
        max(cast(deliveries.received_at as date)) as received_on,
        bool_or(coalesce(deliveries.is_synthetic, false)) as is_synthetic
    from covered
    left join deliveries
        on covered.delivery_id = deliveries.delivery_id
    group by covered.log_name, covered.month_on
),

logs as (
    select
        log_name,
        min(month_on) as first_month_on,
        bool_or(is_synthetic) as is_synthetic
    from received
    group by log_name
)

select
    logs.log_name,
    months.month_on,
    months.quarter_on,
    received.month_on is not null as is_reported,
    received.month_on is not null and (
        months.next_month_on > run.as_of or coalesce(received.received_on < months.next_month_on, false)
    ) as is_provisional,
    cast(months.quarter_on + interval 3 month as date) <= run.as_of as is_quarter_over,
    -- a missing month of a log that is made up is itself made up
    coalesce(received.is_synthetic, logs.is_synthetic) as is_synthetic
from logs
inner join months
    on logs.first_month_on <= months.month_on
inner join run
    on months.month_on <= run.as_of
left join received
    on logs.log_name = received.log_name
    and months.month_on = received.month_on
-- a month that still runs is not missing yet
where months.next_month_on <= run.as_of
    or received.month_on is not null
