"""Weight of every finished response, raked to the census by wave: age band × sex, and group of zones.

Grain: delivery_id, response_number.
Care: mean 1 within a wave; where no weights can be made each is 1, `weighting` is 'unweighted', and the reason says why.
"""

READS = {
    "responses": """
        select
            responses.delivery_id,
            responses.response_number,
            responses.wave_code,
            responses.zone_group,
            responses.age_band,
            responses.sex,
            extract(year from waves.opened_on) as wave_year
        from intermediate.int_survey_responses_waved as responses
        inner join reference.survey_waves as waves
            on responses.wave_code = waves.wave_code
        where responses.is_finished
        order by responses.delivery_id, responses.response_number
    """,
    "census": """
        select
            margins.year,
            margins.zone_group,
            margins.age_band,
            margins.sex,
            cast(margins.resident_count as double) as resident_count,
            coalesce(deliveries.is_synthetic, false) as is_synthetic
        from staging.stg_reference__census_margins as margins
        left join sources.deliveries_of_reference as deliveries
            on margins.delivery_id = deliveries.delivery_id
        order by margins.year, margins.zone_group, margins.age_band, margins.sex
    """,
    "bands": """
        select answer_value as age_band
        from reference.survey_answer_codes
        where question_code = 'AGE'
        order by answer_order
    """,
}

COLUMNS = [
    "delivery_id", "response_number", "wave_code", "weight", "weighting", "weighting_reason", "census_year",
    "joined_age_bands", "trimmed_count", "largest_miss", "is_census_synthetic",
]  # fmt: skip


def compute(responses, census, bands):
    import pandas as pd

    weighted = [_wave(wave.copy(), census, list(bands["age_band"])) for _, wave in responses.groupby("wave_code")]
    return pd.concat(weighted)[COLUMNS] if weighted else responses.reindex(columns=COLUMNS)


def _wave(wave, census, bands):
    """The responses of one wave with their weights, or with weights of 1 and the reason."""
    from flows.core.survey_weights import NoWeights

    year = _census_year(census, int(wave["wave_year"].iloc[0]))
    margins = census[census["year"] == year]
    told = {
        "weighting": "unweighted", "weighting_reason": None, "census_year": None, "joined_age_bands": None,
        "trimmed_count": 0, "largest_miss": None, "is_census_synthetic": False, "weight": 1.0,
    }  # fmt: skip
    try:
        told |= _raked(wave, margins, bands) | {"census_year": year}
        told["is_census_synthetic"] = bool(margins["is_synthetic"].any())
    except NoWeights as reason:
        told["weighting_reason"] = str(reason)
    return wave.assign(**told)


def _census_year(census, wave_year):
    """The newest census that is not younger than the wave; the oldest one where all are younger."""
    years = sorted(census["year"].unique())
    return max((y for y in years if y <= wave_year), default=years[0] if years else None)


def _raked(wave, census, bands):
    from flows.core import survey_weights as weights

    _refuse_gaps(wave, census, bands)
    sexes, zone_groups = sorted(census["sex"].unique()), sorted(census["zone_group"].unique())
    counts = _crossed(wave.groupby(["age_band", "sex"]).size(), bands, sexes)
    groups = dict(zip(bands, weights.joined_neighbours(counts), strict=True))
    people = census.assign(age_group=census["age_band"].map(groups))
    targets = [
        people.groupby(["age_group", "sex"])["resident_count"].sum(),
        people.groupby("zone_group")["resident_count"].sum(),
    ]
    if any((target <= 0).any() for target in targets):
        raise weights.NoWeights("a margin of the census has no residents")
    cells = [
        _cells(list(zip(wave["age_band"].map(groups), wave["sex"], strict=True)), list(targets[0].index)),
        _cells(list(wave["zone_group"]), zone_groups),
    ]
    _refuse_thin(cells, targets)
    found = weights.rake(cells, targets, largest=weights.LARGEST_WEIGHT)
    miss = weights.largest_miss(found, cells, targets)
    if miss > weights.LARGEST_MISS:
        raise weights.NoWeights(f"trimmed weights miss a margin of the census by {100 * miss:.0f} points")
    return {
        "weight": found,
        "weighting": "raked",
        "joined_age_bands": _joined(groups),
        "trimmed_count": int((found >= weights.LARGEST_WEIGHT * (1 - 1e-6)).sum()),
        "largest_miss": miss,
    }


def _refuse_gaps(wave, census, bands):
    from flows.core.survey_weights import FEWEST_RESPONSES, NoWeights

    if census.empty:
        raise NoWeights("no margins of the census were delivered")
    cells = census[["zone_group", "age_band", "sex"]].nunique().prod()
    if set(census["age_band"]) != set(bands) or cells != len(census) or census["resident_count"].isna().any():
        raise NoWeights("the margins of the census lack cells, or have other age bands than the survey")
    if len(wave) < FEWEST_RESPONSES:
        raise NoWeights(f"fewer than {FEWEST_RESPONSES} responses")


def _refuse_thin(cells, targets):
    import numpy as np

    from flows.core.survey_weights import FEWEST_IN_CELL, MOST_UNTOLD, NoWeights

    for name, found, target in zip(("age band and sex", "group of zones"), cells, targets, strict=True):
        if (found < 0).mean() > MOST_UNTOLD:
            raise NoWeights(f"more than one respondent in five does not tell {name}")
        if np.bincount(found[found >= 0], minlength=len(target)).min() < FEWEST_IN_CELL:
            raise NoWeights(f"a cell of {name} has fewer than {FEWEST_IN_CELL} respondents, and no neighbour to join")


def _crossed(counted, rows, columns):
    return [[int(counted.get((row, column), 0)) for column in columns] for row in rows]


def _cells(values, order):
    """The number of each value in `order`, -1 for one that is not there."""
    import numpy as np

    places = {value: place for place, value in enumerate(order)}
    return np.array([places.get(value, -1) for value in values])


def _joined(groups):
    """Age bands that were joined, as '60-74 + 75+'; None when every band stands alone."""
    members = {}
    for band, group in groups.items():
        members.setdefault(group, []).append(band)
    return ", ".join(" + ".join(bands) for bands in members.values() if len(bands) > 1) or None
