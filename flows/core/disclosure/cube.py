"""Cells of an exact cube and the sums that link them, generated from parent tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

LISTED_PARTS = 6  # how many parts of a sum a message names


class CubeError(ValueError):
    """The cube contradicts itself: its totals are not the sums of their parts."""


@dataclass(frozen=True)
class Cube:
    """Exact counts, one row a cell.

    `dimensions` holds one text array per dimension, of which "measure" is one; all values of a row together are its key.
    `group` is the size of the group of which the count is a part, `contributors` the number of organisations behind it,
    `largest` the part of the largest of them; -1 where not known. A `latent` cell is never shown, yet whoever knows the
    others may work it out: what lies outside the priority districts, the overlap of two zonings, a table too fine to
    show. `version` tells the deliveries behind a cell: equal versions of a cell in two releases mean equal counts, and
    say so to everybody.
    """

    dimensions: Mapping[str, np.ndarray]
    count: np.ndarray
    group: np.ndarray | None = None
    contributors: np.ndarray | None = None
    largest: np.ndarray | None = None
    latent: np.ndarray | None = None
    version: np.ndarray | None = None

    def __post_init__(self) -> None:
        if "measure" not in self.dimensions:
            raise CubeError("A cube needs the dimension `measure`")
        size = len(self.count)
        count = np.asarray(self.count)
        if size and (count.dtype.kind not in "iu" or count.min() < 0):
            raise CubeError("Counts are whole numbers of 0 or more: leave a cell that was not delivered out")
        given = {"dimension " + name: values for name, values in self.dimensions.items()}
        given |= {name: getattr(self, name) for name in ("group", "contributors", "largest", "latent", "version")}
        for name, values in given.items():
            if values is not None and len(values) != size:
                raise CubeError(f"{name} has {len(values)} values for {size} cells")
        keys = self.keys()
        if len(np.unique(keys)) != size:
            raise CubeError("Two rows of the cube have the same key")

    def __len__(self) -> int:
        return len(self.count)

    def column(self, name: str, otherwise) -> np.ndarray:
        """One of the optional columns, filled with a default when it was not given."""
        values = getattr(self, name)
        return np.full(len(self), otherwise) if values is None else np.asarray(values)

    def codes(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Per dimension the code of each cell, and the values that the codes stand for."""
        parts = {name: np.unique(np.asarray(values), return_inverse=True) for name, values in self.dimensions.items()}
        return {name: part[1] for name, part in parts.items()}, {name: part[0] for name, part in parts.items()}

    def keys(self) -> np.ndarray:
        """One whole number per cell, the same for the same values of all dimensions (within this cube)."""
        codes, values = self.codes()
        return _joined(codes, {name: len(values[name]) for name in values})

    def name(self, cell: int) -> str:
        """The cell in words, for messages."""
        return " · ".join(str(values[cell]) for values in self.dimensions.values())


@dataclass(frozen=True)
class Hierarchy:
    """Which values of a dimension add up to which: child → parent.

    `exhaustive`: the children are all there is of the parent (quarters of a year). Otherwise what is left (the city
    outside its priority districts) becomes a latent cell, since a difference tells it as well as a table would. Several
    hierarchies of one dimension may overlap.
    """

    dimension: str
    name: str
    parents: Mapping[str, str]
    exhaustive: bool = True


@dataclass(frozen=True)
class Sums:
    """Sums that everybody knows to hold: `matrix` @ counts = 0, a total standing with -1 beside the +1 of its parts."""

    matrix: sparse.csr_array
    names: np.ndarray  # per row the index of its hierarchy
    hierarchies: tuple[str, ...]
    wording: Callable[[int], str] = field(repr=False)

    def describe(self, row: int) -> str:
        """One sum in words."""
        start, end = self.matrix.indptr[row], self.matrix.indptr[row + 1]
        cells, signs = self.matrix.indices[start:end], self.matrix.data[start:end]
        total = [self.wording(cell) for cell in cells[signs < 0]]
        parts = [self.wording(cell) for cell in cells[signs > 0]]
        more = f" + {len(parts) - LISTED_PARTS} more" if len(parts) > LISTED_PARTS else ""
        return f"{self.hierarchies[self.names[row]]}: {' '.join(total)} = {' + '.join(parts[:LISTED_PARTS])}{more}"


