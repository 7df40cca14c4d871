-- Up to which day a case is known to have been open: the latest day that a delivery in which it stands open tells clearances for.
-- Grain: case_id.
-- Care: a delivery that completes others may show no clearance at all, and takes nothing from what a fuller one told of the same case.
with

cases as (
    select * from sources.police_cases
),

deliveries as (
    select * from intermediate.int_case_deliveries_followed
)

select
    cases.case_id,
    max(deliveries.followed_until_on) as open_until_on
from cases
inner join deliveries
    on cases.delivery_id = deliveries.delivery_id
where cases.cleared_on is null
group by cases.case_id
