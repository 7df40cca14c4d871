"""Cells of an exact cube and the sums that link them, generated from parent tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

LISTED_PARTS = 6  # how many parts of a sum a message names
MEASURE = "measure"


class CubeError(ValueError):
    """The cube contradicts itself: its totals are not the sums of their parts."""


@dataclass(frozen=True)
class Cube:
    """Exact counts, one row a cell.

    `dimensions` holds one text array per dimension, of which "measure" is one; all values of a row together are its key.
    `group` is the size of the group of which the count is a part, `contributors` the number of organisations behind it,
    `largest` the part of the largest of them; -1 where not known. A `latent` cell is never shown, yet whoever knows the
    others may work it out: what lies outside the priority districts, the overlap of two zonings. A `withheld` cell is of
    a table too fine to be offered at all: it stands in no sum, only what is left of a total beside offered parts does.
    `weight` says how much more is lost when the cell is hidden than when one of weight 1 is.
    """

    dimensions: Mapping[str, np.ndarray]
    count: np.ndarray
    group: np.ndarray | None = None
    contributors: np.ndarray | None = None
    largest: np.ndarray | None = None
    latent: np.ndarray | None = None
    withheld: np.ndarray | None = None
    weight: np.ndarray | None = None
    ruled_as: np.ndarray | None = None  # the measure whose rules hold, where that is not the measure itself

    def __post_init__(self) -> None:
        if MEASURE not in self.dimensions:
            raise CubeError(f"A cube needs the dimension `{MEASURE}`")
        size = len(self.count)
        count = np.asarray(self.count)
        if size and (count.dtype.kind not in "iu" or count.min() < 0):
            raise CubeError("Counts are whole numbers of 0 or more: leave a cell that was not delivered out")
        given = {"dimension " + name: values for name, values in self.dimensions.items()}
        optional = ("group", "contributors", "largest", "latent", "withheld", "weight", "ruled_as")
        given |= {name: getattr(self, name) for name in optional}
        for name, values in given.items():
            if values is not None and len(values) != size:
                raise CubeError(f"{name} has {len(values)} values for {size} cells")
        if len(pd.unique(self.keys)) != size:
            raise CubeError("Two rows of the cube have the same key")

    def __len__(self) -> int:
        return len(self.count)

    def column(self, name: str, otherwise) -> np.ndarray:
        """One of the optional columns, filled with a default when it was not given."""
        values = getattr(self, name)
        return np.full(len(self), otherwise) if values is None else np.asarray(values)

    @cached_property
    def coded(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Per dimension the code of each cell, and the values that the codes stand for."""
        return {name: pd.factorize(np.asarray(values, dtype=object)) for name, values in self.dimensions.items()}

    @cached_property
    def keys(self) -> np.ndarray:
        """One whole number per cell, the same for the same values of all dimensions (within this cube)."""
        return joined([code for code, _ in self.coded.values()], [len(values) for _, values in self.coded.values()])

    @cached_property
    def rule_codes(self) -> tuple[np.ndarray, np.ndarray]:
        """The code of the measure whose rules hold for each cell, and the measures."""
        if self.ruled_as is None:
            return self.coded[MEASURE]
        return pd.factorize(np.asarray(self.ruled_as, dtype=object))

    def name(self, cell: int) -> str:
        """The cell in words, for messages."""
        return " · ".join(str(values[cell]) for values in self.dimensions.values())


@dataclass(frozen=True)
class Hierarchy:
    """Which values of a dimension add up to which: child → parent.

    `exhaustive`: the children are all there is of the parent (quarters of a year). Otherwise what is left (the city
    outside its priority districts) becomes a latent cell, since a difference tells it as well as a table would. Several
    hierarchies of one dimension may overlap. `measure`: it holds for this measure alone.
    """

    dimension: str
    name: str
    parents: Mapping[str, str]
    exhaustive: bool = True
    measure: str | None = None

    def __post_init__(self) -> None:
        if self.dimension == MEASURE and self.measure is not None:
            raise CubeError(f"{self.name}: a hierarchy of measures cannot hold for one measure only")


@dataclass(frozen=True)
class Sums:
    """Sums that everybody knows to hold: `matrix` @ counts = 0, a total standing with -1 beside the +1 of its parts."""

    matrix: sparse.csr_array
    names: np.ndarray  # per row the index of its hierarchy
    hierarchies: tuple[str, ...]
    wording: Callable[[int], str] = field(repr=False)

    def describe(self, row: int) -> str:
        """One sum in words."""
        cells, signs = entries(self.matrix, row)
        return sum_in_words(self.hierarchies[self.names[row]], cells, signs, self.wording)


