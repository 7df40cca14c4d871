-- Every check that holds this release against earlier ones: what was lost or restated, and whether the chain is whole.
-- Grain: run_id, subject, expectation_id.
-- Care: the same deliveries and code give other rows after another release; empty when there was nothing to compare with.
with

checks as (
    select * from sources.release_checks
)

select
    run_id,
    subject,
    expectation,
    severity,
    verdict,
    checked_rows,
    failed_rows,
    expectation_id,
    on_failure,
    reason,
    known_since,
    failed_rows_before
from checks
