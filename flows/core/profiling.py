"""Profiles: what a delivery looks like in counts, taken once at admission, so that deliveries can be compared later.

Names of known columns and labels, numbers of rows, totals and checksums of many rows only: never a value of one row.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flows.core.contracts import Column, Contract
from flows.core.reading.tables import parquet_sql, quoted

if TYPE_CHECKING:
    from flows.core.reading import Delivered

UNKNOWN = "(unknown)"
"""Stands for every label that the contract does not name: what a sender wrote there may be anything."""

MOST_LABELS = 200
"""A listed column with more different labels than this holds something else: it is not listed."""

MOST_SUMMED_ROWS = 500_000
"""Checksums of a delivery with more rows would take seconds; the bases that are so large are published editions."""

CONTENT, UNDATED = "(content)", "(undated content)"
"""Stand for all columns but the row's own number, and for these without any date."""

Row = tuple[str, str | None, str | None, str | None, int | None, int | None, str | None]
"""kind, column_name, label, period_on, rows, filled, total: as in `sources.profiles`, without the delivery."""


def profile_of(con, delivered: Delivered, staged: Path) -> tuple[Row, ...]:
    """The profile of the accepted rows in `staged`, and of the header as delivered. One scan of the rows."""
    contract = delivered.contract
    counts = _counts(con, contract, staged)
    row_count = next(row[4] for row in counts if row[0] == "rows")
    is_summed = not contract.has_edition and row_count <= MOST_SUMMED_ROWS
    return (*_headers(delivered), *counts, *(_checksums(con, contract, staged) if is_summed else ()))


def _headers(delivered: Delivered) -> list[Row]:
    """One row for each column of the file: by its name in the contract, or by its number where the contract has none.

    What a sender wrote above a column of their own may be a person's name or address: nothing tells it from other words.
    """
    by_position = {position: name for name, position in delivered.match.positions.items()}
    rows: list[Row] = []
    for position in range(len(delivered.table.header)):
        known = by_position.get(position)
        name = known or f"column_{position + 1}"
        rows.append(("header", name, "known" if known else "unknown", None, None, None, None))
    return sorted(set(rows), key=repr)


def _counts(con, contract: Contract, staged: Path) -> list[Row]:
    labels = _listed_columns(con, contract, staged)
    dates = [c for c in contract.staged_columns if c.type in ("date", "timestamp")]
    columns = [c.name for c in contract.staged_columns]
    numbers = [c.name for c in contract.staged_columns if c.type in ("integer", "number")]
    keys = [_alias(c.name) for c in labels]
    sets = ["()", *(f"({key})" for key in keys)]
    if contract.history_period:
        keys.insert(0, "period_on")
        sets += ["(period_on)", *(f"(period_on, {_alias(c.name)})" for c in labels if c.name == contract.history_by)]
    rows = con.execute(
        f"""select {_listed(*keys, *(f"grouping({key})" for key in keys))}
            cast(sum(n) as bigint), cast(sum(measured) as bigint), cast(sum(total) as varchar),
            {", ".join([*(f"cast(sum(f_{n}) as bigint)" for n in columns), *(f"cast(sum(s_{n}) as varchar)" for n in numbers)])}
        from ({_fine_groups(contract, labels, columns, numbers, staged)})
        group by grouping sets ({", ".join(sets)})"""
    ).fetchall()
    found: list[Row] = []
    for row in rows:
        values, aside = list(row[: len(keys)]), list(row[len(keys) : 2 * len(keys)])
        if not contract.history_period:
            values, aside = [None, *values], [1, *aside]
        counts, sums = row[2 * len(keys) : 2 * len(keys) + 3], row[2 * len(keys) + 3 :]
        totals = dict(zip(numbers, sums[len(columns) :], strict=True))
        by_column = [
            ("column", n, None, None, f, None, totals.get(n))
            for n, f in zip(columns, sums[: len(columns)], strict=True)
        ]
        found += _as_rows(values, aside, labels, counts, by_column)
    for column in dates:
        found += _months_of(con, column, staged)
    return sorted(found, key=repr)


def _listed_columns(con, contract: Contract, staged: Path) -> list[Column]:
    """The columns whose labels are told. One with too many is left out before its groups make millions of all groups."""
    named = [c for c in contract.staged_columns if c.type in ("label", "boolean") or c.is_listed]
    if not named:
        return []
    counts = ", ".join(
        f"(select count(distinct {_label_sql(c)}) from (select distinct {c.name} from {parquet_sql(staged)}))"
        for c in named
    )
    row = con.execute(f"select {counts}").fetchone()
    return [c for c, count in zip(named, row, strict=True) if count <= MOST_LABELS]


def _months_of(con, column: Column, staged: Path) -> list[Row]:
    rows = con.execute(
        f"""select {_period_sql(column)} as month_on, count(*) from {parquet_sql(staged)}
        where {column.name} is not null group by month_on"""
    ).fetchall()
    return [("date", column.name, None, month.isoformat(), count, None, None) for month, count in rows]


