-- People identified in difficulty and the steps of their orientation to help, by kind of partner and quarter.
-- Grain: partner_type, quarter_on.
-- Care: contacts, not persons; 'all' is a total; counts here are exact and not yet protected.
with

actions as (
    select * from intermediate.int_partner_actions_by_quarter
),

roster as (
    select * from staging.stg_partners__roster
),

logs as (
    select * from intermediate.int_partner_logs_by_month
    where log_name = 'partner_events'
),

-- The kind of a partner is what the newest period says; being on the frozen roster does not matter here.
types as (
    select
        partner_id,
        partner_type
    from roster
    qualify row_number() over (partition by partner_id order by signed_on desc) = 1
),

typed as (
    select
        coalesce(types.partner_type, 'unknown') as partner_type,
        actions.quarter_on,
        actions.identified_count,
        actions.followed_count,
        actions.offered_count,
        actions.accepted_count,
        actions.accepted_followed_count,
        actions.kept_count,
        actions.is_synthetic
    from actions
    left join types
        on actions.partner_id = types.partner_id
),

spread as (
    select * from typed
    union all
    select
        'all' as partner_type,
        quarter_on,
        identified_count,
        followed_count,
        offered_count,
        accepted_count,
        accepted_followed_count,
        kept_count,
        is_synthetic
    from typed
),

counted as (
    select
        partner_type,
        quarter_on,
        cast(sum(identified_count) as bigint) as identified_count,
        cast(sum(followed_count) as bigint) as followed_count,
        cast(sum(offered_count) as bigint) as offered_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(accepted_followed_count) as bigint) as accepted_followed_count,
        cast(sum(kept_count) as bigint) as kept_count,
        bool_or(is_synthetic) as is_synthetic
    from spread
    group by partner_type, quarter_on
),

listed_types as (
    select distinct partner_type from types
    union
    select distinct partner_type from counted
),

quarters as (
    select
        quarter_on,
        count(*) filter (where is_reported) as reported_month_count,
        bool_or(is_provisional or not is_quarter_over) as is_provisional,
        bool_or(is_synthetic) as is_synthetic
    from logs
    group by quarter_on
    having bool_or(is_quarter_over)
        or count(*) filter (where is_reported) > 0
)

select
    listed_types.partner_type,
    quarters.quarter_on,
    -- the log came and names nobody: zero. No log: nothing.
    case when quarters.reported_month_count > 0 then coalesce(counted.identified_count, 0) end as identified_count,
    case when quarters.reported_month_count > 0 then coalesce(counted.followed_count, 0) end as followed_count,
    case when quarters.reported_month_count > 0 then coalesce(counted.offered_count, 0) end as offered_count,
    case when quarters.reported_month_count > 0 then coalesce(counted.accepted_count, 0) end as accepted_count,
    case
        when quarters.reported_month_count > 0 then coalesce(counted.accepted_followed_count, 0)
    end as accepted_followed_count,
    case when quarters.reported_month_count > 0 then coalesce(counted.kept_count, 0) end as kept_count,
    quarters.reported_month_count,
    case
        when quarters.reported_month_count = 0 then 'M'
        when quarters.is_provisional then 'P'
        when quarters.reported_month_count < 3 then 'U'
        else 'A'
    end as obs_status,
    coalesce(counted.is_synthetic, quarters.is_synthetic) as is_synthetic
from listed_types
cross join quarters
left join counted
    on listed_types.partner_type = counted.partner_type
    and quarters.quarter_on = counted.quarter_on
