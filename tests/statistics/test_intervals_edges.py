"""What cannot be known gives no limits, quietly: NaN, nothing, less than nothing, infinity, and more than there are."""

from __future__ import annotations

import numpy as np
import pytest

from flows.core import statistics

pytestmark = pytest.mark.filterwarnings("error")
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("count", [NAN, -1, INF, -INF])
def test_no_count_no_limits(count) -> None:
    assert np.isnan(statistics.poisson_interval(count)).all()


SHARES = [(NAN, 10), (1, NAN), (1, 0), (0, 0), (11, 10), (-1, 10), (INF, INF), (1, INF), (1, -10)]


@pytest.mark.parametrize("share", SHARES)
def test_no_share_no_limits(share) -> None:
    assert np.isnan(statistics.wilson_interval(*share)).all()
    assert np.isnan(statistics.binomial_interval(*share)).all()
    assert np.isnan(statistics.share_difference_interval(*share, 1, 2)).all()
    assert np.isnan(statistics.share_difference_interval(1, 2, *share)).all()


@pytest.mark.parametrize(
    "pair",
    [(NAN, 1, 1, 1), (1, NAN, 1, 1), (1, 1, NAN, 1), (1, 1, 1, NAN), (1, 0, 1, 1), (1, 1, 1, 0), (1, -1, 1, 1),
     (-1, 1, 5, 1), (INF, 1, 1, 1), (1, 1, 1, INF), (0, 1, 0, 1)],
)  # fmt: skip
def test_no_ratio_no_limits(pair) -> None:
    assert np.isnan(statistics.rate_ratio_interval(*pair)).all()


def test_nothing_of_some_and_all_of_some_are_exact() -> None:
    for interval in (statistics.wilson_interval, statistics.binomial_interval):
        lower, upper = interval([0, 1, 0, 30, 1_000_000], [1, 1, 30, 30, 1_000_000])
        assert list(lower[[0, 2]]) == [0, 0] and list(upper[[1, 3, 4]]) == [1, 1, 1]
        assert ((lower >= 0) & (upper <= 1) & (lower < upper)).all()


def test_differences_stay_between_minus_one_and_one() -> None:
    lower, upper = statistics.share_difference_interval([1, 0, 10, 0], [1, 1, 10, 10], [0, 1, 0, 10], [1, 1, 10, 10])
    assert ((lower >= -1) & (upper <= 1) & (lower < upper)).all()


def test_a_ratio_to_nothing_has_no_upper_limit() -> None:
    lower, upper = statistics.rate_ratio_interval([6, 0], 1, [0, 6], 1)
    assert lower[0] > 1 and upper[0] == INF and lower[1] == 0 and upper[1] < 1


def test_many_at_once_are_what_each_is_alone() -> None:
    counts = np.array([0, 3, NAN, 2400, -1, 1e7])
    together = statistics.poisson_interval(counts)
    for place, count in enumerate(counts):
        assert np.array_equal([limit[place] for limit in together], statistics.poisson_interval(count), equal_nan=True)


def test_every_count_lies_within_its_limits() -> None:
    counts = np.concatenate([np.arange(3000), [26_819, 1e6, 1e9]])
    lower, upper = statistics.poisson_interval(counts)
    assert ((lower <= counts) & (counts < upper)).all() and (np.diff(lower) > 0).all() and (np.diff(upper) > 0).all()


def test_no_rows_give_no_limits() -> None:
    for name, arguments in {"poisson_interval": 1, "wilson_interval": 2, "rate_ratio_interval": 4}.items():
        lower, upper = getattr(statistics, name)(*[np.array([])] * arguments)
        assert len(lower) == len(upper) == 0
