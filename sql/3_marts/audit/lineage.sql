-- Each step from a column of a table to a column of a table that it is made from, read from the queries themselves.
-- Grain: table_name, column_name, upstream_table, upstream_column.
-- Care: the column * stands for a table's rows; more may be named than can bear on a figure, never less.
with

lineage as (
    select * from sources.lineage
)

select
    table_name,
    column_name,
    upstream_table,
    upstream_column,
    kind
from lineage