def sum_in_words(hierarchy: str, cells: np.ndarray, signs: np.ndarray, wording: Callable[[int], str]) -> str:
    """A sum of cells in words: its total, and so many of its parts."""
    total = [wording(cell) for cell in cells[signs < 0]]
    parts = [wording(cell) for cell in cells[signs > 0]]
    more = f" + {len(parts) - LISTED_PARTS} more" if len(parts) > LISTED_PARTS else ""
    return f"{hierarchy}: {' '.join(total)} = {' + '.join(parts[:LISTED_PARTS])}{more}"


def entries(matrix: sparse.csr_array, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The cells and signs of one row."""
    place = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[place], matrix.data[place]


def link(cube: Cube, hierarchies: Sequence[Hierarchy]) -> tuple[Cube, Sums]:
    """The sums of a cube; returns it with latent rests added: of partial hierarchies, and of parts that are withheld.

    A total that the cube does not hold, or that is withheld, links nothing. Raises CubeError where the parts of a total do
    not make it, also among cells that are withheld.
    """
    names = tuple(dict.fromkeys(hierarchy.name for hierarchy in hierarchies))
    finder = _Finder(cube)
    found: list[_Links] = []
    size = len(cube)
    for hierarchy in _merged(hierarchies):
        links = _links(cube, hierarchy, finder, size)
        size += len(links.rests)
        found.append(links)
    whole = _with_rests(cube, found)
    matrix = _matrix(found, len(whole))
    labels = [np.full(len(links.totals), names.index(links.hierarchy.name)) for links in found]
    return whole, Sums(matrix, np.concatenate(labels) if labels else np.zeros(0, int), names, whole.name)


@dataclass(frozen=True)
class _Merged:
    """Hierarchies of one name, dimension and kind, which may hold for single measures: looked up together."""

    dimension: str
    name: str
    exhaustive: bool
    parents: tuple[tuple[str | None, Mapping[str, str]], ...]  # measure → child → parent


def _merged(hierarchies: Sequence[Hierarchy]) -> list[_Merged]:
    together: dict[tuple, list] = {}
    for hierarchy in hierarchies:
        own = (hierarchy.dimension, hierarchy.name, hierarchy.exhaustive, hierarchy.measure is None)
        together.setdefault(own, []).append((hierarchy.measure, hierarchy.parents))
    return [_Merged(*own[:3], tuple(parents)) for own, parents in together.items()]


class _Finder:
    """Finds the cell with given codes."""

    def __init__(self, cube: Cube):
        self.codes = {name: code for name, (code, _) in cube.coded.items()}
        self.sizes = [len(values) for _, values in cube.coded.values()]
        self.keys = cube.keys
        self.order = np.argsort(self.keys, kind="stable")

    def find(self, dimension: str, code: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """For each of `cells` the one alike in all but `dimension`, where it has `code`; -1 where there is none."""
        key = joined([code if name == dimension else own[cells] for name, own in self.codes.items()], self.sizes)
        if not len(self.keys):
            return key
        place = self.order[np.minimum(np.searchsorted(self.keys, key, sorter=self.order), len(self.keys) - 1)]
        return np.where(self.keys[place] == key, place, -1)


@dataclass(frozen=True)
class _Links:
    """The sums of one hierarchy: of each offered part the row, of each row the total, and the rests."""

    hierarchy: _Merged
    parts: np.ndarray
    part_rows: np.ndarray
    totals: np.ndarray
    rests: np.ndarray  # the rows with a rest
    rest_counts: np.ndarray
    first_rest: int  # the cell number of the first rest


def _links(cube: Cube, hierarchy: _Merged, finder: _Finder, first_rest: int) -> _Links:
    code, values = cube.coded[hierarchy.dimension]
    parent_of, of_measure = _parent_codes(cube, hierarchy, values)
    parent = parent_of[of_measure, code]
    parts = np.flatnonzero(parent >= 0)
    total = finder.find(hierarchy.dimension, parent[parts], parts)
    parts, total = parts[total >= 0], total[total >= 0]
    totals, row = np.unique(total, return_inverse=True)
    left = cube.count[totals] - np.bincount(row, weights=cube.count[parts], minlength=len(totals)).astype(np.int64)
    _check(cube, hierarchy, totals, left)
    withheld = cube.column("withheld", False).astype(bool)
    offered = ~withheld[parts]
    hidden_parts = np.bincount(row, weights=np.where(offered, 0, cube.count[parts]), minlength=len(totals))
    is_kept = (np.bincount(row, weights=offered, minlength=len(totals)) > 0) & ~withheld[totals]
    has_rest = np.full(len(totals), not hierarchy.exhaustive) | (
        np.bincount(row, weights=~offered, minlength=len(totals)) > 0
    )
    new_row = np.cumsum(is_kept) - 1
    used = offered & is_kept[row]
    rests = has_rest & is_kept
    return _Links(
        hierarchy,
        parts[used],
        new_row[row[used]],
        totals[is_kept],
        new_row[rests],
        (left + hidden_parts.astype(np.int64))[rests],
        first_rest,
    )


def _parent_codes(cube: Cube, hierarchy: _Merged, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A table measure × value → code of the parent (-1: none), and which of its rows holds for each cell."""
    position = {str(value): code for code, value in enumerate(values)}
    measure_code, measures = cube.coded[MEASURE]
    if hierarchy.parents[0][0] is None:
        parent_of, row_of = np.full((1, len(values)), -1), {None: 0}
        of_measure = np.zeros(len(cube), np.int64)
    else:
        parent_of = np.full((len(measures), len(values)), -1)
        row_of = {str(measure): row for row, measure in enumerate(measures)}
        of_measure = measure_code
    for measure, parents in hierarchy.parents:
        if measure not in row_of:
            continue
        for child, parent in parents.items():
            if child in position and parent in position:
                cell = row_of[measure], position[child]
                if parent_of[cell] not in (-1, position[parent]):
                    raise CubeError(f"{hierarchy.name}: {child} has two parents; make it two hierarchies")
                parent_of[cell] = position[parent]
    return parent_of, of_measure


def _matrix(found: Sequence[_Links], size: int) -> sparse.csr_array:
    rows, columns, signs = [], [], []
    first = 0
    for links in found:
        rows += [links.part_rows + first, np.arange(len(links.totals)) + first, links.rests + first]
        columns += [links.parts, links.totals, np.arange(len(links.rests)) + links.first_rest]
        signs += [np.ones(len(links.parts)), -np.ones(len(links.totals)), np.ones(len(links.rests))]
        first += len(links.totals)
    joined_up = [np.concatenate(part) if part else np.zeros(0, int) for part in (signs, rows, columns)]
    matrix = sparse.csr_array((joined_up[0].astype(float), (joined_up[1], joined_up[2])), shape=(first, size))
    matrix.sort_indices()
    return matrix


def joined(codes: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """One number for each row of codes. Raises CubeError when there are more combinations than numbers."""
    if np.prod([float(max(size, 1)) for size in sizes]) > 2.0**62:
        raise CubeError("The cube has too many combinations of values: split it into several")
    key = np.zeros(len(codes[0]), dtype=np.int64)
    for code, size in zip(codes, sizes, strict=True):
        key = key * max(size, 1) + code
    return key


def _check(cube: Cube, hierarchy: _Merged, totals: np.ndarray, left: np.ndarray) -> None:
    wrong = left != 0 if hierarchy.exhaustive else left < 0
    if wrong.any():
        cell = cube.name(totals[wrong][0])
        raise CubeError(
            f"{hierarchy.name}: the parts of {cell} do not make its total ({int(wrong.sum())} such totals); "
            "count total and parts from the same rows, or call the hierarchy not exhaustive"
        )


def rest_name(total: np.ndarray, hierarchy: str) -> np.ndarray:
    """What is left of a total beside the parts of a hierarchy, as a value of its dimension."""
    return np.array([f"{value} outside {hierarchy}" for value in total.tolist()], dtype=object)


def _with_rests(cube: Cube, found: Sequence[_Links]) -> Cube:
    rests = [(links, links.totals[links.rests]) for links in found if len(links.rests)]
    if not rests:
        return cube
    dimensions = {}
    for name, values in cube.dimensions.items():
        own = np.asarray(values, dtype=object)
        added = [
            rest_name(own[total], links.hierarchy.name) if name == links.hierarchy.dimension else own[total]
            for links, total in rests
        ]
        dimensions[name] = np.concatenate([own, *added])
    count = sum(len(total) for _, total in rests)
    ruled = np.asarray(cube.dimensions[MEASURE] if cube.ruled_as is None else cube.ruled_as, dtype=object)
    return Cube(
        dimensions,
        np.concatenate([cube.count, *[links.rest_counts for links, _ in rests]]).astype(np.int64),
        group=np.concatenate([cube.column("group", -1), np.full(count, -1)]),
        contributors=np.concatenate([cube.column("contributors", -1), np.full(count, -1)]),
        largest=np.concatenate([cube.column("largest", -1), np.full(count, -1)]),
        latent=np.concatenate([cube.column("latent", False).astype(bool), np.ones(count, bool)]),
        withheld=np.concatenate([cube.column("withheld", False).astype(bool), np.zeros(count, bool)]),
        weight=np.concatenate([cube.column("weight", 1.0), np.ones(count)]),
        ruled_as=np.concatenate([ruled, *[ruled[total] for _, total in rests]]),
    )
