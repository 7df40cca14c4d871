"""Shares of the survey as they may be shown, with 95 % intervals from the effective sample size, flagged where they say too little.

Grain: wave_code, zone_group, question_code, measure, subquestion_code, answer_code.
Care: the sample is a quota sample, so the intervals hold if the weights make it like a random one; they are widened by what
rounding leaves open: the lower limit is that of the least share which what is shown allows, the upper that of the largest.
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
            cast(n_eff as double) as n_eff,
            cast(n_eff_low as double) as n_eff_low,
            cast(design_effect as double) as design_effect,
            cast(share as double) as share,
            cast(share_low as double) as share_low,
            cast(share_high as double) as share_high,
            cast(share_unweighted as double) as share_unweighted,
            hidden_status,
            question_status,
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
HIDDEN = ["share", "share_low", "share_high", "lower_95", "upper_95", "interval_method"]
COLUMNS = [
    *QUESTION, "measure", "subquestion_code", "answer_code", "n_eff", "design_effect", "share", "share_low",
    "share_high", "share_unweighted", "lower_95", "upper_95", "interval_method", "question_status", "obs_status",
    "is_synthetic",
]  # fmt: skip


def compute(shares):
    import numpy as np

    share, size = shares["share"].to_numpy(float), shares["n_eff_low"].to_numpy(float)
    is_rare = np.minimum(share, 1 - share) * size < RARE
    lower = _limits(shares["share_low"].to_numpy(float), size, is_rare)[0]
    upper = _limits(shares["share_high"].to_numpy(float), size, is_rare)[1]
    found = shares.assign(
        lower_95=lower,
        upper_95=upper,
        interval_method=np.where(is_rare, "korn_graubard", "wilson"),
        width=upper - lower,
    )
    found.loc[found["hidden_status"].notna(), [*HIDDEN, "width"]] = None
    found["question_status"] = _status(found)
    found["obs_status"] = found["hidden_status"].fillna(found["question_status"])
    # adding in another order changes the last digits, and a release must not depend on it
    measured = ["n_eff", "design_effect", "share", "share_low", "share_high", "share_unweighted", "lower_95", "upper_95"]
    found[measured] = found[measured].astype(float).round(10)
    return found[COLUMNS]


def _limits(share, size, is_rare):
    import numpy as np

    from flows.core import statistics

    wilson = statistics.wilson_interval(share * size, size)
    rare = statistics.korn_graubard_interval(share, size)
    return [np.where(is_rare, r, w) for r, w in zip(rare, wilson, strict=True)]


def _status(found):
    """The status of the question: one that any of its shown shares cannot bear is unreliable as a whole."""
    widest = found.groupby(QUESTION)["width"].transform("max")
    says_little = ~(found["n_eff_low"] >= FEWEST) | (widest > WIDEST)
    return found["question_status"].mask(found["question_status"].isin(["A", "P"]) & says_little, "U")
