-- The offence mix that standardises clear-up: facts of each class in the reference year.
-- Grain: offence_class.
-- Care: empty unless all twelve months of the year, and the two after it (late recordings), were delivered; drug use has no weight.
with

cases as (
    select * from staging.stg_police__cases
),

classes as (
    select * from reference.clear_up_classes
    where is_counted
),

deliveries as (
    select * from intermediate.int_case_deliveries_followed
),

months as (
    select * from intermediate.int_police_months
    where source = 'police_cases'
        and is_covered
        and not is_provisional
),

reference_years as (
    select distinct
        reference_year,
        make_date(reference_year, 1, 1) as first_on,
        make_date(reference_year + 1, 2, 1) as last_on
    from classes
),

whole_years as (
    select reference_years.reference_year
    from reference_years
    inner join months
        on months.month_on between reference_years.first_on and reference_years.last_on
    group by reference_years.reference_year
    having count(*) = 14
)

select
    classes.offence_class,
    classes.reference_year,
    cast(count(*) as bigint) as weight,
    bool_or(coalesce(deliveries.is_synthetic, false)) as is_synthetic
from classes
inner join whole_years
    on classes.reference_year = whole_years.reference_year
inner join cases
    on classes.offence_class = cases.offence_class
    and classes.reference_year = extract(year from cases.fact_on)
left join deliveries
    on cases.delivery_id = deliveries.delivery_id
group by classes.offence_class, classes.reference_year
