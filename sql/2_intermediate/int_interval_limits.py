"""Limits of the 95 % interval of each count, share and ratio of counts that the indicators ask for.

Grain: limit_method, limit_count, limit_base.
Care: a count's limits are in counts; whoever joins them turns them into the unit of the value.
"""

READS = {
    "asked": """
        select distinct
            limit_method,
            limit_count,
            limit_base
        from intermediate.int_indicator_values
        where limit_method is not null
            and limit_count is not null
            and limit_base is not null
    """
}


def compute(asked):
    from flows.core import statistics

    lower, upper = statistics.limits_of(asked["limit_method"], asked["limit_count"], asked["limit_base"])
    return asked.assign(lower_limit=lower, upper_limit=upper)
