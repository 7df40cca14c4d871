"""Profiles: what a delivery looks like in counts, taken once at admission, so that deliveries can be compared later.

Names of columns and of known labels, numbers of rows and totals of a whole period only: never a value of one row.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core.contracts import Column, Contract, normalised
from flows.core.reading.tables import parquet_sql, quoted

if TYPE_CHECKING:
    from flows.core.reading import Delivered

UNKNOWN = "(unknown)"
"""Stands for every label that the contract does not name: what a sender wrote there may be anything."""

MOST_LABELS = 200
"""A listed column with more different labels than this holds something else: it is not listed."""

Row = tuple[str, str | None, str | None, str | None, int | None, int | None, str | None]
"""kind, column_name, label, period_on, rows, filled, total: as in `sources.profiles`, without the delivery."""


def profile_of(con, delivered: Delivered, staged: Path) -> tuple[Row, ...]:
    """The profile of the accepted rows in `staged`, and of the header as delivered. One scan of the rows."""
    contract = delivered.contract
    return (*_headers(delivered), *_counts(con, contract, staged))


def _headers(delivered: Delivered) -> list[Row]:
    """One row for each column of the file: with its name in the contract, or with its own where the contract has none."""
    by_position = {position: name for name, position in delivered.match.positions.items()}
    rows: list[Row] = []
    for position, header in enumerate(delivered.table.header):
        known = by_position.get(position)
        name = known or _harmless(header, position)
        rows.append(("header", name, "known" if known else "unknown", None, None, None, None))
    return sorted(set(rows), key=repr)


def _harmless(header: str, position: int) -> str:
    """A column's name; a number in its place where it reads like a sentence rather than like a name."""
    name = normalised(header)
    return name if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+){0,4}", name) and len(name) <= 40 else f"column_{position + 1}"


def _counts(con, contract: Contract, staged: Path) -> list[Row]:
    labels = [c for c in contract.staged_columns if c.type == "label" or c.is_listed]
    by = contract.history_by
    sets = ["()"] + [f"({_alias(c.name)})" for c in labels]
    selected = [f"{_label_sql(c)} as {_alias(c.name)}" for c in labels]
    if contract.history_period:
        selected.append(f"{_period_sql(contract.column(contract.history_period))} as period_on")
        sets.append("(period_on)")
        if by:
            sets.append(f"(period_on, {_alias(by)})")
    columns = [c.name for c in contract.staged_columns]
    selected += [f"{name} is not null as f_{name}" for name in columns]
    measure = contract.history_measure
    selected.append(f"try_cast({measure} as decimal(28, 3)) as measure" if measure else "null as measure")
    keys = ["period_on" if contract.history_period else "cast(null as date)", *(_alias(c.name) for c in labels)]
    grouped = [f"grouping({k})" if "cast(" not in k else "1" for k in keys]
    filled = ", ".join(f"count(*) filter (f_{name})" for name in columns)
    rows = con.execute(
        f"""select {", ".join(keys)}, {", ".join(grouped)}, count(*), count(measure), cast(sum(measure) as varchar), {filled}
        from (select {", ".join(selected)} from {parquet_sql(staged)})
        group by grouping sets ({", ".join(sets)})"""
    ).fetchall()
    found: list[Row] = []
    for row in rows:
        values, aside = row[: len(keys)], row[len(keys) : 2 * len(keys)]
        row_count, measured, total, *filled_counts = row[2 * len(keys) :]
        found += _as_rows(values, aside, labels, (row_count, measured, total), zip(columns, filled_counts, strict=True))
    return sorted(_without_long_lists(found, labels), key=repr)


def _as_rows(values: tuple, aside: tuple, labels: list[Column], counts: tuple, filled) -> list[Row]:
    """The profile's rows for one group: of everything, of a period, of a label, or of a label in a period."""
    period = None if aside[0] else values[0]
    label = next((i for i, is_aside in enumerate(aside[1:]) if not is_aside), None)
    if aside[0] and label is None:
        return [("rows", None, None, None, *counts), *(("column", n, None, None, f, None, None) for n, f in filled)]
    if (not aside[0] and period is None) or (label is not None and values[1 + label] is None):
        return []  # rows without a date or without a label belong to no group
    on = period.isoformat() if period else None
    if label is None:
        return [("period", None, None, on, *counts)]
    kind = "label" if aside[0] else "period_label"
    return [(kind, labels[label].name, values[1 + label], on, *counts)]


def _without_long_lists(rows: list[Row], labels: list[Column]) -> list[Row]:
    long = {
        c.name for c in labels if len({row[2] for row in rows if row[0] == "label" and row[1] == c.name}) > MOST_LABELS
    }
    return [row for row in rows if row[0] not in ("label", "period_label") or row[1] not in long]


def _alias(name: str) -> str:
    return f"l_{name}"


def _label_sql(column: Column) -> str:
    if column.type != "label":
        return f"trim(lower({column.name}))"
    codes = ", ".join(quoted(code) for code, _ in column.values)
    return f"case when {column.name} is null or {column.name} in ({codes}) then {column.name} else {quoted(UNKNOWN)} end"


def _period_sql(column: Column) -> str:
    if column.type == "year":
        return f"make_date({column.name}, 1, 1)"
    return f"cast(date_trunc('month', {column.name}) as date)"
