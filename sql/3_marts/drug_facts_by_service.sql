-- Drug offences (indexes 55 to 58 of état 4001) by police or gendarmerie service and year.
-- Grain: year, force, department_code, perimeter, service_name, index_code.
-- Care: facts, not the people implicated that the SSMSI counts, and no model may read both; since 2020 index 57 (use) also holds the fines.
with

facts as (
    select * from staging.stg_police__etat_4001
    where index_code between 55 and 58
),

deliveries as (
    select * from sources.deliveries_of_police
)

select
    facts.year,
    facts.force,
    facts.department_code,
    facts.perimeter,
    facts.service_name,
    facts.index_code,
    facts.index_label,
    facts.fact_count,
    facts.delivery_id,
    coalesce(deliveries.is_synthetic, false) as is_synthetic
from facts
left join deliveries
    on facts.delivery_id = deliveries.delivery_id
