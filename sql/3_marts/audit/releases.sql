-- The releases that this one follows, from the first to the one before it, each with the hash of its manifest.
-- Grain: release.
-- Care: as known when this release was made, which is itself no row; a release that was rolled back from is none either.
with

releases as (
    select * from sources.releases
)

select
    chain_position,
    release,
    created_at,
    as_of,
    run_id,
    code_version,
    manifest_sha256,
    previous_release,
    table_count,
    delivery_count,
    is_intact
from releases
