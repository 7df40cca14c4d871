-- Up to which day each delivery of cases tells clearances: the last day on which it shows anything at all.
-- Grain: delivery_id.
-- Care: the day of receipt alone would not do; a file forwarded a year late would make every open case look followed for a year.
with

cases as (
    select * from sources.police_cases
),

deliveries as (
    select * from sources.deliveries
),

run as (
    select * from sources.run
),

dates as (
    select delivery_id, fact_on as shown_on from cases
    union all
    select delivery_id, recorded_on as shown_on from cases
    union all
    select delivery_id, cleared_on as shown_on from cases
)

select
    dates.delivery_id,
    max(dates.shown_on) as followed_until_on,
    max(cast(deliveries.received_at as date)) as received_on,
    bool_or(coalesce(deliveries.is_synthetic, false)) as is_synthetic
from dates
inner join deliveries
    on dates.delivery_id = deliveries.delivery_id
cross join run
-- a date after the day of receipt is a typing error and tells nothing
where dates.shown_on <= cast(deliveries.received_at as date)
    and dates.shown_on <= run.as_of
group by dates.delivery_id
