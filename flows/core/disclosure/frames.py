"""Disclosure control over tables: the cells of all counts go in, the protected cells come out.

What a Python model calls is `protect_frame`; `certify` attacks what came out; `memory` keeps what later releases need.
A missing limit (`known_high`, `low_count`, …) is NULL: nothing limits, nothing is asked. Withheld cells have a row, a mark
and no limits.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from flows.core.disclosure.attack import Known
from flows.core.disclosure.certificate import DisclosureError, Release, Verdict, examine
from flows.core.disclosure.cube import MEASURE, Cube, CubeError, Hierarchy, Sums, link
from flows.core.disclosure.past import Past
from flows.core.disclosure.protection import LATENT, SHOWN, SMALL, WITHHELD, Levels, Protected, protect
from flows.core.disclosure.rules import Rule, RuleBook, rule_book

KEY = ("measure", "zone_code", "period_type", "period_start", "breakdown", "breakdown_value")
DIMENSIONS = (MEASURE, "zone", "period", "breakdown")
# the columns of what `protect_frame` returns
FRAME = (
    *KEY,
    "shown_count",  # what may be printed; NULL: hidden
    "low_count",  # the limits between which the exact count of a shown cell lies for everybody
    "high_count",
    "obs_status",  # NULL shown, S hidden and small, C hidden for another reason
    "mark",  # shown, small, other, untold, withheld, latent
    "rule",  # small, group, dominance, contributors; NULL: hidden for no rule of its own, or shown
    "exact_count",
    "known_low",  # what everybody knows of the cell by itself
    "known_high",
    "need_low",  # the range that must stay possible; NULL: nothing is asked
    "need_high",
    "is_latent",  # never offered: a rest, or withheld
    "is_rest",  # what is left of a total: no cell of the input
    "is_public",  # given away by earlier releases, so that nothing is asked any more
    "series",
    "level",
)
BEFORE_CELLS = ("cell_id", *FRAME, "is_newest")
BEFORE_SUMS = ("sum_id", "hierarchy", "cell_id", "sign")
COUNTS = ("shown_count", "low_count", "high_count", "level")


def protect_frame(
    cells: pd.DataFrame,
    sums: pd.DataFrame,
    rules: pd.DataFrame,
    measures: pd.DataFrame,
    before_cells: pd.DataFrame | None = None,
    before_sums: pd.DataFrame | None = None,
    with_partners: bool = True,
) -> pd.DataFrame:
    """The protected cells, with the columns `FRAME`, sorted by key; rests are rows too.

    `cells`: one row a cell, the key columns, `exact_count`, and `group_count`, `contributor_count`, `largest_count`,
    `series`, `level` (1 = finest), `weight`, each NULL where not known. `sums`: `dimension` (measure, zone, period, breakdown),
    `hierarchy`, `measure` (NULL: for all), `child`, `parent`, `is_exhaustive`; values of `period` are
    `month:2024-01-01`, of `breakdown` `type:…`, the total being `total:total`. `rules`: `kind`, `family`, `rule_limit`,
    `reason`, `decided_on`. `measures`: `measure`, `family`. The last two are what `memory.after_release` keeps.

    Raises CubeError for counts that contradict each other, ValueError for measures and rules that do not fit.
    """
    past = past_of(before_cells, before_sums)
    cells = cells.sort_values(list(KEY), kind="stable", na_position="first", ignore_index=True)
    cube = _cube(cells)
    series, level = _optional(cells, "series"), _level(cells)
    levels = Levels(series, level, _levels_before(before_cells))
    found = protect(cube, _hierarchies(sums), _book(rules, measures, cube), past, levels, with_partners)
    return _frame(found, series, level)


class Linked:
    """A protected frame with the sums of its cells, linked again from the cells alone, each way once: for whoever attacks it,
    and for what later releases must know of it.

    `sums` as for `protect_frame`. Raises CubeError as `certify` does, at the first use of `rows`.
    """

    def __init__(self, frame: pd.DataFrame, sums: pd.DataFrame) -> None:
        self.frame = frame
        self._hierarchies = _hierarchies(sums)
        self._cell_rows = np.flatnonzero(~frame["is_rest"].to_numpy(bool))
        cells = frame.iloc[self._cell_rows]
        withheld = cells["mark"].to_numpy(str) == WITHHELD
        self._cube = Cube(dimensions_of(cells), cells["exact_count"].to_numpy(np.int64), withheld=withheld)

    @cached_property
    def whole(self) -> tuple[Cube, Sums]:
        """The cells, the rests at the end, and the sums among them."""
        return link(self._cube, self._hierarchies)

    @cached_property
    def deep(self) -> tuple[Cube, Sums]:
        """As `whole`, with nothing withheld."""
        return link(replace(self._cube, withheld=None), self._hierarchies)

    @cached_property
    def rows(self) -> np.ndarray:
        """For each cell of `whole` the row of the frame."""
        return _places(self.whole[0], self.frame, self._cell_rows)

    def sums(self) -> tuple[sparse.csr_array, np.ndarray]:
        """The sums as a matrix over the rows of the frame, and the name of each sum's hierarchy."""
        return self._over_rows(self.whole[1], np.arange(self.whole[1].matrix.shape[0]), self.rows)

    def fine_sums(self) -> tuple[sparse.csr_array, np.ndarray]:
        """As `sums`, those in which withheld cells stand; those of partial hierarchies left out."""
        cube, links = self.deep
        rests = len(cube) - len(self._cube)
        withheld = np.append(self._cube.column("withheld", False), np.zeros(rests, bool)).astype(float)
        is_rest = np.append(np.zeros(len(self._cube)), np.ones(rests))
        member = abs(links.matrix)
        return self._over_rows(
            links, np.flatnonzero((member @ withheld > 0) & (member @ is_rest == 0)), self._cell_rows
        )

    def _over_rows(self, links: Sums, kept: np.ndarray, rows: np.ndarray) -> tuple[sparse.csr_array, np.ndarray]:
        entries = links.matrix[kept].tocoo()
        shape = len(kept), len(self.frame)
        matrix = sparse.csr_array((entries.data, (entries.row, rows[entries.col])), shape=shape)
        matrix.sort_indices()
        return matrix, np.array(links.hierarchies, dtype=object)[links.names[kept]]


