"""Exact Poisson limits of the counts that stand beside Clermont-Ferrand's.

Grain: count.
Care: of one territory's count in one year; people implicated repeatedly are one, so the true spread may be wider.
"""

READS = {
    "counts": """
        select distinct count
        from intermediate.int_ssmsi_latest_by_territory
        where count is not null
            and indicator_code in (
                'usage_stupefiants', 'usage_stupefiants_afd', 'usage_stupefiants_hors_afd', 'trafic_stupefiants'
            )
    """
}


def compute(counts):
    from flows.core import statistics

    lower, upper = statistics.poisson_interval(counts["count"])
    return counts.assign(lower_95=lower, upper_95=upper)
