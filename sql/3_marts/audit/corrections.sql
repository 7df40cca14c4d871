-- Every correction that was ever decided, with what became of it.
-- Grain: correction_id.
-- Care: mended_at_source means that the newest edition no longer prints the wrong value: retire the correction.
with

corrections as (
    select * from reference.corrections
),

found as (
    select * from intermediate.int_ssmsi_corrections_found
),

counted as (
    select
        correction_id,
        count(*) filter (where is_applied) as rows_touched,
        bool_and(is_applied) as is_applied_everywhere,
        min(edition_date) filter (where not is_applied) as mended_in_edition,
        max(edition_date) as newest_edition_date,
        bool_or(is_synthetic) as is_synthetic
    from found
    group by correction_id
)

select
    corrections.correction_id,
    corrections.territory_type,
    corrections.territory_code,
    corrections.year,
    corrections.indicator_code,
    corrections.column_name,
    corrections.printed_value,
    corrections.corrected_value,
    corrections.first_edition_date,
    case
        when corrections.status = 'retired' then 'retired'
        when counted.correction_id is null then 'not_found'
        when counted.is_applied_everywhere then 'applied'
        else 'mended_at_source'
    end as status,
    coalesce(counted.rows_touched, 0) as rows_touched,
    counted.newest_edition_date,
    newest.found_value as newest_value,
    counted.mended_in_edition,
    corrections.reason,
    corrections.source,
    corrections.decided_on,
    corrections.status as decided_status,
    coalesce(counted.is_synthetic, false) as is_synthetic
from corrections
left join counted
    on corrections.correction_id = counted.correction_id
left join found as newest
    on counted.correction_id = newest.correction_id
    and counted.newest_edition_date = newest.edition_date
