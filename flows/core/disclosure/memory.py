"""What later releases must know of earlier ones: every cell and every sum that was ever published, each once.

Two tables, growing with what changes only. A cell is a key and an exact count, so an unchanged cell is one row over all
releases; a sum is the list of its cells. Withheld cells are kept too, with the sums in which they stand: what two releases
together tell of them is asked of the second. They hold exact counts and belong to the restricted place, not to the public one.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from flows.core.disclosure.frames import BEFORE_CELLS, BEFORE_SUMS, DIMENSIONS, Linked, dimensions_of
from flows.core.disclosure.past import row_marks
from flows.core.disclosure.protection import SHOWN, WITHHELD
from flows.core.models import RUN_TABLES
from flows.core.reading.tables import parquet, quoted

TYPES = RUN_TABLES["shown_before"] | RUN_TABLES["sums_before"]
FILES = {"cells.parquet": BEFORE_CELLS, "sums.parquet": BEFORE_SUMS}


def empty() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The memory before the first release: two tables without rows."""
    return _typed(pd.DataFrame(columns=list(BEFORE_CELLS))), _typed(pd.DataFrame(columns=list(BEFORE_SUMS)))


def after_release(
    before_cells: pd.DataFrame, before_sums: pd.DataFrame, linked: Linked
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The memory once a protected frame is published: cells and sums.

    A cell that was shown once stays shown; what is known of a cell is what all its releases say together.
    """
    told = linked.frame.reset_index(drop=True)
    old_row = _rows_before(told, before_cells)
    is_new = old_row < 0
    first_id = int(before_cells["cell_id"].max()) + 1 if len(before_cells) else 0
    ids = np.where(is_new, 0, before_cells["cell_id"].to_numpy(np.int64)[old_row] if len(before_cells) else 0)
    ids[is_new] = first_id + np.arange(is_new.sum())
    told = told.assign(cell_id=ids, is_newest=True)
    old = before_cells.assign(is_newest=False)
    again = _merged(old.iloc[old_row[~is_new]].reset_index(drop=True), told[~is_new].reset_index(drop=True))
    gone = old[~np.isin(np.arange(len(old)), old_row)]
    parts = [_typed(part[list(BEFORE_CELLS)]) for part in (gone, again, told[is_new]) if len(part)]
    cells = pd.concat(parts, ignore_index=True) if parts else empty()[0]
    cells = cells.sort_values("cell_id", kind="stable", ignore_index=True)
    (matrix, names), (fine, fine_names) = linked.sums(), linked.fine_sums()
    matrix = sparse.csr_array(sparse.vstack([matrix, fine], format="csr"))
    return cells, _with_new_sums(before_sums, matrix, np.concatenate([names, fine_names]), ids)


def _rows_before(told: pd.DataFrame, before: pd.DataFrame) -> np.ndarray:
    """For each cell the row of the memory with the same key and count; -1 where there is none."""
    if not len(before):
        return np.full(len(told), -1)
    own, old = (pd.DataFrame(dimensions_of(table)) for table in (told, before))
    own["count"], old["count"] = told["exact_count"].to_numpy(np.int64), before["exact_count"].to_numpy(np.int64)
    old["row"] = np.arange(len(old))
    return own.merge(old, how="left", on=[*DIMENSIONS, "count"])["row"].fillna(-1).to_numpy(np.int64)


def _merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The same cells in the memory and in the release: one row each."""
    # a mark is not taken back by a release that withholds the cell
    was_shown = (old["mark"].eq(SHOWN) | (new["mark"].eq(WITHHELD) & old["mark"].ne(WITHHELD))).to_numpy()
    merged = new.copy()
    for name in ("shown_count", "low_count", "high_count", "mark"):
        merged[name] = old[name].where(was_shown, new[name])
    merged["known_low"] = np.fmax(old["known_low"].to_numpy(float), new["known_low"].to_numpy(float))
    merged["known_high"] = np.fmin(old["known_high"].to_numpy(float), new["known_high"].to_numpy(float))
    public = old["is_public"].to_numpy(bool) | new["is_public"].to_numpy(bool)
    merged["is_public"] = public
    need_low = np.fmin(old["need_low"].to_numpy(float), new["need_low"].to_numpy(float))
    need_high = np.fmax(old["need_high"].to_numpy(float), new["need_high"].to_numpy(float))
    merged["need_low"], merged["need_high"] = np.where(public, np.nan, need_low), np.where(public, np.nan, need_high)
    return merged


def _with_new_sums(before: pd.DataFrame, matrix: sparse.csr_array, names: np.ndarray, ids: np.ndarray) -> pd.DataFrame:
    """The sums of the memory and those of the release that it does not hold yet."""
    size = int(max(ids.max(initial=-1), before["cell_id"].max() if len(before) else -1)) + 1
    now = sparse.csr_array((matrix.data, ids[matrix.indices], matrix.indptr), shape=(matrix.shape[0], size))
    row, sum_ids = pd.factorize(before["sum_id"])
    old = sparse.csr_array(
        (before["sign"].to_numpy(float), (row, before["cell_id"].to_numpy(np.int64))), shape=(len(sum_ids), size)
    )
    both = sparse.csr_array(sparse.vstack([old, now], format="csr"))
    both.sort_indices()
    is_new = ~pd.Series(row_marks(both)).duplicated().to_numpy()
    is_new[: len(sum_ids)] = False
    rows = np.flatnonzero(is_new)
    added = both[rows].tocoo()
    first_id = int(before["sum_id"].max()) + 1 if len(before) else 0
    new = pd.DataFrame(
        {
            "sum_id": first_id + added.row.astype(np.int64),
            "hierarchy": names[rows - len(sum_ids)][added.row] if len(rows) else np.zeros(0, dtype=object),
            "cell_id": added.col.astype(np.int64),
            "sign": added.data.astype(np.int64),
        }
    )
    parts = [_typed(part[list(BEFORE_SUMS)]) for part in (before, new) if len(part)]
    sums = pd.concat(parts, ignore_index=True) if parts else empty()[1]
    return sums.sort_values(["sum_id", "cell_id"], kind="stable", ignore_index=True)


def save(folder: Path, cells: pd.DataFrame, sums: pd.DataFrame) -> str:
    """Write the memory below `folder`, as a folder of two Parquet files named by their content; returns that name.

    The same memory has the same name and is not written twice. Permissions are the caller's (umask).
    """
    folder.mkdir(parents=True, exist_ok=True)
    unready = Path(tempfile.mkdtemp(prefix=".unready-", dir=folder))
    try:
        digest = hashlib.sha256()
        for (name, columns), table in zip(FILES.items(), (cells, sums), strict=True):
            _write(_typed(table[list(columns)]), unready / name)
            digest.update((unready / name).read_bytes())
        target = folder / digest.hexdigest()[:32]
        if not target.exists():
            unready.rename(target)
        return target.name
    finally:
        shutil.rmtree(unready, ignore_errors=True)


def load(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The cells and sums of a memory that `save` wrote."""
    import duckdb

    with duckdb.connect() as connection:
        found = [connection.execute(f"select * from {parquet(path / name)}").df() for name in FILES]
    return _typed(found[0]), _typed(found[1])


def _write(table: pd.DataFrame, path: Path) -> None:
    import duckdb

    columns = ", ".join(f'cast("{name}" as {TYPES[name]}) as "{name}"' for name in table.columns)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("given", table)
        connection.execute(f"copy (select {columns} from given order by all) to {quoted(path)} (format parquet)")


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The columns in the types that both pandas and DuckDB give back unchanged."""
    kinds = {"bigint": "Int64", "double": "float64", "boolean": "bool", "varchar": object, "date": "datetime64[us]"}
    typed = table.astype({name: kinds[TYPES[name]] for name in table.columns})
    text = [name for name in table.columns if TYPES[name] == "varchar"]
    for name in text:
        typed[name] = typed[name].astype(object).where(typed[name].notna(), None)
    return typed
