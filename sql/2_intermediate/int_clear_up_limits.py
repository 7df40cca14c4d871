"""Limits of the shares of facts cleared, 95 % (Wilson): one row for each pair of counts that occurs.

Grain: cleared_count, fact_count.
Care: of one cohort and class, taken as a sample of what the same police work might have cleared.
"""

READS = {
    "counts": "select distinct cleared_count, fact_count from intermediate.int_clear_up_shown "
    "where fact_count > 0 and cleared_count is not null"
}


def compute(counts):
    from flows.core import statistics

    lower, upper = statistics.wilson_interval(counts["cleared_count"], counts["fact_count"])
    return counts.assign(lower_95=lower, upper_95=upper)
