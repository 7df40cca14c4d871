-- The exact cube of counts: every count of a police record or a person that any published figure rests on, one row a cell.
-- Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
-- Care: exact counts, not for publication: int_counts_protected alone reads it; what was not delivered has no cell.
with

police as (
    select * from intermediate.int_counts_cubed__police
),

clear_up as (
    select * from intermediate.int_counts_cubed__clear_up
),

surveys as (
    select * from intermediate.int_counts_cubed__surveys
)

select
    measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
    group_count, contributor_count, largest_count, series, level
from police

union all

select
    measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
    group_count, contributor_count, largest_count, series, level
from clear_up

union all

select
    measure, zone_code, period_type, period_start, breakdown, breakdown_value, exact_count,
    group_count, contributor_count, largest_count, series, level
from surveys
