-- Recorded crime as the SSMSI publishes it, every edition side by side, for communes, départements and regions.
-- Grain: territory_type, territory_code, year, indicator_code, edition_date.
-- Care: blank is not published, never 0; people are counted once per territory, so never summed; use holds the fines.
with

newest_versions as (
    select * from intermediate.int_ssmsi_corrected
    where is_newest_version
),

older_versions as (
    select * from intermediate.int_ssmsi_corrected
    where not is_newest_version
),

-- Only a series that came more than once has anything here, so the usual run pays nothing for it.
newer_by_territory as (
    select
        series_number,
        territory_code,
        max(version_number) as version_number
    from intermediate.int_ssmsi_harmonised
    where version_number > 1
    group by series_number, territory_code
),

newer_in_edition as (
    select
        series_number,
        territory_code,
        edition_date,
        max(version_number) as version_number
    from intermediate.int_ssmsi_harmonised
    where is_edition_repeated
    group by series_number, territory_code, edition_date
),

-- An edition received twice counts once; a partial extract does not hide the rest of an older full base.
older_ranked as (
    select
        older_versions.territory_type,
        older_versions.territory_code,
        older_versions.year,
        older_versions.indicator_code,
        older_versions.unit,
        older_versions.count,
        older_versions.rate_per_1000,
        older_versions.is_published,
        older_versions.population,
        older_versions.edition_date,
        coalesce(newer_by_territory.version_number, 0) <= older_versions.version_number as is_latest_edition,
        older_versions.indicator_label,
        older_versions.delivery_id,
        older_versions.correction_id,
        older_versions.is_synthetic
    from older_versions
    left join newer_by_territory
        on older_versions.series_number = newer_by_territory.series_number
        and older_versions.territory_code = newer_by_territory.territory_code
    left join newer_in_edition
        on older_versions.series_number = newer_in_edition.series_number
        and older_versions.territory_code = newer_in_edition.territory_code
        and older_versions.edition_date = newer_in_edition.edition_date
    where coalesce(newer_in_edition.version_number, 0) <= older_versions.version_number
),

every_version as (
    select
        territory_type, territory_code, year, indicator_code, unit, count, rate_per_1000, is_published, population,
        edition_date, true as is_latest_edition, indicator_label, delivery_id, correction_id,
        is_synthetic
    from newest_versions

    union all

    select
        territory_type, territory_code, year, indicator_code, unit, count, rate_per_1000, is_published, population,
        edition_date, is_latest_edition, indicator_label, delivery_id, correction_id, is_synthetic
    from older_ranked
)

select
    territory_type,
    territory_code,
    year,
    indicator_code,
    unit,
    count,
    rate_per_1000,
    is_published,
    population,
    edition_date,
    is_latest_edition,
    indicator_label,
    territory_type = 'commune' and (
        territory_code between '13201' and '13216'
        or territory_code between '69381' and '69389'
        or territory_code between '75101' and '75120'
    ) as is_arrondissement,
    delivery_id,
    correction_id,
    is_synthetic
from every_version
