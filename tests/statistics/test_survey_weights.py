"""Raking, effective sizes and intervals of shares, against R's `survey` package and against simulated truth.

The figures and how they were made stand in SURVEYS.md beside this file.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from flows.core import statistics
from flows.core import survey_weights as weights
from flows.settings import PROJECT

# apiclus1 of R's `survey` (183 Californian schools): school type, year-round or not, number of schools, sum and sum of
# squares of api00. Weighted means and their variances depend on the answers through these alone.
API = [
    ("E", "No", 12, 7156, 4353484), ("H", "No", 3, 1978, 1310410), ("M", "No", 8, 4851, 3016037),
    ("E", "Yes", 132, 86281, 57886529), ("H", "Yes", 11, 6682, 4168082), ("M", "Yes", 17, 10935, 7237353),
]  # fmt: skip
SCHOOL_TYPES = {"E": 4421, "H": 755, "M": 1018}
YEAR_ROUND = {"No": 1072, "Yes": 5122}


def api_schools():
    """Cells of the two margins and scores with the sums and sums of squares of the real ones."""
    types, rounds, scores = [], [], []
    for kind, year_round, count, total, squares in API:
        spread = np.sqrt((squares - total**2 / count) / 2)
        types += [list(SCHOOL_TYPES).index(kind)] * count
        rounds += [list(YEAR_ROUND).index(year_round)] * count
        scores += [total / count + spread, total / count - spread, *([total / count] * (count - 2))]
    return [np.array(types), np.array(rounds)], np.array(scores)


@pytest.fixture(scope="module")
def raked_schools():
    margins, scores = api_schools()
    found = weights.rake(margins, [list(SCHOOL_TYPES.values()), list(YEAR_ROUND.values())])
    return margins, scores, found


# -- R's survey package -----------------------------------------------------------------------------------------------


def test_raked_weights_are_those_of_r(raked_schools):
    _, _, found = raked_schools
    in_schools = sorted(set(np.round(found * 6194 / 183, 4)))
    assert in_schools == pytest.approx([29.8707, 36.7910, 39.8392, 49.0691, 50.3294, 67.1255], abs=1e-4)


def test_raked_mean_and_effective_size_are_those_of_r(raked_schools):
    _, scores, found = raked_schools
    assert np.average(scores, weights=found) == pytest.approx(641.2303, abs=5e-5)
    assert weights.effective_size(found) == pytest.approx(174.0112, abs=5e-5)


def test_linearised_variances_are_those_of_r(raked_schools):
    margins, scores, found = raked_schools
    assert weights.linearised_variance(scores, found) ** 0.5 == pytest.approx(7.833408, abs=5e-6)
    assert weights.linearised_variance(scores, found, margins) ** 0.5 == pytest.approx(7.778756, abs=5e-6)


def test_raking_meets_every_margin(raked_schools):
    margins, _, found = raked_schools
    assert weights.largest_miss(found, margins, [[4421, 755, 1018], [1072, 5122]]) < 1e-9
    assert found.mean() == pytest.approx(1)


# -- intervals against published figures and R ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "whole", "lower", "upper"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]
)
def test_wilson_is_newcombes_table(part, whole, lower, upper):
    found = statistics.wilson_interval([part], [whole])
    assert [found[0][0], found[1][0]] == pytest.approx([lower, upper], abs=5e-5)


@pytest.mark.parametrize(
    ("share", "size", "lower", "upper"),
    [
        (2.84 / 35.5, 35.5, 0.015809489, 0.221596968),
        (0, 50, 0, 0.071121736),
        (1, 50, 0.928878264, 1),
        (0.1, 10, 0.002528579, 0.445016117),
    ],
)
def test_korn_graubard_is_rs_beta(share, size, lower, upper):
    found = statistics.korn_graubard_interval([share], [size])
    assert [found[0][0], found[1][0]] == pytest.approx([lower, upper], abs=5e-9)


@pytest.mark.parametrize(
    ("part", "whole", "earlier", "earlier_whole", "lower", "upper"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_difference_is_newcombes_table(part, whole, earlier, earlier_whole, lower, upper):
    found = statistics.share_difference([part / whole], [whole], [earlier / earlier_whole], [earlier_whole])
    assert [found[1][0], found[2][0]] == pytest.approx([lower, upper], abs=5e-5)


def test_p_value_agrees_with_the_interval():
    generator = np.random.default_rng(3)
    sizes = generator.uniform(30, 600, 400)
    shares, earlier = generator.uniform(0, 1, 400), generator.uniform(0, 1, 400)
    _, lower, upper, p_value = statistics.share_difference(shares, sizes, earlier, sizes[::-1])
    assert (((lower > 0) | (upper < 0)) == (p_value < 0.05)).all()
    again = statistics.share_difference([shares[5]], [sizes[5]], [earlier[5]], [sizes[::-1][5]], level=1 - p_value[5])
    assert min(abs(again[1][0]), abs(again[2][0])) < 1e-6


# -- two waves against R's design-based tests -------------------------------------------------------------------------

# Respondents by weight class (rows: the weight, then how many gave each of four answers).
EARLIER = [(0.5, 60, 70, 40, 30), (1, 50, 80, 50, 20), (2, 30, 58, 40, 20)]
LATER = [(0.5, 70, 60, 30, 20), (1, 70, 80, 50, 20), (2, 50, 62, 30, 20)]


def distribution(respondents, is_weighted=True):
    """Shares of the answers, and Kish's effective size."""
    weight = np.array([row[0] if is_weighted else 1.0 for row in respondents])
    counts = np.array([row[1:] for row in respondents], float)
    shares = weight @ counts / (weight @ counts).sum()
    return shares, weights.effective_size(np.repeat(weight, counts.sum(axis=1).astype(int)))


