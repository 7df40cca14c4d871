-- Every check that was run, or could not be run, on a delivery or a published table.
-- Grain: run_id, subject, expectation_id.
-- Care: not_checked is no pass: the check itself failed to run. Counts only, never a value; those of police records and persons are
-- rounded or hidden (rows_status). known_since and failed_rows_before speak of the release before.
with

checks as (
    select * from sources.checks
)

select
    run_id,
    subject,
    expectation,
    severity,
    verdict,
    public_checked_rows as checked_rows,
    public_failed_rows as failed_rows,
    rows_status,
    expectation_id,
    on_failure,
    reason,
    known_since,
    failed_rows_before
from checks
