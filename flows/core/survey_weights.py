"""Weights that make the respondents of a survey look like the census, and what they cost in certainty. Arrays in, arrays out.

Raking is written here and not taken from a library: what is needed is one loop over two margins, its result is
compared with R's `survey` to four digits (tests/statistics/SURVEYS.md), and the libraries cost more than they spare
(November 2026, Python 3.11, numpy 2.4, pandas 3.1):

* `svy` 0.35.0 (MIT, alive; agrees with R and with this module on the `api` data): 390 MB with polars and pyarrow, half as
  much again as all else that the barometer installs; of version 0.x, and pandas takes up to 0.1 s longer to import beside pyarrow.
* `samplics` 0.6.1: ended in favour of `svy`, says so at every import, which takes 2 s.
* `balance` 0.23.0: needs numpy 1.26, scikit-learn 1.3 and IPython.
* `weightipy` 0.4.2: raking only, which prints a line when it does not converge; brings a file watcher and an HTTP client.
* `ipfn` 1.4.4: the loop alone, of December 2021.

Sources: Deming and Stephan 1940 (Ann. Math. Stat. 11: 427–444), raking; Deville, Särndal and Sautory 1993 (JASA 88:
1013–1020), raking as calibration and the variance by residuals; Kish 1965 (Survey Sampling, 11.7) and 1992 (J. Off. Stat. 8:
183–200), the effect of weights; DeBell and Krosnick 2009 (ANES Technical Report nes012427), where to trim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LARGEST_WEIGHT = 5.0
"""2026-11: no respondent speaks for more than five average ones, the limit of the ANES (DeBell and Krosnick 2009)."""

FEWEST_IN_CELL = 5
"""2026-11: a cell of a margin with fewer respondents is joined with its neighbour: one answer in it would weigh too much."""

FEWEST_RESPONSES = 30
"""2026-11: below it every figure of the wave is unreliable anyway (DESIGN §8), and weights would only add noise."""

MOST_UNTOLD = 0.2
"""2026-11: when more than one in five does not tell a trait, those who tell it do not stand for the others."""

LARGEST_MISS = 0.02
"""2026-11: trimmed weights may miss a margin by two points of a hundred; beyond that they describe another city."""

TOLERANCE = 1e-10
SETTLED = 1e-6
MOST_ROUNDS = 1000


class NoWeights(Exception):
    """Weights cannot be made; the text says why, in words for the reader of the figures."""


def rake(margins: Sequence, targets: Sequence, start=None, largest: float | None = None) -> np.ndarray:
    """Weights of mean 1 whose sums meet every margin, by iterative proportional fitting.

    `margins` has for each margin the cell of every respondent (0, 1, …; -1 where it is not known), `targets` for each
    margin the residents of every cell. A respondent without a cell keeps, at that margin, the weight that the others give,
    and the cells share what the known respondents weigh. `start` are design weights (1 if None). With `largest`, weights
    above so many times their mean are cut after every round, so that the others take over what was cut.

    Raises NoWeights for a cell of residents without respondents, and for margins that cannot all be met. With `largest` they
    may be missed by what was cut: see `largest_miss`.
    """
    import numpy as np

    margins = [np.asarray(m, dtype=np.int64) for m in margins]
    shares = [np.asarray(t, float) / np.sum(t) for t in targets]
    weights = np.ones(len(margins[0])) if start is None else np.asarray(start, float)
    for cells, share in zip(margins, shares, strict=True):
        counts = np.bincount(cells[cells >= 0], minlength=len(share))
        if len(counts) > len(share) or ((counts == 0) & (share > 0)).any():
            raise NoWeights("a cell of the census has no respondent")
    known = [cells >= 0 for cells in margins]
    for _ in range(MOST_ROUNDS):
        before = weights = weights / weights.mean()
        for cells, share, told in zip(margins, shares, known, strict=True):
            weights = weights * _factors(weights, cells, share, told)
        weights = weights / weights.mean()
        if largest is not None:
            weights = np.minimum(weights, largest)
        if np.abs(weights - before).max() < TOLERANCE:
            break
    weights = weights / weights.mean()
    # margins that contradict each other come to rest as well, with the last one met and the others not
    if largest is None and largest_miss(weights, margins, targets) > SETTLED:
        raise NoWeights("the margins of the census contradict each other for those who answered")
    return weights if largest is None else np.minimum(weights, largest)


def _factors(weights, cells, share, told):
    import numpy as np

    sums = np.bincount(cells[told], weights=weights[told], minlength=len(share))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(share > 0, share * sums.sum() / sums, 0.0)
    return np.where(told, factor[np.where(told, cells, 0)], 1.0)


def largest_miss(weights, margins: Sequence, targets: Sequence) -> float:
    """By how much, as a share, the weights miss the cell that they miss most; over those whose cell is known."""
    import numpy as np

    misses = [0.0]
    for cells, target in zip(margins, targets, strict=True):
        cells, target = np.asarray(cells), np.asarray(target, float)
        sums = np.bincount(cells[cells >= 0], weights=np.asarray(weights)[cells >= 0], minlength=len(target))
        misses.append(float(np.abs(sums / sums.sum() - target / target.sum()).max()))
    return max(misses)


def joined_neighbours(counts, fewest: int = FEWEST_IN_CELL) -> list[int]:
    """For each of some ordered classes (age bands) the number of the group that it falls into, so that every group is large enough.

    `counts` are the respondents, classes × cells (for age bands: by sex). The class with the thinnest cell joins the
    neighbour whose cells are thinner, again and again. One group is left when nothing else will do.
    """
    import numpy as np

    groups = [([i], np.asarray(row, float)) for i, row in enumerate(counts)]
    while len(groups) > 1 and min(row.min() for _, row in groups) < fewest:
        at = min(range(len(groups)), key=lambda i: groups[i][1].min())
        beside = [i for i in (at - 1, at + 1) if 0 <= i < len(groups)]
        other = min(beside, key=lambda i: groups[i][1].min())
        first, second = sorted((at, other))
        groups[first : second + 1] = [(groups[first][0] + groups[second][0], groups[first][1] + groups[second][1])]
    return [number for number, (members, _) in enumerate(groups) for _ in members]


def effective_size(weights) -> float:
    """Kish's effective sample size, (sum of w)² / sum of w²; NaN of nobody."""
    import numpy as np

    weights = np.asarray(weights, float)
    return float(weights.sum() ** 2 / (weights**2).sum()) if (weights > 0).any() else float("nan")


def linearised_variance(values, weights, margins: Sequence = ()) -> float:
    """Variance of the weighted mean, respondents drawn independently; of raked weights by the residuals on their margins.

    Without margins it is Taylor's for a ratio; with them Deville, Särndal and Sautory's, for raking that began with equal
    weights, smaller where the margins explain the answers. Not published: it shows how Kish's sizes compare
    (tests/statistics).
    """
    import numpy as np

    values, weights = np.asarray(values, float), np.asarray(weights, float)
    residual = (values - np.average(values, weights=weights)) / weights.sum()
    if margins:
        cells = [np.asarray(m)[:, None] == np.arange(max(m) + 1) for m in margins]
        design = np.hstack(cells).astype(float)
        fitted, *_ = np.linalg.lstsq(design, residual, rcond=None)
        residual = residual - design @ fitted
    scores = weights * residual
    return float(len(scores) / (len(scores) - 1) * ((scores - scores.mean()) ** 2).sum())