def _checksums(con, contract: Contract, staged: Path) -> list[Row]:
    """Checksums over the rows of each period and of the delivery, whatever their order: one for each column, with the key.

    They tell whether rows that were told before say something else now, and whether rows stand here a second time.
    """
    columns = [c.name for c in contract.staged_columns]
    dated = {c.name for c in contract.staged_columns if c.type in ("date", "timestamp", "year")}
    numbers = {name for name in contract.key if name.endswith(("_id", "_number"))}
    keyed = {name: [*contract.key, name] for name in columns if name not in contract.key}
    content = [name for name in columns if name not in numbers]
    contents = {CONTENT: content, UNDATED: [name for name in content if name not in dated]}
    period = _period_sql(contract.column(contract.history_period)) if contract.history_period else "cast(null as date)"
    rows = f"(select {period} as period_on, {_texts(columns)} from {parquet_sql(staged)})"
    # without numbers many rows say the same: each is worked out once and counted as often as it stands there
    repeated = (
        f"(select period_on, {_listed(*(f't_{n}' for n in content))} count(*) as copies from {rows} group by all)"
    )
    found = [*_sums(con, keyed, rows), *_sums(con, contents, repeated, "copies")]
    return sorted(found, key=repr)  # groups come in another order with other threads


def _texts(columns: list[str]) -> str:
    return ", ".join(f"coalesce(cast({name} as varchar), '') as t_{name}" for name in columns)


def _sums(con, named: dict[str, list[str]], rows: str, copies: str = "") -> list[Row]:
    """The checksum under each name: of the columns beside it, over `rows`, each as often as its column `copies` says."""
    named = {name: parts for name, parts in named.items() if parts}
    often, counted = (f"cast({copies} as hugeint) * ", f"sum({copies})") if copies else ("", "count(*)")
    # half of the md5 as md5_number_lower gives it, in half of the time
    summed = [
        f"sum({often}cast(md5_number({_joined(parts)}) >> 64 as ubigint)) as s_{i}"
        for i, parts in enumerate(named.values())
    ]
    added = [f"cast(sum(s_{i}) as varchar)" for i in range(len(named))]
    found = con.execute(
        f"""select period_on, grouping(period_on), cast(sum(row_count) as bigint), {", ".join(added)}
        from (select period_on, {counted} as row_count, {", ".join(summed)} from {rows} group by period_on)
        group by grouping sets ((), (period_on))"""
    ).fetchall()
    return [
        ("content", name, checksum, period_on.isoformat() if period_on else None, count, None, None)
        for period_on, is_whole, count, *checksums in found
        if is_whole or period_on is not None
        for name, checksum in zip(named, checksums, strict=True)
    ]


def _joined(names: list[str]) -> str:
    return f"concat_ws(chr(31), {', '.join(f't_{name}' for name in names)})"


def _fine_groups(contract: Contract, labels: list[Column], columns: list[str], numbers: list[str], staged: Path) -> str:
    """SQL of the one scan: counts for each combination of period and labels, from which the coarser ones are added up."""
    keys = [f"{_label_sql(c)} as {_alias(c.name)}" for c in labels]
    if contract.history_period:
        keys.insert(0, f"{_period_sql(contract.column(contract.history_period))} as period_on")
    measure = contract.history_measure
    measured = (
        f"count({measure}) as measured, {_sum_sql(contract, measure)} as total"
        if measure
        else "0 as measured, null as total"
    )
    counted = [f"count({name}) as f_{name}" for name in columns]
    counted += [f"{_sum_sql(contract, name)} as s_{name}" for name in numbers]
    by = f"group by {', '.join(str(i) for i in range(1, len(keys) + 1))}" if keys else ""
    return f"select {_listed(*keys)} count(*) as n, {measured}, {', '.join(counted)} from {parquet_sql(staged)} {by}"


def _sum_sql(contract: Contract, name: str) -> str:
    if contract.column(name).type == "integer":
        return f"sum({name})"
    # floats added in another order give another last digit; of this width they are added as whole numbers
    return f"sum(try_cast({name} as decimal(18, 3)))"


def _listed(*terms: str) -> str:
    return "".join(f"{term}, " for term in terms)


def _as_rows(values: list, aside: list, labels: list[Column], counts: tuple, by_column: list[Row]) -> list[Row]:
    """The profile's rows for one group: of everything, of a period, of a label, or of a label in a period."""
    period = None if aside[0] else values[0]
    label = next((i for i, is_aside in enumerate(aside[1:]) if not is_aside), None)
    if aside[0] and label is None:
        return [("rows", None, None, None, *counts), *by_column]
    if (not aside[0] and period is None) or (label is not None and values[1 + label] is None):
        return []  # rows without a date or without a label belong to no group
    on = period.isoformat() if period else None
    if label is None:
        return [("period", None, None, on, *counts)]
    kind = "label" if aside[0] else "period_label"
    return [(kind, labels[label].name, values[1 + label], on, *counts)]


def _alias(name: str) -> str:
    return f"l_{name}"


def _label_sql(column: Column) -> str:
    if column.type == "boolean":
        return f"cast({column.name} as varchar)"
    if column.type == "code":  # anything but CF08, QN06307N, P046 or R2 may be a text that strayed here
        is_plain = f"regexp_full_match({column.name}, '[A-Za-z]{{0,3}}[0-9]{{1,9}}[A-Za-z]?')"
        return f"case when {is_plain} or {column.name} is null then {column.name} else {quoted(UNKNOWN)} end"
    if column.type != "label":
        return f"trim(lower({column.name}))"
    codes = ", ".join(quoted(code) for code, _ in column.values)
    return (
        f"case when {column.name} is null or {column.name} in ({codes}) then {column.name} else {quoted(UNKNOWN)} end"
    )


def _period_sql(column: Column) -> str:
    if column.type == "year":
        return f"make_date({column.name}, 1, 1)"
    return f"cast(date_trunc('month', {column.name}) as date)"
