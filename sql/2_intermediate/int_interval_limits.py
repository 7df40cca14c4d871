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
    import pandas as pd

    from flows.core import statistics

    count, base = asked["limit_count"].astype(float), asked["limit_base"].astype(float)
    by_method = {
        "poisson": statistics.poisson_interval(count),
        "wilson": statistics.wilson_interval(count, base),
        "count_ratio": statistics.rate_ratio_interval(count, 1, base, 1),
    }
    lower = upper = pd.Series(float("nan"), asked.index)
    for name, (low, high) in by_method.items():
        lower = lower.mask(asked["limit_method"] == name, low)
        upper = upper.mask(asked["limit_method"] == name, high)
    # cases cleared where none was recorded: without an upper limit there is no interval
    is_open = upper == float("inf")
    return asked.assign(lower_limit=lower.mask(is_open), upper_limit=upper.mask(is_open))
