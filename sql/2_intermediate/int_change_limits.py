"""Limits of the 95 % interval of each change compared: of a ratio of two rates, or of a difference of two shares.

Grain: change_measure, later_count, later_exposure, earlier_count, earlier_exposure.
Care: a ratio to 0 has no upper limit, and 0 to 0 has none at all; both are NULL.
"""

READS = {
    "pairs": """
        select distinct
            change_measure,
            later_count,
            later_exposure,
            earlier_count,
            earlier_exposure
        from intermediate.int_changes_compared
    """
}


def compute(pairs):
    import pandas as pd

    from flows.core import statistics

    names = ["later_count", "later_exposure", "earlier_count", "earlier_exposure"]
    figures = [pairs[name].astype(float) for name in names]
    of_ratio = statistics.rate_ratio_interval(*figures)
    of_difference = statistics.share_difference_interval(*figures)
    is_ratio = pairs["change_measure"] == "ratio"
    lower, upper = (
        pd.Series(difference, pairs.index).mask(is_ratio, ratio).replace(float("inf"), float("nan"))
        for difference, ratio in zip(of_difference, of_ratio, strict=True)
    )
    return pairs.assign(lower_limit=lower, upper_limit=upper)
