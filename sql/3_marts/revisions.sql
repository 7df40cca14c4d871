-- SSMSI figures that changed from one edition to the next that holds the same territory, year and indicator.
-- Grain: territory_type, territory_code, year, indicator_code, new_edition_date.
-- Care: as the publisher printed them, before corrections of ours; another indicator is never a revision of this one.
with

slices as (
    select * from intermediate.int_ssmsi_slices
),

statistics as (
    select * from marts.police_statistics
),

-- Written as a comparison: an engine that knows the least and largest value of a block then skips it unread.
statistics_before as (
    select * from marts.police_statistics
    where is_latest_edition = false
),

cells as (
    select * from intermediate.int_ssmsi_cells_corrected
),

-- An edition received twice is one edition.
versions as (
    select
        series_number,
        version_number,
        territory_type,
        year,
        indicator_code,
        delivery_id,
        edition_date,
        is_synthetic,
        dense_rank() over (
            partition by series_number
            order by edition_date
        ) as edition_number
    from slices
    group by
        series_number, version_number, territory_type, year, indicator_code, delivery_id, edition_date, is_synthetic
),

-- Only a series with more than one edition has anything below, so the usual run pays nothing for it.
repeated as (
    select
        series_number,
        version_number,
        territory_type,
        year,
        indicator_code,
        delivery_id,
        edition_number
    from versions
    qualify max(edition_number) over (partition by series_number) > 1
),

newer as (
    select
        repeated.series_number,
        repeated.version_number,
        repeated.edition_number,
        statistics.territory_code,
        statistics.unit,
        case when cells.correction_id is null then statistics.count else cells.printed_count end as count,
        case when cells.correction_id is null then statistics.rate_per_1000 else cells.printed_rate_per_1000 end as rate,
        case when cells.correction_id is null then statistics.population else cells.printed_population end as population
    from statistics
    inner join repeated
        on statistics.territory_type = repeated.territory_type
        and statistics.year = repeated.year
        and statistics.indicator_code = repeated.indicator_code
        and statistics.delivery_id = repeated.delivery_id
    left join cells
        on repeated.series_number = cells.series_number
        and repeated.version_number = cells.version_number
        and statistics.territory_code = cells.territory_code
    where repeated.edition_number > 1
),

older as (
    select
        repeated.series_number,
        repeated.version_number,
        repeated.edition_number,
        statistics_before.territory_code,
        case when cells.correction_id is null then statistics_before.count else cells.printed_count end as count,
        case when cells.correction_id is null then statistics_before.rate_per_1000 else cells.printed_rate_per_1000 end as rate,
        case when cells.correction_id is null then statistics_before.population else cells.printed_population end as population
    from statistics_before
    inner join repeated
        on statistics_before.territory_type = repeated.territory_type
        and statistics_before.year = repeated.year
        and statistics_before.indicator_code = repeated.indicator_code
        and statistics_before.delivery_id = repeated.delivery_id
    left join cells
        on repeated.series_number = cells.series_number
        and repeated.version_number = cells.version_number
        and statistics_before.territory_code = cells.territory_code
),

-- Nearly always the edition right before holds the territory. Editions print rates with seven decimals or more:
-- a smaller difference is rounding.
beside_the_last as (
    select
        newer.series_number,
        newer.version_number,
        newer.edition_number,
        newer.territory_code,
        newer.unit,
        newer.count,
        newer.rate,
        newer.population,
        older.version_number as old_version_number,
        older.count as old_count,
        older.rate as old_rate,
        older.population as old_population
    from newer
    left join older
        on newer.series_number = older.series_number
        and newer.territory_code = older.territory_code
        and newer.edition_number = older.edition_number + 1
    where older.version_number is null
        or newer.count is distinct from older.count
        or abs(newer.rate - older.rate) > 0.00001
        or (newer.rate is null) <> (older.rate is null)
),

-- The few that the edition right before left out: the last one that held them.
beside_an_earlier as (
    select
        beside_the_last.series_number,
        beside_the_last.version_number,
        beside_the_last.territory_code,
        older.version_number as old_version_number,
        older.count as old_count,
        older.rate as old_rate,
        older.population as old_population
    from older
    inner join beside_the_last
        on beside_the_last.series_number = older.series_number
        and beside_the_last.territory_code = older.territory_code
    where beside_the_last.old_version_number is null
        and beside_the_last.edition_number > 2
        and older.edition_number < beside_the_last.edition_number
    qualify row_number() over (
        partition by beside_the_last.series_number, beside_the_last.version_number, beside_the_last.territory_code
        order by older.edition_number desc
    ) = 1
),

compared as (
    select
        beside_the_last.series_number,
        beside_the_last.version_number,
        beside_the_last.territory_code,
        beside_the_last.unit,
        beside_the_last.count as new_count,
        beside_the_last.rate as new_rate,
        beside_the_last.population as new_population,
        coalesce(beside_the_last.old_version_number, beside_an_earlier.old_version_number) as old_version_number,
        coalesce(beside_the_last.old_count, beside_an_earlier.old_count) as old_count,
        coalesce(beside_the_last.old_rate, beside_an_earlier.old_rate) as old_rate,
        coalesce(beside_the_last.old_population, beside_an_earlier.old_population) as old_population
    from beside_the_last
    left join beside_an_earlier
        on beside_the_last.series_number = beside_an_earlier.series_number
        and beside_the_last.version_number = beside_an_earlier.version_number
        and beside_the_last.territory_code = beside_an_earlier.territory_code
),

-- A territory that no earlier edition held has a new figure only when it is shown.
changed as (
    select
        *,
        case
            when old_version_number is null then 'new_figure'
            when old_count is null then 'newly_shown'
            when new_count is null then 'newly_hidden'
            else 'changed_value'
        end as change_kind
    from compared
    where (old_version_number is null and new_count is not null)
        or (
            old_version_number is not null
            and (
                new_count is distinct from old_count
                or abs(new_rate - old_rate) > 0.00001
                or (new_rate is null) <> (old_rate is null)
            )
        )
)

select
    newest.territory_type,
    changed.territory_code,
    newest.year,
    newest.indicator_code,
    changed.unit,
    previous.edition_date as old_edition_date,
    newest.edition_date as new_edition_date,
    previous.delivery_id as old_delivery_id,
    newest.delivery_id as new_delivery_id,
    changed.change_kind,
    changed.old_count,
    changed.new_count,
    changed.new_count - changed.old_count as count_difference,
    changed.old_rate as old_rate_per_1000,
    changed.new_rate as new_rate_per_1000,
    changed.new_rate - changed.old_rate as rate_difference,
    changed.old_population,
    changed.new_population,
    changed.change_kind = 'changed_value'
        and changed.new_count = changed.old_count
        and coalesce(changed.new_population <> changed.old_population, false) as is_only_population,
    newest.is_synthetic or coalesce(previous.is_synthetic, false) as is_synthetic
from changed
inner join versions as newest
    on changed.series_number = newest.series_number
    and changed.version_number = newest.version_number
left join versions as previous
    on changed.series_number = previous.series_number
    and changed.old_version_number = previous.version_number