def certify(
    linked: Linked,
    rules: pd.DataFrame,
    measures: pd.DataFrame,
    before_cells: pd.DataFrame | None = None,
    before_sums: pd.DataFrame | None = None,
) -> Verdict:
    """Attack a release (what `protect_frame` gave, or claims to have given) together with all earlier ones.

    Raises CubeError when the frame's rests are not those that its cells and sums make.
    """
    cube, links = linked.whole
    told = linked.frame.iloc[linked.rows]
    release = Release(
        cube,
        links,
        told["mark"].to_numpy(str),
        told["rule"].fillna("").to_numpy(str),
        _numbers(told["low_count"], 0),
        _numbers(told["high_count"], np.inf),
        _numbers(told["need_low"], np.inf),
        _numbers(told["need_high"], -np.inf),
        told["is_rest"].to_numpy(bool),
        lambda: linked.deep,
    )
    return examine(release, _book(rules, measures, cube), past_of(before_cells, before_sums))


def past_of(cells: pd.DataFrame | None, sums: pd.DataFrame | None) -> Past:
    """The memory of earlier releases as arrays."""
    if cells is None or not len(cells):
        return Past.nothing(DIMENSIONS)
    cells = cells.sort_values("cell_id", kind="stable")
    row, names = pd.factorize(sums["sum_id"])
    place = np.searchsorted(cells["cell_id"].to_numpy(np.int64), sums["cell_id"].to_numpy(np.int64))
    matrix = sparse.csr_array((sums["sign"].to_numpy(float), (row, place)), shape=(len(names), len(cells)))
    matrix.sort_indices()
    first = ~sums["sum_id"].duplicated().to_numpy()
    known = Known(
        _numbers(cells["known_low"], 0),
        _numbers(cells["known_high"], np.inf),
        _numbers(cells["need_low"], np.inf),
        _numbers(cells["need_high"], -np.inf),
    )
    return Past(
        dimensions_of(cells),
        cells["exact_count"].to_numpy(np.int64),
        cells["mark"].to_numpy(object),
        _numbers(cells["shown_count"], -1).astype(np.int64),
        _numbers(cells["low_count"], 0),
        _numbers(cells["high_count"], np.inf),
        known,
        cells["is_public"].to_numpy(bool),
        (cells["mark"].eq(WITHHELD) & cells["rule"].notna()).to_numpy(bool),
        matrix,
        sums["hierarchy"].to_numpy(object)[first],
    )


