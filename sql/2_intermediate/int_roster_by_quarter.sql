-- Partners on the roster as it stood at the start of each quarter.
-- Grain: partner_id, quarter_on.
-- Care: frozen: the newest list up to the quarter's first day; who signs in a quarter joins the next one, who leaves stays in it.
with

memberships as (
    select * from intermediate.int_roster_memberships
),

lists as (
    select * from intermediate.int_roster_lists
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
),

-- When a partner left, as the newest list that names the membership says: it owes no report from then on.
leaving as (
    select
        partner_id,
        signed_on,
        left_on
    from memberships
    qualify row_number() over (partition by partner_id, signed_on order by list_on desc) = 1
)

select
    memberships.partner_id,
    quarters.quarter_on,
    memberships.partner_type,
    memberships.zone_code,
    leaving.left_on,
    lists.list_on,
    lists.list_on > quarters.quarter_on as is_reconstructed,
    lists.is_doubtful,
    memberships.is_synthetic
from quarters
inner join lists
    on quarters.quarter_on >= lists.valid_from_on
    and quarters.quarter_on < lists.valid_until_on
inner join memberships
    on lists.list_on = memberships.list_on
    and memberships.signed_on <= quarters.quarter_on
    and (memberships.left_on is null or memberships.left_on > quarters.quarter_on)
left join leaving
    on memberships.partner_id = leaving.partner_id
    and memberships.signed_on = leaving.signed_on
-- a corrected signature leaves two overlapping periods on the list; the partner is still one
qualify row_number() over (
    partition by memberships.partner_id, quarters.quarter_on
    order by memberships.signed_on desc
) = 1
