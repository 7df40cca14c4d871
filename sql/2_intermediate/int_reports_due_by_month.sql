-- The reports that partners of the frozen roster owe, one a month, and whether each came.
-- Grain: partner_id, month_on.
-- Care: any row of the partner dated in the month is its report, also « néant »; who signed in the quarter owes none yet.
with

roster as (
    select * from intermediate.int_roster_by_quarter
),

reports as (
    select * from intermediate.int_partner_reports_by_month
),

logs as (
    select * from intermediate.int_partner_logs_by_month
    where log_name = 'partner_events' and is_reported
),

months as (
    select * from reference.months
),

run as (
    select * from sources.run
)

select
    roster.partner_id,
    months.month_on,
    roster.quarter_on,
    roster.partner_type,
    roster.zone_code,
    reports.partner_id is not null as is_received,
    coalesce(reports.action_count, 0) as action_count
from roster
inner join months
    on roster.quarter_on = months.quarter_on
    and (roster.left_on is null or roster.left_on > months.month_on)
inner join run
    on months.month_on <= run.as_of
left join logs
    on months.month_on = logs.month_on
left join reports
    on roster.partner_id = reports.partner_id
    and months.month_on = reports.month_on
-- a month that still runs is owed only once its log has come
where months.next_month_on <= run.as_of
    or logs.month_on is not null
