"""Shares of two waves side by side: compared where the question was the same, else refused with both wordings.

Grain: question_code, measure, subquestion_code, answer_code, zone_group, wave_code, earlier_wave_code.
Care: of some forty comparisons two differ by chance alone; a difference between waves is not an effect of the campaign. Shares are as
shown: hidden ones are not compared, and limits and p-values allow for what rounding leaves open.
"""

READS = {
    "shares": """
        select
            shares.question_code,
            shares.measure,
            shares.subquestion_code,
            shares.answer_code,
            shares.zone_group,
            shares.wave_code,
            waves.opened_on,
            waves.label_fr as wave_fr,
            waves.label_en as wave_en,
            waves.mode,
            waves.sample_kind,
            questions.indicator_id,
            questions.label_fr,
            questions.label_en,
            shares.n_eff,
            shares.share,
            coalesce(shares.share_low, shares.share) as share_low,
            coalesce(shares.share_high, shares.share) as share_high,
            shares.obs_status,
            weightings.weighting,
            shares.is_synthetic or weightings.is_census_synthetic as is_synthetic
        from intermediate.int_survey_shares_estimated as shares
        inner join reference.survey_waves as waves
            on shares.wave_code = waves.wave_code
        inner join reference.survey_questions as questions
            on shares.question_code = questions.question_code
        inner join intermediate.int_survey_waves_weighted as weightings
            on shares.wave_code = weightings.wave_code
        where questions.subject <> 'profile'
            and (shares.measure = 'top_two' or questions.scale in ('change', 'multiple_choice'))
        order by
            shares.question_code, shares.measure, shares.subquestion_code, shares.answer_code, shares.zone_group,
            shares.wave_code
    """,
    "codes": """
        select question_code, subquestion_code, answer_code, answer_value, meaning_fr, meaning_en, is_top_two
        from reference.survey_answer_codes
        order by question_code, subquestion_code, answer_order, answer_code
    """,
    "distributions": """
        select wave_code, zone_group, question_code, answer_code, share, n_eff
        from intermediate.int_survey_shares_estimated
        where measure = 'answer' and subquestion_code = '-'
        order by wave_code, zone_group, question_code, answer_code
    """,
    "wordings": "select wave_code, question_code, wording, wording_hash from intermediate.int_survey_wordings",
    "decisions": """
        select wave_code, earlier_wave_code, question_code, is_comparable, reason_fr, reason_en
        from reference.survey_comparability
    """,
}

SHARE = ["question_code", "measure", "subquestion_code", "answer_code", "zone_group"]
PAIR = ["wave_code", "earlier_wave_code"]
STATUSES = ["A", "P", "U", "C", "S"]
COLUMNS = [
    *SHARE, *PAIR, "indicator_id", "answer_value", "wave_opened_on", "sample_kind", "share", "earlier_share", "n_eff",
    "earlier_n_eff", "difference", "lower_95", "upper_95", "p_value", "distribution_p_value", "is_comparable",
    "reason", "decision_fr", "decision_en", "wording", "earlier_wording", "wording_hash", "earlier_wording_hash",
    "obs_status", "reading_fr", "reading_en", "is_synthetic",
]  # fmt: skip


def compute(shares, codes, distributions, wordings, decisions):
    pairs = _pairs(shares).merge(
        _answers(codes), how="left", on=["question_code", "measure", "subquestion_code", "answer_code"]
    )
    if pairs.empty:
        return pairs.reindex(columns=COLUMNS)
    judged = _judged(_worded(pairs, wordings), decisions, _reworded(wordings))
    tested = _tested(judged).merge(_distributions(distributions), how="left", on=[*PAIR, "zone_group", "question_code"])
    tested.loc[~tested["is_comparable"], "distribution_p_value"] = None
    return _readings(tested)[COLUMNS]


def _pairs(shares):
    """Every share beside that of each earlier wave."""
    both = shares.merge(shares, on=SHARE, suffixes=("", "_before"))
    both = both[both["opened_on"] > both["opened_on_before"]]
    names = {"wave_code_before": "earlier_wave_code", "share_before": "earlier_share", "n_eff_before": "earlier_n_eff"}
    return both.rename(columns={**names, "opened_on": "wave_opened_on"}).reset_index(drop=True)


def _answers(codes):
    """What each share is of, in words: an answer, or the two best ones together."""
    import pandas as pd

    answers = codes.assign(measure="answer", said_fr=codes["meaning_fr"], said_en=codes["meaning_en"])
    top = codes[codes["is_top_two"]].groupby("question_code", as_index=False).agg(
        said_fr=("meaning_fr", " ou ".join), said_en=("meaning_en", " or ".join)
    )  # fmt: skip
    top = top.assign(measure="top_two", subquestion_code="-", answer_code="-", answer_value="top_two")
    wanted = ["question_code", "measure", "subquestion_code", "answer_code", "answer_value", "said_fr", "said_en"]
    return pd.concat([answers[wanted], top[wanted]])


