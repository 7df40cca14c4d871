"""Limits of the 95 % interval of each count, share and ratio of counts that the indicators ask for.

Grain: limit_method, limit_count, limit_base.
Care: a count's limits are in counts; whoever joins them turns them into the unit of the value, and takes the lower one of the
least that a rounded count can be, the upper one of the most.
"""

READS = {
    "asked": """
        select
            limit_method,
            limit_count,
            limit_base
        from intermediate.int_indicator_values
        where limit_method is not null
            and limit_count is not null
            and limit_base is not null

        union

        select
            limit_method,
            upper_limit_count as limit_count,
            upper_limit_base as limit_base
        from intermediate.int_indicator_values
        where limit_method is not null
            and upper_limit_count is not null
            and upper_limit_base is not null
    """
}


def compute(asked):
    from flows.core import statistics

    lower, upper = statistics.limits_of(asked["limit_method"], asked["limit_count"], asked["limit_base"])
    return asked.assign(lower_limit=lower, upper_limit=upper)