def link(cube: Cube, hierarchies: Sequence[Hierarchy]) -> tuple[Cube, Sums]:
    """The sums of a cube; returns it with the latent rests of partial hierarchies added.

    A total that the cube does not hold links nothing. Raises CubeError where the parts of a total do not make it.
    """
    codes, values = cube.codes()
    sizes = {name: len(values[name]) for name in values}
    keys = _joined(codes, sizes)
    order = np.argsort(keys, kind="stable")
    rows, columns, signs, names, rests = [], [], [], [], []
    row_count = 0
    for number, hierarchy in enumerate(hierarchies):
        dimension = hierarchy.dimension
        position = {str(value): code for code, value in enumerate(values[dimension])}
        parent_of = np.full(sizes[dimension], -1)
        for child, parent in hierarchy.parents.items():
            if child in position and parent in position:
                parent_of[position[child]] = position[parent]
        parts = np.flatnonzero(parent_of[codes[dimension]] >= 0)
        of_total = _joined(
            {name: parent_of[code[parts]] if name == dimension else code[parts] for name, code in codes.items()}, sizes
        )
        place = np.minimum(np.searchsorted(keys, of_total, sorter=order), len(keys) - 1) if len(keys) else of_total
        total = order[place] if len(keys) else place
        found = keys[total] == of_total if len(keys) else np.zeros(0, bool)
        parts, total = parts[found], total[found]
        totals, row = np.unique(total, return_inverse=True)
        rest = cube.count[totals] - np.bincount(row, weights=cube.count[parts], minlength=len(totals)).astype(np.int64)
        _check(cube, hierarchy, totals, rest)
        rows += [row + row_count, np.arange(len(totals)) + row_count]
        columns += [parts, totals]
        signs += [np.ones(len(parts)), -np.ones(len(totals))]
        if not hierarchy.exhaustive:
            first = len(cube) + sum(len(cells) for _, cells, _ in rests)
            rows.append(np.arange(len(totals)) + row_count)
            columns.append(np.arange(len(totals)) + first)
            signs.append(np.ones(len(totals)))
            rests.append((hierarchy, totals, rest))
        names.append(np.full(len(totals), number))
        row_count += len(totals)
    whole = _with_rests(cube, rests)
    joined = [np.concatenate(part) if part else np.zeros(0, int) for part in (signs, rows, columns)]
    matrix = sparse.csr_array((joined[0].astype(float), (joined[1], joined[2])), shape=(row_count, len(whole)))
    matrix.sort_indices()
    labels = np.concatenate(names) if names else np.zeros(0, int)
    return whole, Sums(matrix, labels, tuple(hierarchy.name for hierarchy in hierarchies), whole.name)


def _joined(codes: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> np.ndarray:
    key = np.zeros(len(next(iter(codes.values()))), dtype=np.int64)
    for name, code in codes.items():
        key = key * max(sizes[name], 1) + code
    return key


def _check(cube: Cube, hierarchy: Hierarchy, totals: np.ndarray, rest: np.ndarray) -> None:
    wrong = rest != 0 if hierarchy.exhaustive else rest < 0
    if wrong.any():
        cell = cube.name(totals[wrong][0])
        raise CubeError(
            f"{hierarchy.name}: the parts of {cell} do not make its total ({int(wrong.sum())} such totals); "
            "count total and parts from the same rows, or call the hierarchy not exhaustive"
        )


def _with_rests(cube: Cube, rests: Iterable[tuple[Hierarchy, np.ndarray, np.ndarray]]) -> Cube:
    rests = list(rests)
    if not rests:
        return cube
    dimensions = {}
    for name, values in cube.dimensions.items():
        added = []
        for hierarchy, totals, _ in rests:
            own = np.asarray(values)[totals].astype(str)
            rest_name = np.char.add(np.char.add(own, " outside "), hierarchy.name)
            added.append(rest_name if name == hierarchy.dimension else own)
        dimensions[name] = np.concatenate([np.asarray(values).astype(str), *added])
    count = sum(len(totals) for _, totals, _ in rests)
    versions = cube.column("version", "").astype(str)
    # a rest changes when its total does, or a part of it alone: an incident moved within the city
    of_rests = [np.char.add(np.char.add(versions[totals], "/"), rest.astype(str)) for _, totals, rest in rests]
    return Cube(
        dimensions,
        np.concatenate([cube.count, *[rest for _, _, rest in rests]]).astype(np.int64),
        group=np.concatenate([cube.column("group", -1), np.full(count, -1)]),
        contributors=np.concatenate([cube.column("contributors", -1), np.full(count, -1)]),
        largest=np.concatenate([cube.column("largest", -1), np.full(count, -1)]),
        latent=np.concatenate([cube.column("latent", False).astype(bool), np.ones(count, bool)]),
        version=np.concatenate([versions, *of_rests]),
    )
