-- Actions of each partner by quarter, with the steps of the orientation to help.
-- Grain: partner_id, quarter_on.
-- Care: a partner that reported nothing to report has a row with 0 actions; one that stayed silent has none.
select
    partner_id,
    cast(date_trunc('quarter', month_on) as date) as quarter_on,
    cast(count(*) as bigint) as report_count,
    cast(sum(action_count) as bigint) as action_count,
    cast(sum(identified_count) as bigint) as identified_count,
    cast(sum(followed_count) as bigint) as followed_count,
    cast(sum(offered_count) as bigint) as offered_count,
    cast(sum(accepted_count) as bigint) as accepted_count,
    cast(sum(accepted_followed_count) as bigint) as accepted_followed_count,
    cast(sum(kept_count) as bigint) as kept_count,
    cast(sum(identified_person_count) as bigint) as identified_person_count,
    cast(sum(offered_person_count) as bigint) as offered_person_count,
    cast(sum(accepted_person_count) as bigint) as accepted_person_count,
    cast(sum(kept_person_count) as bigint) as kept_person_count,
    bool_or(is_synthetic) as is_synthetic
from intermediate.int_partner_reports_by_month
group by partner_id, cast(date_trunc('quarter', month_on) as date)
