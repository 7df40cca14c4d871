-- Partners on the roster as it stood at the start of each quarter.
-- Grain: partner_id, quarter_on.
-- Care: frozen: who signs during a quarter joins the next one, who leaves during a quarter stays in it.
with

roster as (
    select * from staging.stg_partners__roster
),

zones as (
    select * from intermediate.int_zones_known
    where is_within_city or is_home
),

deliveries as (
    select * from sources.deliveries
),

months as (
    select * from reference.months
),

run as (
    select * from sources.run
),

quarters as (
    select distinct months.quarter_on
    from months
    inner join run
        on months.quarter_on <= run.as_of
)

select
    roster.partner_id,
    quarters.quarter_on,
    roster.partner_type,
    case when zones.zone_code is null then 'unlocated' else zones.zone_code end as zone_code,
    coalesce(deliveries.is_synthetic, false) as is_synthetic
from roster
inner join quarters
    on roster.signed_on <= quarters.quarter_on
    and (roster.left_on is null or roster.left_on > quarters.quarter_on)
left join zones
    on roster.zone_code = zones.zone_code
left join deliveries
    on roster.delivery_id = deliveries.delivery_id
-- a corrected signature leaves two overlapping periods on the roster; the partner is still one
qualify row_number() over (
    partition by roster.partner_id, quarters.quarter_on
    order by roster.signed_on desc
) = 1