def _worded(pairs, wordings):
    earlier = wordings.add_prefix("earlier_").rename(columns={"earlier_question_code": "question_code"})
    pairs = pairs.merge(wordings, how="left", on=["wave_code", "question_code"])
    return pairs.merge(earlier, how="left", on=["earlier_wave_code", "question_code"])


def _reworded(wordings):
    """Questions that are known to have changed between any two waves: "one questionnaire throughout" is then not so."""
    times = wordings.groupby("question_code")["wording_hash"].nunique()
    return set(times[times > 1].index)


def _judged(pairs, decisions, reworded):
    """Whether two waves compare, and why: a decision on the question, else the wordings, else a decision on the waves."""
    import numpy as np

    decisions = decisions.rename(
        columns={"is_comparable": "decided", "reason_fr": "decision_fr", "reason_en": "decision_en"}
    )
    on_all = decisions[decisions["question_code"] == "all"].drop(columns="question_code")
    pairs = pairs.merge(decisions, how="left", on=[*PAIR, "question_code"])
    pairs = pairs.merge(on_all, how="left", on=PAIR, suffixes=("", "_all"))
    is_known = pairs["wording_hash"].notna() & pairs["earlier_wording_hash"].notna()
    is_decided = pairs["decided"].notna()
    is_decided_on_all = pairs["decided_all"].notna() & ~is_known & ~pairs["question_code"].isin(reworded)
    said, said_of_all = _is_true(pairs["decided"]), _is_true(pairs["decided_all"])
    reasons = [
        (pairs["obs_status"].isin(["S", "C"]) | pairs["obs_status_before"].isin(["S", "C"]), "few_answers"),
        (is_decided & said, "decided_comparable"),
        (is_decided & ~said, "decided_not_comparable"),
        (is_known & (pairs["wording_hash"] != pairs["earlier_wording_hash"]), "other_wording"),
        (pairs["mode"] != pairs["mode_before"], "other_mode"),
        (pairs["sample_kind"] != pairs["sample_kind_before"], "other_sample"),
        (pairs["weighting"] != pairs["weighting_before"], "other_weighting"),
        (is_decided_on_all & said_of_all, "decided_comparable"),
        (is_decided_on_all & ~said_of_all, "decided_not_comparable"),
        (~is_known, "wording_unknown"),
    ]
    reason = np.select([condition for condition, _ in reasons], [name for _, name in reasons], "same_wording")
    by_decision = np.isin(reason, ["decided_comparable", "decided_not_comparable"])
    return pairs.assign(
        reason=reason,
        is_comparable=np.isin(reason, ["same_wording", "decided_comparable"]),
        decision_fr=pairs["decision_fr"].where(is_decided, pairs["decision_fr_all"]).where(by_decision, None),
        decision_en=pairs["decision_en"].where(is_decided, pairs["decision_en_all"]).where(by_decision, None),
    )


def _is_true(column):
    return column.map(lambda value: value is True or value == 1).astype(bool)


def _tested(pairs):
    compared = pairs.assign(
        obs_status=[
            max(both, key=STATUSES.index) for both in zip(pairs["obs_status"], pairs["obs_status_before"], strict=True)
        ],
        is_synthetic=pairs["is_synthetic"] | pairs["is_synthetic_before"],
    )
    found = _differences(compared.where(compared["is_comparable"]))
    names = ["difference", "lower_95", "upper_95", "p_value"]
    return compared.assign(**{name: column.round(10) for name, column in zip(names, found, strict=True)})


def _differences(compared):
    """Differences with limits and p-value that allow for rounding: the nearest and the furthest that what is shown allows.

    The lower limit is that of the least difference, the upper that of the largest, and the p-value is that of whichever of
    the two lies nearer to no difference: it stays below 0.05 exactly when the limits leave out 0.
    """
    import numpy as np

    from flows.core.statistics import share_difference

    def column(name):
        return compared[name].astype(float).to_numpy()

    sizes = column("n_eff"), column("earlier_n_eff")
    difference = column("share") - column("earlier_share")
    ends = []
    for late, early in (("share_low", "share_high_before"), ("share_high", "share_low_before")):
        ends.append(share_difference(column(late), sizes[0], column(early), sizes[1]))
    least, largest = ends
    p_value = np.where(difference > 0, np.where(least[0] > 0, least[3], 1.0), np.where(largest[0] < 0, largest[3], 1.0))
    return difference, least[1], largest[2], np.where(np.isnan(difference), np.nan, p_value)