def p_of_distributions(is_weighted):
    import pandas as pd

    path = PROJECT / "sql" / "2_intermediate" / "int_survey_waves_compared.py"
    spec = importlib.util.spec_from_file_location("int_survey_waves_compared", path)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    rows = []
    for wave, respondents in (("earlier", EARLIER), ("later", LATER)):
        shares, size = distribution(respondents, is_weighted)
        rows += [("Q", "all", wave, str(answer), share, size) for answer, share in enumerate(shares)]
    names = ["question_code", "zone_group", "wave_code", "answer_code", "share", "n_eff"]
    found = model._distributions(pd.DataFrame(rows, columns=names))
    return found.set_index("wave_code").loc["later", "distribution_p_value"]


def test_the_difference_of_two_waves_is_close_to_that_of_r():
    (late, size), (early, earlier_size) = distribution(LATER), distribution(EARLIER)
    assert [size, earlier_size] == pytest.approx([440.2585, 421.8717], abs=5e-5)
    found = statistics.share_difference([late[:2].sum()], [size], [early[:2].sum()], [earlier_size])
    difference, lower, upper, p_value = (values[0] for values in found)
    assert difference == pytest.approx(0.06994580, abs=5e-9)
    assert [lower, upper] == pytest.approx([0.006338, 0.133554], abs=0.001)
    assert p_value == pytest.approx(0.03117, abs=0.001)


def test_the_test_of_whole_distributions_is_close_to_rao_and_scotts_in_r():
    assert p_of_distributions(is_weighted=True) == pytest.approx(0.02370, abs=0.001)


def test_with_equal_weights_it_is_pearsons():
    assert p_of_distributions(is_weighted=False) == pytest.approx(0.01921927, abs=5e-9)


# -- simulated surveys with a known truth -----------------------------------------------------------------------------

AGE_SEX = np.array([18091, 17385, 14707, 14708, 12945, 12439, 10494, 8941, 7290, 4471], float)
DISTRICT = np.array([19314, 102157], float)


