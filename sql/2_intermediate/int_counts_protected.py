"""The protected cube: every count of the exact cube as it may be shown, with the mark of what is hidden and why.

Grain: measure, zone_code, period_type, period_start, breakdown, breakdown_value.
Care: every published count, share and rate comes from shown_count; the other columns are for the attacker's check alone.
"""

READS = {
    "cells": """
        select
            domain,
            measure,
            zone_code,
            period_type,
            period_start,
            breakdown,
            breakdown_value,
            exact_count,
            group_count,
            contributor_count,
            largest_count,
            series,
            level,
            weight
        from intermediate.int_counts_cubed
        order by measure, zone_code, period_type, period_start, breakdown, breakdown_value
    """,
    "sums": """
        select
            dimension,
            hierarchy,
            measure,
            child,
            parent,
            is_exhaustive
        from intermediate.int_counts_linked
        order by dimension, hierarchy, measure, child, parent
    """,
    "rules": "select kind, family, rule_limit, reason, decided_on from reference.disclosure_rules order by kind, family",
    "measures": "select measure, family from reference.disclosure_measures order by measure",
    "before_cells": "select * from sources.shown_before order by cell_id",
    "before_sums": "select * from sources.sums_before order by sum_id, cell_id",
}


def compute(cells, sums, rules, measures, before_cells, before_sums):
    from flows.core.disclosure import frames

    protected = frames.protect_frame(cells, sums, rules, measures, before_cells, before_sums)
    domain_of = dict(zip(cells["measure"], cells["domain"], strict=True))
    protected.insert(0, "domain", protected["measure"].map(domain_of))
    return protected