def _distributions(shares):
    """Rao and Scott's first-order test of the whole distribution, with Kish's design effects (1981, JASA 76: 221–230).

    Of the shares as shown, made to add up to 1; nothing where an answer is hidden, for the others are not the whole.
    """
    from scipy.special import chdtrc

    key = ["zone_group", "question_code", "answer_code"]
    question = ["wave_code", "zone_group", "question_code"]
    shares = shares[shares["share"].notna().groupby([shares[name] for name in question]).transform("all")]
    shares = shares.assign(share=shares["share"] / shares.groupby(question)["share"].transform("sum"))
    both = shares.merge(shares, on=key, suffixes=("", "_before")).rename(
        columns={"wave_code_before": "earlier_wave_code"}
    )
    both = both[both["wave_code"] != both["earlier_wave_code"]]
    sizes = both["n_eff"] + both["n_eff_before"]
    pooled = (both["share"] * both["n_eff"] + both["share_before"] * both["n_eff_before"]) / sizes
    late = both["n_eff"] * (both["share"] - pooled) ** 2 / pooled.where(pooled > 0)
    early = both["n_eff_before"] * (both["share_before"] - pooled) ** 2 / pooled.where(pooled > 0)
    summed = (
        both.assign(statistic=late + early, is_given=pooled > 0)
        .groupby([*PAIR, "zone_group", "question_code"], as_index=False)
        .agg(statistic=("statistic", "sum"), given=("is_given", "sum"))
    )
    p_value = chdtrc((summed["given"] - 1).clip(lower=1).astype(float), summed["statistic"].astype(float))
    return summed.assign(distribution_p_value=p_value.round(10)).drop(columns=["statistic", "given"])


# -- in words ---------------------------------------------------------------------------------------------------------

GROUPS = {
    "all": ("", ""),
    "qpv": (", quartiers prioritaires", ", priority districts"),
    "hors_qpv": (", hors quartiers prioritaires", ", outside the priority districts"),
}
REFUSED = {
    "few_answers": ("trop peu de réponses dans l'une des vagues", "too few answers in one of the waves"),
    "decided_not_comparable": ("décision consignée", "a recorded decision"),
    "other_wording": ("la question n'était pas posée dans les mêmes termes", "the question was worded otherwise"),
    "other_mode": ("le mode de collecte a changé", "answers were collected in another way"),
    "other_sample": (
        "les personnes interrogées n'étaient pas choisies de la même façon",
        "people were found in another way",
    ),
    "other_weighting": ("une seule des deux vagues est redressée", "only one of the waves is weighted"),
    "wording_unknown": (
        "le questionnaire d'une des vagues n'a pas été livré",
        "the questionnaire of one wave was not delivered",
    ),
}


def _readings(pairs):
    rows = [dict(zip(pairs.columns, row, strict=True)) for row in pairs.itertuples(index=False)]
    return pairs.assign(reading_fr=[_french(row) for row in rows], reading_en=[_english(row) for row in rows])


def _french(row):
    about = f"{row['label_fr']} ({row['said_fr']}){GROUPS[row['zone_group']][0]}"
    waves = f"{_short(row['wave_fr_before'])} et {_short(row['wave_fr'])}"
    if not row["is_comparable"]:
        why = REFUSED[row["reason"]][0] + (f" : {row['decision_fr']}" if isinstance(row["decision_fr"], str) else "")
        return f"{about} : {waves} ne sont pas comparées ({why})."
    rise = "en hausse" if row["difference"] > 0 else "en baisse"
    verdict = (
        f"{rise}, plus que le hasard ne l'explique"
        if row["p_value"] < 0.05
        else "pas de différence que l'on puisse distinguer"
    )
    low, high, change = (_points(row[name]).replace(".", ",") for name in ("lower_95", "upper_95", "difference"))
    numbers = f"{100 * row['earlier_share']:.1f} % → {100 * row['share']:.1f} %".replace(".", ",")
    few = " Peu de réponses : à lire avec prudence." if row["obs_status"] == "U" else ""
    decided = f" Comparées sur décision consignée : {row['decision_fr']}" if isinstance(row["decision_fr"], str) else ""
    return f"{about} : {numbers} ({waves}), soit {change} points ({low} à {high}) : {verdict}.{few}{decided}"


def _english(row):
    about = f"{row['label_en']} ({row['said_en']}){GROUPS[row['zone_group']][1]}"
    waves = f"{_short(row['wave_en_before'])} and {_short(row['wave_en'])}"
    if not row["is_comparable"]:
        why = REFUSED[row["reason"]][1] + (f": {row['decision_en']}" if isinstance(row["decision_en"], str) else "")
        return f"{about}: {waves} are not compared ({why})."
    rise = "higher" if row["difference"] > 0 else "lower"
    verdict = f"{rise}, by more than chance explains" if row["p_value"] < 0.05 else "not distinguishable from no change"
    low, high, change = (_points(row[name]) for name in ("lower_95", "upper_95", "difference"))
    numbers = f"{100 * row['earlier_share']:.1f}% → {100 * row['share']:.1f}%"
    few = " Few answers: read with caution." if row["obs_status"] == "U" else ""
    decided = f" Compared by a recorded decision: {row['decision_en']}" if isinstance(row["decision_en"], str) else ""
    return f"{about}: {numbers} ({waves}), {change} points ({low} to {high}): {verdict}.{few}{decided}"


def _short(wave):
    return wave.split(" (")[0]


def _points(share):
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"
