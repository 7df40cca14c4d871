-- État 4001: facts recorded by service, year and index, as the newest delivery tells them.
-- Grain: year, force, department_code, perimeter, service_name, index_code.
-- Care: facts, never to be compared with the SSMSI's people implicated; services change every year.
with

deliveries as (
    select * from sources.etat_4001_services
)

select
    year,
    force,
    department_code,
    perimeter,
    service_name,
    index_code,
    index_label,
    count as fact_count,
    delivery_id
from deliveries
qualify row_number() over (
    partition by year, force, department_code, perimeter, service_name, index_code
    order by delivery_rank desc, delivery_id desc
) = 1
