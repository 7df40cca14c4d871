"""Intervals for counts, shares and ratios of rates; exact ones where they exist. Arrays in, arrays out.

Each function takes numpy arrays (or what becomes one) and gives arrays of the same length; NaN where nothing can be
said. What was checked against which published figure stands in tests/statistics/README.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95


def poisson_interval(count, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits for the expectation of a Poisson count (Garwood 1936, Biometrika 28: 437–442).

    The lower limit of a count of 0 is 0. Divide both by the exposure for a rate.
    """
    import numpy as np
    from scipy.special import gammaincinv

    count, tail = np.asarray(count, float), (1 - level) / 2
    known = np.where(count >= 0, count, np.nan)
    lower = np.where(known == 0, 0.0, gammaincinv(np.where(known > 0, known, 1.0), tail))
    upper = gammaincinv(np.where(known >= 0, known, 0.0) + 1, 1 - tail)
    unknown = np.isnan(known)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def wilson_interval(part, whole, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Score limits for a share (Wilson 1927, JASA 22: 209–212). `whole` may be an effective sample size, no integer."""
    import numpy as np
    from scipy.special import ndtri

    part, whole = np.asarray(part, float), np.asarray(whole, float)
    z2 = ndtri(1 - (1 - level) / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where((whole > 0) & (part >= 0) & (part <= whole), part / whole, np.nan)
        centre = (share + z2 / (2 * whole)) / (1 + z2 / whole)
        half = np.sqrt(z2 * (share * (1 - share) / whole + z2 / (4 * whole**2))) / (1 + z2 / whole)
    # at none and at all of them the limit is exact, which floating point would miss by a hair
    lower = np.where(share == 0, 0.0, np.maximum(centre - half, 0))
    return lower, np.where(share == 1, 1.0, np.minimum(centre + half, 1))


def rate_ratio_interval(
    count, exposure, earlier_count, earlier_exposure, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits for the ratio of two Poisson rates, from the binomial that one is given their sum.

    Clopper–Pearson limits of count / (count + earlier_count), turned into a ratio (Przyborowski and Wilenski 1940,
    Biometrika 31: 313–323; Clopper and Pearson 1934, Biometrika 26: 404–413). NaN where both counts are 0 or an exposure
    is not positive; the upper limit is infinite when the earlier count is 0.
    """
    import numpy as np
    from scipy.special import betaincinv

    new, old = np.asarray(count, float), np.asarray(earlier_count, float)
    exposure, earlier_exposure = np.asarray(exposure, float), np.asarray(earlier_exposure, float)
    tail = (1 - level) / 2
    known = (new >= 0) & (old >= 0) & (new + old > 0) & (exposure > 0) & (earlier_exposure > 0)
    a, b = np.where(known, new, 1.0), np.where(known, old, 1.0)
    low = np.where(a == 0, 0.0, betaincinv(np.maximum(a, 1e-9), b + 1, tail))
    high = np.where(b == 0, 1.0, betaincinv(a + 1, np.maximum(b, 1e-9), 1 - tail))
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = earlier_exposure / exposure
        lower, upper = low / (1 - low) * scale, high / (1 - high) * scale
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def korn_graubard_interval(share, effective_size, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Limits for a rare share of a weighted sample (Korn and Graubard 1998, Survey Methodology 24: 193–201).

    Clopper–Pearson limits of the share of `effective_size`, which is no integer. The factor for the degrees of freedom of
    clustered samples is 1 here: respondents are their own clusters.
    """
    import numpy as np
    from scipy.special import betaincinv

    share, size, tail = np.asarray(share, float), np.asarray(effective_size, float), (1 - level) / 2
    known = (size > 0) & (share >= 0) & (share <= 1)
    part, whole = np.where(known, share * size, 1.0), np.where(known, size, 2.0)
    lower = np.where(part == 0, 0.0, betaincinv(np.maximum(part, 1e-9), whole - part + 1, tail))
    upper = np.where(part == whole, 1.0, betaincinv(part + 1, np.maximum(whole - part, 1e-9), 1 - tail))
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def share_difference(share, size, earlier_share, earlier_size, level: float = LEVEL):
    """Difference of two independent shares, with limits and a two-sided p-value that agrees with them.

    Newcombe's square-and-add of Wilson's limits (Newcombe 1998, Statistics in Medicine 17: 873–890, method 10); sizes may
    be effective ones. The p-value is the level at which the limit reaches 0. Gives (difference, lower, upper, p_value).
    """
    import numpy as np
    from scipy.special import ndtr

    share, earlier = np.asarray(share, float), np.asarray(earlier_share, float)
    size, earlier_size = np.asarray(size, float), np.asarray(earlier_size, float)

    def limits(level):
        low, high = wilson_interval(share * size, size, level)
        earlier_low, earlier_high = wilson_interval(earlier * earlier_size, earlier_size, level)
        down = np.sqrt((share - low) ** 2 + (earlier_high - earlier) ** 2)
        up = np.sqrt((high - share) ** 2 + (earlier - earlier_low) ** 2)
        return difference - down, difference + up

    difference = share - earlier
    lower, upper = limits(level)
    near, far = np.zeros_like(difference), np.full_like(difference, 8.0)
    for _ in range(60):  # halving: the limit moves away from the difference as z grows
        middle = (near + far) / 2
        low, high = limits(1 - 2 * ndtr(-middle))
        excludes = (low > 0) | (high < 0)
        near, far = np.where(excludes, middle, near), np.where(excludes, far, middle)
    p_value = np.where(np.isnan(difference), np.nan, 2 * ndtr(-near))
    return difference, lower, upper, p_value
