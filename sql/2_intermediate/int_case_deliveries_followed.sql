-- Up to which day each delivery of cases tells clearances: the last clearance that it shows, of any class.
-- Grain: delivery_id.
-- Care: the day of receipt would not do (a file may be forwarded a year late), nor would the last fact (clearances may lag behind).
with

cases as (
    select * from sources.police_cases
),

deliveries as (
    select * from sources.deliveries_of_police
),

run as (
    select * from sources.run
)

select
    cases.delivery_id,
    -- a clearance after the day of receipt is a typing error and tells nothing
    max(cases.cleared_on) filter (
        where cases.cleared_on <= cast(deliveries.received_at as date)
            and cases.cleared_on <= run.as_of
    ) as followed_until_on,
    max(cast(deliveries.received_at as date)) as received_on,
    bool_or(coalesce(deliveries.is_synthetic, false)) as is_synthetic
from cases
inner join deliveries
    on cases.delivery_id = deliveries.delivery_id
cross join run
group by cases.delivery_id
