"""A second way to each interval: its limits, put back into the test that they turn round, leave 2.5 % in each tail."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from flows.core import statistics

pytestmark = pytest.mark.filterwarnings("error")
TAIL = 0.025


@pytest.mark.parametrize("count", [0, 1, 2, 5, 10, 60, 125, 150, 2400, 26819])
def test_poisson(count) -> None:
    lower, upper = (float(limit) for limit in statistics.poisson_interval(count))
    assert stats.poisson.cdf(count, upper) == pytest.approx(TAIL, rel=1e-6)
    assert lower == 0 if count == 0 else stats.poisson.sf(count - 1, lower) == pytest.approx(TAIL, rel=1e-6)


@pytest.mark.parametrize(("part", "whole"), [(0, 20), (1, 29), (3, 20), (228, 1200), (19, 20), (20, 20)])
def test_binomial(part, whole) -> None:
    lower, upper = (float(limit) for limit in statistics.binomial_interval(part, whole))
    assert upper == 1 if part == whole else stats.binom.cdf(part, whole, upper) == pytest.approx(TAIL, rel=1e-6)
    assert lower == 0 if part == 0 else stats.binom.sf(part - 1, whole, lower) == pytest.approx(TAIL, rel=1e-6)


@pytest.mark.parametrize(
    ("count", "exposure", "earlier", "earlier_exposure"),
    [(150, 1, 125, 1), (11, 800, 21, 3011), (0, 1, 6, 1), (6, 1, 0, 1), (5, 28, 9, 29), (2548, 1, 2400, 1)],
)
def test_rate_ratio(count, exposure, earlier, earlier_exposure) -> None:
    """Given the sum of the two, the later count is binomial with a share that follows from the ratio."""
    lower, upper = (
        float(limit) for limit in statistics.rate_ratio_interval(count, exposure, earlier, earlier_exposure)
    )

    def share(ratio: float) -> float:
        return ratio * exposure / (ratio * exposure + earlier_exposure)

    if count > 0:
        assert stats.binom.sf(count - 1, count + earlier, share(lower)) == pytest.approx(TAIL, rel=1e-6)
    if earlier > 0:
        assert stats.binom.cdf(count, count + earlier, share(upper)) == pytest.approx(TAIL, rel=1e-6)
    assert (lower == 0) is (count == 0) and math.isinf(upper) is (earlier == 0)


@pytest.mark.parametrize(("part", "whole"), [(1, 29), (81, 263), (15, 148), (28, 29), (7.5, 31.2)])
def test_wilson(part, whole) -> None:
    """Each limit is a share whose distance from the observed one is 1.96 of its own standard errors."""
    share = part / whole
    for limit in statistics.wilson_interval(part, whole):
        assert abs(share - limit) / math.sqrt(limit * (1 - limit) / whole) == pytest.approx(1.959963985, rel=1e-8)


def test_levels_are_nested() -> None:
    for name, arguments in {
        "poisson_interval": (10,),
        "wilson_interval": (5, 20),
        "binomial_interval": (5, 20),
        "rate_ratio_interval": (10, 1, 12, 1),
        "share_difference_interval": (5, 20, 8, 20),
    }.items():
        inner, outer = (getattr(statistics, name)(*arguments, level=level) for level in (0.9, 0.99))
        assert outer[0] < inner[0] < inner[1] < outer[1], name


def test_an_earlier_share_turned_round_turns_the_difference_round() -> None:
    forth = np.array(statistics.share_difference_interval(56, 70, 48, 80))
    back = np.array(statistics.share_difference_interval(48, 80, 56, 70))
    assert np.allclose(forth, -back[::-1])
