-- Weeks from the Monday 5 January 2015 to the day of the run.
-- Grain: week_starts_on.
-- Care: holds periods and no data, so that a week which nobody delivered can be seen missing.
with

run as (
    select * from sources.run
),

digits as (
    select digit
    from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) as listed_digits (digit)
),

-- 1 100 weeks end in January 2036, after the last day that a contract lets in
hundreds as (
    select digit as hundred from digits
    union all
    select 10 as hundred
),

weeks as (
    select date '2015-01-05' + 7 * (100 * hundreds.hundred + 10 * tens.digit + ones.digit) as week_starts_on
    from hundreds
    cross join digits as tens
    cross join digits as ones
)

select
    weeks.week_starts_on,
    weeks.week_starts_on + 7 <= run.as_of as is_week_over
from weeks
cross join run
where weeks.week_starts_on <= run.as_of
