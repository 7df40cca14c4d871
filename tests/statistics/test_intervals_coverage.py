"""How often each interval holds the truth: by adding up every outcome, or by draws with a fixed seed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from flows.core import statistics

pytestmark = pytest.mark.filterwarnings("error")
README = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
DRAWS = 20_000
NOISE = 0.005
"""Three standard errors of a share of 95 % among 20 000 draws."""


def _held(limits, truth) -> np.ndarray:
    lower, upper = limits
    return (lower <= truth) & (truth <= upper)


def _says(text: str, share: float) -> bool:
    return re.search(rf"^\| {re.escape(text)} \| {100 * share:.1f} % \|$", README, re.MULTILINE) is not None


@pytest.mark.parametrize("mean", [0.1, 0.5, 1, 2, 3.3, 5, 10.4, 30, 125, 200, 2400])
def test_exact_limits_of_a_count_never_hold_less_than_they_say(mean) -> None:
    counts = np.arange(0, int(mean + 12 * mean**0.5 + 30))
    assert (stats.poisson.pmf(counts, mean) * _held(statistics.poisson_interval(counts), mean)).sum() >= 0.95


@pytest.mark.parametrize("whole", [5, 20, 60, 400])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.19, 0.23, 0.5, 0.8, 0.99])
def test_exact_limits_of_a_share_never_hold_less_than_they_say(whole, share) -> None:
    parts = np.arange(whole + 1)
    assert (
        stats.binom.pmf(parts, whole, share) * _held(statistics.binomial_interval(parts, whole), share)
    ).sum() >= 0.95


@pytest.mark.parametrize("whole", [20, 60, 400])
def test_wilson_holds_about_what_it_says(whole) -> None:
    """On average over the shares close to 95 %; at single ones it may fall short, most near 0 and 1."""
    shares = np.linspace(0.02, 0.98, 481)
    parts = np.arange(whole + 1)
    lower, upper = statistics.wilson_interval(parts, whole)
    held = (lower[:, None] <= shares) & (shares <= upper[:, None])
    coverage = (stats.binom.pmf(parts[:, None], whole, shares) * held).sum(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.006) and coverage.min() > 0.83


@pytest.mark.parametrize(
    ("mean", "ratio", "exposure"), [(1, 1, 1), (5, 1, 1), (10.4, 0.7, 1), (125, 1, 1), (125, 1.2, 2), (200, 0.8, 0.5)]
)
def test_rate_ratio_never_holds_less_than_it_says(mean, ratio, exposure) -> None:
    random = np.random.default_rng(20261119)
    earlier = random.poisson(mean, DRAWS)
    count = random.poisson(mean * ratio * exposure, DRAWS)
    limits = statistics.rate_ratio_interval(count, exposure, earlier, 1)
    told = ~np.isnan(limits[0])  # of 0 and 0 nothing is said
    assert _held(limits, ratio)[told].mean() >= 0.95 - NOISE


@pytest.mark.parametrize(
    ("share", "earlier_share", "whole"), [(0.3, 0.3, 60), (0.3, 0.5, 60), (0.19, 0.23, 400), (0.9, 0.9, 30)]
)
def test_difference_of_shares_holds_about_what_it_says(share, earlier_share, whole) -> None:
    random = np.random.default_rng(20261119)
    parts = random.binomial(whole, share, DRAWS), random.binomial(whole, earlier_share, DRAWS)
    limits = statistics.share_difference_interval(parts[0], whole, parts[1], whole)
    assert 0.94 <= _held(limits, share - earlier_share).mean() <= 0.98  # shares near 1 are held more often


def test_no_change_is_called_a_change_at_most_once_in_twenty() -> None:
    random = np.random.default_rng(20261119)
    lower, upper = statistics.rate_ratio_interval(random.poisson(125, DRAWS), 1, random.poisson(125, DRAWS), 1)
    called = ((lower > 1) | (upper < 1)).mean()
    assert 0.03 < called <= 0.05
    assert _says("change of a count | no change, 125 in both years", 1 - called)


def test_the_readmes_figures_of_counts_and_shares() -> None:
    counts, parts = np.arange(400), np.arange(61)
    for mean in (10.4, 125):
        held = (stats.poisson.pmf(counts, mean) * _held(statistics.poisson_interval(counts), mean)).sum()
        assert _says(f"count | {mean} expected", held), held
    for name, limits in {"wilson": statistics.wilson_interval, "binomial": statistics.binomial_interval}.items():
        held = (stats.binom.pmf(parts, 60, 0.35) * _held(limits(parts, 60), 0.35)).sum()
        assert _says(f"share ({name}) | 35 % of 60", held), held


def test_clusters_make_the_interval_of_a_count_too_narrow() -> None:
    """Negative binomial with a variance of 1.5 means: what real incidents do to the assumption, and what it costs."""
    random = np.random.default_rng(20261119)
    counts = random.negative_binomial(125 / 0.5, 1 / 1.5, DRAWS)
    assert counts.var() / counts.mean() == pytest.approx(1.5, abs=0.05)
    held = _held(statistics.poisson_interval(counts), 125).mean()
    assert 0.86 < held < 0.92
    assert _says("count, in clusters | 125 expected, variance 1.5 times the mean", held), held


def test_the_press_ratio_is_held_more_often_than_said() -> None:
    """Some of the cases cleared are among those recorded, as in the city: the two counts are not independent."""
    random = np.random.default_rng(20261119)
    recorded = random.poisson(1200, DRAWS)
    cleared = random.binomial(recorded, 0.12) + random.poisson(84, DRAWS)
    held = _held(statistics.rate_ratio_interval(cleared, 1, recorded, 1), 0.19).mean()
    assert held >= 0.95
    assert _says("ratio of the press | 228 for 1 200, 144 of them in both", held), held
