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
    from flows.core import statistics

    lower, upper = statistics.limits_of(observed["limit_method"], observed["limit_count"], observed["limit_base"])
    return observed[["claim_id", "limit_method", "limit_count"]].assign(lower_limit=lower, upper_limit=upper)
