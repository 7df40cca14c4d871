-- What each published column rests on in the end: columns of deliveries, of tables of decisions, and of the run.
-- Grain: table_name, column_name, source_table, source_column.
-- Care: the strongest way of several is told, and its steps counted; audit.lineage has every step.
with

origins as (
    select * from sources.origins
)

select
    table_name,
    column_name,
    source_table,
    source_column,
    kind,
    step_count
from origins