def _places(whole: Cube, frame: pd.DataFrame, cell_of: np.ndarray) -> np.ndarray:
    """For each cell of the cube with its rests the row of the frame."""
    rests = np.flatnonzero(frame["is_rest"].to_numpy(bool))
    wanted = pd.DataFrame({name: values[len(cell_of) :] for name, values in whole.dimensions.items()})
    wanted["count"] = whole.count[len(cell_of) :]
    given = pd.DataFrame({name: values[rests] for name, values in dimensions_of(frame).items()})
    given["count"], given["row"] = frame["exact_count"].to_numpy(np.int64)[rests], rests
    if len(wanted) != len(given):
        raise CubeError(f"The protected frame has {len(given)} rests, its sums make {len(wanted)}")
    row = wanted.merge(given, how="left", on=[*whole.dimensions, "count"])["row"]
    if row.isna().any():
        raise CubeError(f"{int(row.isna().sum())} rests that the sums make are not in the protected frame")
    return np.concatenate([cell_of, row.to_numpy(np.int64)])


def dimensions_of(cells: pd.DataFrame) -> dict[str, np.ndarray]:
    """The key columns as the four dimensions of a cube."""
    start = pd.to_datetime(cells["period_start"])
    code, starts = pd.factorize(start)
    # a rest of a period has no start: its whole name stands in the type
    days = np.append(pd.DatetimeIndex(starts).strftime(":%Y-%m-%d").to_numpy(object), "")
    text = {name: _text(cells[name]) for name in KEY if name != "period_start"}
    return {
        MEASURE: text["measure"],
        "zone": text["zone_code"],
        "period": text["period_type"] + days[code],
        "breakdown": _pair(text["breakdown"], text["breakdown_value"]),
    }


