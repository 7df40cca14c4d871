-- Every row of every SSMSI edition in force, with our corrections in place of what was printed wrong.
-- Grain: delivery_id, territory_code, year, indicator_label, unit.
-- Care: correction_id tells which figures are not the publisher's; without corrections this is the harmonised row itself.
with

harmonised as (
    select * from intermediate.int_ssmsi_harmonised
),

cells as (
    select * from intermediate.int_ssmsi_cells_corrected
)

select
    harmonised.territory_type,
    harmonised.territory_code,
    harmonised.year,
    harmonised.indicator_code,
    harmonised.unit,
    case when cells.correction_id is null then harmonised.count else cells.count end as count,
    case when cells.correction_id is null then harmonised.rate_per_1000 else cells.rate_per_1000 end as rate_per_1000,
    case when cells.correction_id is null then harmonised.is_published else cells.count is not null end as is_published,
    case when cells.correction_id is null then harmonised.population else cells.population end as population,
    harmonised.edition_date,
    harmonised.indicator_label,
    harmonised.delivery_id,
    cells.correction_id,
    harmonised.is_synthetic,
    harmonised.series_number,
    harmonised.version_number,
    harmonised.is_newest_version
from harmonised
left join cells
    on harmonised.series_number = cells.series_number
    and harmonised.version_number = cells.version_number
    and harmonised.territory_code = cells.territory_code
