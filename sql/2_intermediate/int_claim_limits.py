"""Exact limits of what was observed beside each projection: Poisson for counts and rates, binomial for shares.

Grain: claim_id.
Care: exact means that a right projection is called contradicted in at most one year of twenty, never more often.
"""

READS = {
    "observed": """
        select
            claim_id,
            limit_method,
            limit_count,
            limit_base
        from intermediate.int_claims_observed
        where is_projection
            and limit_method is not null
            and limit_count is not null
            and limit_base is not null
    """
}


def compute(observed):
    import pandas as pd

    from flows.core import statistics

    count, base = observed["limit_count"].astype(float), observed["limit_base"].astype(float)
    by_method = {
        "poisson": statistics.poisson_interval(count),
        "binomial": statistics.binomial_interval(count, base),
        "count_ratio": statistics.rate_ratio_interval(count, 1, base, 1),
    }
    lower = upper = pd.Series(float("nan"), observed.index)
    for name, (low, high) in by_method.items():
        lower = lower.mask(observed["limit_method"] == name, low)
        upper = upper.mask(observed["limit_method"] == name, high)
    is_open = upper == float("inf")
    limits = observed[["claim_id", "limit_method", "limit_count"]]
    return limits.assign(lower_limit=lower.mask(is_open), upper_limit=upper.mask(is_open))