def _pair(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return first + np.where(second == "", "", ":") + second


def _text(values: pd.Series) -> np.ndarray:
    return values.astype(object).where(values.notna(), "").to_numpy(object)


def _numbers(values: pd.Series, otherwise: float) -> np.ndarray:
    return pd.to_numeric(values).astype("Float64").fillna(otherwise).to_numpy(float)


def _optional(cells: pd.DataFrame, name: str) -> np.ndarray:
    return cells[name].to_numpy(object) if name in cells else np.full(len(cells), None, dtype=object)


def _level(cells: pd.DataFrame) -> np.ndarray:
    return _numbers(cells["level"], np.nan) if "level" in cells else np.full(len(cells), np.nan)


def _cube(cells: pd.DataFrame) -> Cube:
    if cells["exact_count"].isna().any():
        raise CubeError("Counts are whole numbers of 0 or more: leave a cell that was not delivered out")
    optional = {
        name: _numbers(cells[column], -1).astype(np.int64)
        for name, column in (
            ("group", "group_count"),
            ("contributors", "contributor_count"),
            ("largest", "largest_count"),
        )
        if column in cells
    }
    count = cells["exact_count"].to_numpy(float)
    if (count != np.floor(count)).any():
        raise CubeError("Counts are whole numbers of 0 or more: a weighted count is no count of cases")
    weight = _numbers(cells["weight"], 1.0) if "weight" in cells else None
    return Cube(dimensions_of(cells), count.astype(np.int64), weight=weight, **optional)


def _hierarchies(sums: pd.DataFrame) -> list[Hierarchy]:
    unknown = set(sums["dimension"]) - set(DIMENSIONS)
    if unknown:
        raise ValueError(f"Sums over unknown dimensions: {sorted(unknown)}; known are {', '.join(DIMENSIONS)}")
    found = []
    own = sums.assign(measure=sums["measure"].astype(object).where(sums["measure"].notna(), ""))
    for (dimension, name, measure, exhaustive), part in own.groupby(
        ["dimension", "hierarchy", "measure", "is_exhaustive"], sort=True
    ):
        if part["child"].duplicated().any():
            raise CubeError(f"{name}: a child has two parents; make it two hierarchies")
        parents = dict(zip(part["child"], part["parent"], strict=True))
        found.append(Hierarchy(dimension, name, parents, bool(exhaustive), measure or None))
    return found


def _book(rules: pd.DataFrame, measures: pd.DataFrame, cube: Cube) -> RuleBook:
    named = list(
        zip(rules["kind"], rules["family"], rules["rule_limit"], rules["reason"], rules["decided_on"], strict=True)
    )
    used = set(cube.coded[MEASURE][1])
    families = {m: f for m, f in zip(measures["measure"], measures["family"], strict=True) if m in used}
    return rule_book(
        families, [Rule(kind, f, int(limit), str(why), str(day)[:10]) for kind, f, limit, why, day in named]
    )


def _levels_before(before_cells: pd.DataFrame | None) -> dict[str, int]:
    """The finest level that the newest release showed of each series."""
    if before_cells is None or not len(before_cells):
        return {}
    newest = before_cells[before_cells["is_newest"].astype(bool) & before_cells["series"].notna()]
    newest = newest[newest["level"].notna() & ~newest["mark"].isin([WITHHELD, LATENT])]
    return {str(name): int(level) for name, level in newest.groupby("series")["level"].min().items()}


def _frame(found: Protected, series: np.ndarray, level: np.ndarray) -> pd.DataFrame:
    """The columns of `FRAME`."""
    cube, mark, known = found.cube, found.mark, found.known
    size, own = len(cube), len(series)
    shown = mark == SHOWN
    is_rest = np.arange(size) >= own
    need = np.isfinite(known.need_high) & ~found.is_public & (mark != WITHHELD)
    count = found.rounded
    frame = pd.DataFrame(
        {
            **_keys(cube),
            "shown_count": _whole(count.value, shown),
            "low_count": _whole(known.low, shown),
            "high_count": _whole(known.high, shown),
            "obs_status": np.select([shown, mark == SMALL], [None, "S"], "C"),
            "mark": mark.astype(object),
            "rule": np.where(found.rule == "", None, found.rule.astype(object)),
            "exact_count": cube.count,
            "known_low": known.low,
            "known_high": np.where(np.isfinite(known.high), known.high, np.nan),
            "need_low": np.where(need, known.need_low, np.nan),
            "need_high": np.where(need, known.need_high, np.nan),
            "is_latent": np.isin(mark, (LATENT, WITHHELD)),
            "is_rest": is_rest,
            "is_public": found.is_public,
            "series": np.concatenate([series, np.full(size - own, None, dtype=object)]),
            "level": _whole(
                np.append(level, np.full(size - own, np.nan)), np.append(~np.isnan(level), np.zeros(size - own, bool))
            ),
        }
    )
    return frame.sort_values(list(KEY), kind="stable", na_position="first", ignore_index=True)[list(FRAME)]


def _whole(values: np.ndarray, given: np.ndarray) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(np.where(given, values, 0).astype(np.int64), ~given)


def _keys(cube: Cube) -> dict[str, np.ndarray]:
    """The key columns again; a rest's name of its period or breakdown stands whole in the first of its two columns."""
    period_type, start = _halves(cube.dimensions["period"])
    breakdown, value = _halves(cube.dimensions["breakdown"])
    return {
        "measure": cube.dimensions[MEASURE],
        "zone_code": cube.dimensions["zone"],
        "period_type": period_type,
        "period_start": pd.to_datetime(np.where(start == "", None, start)),
        "breakdown": breakdown,
        "breakdown_value": value,
    }


def _halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    code, names = pd.factorize(np.asarray(values, dtype=object))
    halves = [_half(str(name)) for name in names]
    first = np.array([half[0] for half in halves], dtype=object)
    return first[code], np.array([half[1] for half in halves], dtype=object)[code]


def _half(name: str) -> tuple[str, str]:
    if " outside " in name or ":" not in name:
        return name, ""
    first, _, second = name.partition(":")
    return first, second


__all__ = ["BEFORE_CELLS", "BEFORE_SUMS", "FRAME", "KEY", "DisclosureError", "Verdict", "certify", "protect_frame"]
