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
    known = np.isfinite(count) & (count >= 0)
    safe = np.where(known, count, 1.0)
    lower = np.where(safe == 0, 0.0, gammaincinv(np.where(safe > 0, safe, 1.0), tail))
    upper = gammaincinv(safe + 1, 1 - tail)
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def wilson_interval(part, whole, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Score limits for a share (Wilson 1927, JASA 22: 209–212). `whole` may be an effective sample size, no integer."""
    import numpy as np
    from scipy.special import ndtri

    part, whole, known = _shares(part, whole)
    z2 = ndtri(1 - (1 - level) / 2) ** 2
    share = part / whole
    centre = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = np.sqrt(z2 * (share * (1 - share) / whole + z2 / (4 * whole**2))) / (1 + z2 / whole)
    # at none and at all of them the limit is exact, which floating point would miss by a hair
    lower = np.where(share == 0, 0.0, np.maximum(centre - half, 0))
    upper = np.where(share == 1, 1.0, np.minimum(centre + half, 1))
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def binomial_interval(part, whole, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits for a share (Clopper and Pearson 1934, Biometrika 26: 404–413); wider than Wilson's."""
    import numpy as np
    from scipy.special import betaincinv

    part, whole, known = _shares(part, whole)
    rest, tail = whole - part, (1 - level) / 2
    lower = np.where(part == 0, 0.0, betaincinv(np.where(part > 0, part, 1.0), rest + 1, tail))
    upper = np.where(rest == 0, 1.0, betaincinv(part + 1, np.where(rest > 0, rest, 1.0), 1 - tail))
    return np.where(known, lower, np.nan), np.where(known, upper, np.nan)


def share_difference_interval(
    part, whole, earlier_part, earlier_whole, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Limits for the difference of two independent shares, part/whole less the earlier one, between −1 and 1.

    Newcombe's hybrid of Wilson's limits (1998, Statistics in Medicine 17: 873–890, method 10).
    """
    import numpy as np

    new, whole, known = _shares(part, whole)
    old, earlier_whole, earlier_known = _shares(earlier_part, earlier_whole)
    low, high = wilson_interval(new, whole, level)
    earlier_low, earlier_high = wilson_interval(old, earlier_whole, level)
    share, earlier_share = new / whole, old / earlier_whole
    below = np.sqrt((share - low) ** 2 + (earlier_high - earlier_share) ** 2)
    above = np.sqrt((high - share) ** 2 + (earlier_share - earlier_low) ** 2)
    both = known & earlier_known
    lower, upper = share - earlier_share - below, share - earlier_share + above
    return np.where(both, np.maximum(lower, -1), np.nan), np.where(both, np.minimum(upper, 1), np.nan)


def rate_ratio_interval(
    count, exposure, earlier_count, earlier_exposure, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits for the ratio of two Poisson rates, from the binomial that one is given their sum.

    Clopper–Pearson limits of count / (count + earlier_count), turned into a ratio (Przyborowski and Wilenski 1940,
    Biometrika 31: 313–323). NaN where both counts are 0 or an exposure is not positive; the upper limit is infinite
    when the earlier count is 0.
    """
    import numpy as np

    new, old = np.asarray(count, float), np.asarray(earlier_count, float)
    exposure, earlier_exposure = np.asarray(exposure, float), np.asarray(earlier_exposure, float)
    known = np.isfinite(exposure) & np.isfinite(earlier_exposure) & (exposure > 0) & (earlier_exposure > 0)
    low, high = binomial_interval(np.where(known, new, np.nan), np.where(known, new + old, np.nan), level)
    scale = np.where(known, earlier_exposure, 1.0) / np.where(known, exposure, 1.0)
    with np.errstate(divide="ignore"):
        return low / (1 - low) * scale, high / (1 - high) * scale


def korn_graubard_interval(share, effective_size, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Limits for a rare share of a weighted sample (Korn and Graubard 1998, Survey Methodology 24: 193–201).

    Clopper–Pearson limits of the share of `effective_size`, which is no integer. The factor for the degrees of freedom of
    clustered samples is 1 here: respondents are their own clusters.
    """
    import numpy as np

    share, size = np.asarray(share, float), np.asarray(effective_size, float)
    return binomial_interval(share * size, size, level)


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
        return share_difference_interval(share * size, size, earlier * earlier_size, earlier_size, level)

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


def limits_of(method, count, base) -> tuple[np.ndarray, np.ndarray]:
    """Limits of each figure by the method named beside it: poisson, binomial, wilson, or count_ratio (count of base).

    NaN for both where one is infinite: without an upper limit there is no interval.
    """
    import numpy as np

    method, count, base = np.asarray(method), np.asarray(count, float), np.asarray(base, float)
    by_method = {
        "poisson": poisson_interval(count),
        "binomial": binomial_interval(count, base),
        "wilson": wilson_interval(count, base),
        "count_ratio": rate_ratio_interval(count, 1, base, 1),
    }
    asked = [method == name for name in by_method]
    lower, upper = (np.select(asked, [limits[end] for limits in by_method.values()], np.nan) for end in (0, 1))
    return np.where(np.isinf(upper), np.nan, lower), np.where(np.isinf(upper), np.nan, upper)


def _shares(part, whole) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two as arrays, with 0 of 1 where they make no share, and where they do."""
    import numpy as np

    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    known = np.isfinite(part) & np.isfinite(whole) & (whole > 0) & (part >= 0) & (part <= whole)
    return np.where(known, part, 0.0), np.where(known, whole, 1.0), known
