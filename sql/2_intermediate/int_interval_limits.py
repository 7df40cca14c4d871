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

    method, count, base = asked["limit_method"], asked["limit_count"].astype(float), asked["limit_base"].astype(float)
    limits = {
        "poisson": statistics.poisson_interval(count),
        "wilson": statistics.wilson_interval(count, base),
        "count_ratio": statistics.rate_ratio_interval(count, 1, base, 1),
    }
    asked = asked.assign(lower_limit=float("nan"), upper_limit=float("nan"))
    for name, (lower, upper) in limits.items():
        asked["lower_limit"] = asked["lower_limit"].where(method != name, lower)
        asked["upper_limit"] = asked["upper_limit"].where(method != name, upper)
    # cases cleared where none was recorded: a ratio without an upper limit is no interval
    without = asked["upper_limit"].isin([float("inf")])
    return asked.assign(lower_limit=asked["lower_limit"].mask(without), upper_limit=asked["upper_limit"].mask(without))