def city(generator, people=120_000):
    """A city with age × sex and district, an opinion that depends on both, and unequal readiness to answer."""
    age_sex = generator.choice(10, people, p=AGE_SEX / AGE_SEX.sum())
    district = generator.choice(2, people, p=DISTRICT / DISTRICT.sum())
    opinion = generator.random(people) < 0.25 + 0.05 * (age_sex // 2) + 0.2 * district
    readiness = np.exp(0.25 * (age_sex // 2) - 0.4 * (age_sex % 2) + 0.7 * district)
    return age_sex, district, opinion, readiness / readiness.sum()


@pytest.fixture(scope="module")
def simulated():
    """Of 1 000 surveys of 400 residents: weighted share, limits, plain share; and the truth."""
    generator = np.random.default_rng(20251119)
    age_sex, district, opinion, readiness = city(generator)
    targets = [np.bincount(age_sex), np.bincount(district)]
    found = []
    for _ in range(1000):
        asked = generator.choice(len(opinion), 400, p=readiness)
        margins = [age_sex[asked], district[asked]]
        weight = weights.rake(margins, targets, largest=weights.LARGEST_WEIGHT)
        share, size = np.average(opinion[asked], weights=weight), weights.effective_size(weight)
        lower, upper = statistics.wilson_interval([share * size], [size])
        found.append((share, lower[0], upper[0], opinion[asked].mean()))
    return np.array(found).T, opinion.mean()


def test_raking_removes_the_bias_of_unequal_response(simulated):
    (share, _, _, plain), truth = simulated
    assert abs(plain.mean() - truth) > 0.03
    assert abs(share.mean() - truth) < 0.003


def test_intervals_cover_the_truth_as_often_as_they_say(simulated):
    (_, lower, upper, _), truth = simulated
    covered = ((lower <= truth) & (truth <= upper)).mean()
    assert 0.94 <= covered <= 0.975, covered


def test_unweighted_intervals_would_not(simulated):
    (_, _, _, plain), truth = simulated
    lower, upper = statistics.wilson_interval(plain * 400, np.full(len(plain), 400))
    assert ((lower <= truth) & (truth <= upper)).mean() < 0.7


def test_kish_is_on_the_safe_side_of_the_linearised_variance():
    generator = np.random.default_rng(1)
    age_sex, district, opinion, readiness = city(generator)
    asked = generator.choice(len(opinion), 600, p=readiness)
    margins = [age_sex[asked], district[asked]]
    weight = weights.rake(margins, [np.bincount(age_sex), np.bincount(district)])
    share = np.average(opinion[asked], weights=weight)
    by_kish = share * (1 - share) / weights.effective_size(weight)
    assert 0.7 < weights.linearised_variance(opinion[asked], weight, margins) / by_kish < 1.05


def test_differences_between_equal_waves_are_found_as_rarely_as_said():
    generator = np.random.default_rng(5)
    first, second = generator.binomial(480, 0.55, 20_000) / 480, generator.binomial(505, 0.55, 20_000) / 505
    *_, p_value = statistics.share_difference(second, np.full(20_000, 505.0), first, np.full(20_000, 480.0))
    assert 0.045 < (p_value < 0.05).mean() < 0.055


# -- where weights end ------------------------------------------------------------------------------------------------


def test_a_cell_without_respondents_gives_no_weights():
    with pytest.raises(weights.NoWeights, match="no respondent"):
        weights.rake([[0, 0, 1, 1], [0, 1, 0, 1]], [[5, 5, 5], [10, 5]])


def test_a_cell_without_residents_weighs_nothing():
    found = weights.rake([[0, 0, 1]], [[10, 0]])
    assert list(found) == pytest.approx([1.5, 1.5, 0])


def test_margins_that_contradict_each_other_give_no_weights():
    with pytest.raises(weights.NoWeights, match="contradict"):
        weights.rake([[0] * 10 + [1] * 10, [0] * 10 + [1] * 10], [[30, 70], [60, 40]])


def test_weights_are_trimmed_and_the_miss_is_told():
    margin, target = np.array([0] * 98 + [1] * 2), [70, 30]
    found = weights.rake([margin], [target], largest=5)
    assert found.max() <= 5 + 1e-9
    assert weights.largest_miss(found, [margin], [target]) > weights.LARGEST_MISS
    assert weights.rake([margin], [target]).max() == pytest.approx(15)


def test_what_is_cut_goes_to_the_others():
    age = np.array([0] * 60 + [1] * 40)
    place = np.array(([0] * 59 + [1]) + ([0] * 39 + [1]))
    found = weights.rake([age, place], [[50, 50], [93, 7]], largest=3)
    assert found.max() <= 3 + 1e-9 and weights.largest_miss(found, [age, place], [[50, 50], [93, 7]]) < 0.02


def test_who_does_not_tell_a_trait_keeps_the_weight_of_the_others():
    sex = np.array([0] * 20 + [1] * 12)
    found = weights.rake([sex, np.array([0, 1] * 15 + [-1, -1])], [[50, 50], [50, 50]])
    assert found[-1] == pytest.approx(16 / 12) and found[:20].sum() == pytest.approx(16)


@pytest.mark.parametrize(
    ("counts", "groups"),
    [
        ([[9, 9], [9, 9], [9, 9]], [0, 1, 2]),
        ([[9, 9], [9, 9], [9, 2]], [0, 1, 1]),
        ([[1, 9], [9, 9], [9, 9]], [0, 0, 1]),
        ([[9, 9], [3, 3], [6, 7], [9, 9]], [0, 1, 1, 2]),
        ([[1, 1], [1, 1], [1, 0]], [0, 0, 0]),
    ],
)
def test_thin_age_bands_join_the_thinner_neighbour(counts, groups):
    assert weights.joined_neighbours(counts) == groups
