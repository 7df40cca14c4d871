"""Independent blocks of a system of sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from flows.core import processors

Answer = TypeVar("Answer")
MOST_THREADS = 4  # each holds the programme of a block


@dataclass(frozen=True)
class Block:
    """Cells that hang together through sums: the rows, the cells, and the matrix of both."""

    rows: np.ndarray
    cells: np.ndarray
    matrix: sparse.csr_array


def split(matrix: sparse.csr_array, is_free: np.ndarray) -> Iterator[Block]:
    """The independent blocks of the free cells, in the order of their first row; a cell without any sum is in none."""
    entries = matrix.tocoo()
    kept = is_free[entries.col]
    row, cell, sign = entries.row[kept], entries.col[kept], entries.data[kept]
    if not len(row):
        return
    row_count, cell_count = matrix.shape
    size = row_count + cell_count
    graph = sparse.csr_array((np.ones(len(row)), (row, cell + row_count)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    order = np.argsort(label[row], kind="stable")
    row, cell, sign, of_entry = row[order], cell[order], sign[order], label[row[order]]
    ends = np.append(np.flatnonzero(np.diff(of_entry)) + 1, len(row))
    start = 0
    for end in ends:
        yield _block(row[start:end], cell[start:end], sign[start:end])
        start = end


def _block(row: np.ndarray, cell: np.ndarray, sign: np.ndarray) -> Block:
    rows, local_row = np.unique(row, return_inverse=True)
    cells, local_cell = np.unique(cell, return_inverse=True)
    return Block(rows, cells, sparse.csr_array((sign, (local_row, local_cell)), shape=(len(rows), len(cells))))


def together(blocks: Iterator[Block], most_cells: int) -> Iterator[list[Block]]:
    """Blocks in groups of at most so many cells: a call costs more than a small block. A larger block stands alone."""
    group: list[Block] = []
    size = 0
    for block in blocks:
        if group and size + len(block.cells) > most_cells:
            yield group
            group, size = [], 0
        group.append(block)
        size += len(block.cells)
    if group:
        yield group


def as_one(blocks: list[Block]) -> Block:
    """Several blocks as one system, their cells and rows in the order of the blocks."""
    if len(blocks) == 1:
        return blocks[0]
    return Block(
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.cells for block in blocks]),
        sparse.csr_array(sparse.block_diag([block.matrix for block in blocks], format="csr")),
    )


def side_by_side(blocks: Sequence[Block], solve: Callable[[Block], Answer]) -> list[Answer]:
    """What `solve` answers for each block, in their order; the largest are begun first, one on each processor.

    The solver lets other threads go on while it works. An answer depends on its block alone, so it is the same in any order.
    """
    threads = min(MOST_THREADS, processors.available())
    if threads < 2 or len(blocks) < 2:
        return [solve(block) for block in blocks]
    largest_first = sorted(range(len(blocks)), key=lambda place: -len(blocks[place].cells))
    with ThreadPoolExecutor(threads) as pool:
        begun = {place: pool.submit(solve, blocks[place]) for place in largest_first}
        return [begun[place].result() for place in range(len(blocks))]
