"""Shares of the survey with 95 % intervals from the effective sample size, hidden or flagged where they say too little.

Grain: wave_code, zone_group, question_code, measure, subquestion_code, answer_code.
Care: the sample is a quota sample, so the intervals hold if the weights make it like a random one; status is the question's.
"""

READS = {
    "shares": """
        select
            wave_code,
            zone_group,
            question_code,
            measure,
            subquestion_code,
            answer_code,
            cast(in_denominator_count as double) as in_denominator_count,
            cast(n_eff as double) as n_eff,
            cast(share as double) as share,
            share_unweighted,
            obs_status,
            is_synthetic
        from intermediate.int_survey_shares_listed
        order by wave_code, zone_group, question_code, measure, subquestion_code, answer_code
    """
}

WIDEST = 0.30
"""2026-11: an interval of more than 30 points says nearly nothing (NCHS standards for proportions, Parker 2017)."""

FEWEST = 30
"""2026-11: fewer answers, or fewer effective ones, are unreliable (NCHS standards; DESIGN §8)."""

RARE = 10
"""2026-11: under so many effective answers for or against, Korn and Graubard's limits instead of Wilson's."""

QUESTION = ["wave_code", "zone_group", "question_code"]
HIDDEN = ["share", "share_unweighted", "lower_95", "upper_95", "interval_method"]
COLUMNS = [
    *QUESTION, "measure", "subquestion_code", "answer_code", "n_eff", "design_effect", "share", "share_unweighted",
    "lower_95", "upper_95", "interval_method", "obs_status", "is_synthetic",
]  # fmt: skip


def compute(shares):
    import numpy as np

    from flows.core import statistics

    share, size = shares["share"].to_numpy(float), shares["n_eff"].to_numpy(float)
    is_rare = np.minimum(share, 1 - share) * size < RARE
    wilson = statistics.wilson_interval(share * size, size)
    rare = statistics.korn_graubard_interval(share, size)
    lower, upper = (np.where(is_rare, r, w) for r, w in zip(rare, wilson, strict=True))
    found = shares.assign(
        design_effect=shares["in_denominator_count"] / shares["n_eff"],
        lower_95=lower,
        upper_95=upper,
        interval_method=np.where(is_rare, "korn_graubard", "wilson"),
        width=upper - lower,
    )
    found["obs_status"] = _status(found)
    # adding in another order changes the last digits, and a release must not depend on it
    measured = ["n_eff", "design_effect", "share", "lower_95", "upper_95"]
    found[measured] = found[measured].round(10)
    found.loc[found["obs_status"].isin(["S", "C"]), HIDDEN] = None
    return found[COLUMNS]


def _status(found):
    """The status of the question: one that any of its shares cannot bear is unreliable as a whole."""
    widest = found.groupby(QUESTION)["width"].transform("max")
    says_little = ~(found["n_eff"] >= FEWEST) | ~(widest <= WIDEST)  # so also where either is unknown
    return found["obs_status"].mask(found["obs_status"].isin(["A", "P"]) & says_little, "U")
