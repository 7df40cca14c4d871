-- The lists of partners that were delivered, each with the days on which it is the one to believe.
-- Grain: list_on.
-- Care: the first list also stands for the time before it, by its dates of signature and leaving; whoever it leaves out lacks.
with

memberships as (
    select * from intermediate.int_roster_memberships
),

listed as (
    select
        list_on,
        bool_or(is_synthetic) as is_synthetic
    from memberships
    group by list_on
),

lists as (
    select
        list_on,
        lag(list_on) over (order by list_on) as previous_list_on,
        lead(list_on) over (order by list_on) as next_list_on,
        is_synthetic
    from listed
),

-- Partners that the list before still had on the day of this one, and those of them whom this one does not name at all.
carried as (
    select distinct
        lists.list_on,
        before.partner_id
    from lists
    inner join memberships as before
        on lists.previous_list_on = before.list_on
        and before.signed_on <= lists.list_on
        and (before.left_on is null or before.left_on > lists.list_on)
),

named as (
    select distinct
        list_on,
        partner_id
    from memberships
),

dropped as (
    select
        carried.list_on,
        cast(count(*) as bigint) as carried_count,
        cast(count(*) filter (where named.partner_id is null) as bigint) as dropped_count
    from carried
    left join named
        on carried.list_on = named.list_on
        and carried.partner_id = named.partner_id
    group by carried.list_on
)

select
    lists.list_on,
    case when lists.previous_list_on is null then date '1900-01-01' else lists.list_on end as valid_from_on,
    coalesce(lists.next_list_on, date '9999-12-31') as valid_until_on,
    coalesce(dropped.carried_count, 0) as carried_count,
    coalesce(dropped.dropped_count, 0) as dropped_count,
    -- 2026-11: more than half of the partners gone at once is rather a list of additions, or of one kind of partner only
    coalesce(dropped.dropped_count * 2 > dropped.carried_count, false) as is_doubtful,
    lists.is_synthetic
from lists
left join dropped
    on lists.list_on = dropped.list_on
