"""The internal database: exact counts and the rows in force, for those who may see them; written anew with each release.

`warehouse.duckdb` (mode 0600) holds what a release was made from, under the names by which the queries know it, so that each
query of `sql/` runs in it as it stands:

* `audit`: the audit tables whose counts a release rounds or hides, exact;
* `sources`, `reference`: accepted rows in force, what is known of deliveries, checks and runs, our decisions;
* `staging`, `intermediate`: all that figures are made of;
* `about.release`: the release that it belongs to.

Written by DuckDB 1.5 for itself, in small blocks: a tenth of the room and half of the time of the form that every version
reads, which only a release must have. Small tables are copied. What is large is a view: over the staged files of a contract (by
their path: if the warehouse is moved, the next release writes it anew), or by the model's own query. So it takes no second
copy of millions of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from flows.core import building, models
from flows.core.building import Build, Workshop
from flows.core.contracts import Contract
from flows.core.landing import sha256_of
from flows.core.models import Graph, Model
from flows.core.reading.tables import identifier, parquet, quoted

EXACT = ("deliveries", "checks", "quarantine", "completeness")
"""Audit tables that take their counts from columns named `public_`; beside each stands the exact one without this prefix."""

EXACT_DRIFT = "select * from intermediate.int_deliveries_judged"

PUBLIC_AS_THEY_ARE = ("lineage", "origins", "indicator_origins")
"""Tables about the run that a release holds whole, in its schema audit: not written a second time."""

COPIED_ROWS = 20_000
"""A table of more rows is a view: to write it takes longer than to derive it for the few who look."""

INTERNAL = "Exact counts, internal: not to be published."


def write(target: Path, con, build: Build, shop: Workshop, contracts: Mapping[str, Contract]) -> None:
    """Write the database but for the release that it belongs to, which `name_release` adds: copies of what is small, views of
    what is large, and their texts.

    `con` is a connection to the work database, of this function's own: others may be in use meanwhile. It is closed.
    """
    import duckdb

    target.unlink(missing_ok=True)
    # what is killed here is made anew: nothing is ever recovered from a log of it
    how = "storage_version 'v1.5.0', block_size 16384, recovery_mode no_wal_writes"
    con.execute(f"attach {quoted(target)} as internal ({how})")
    con.execute("set threads = 1")  # a hundred small tables: dividing them takes longer than writing them
    try:
        copied = _copy_tables(con, build, shop, contracts)
        con.execute("use internal")  # a view names tables of the database that it lies in
        _create_views(con, build, shop, contracts, copied)
        con.execute("; ".join(_comments(build.graph, contracts, copied)))
    finally:
        with suppress(duckdb.TransactionException):  # there is none, unless it failed half-way
            con.rollback()
        con.execute(f"use memory; set threads = {shop.threads}")
        con.execute("detach internal")
        con.close()
    target.chmod(0o600)


def name_release(target: Path, facts: Mapping[str, object]) -> None:
    """Write into `about.release` what the database belongs to, once the release is complete: `facts` are the release's name
    and day, the code's version, the manifest's hash."""
    import duckdb

    with duckdb.connect(str(target), config={"threads": 1}) as own:
        own.execute("begin transaction")
        own.execute(f"create table about.release ({', '.join(f'{name} varchar' for name in facts)})")
        own.execute(
            f"insert into about.release values ({', '.join('?' * len(facts))})", [str(f) for f in facts.values()]
        )
        told = "The release that this database belongs to, and nothing else."
        own.execute(f"comment on table about.release is {quoted(told)}; commit")
        own.execute("checkpoint")


def release_of(path: Path) -> str | None:
    """The release that the internal database belongs to; None when there is none, or it cannot be read."""
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as con:
            return con.execute("select release from about.release").fetchone()[0]
    except (duckdb.Error, OSError, TypeError):
        return None


def _copy_tables(con, build: Build, shop: Workshop, contracts: Mapping[str, Contract]) -> set[str]:
    """Copy what is small enough; returns the names of all that was copied."""
    wanted = {f"sources.{name}": f"sources.{name}" for name in _run_tables()}
    wanted |= {f"reference.{reference.name}": f"reference.{reference.name}" for reference in build.graph.references}
    wanted |= {f"sources.{name}": f"sources.{name}" for name in contracts if _rows_of(build, name) <= COPIED_ROWS}
    for model in build.graph.models:
        if not model.is_published and models.kind_of(build.graph, model) == "table":
            relation = _relation(con, build, shop, model)
            if relation is not None:
                wanted[model.name] = relation
    con.execute("begin transaction")
    for schema in sorted({name.partition(".")[0] for name in wanted} | {"staging", "intermediate", "audit", "about"}):
        con.execute(f"create schema internal.{schema}")
    for name, relation in wanted.items():
        con.execute(f"create table internal.{name} as select * from {relation}")
    con.execute("commit")
    return set(wanted)


def _run_tables() -> list[str]:
    return [name for name in models.RUN_TABLES if name not in PUBLIC_AS_THEY_ARE]


def _rows_of(build: Build, contract: str) -> int:
    return sum(row.verdict.rows_accepted for row in build.rows if row.is_in_force and row.verdict.contract == contract)


def _relation(con, build: Build, shop: Workshop, model: Model) -> str | None:
    """Where the rows of an intermediate table lie, unless they are many: in the work database, or kept from a run before."""
    relation = model.name
    if model.name not in build.made:
        kept = building.kept_path(shop.kept, build, model)
        if kept is None or not kept.is_file() or sha256_of(kept) != build.intermediates[model.name]["sha256"]:
            return None
        relation = parquet(kept)
    if model.compute is not None:  # there is no query that a view could be made of
        return relation
    return relation if con.execute(f"select count(*) from {relation}").fetchone()[0] <= COPIED_ROWS else None


def _create_views(con, build: Build, shop: Workshop, contracts: Mapping[str, Contract], copied: set[str]) -> None:
    """What was not copied, in the order in which each finds what it reads."""
    large = {name: contract for name, contract in contracts.items() if f"sources.{name}" not in copied}
    models.create_sources(con, large, building.staged_files(build.rows, shop.staged))
    for model in build.graph.models:
        if not model.is_published and model.name not in copied and model.compute is None:
            con.execute(f"create view {model.schema}.{identifier(model.table)} as {model.sql}")
    for table in EXACT:
        con.execute(f"create view audit.{table} as {exact_sql(build.graph.by_name[f'audit.{table}'])}")
    con.execute(f"create view audit.drift as {EXACT_DRIFT}")


def exact_sql(model: Model) -> str:
    """The query of a published audit table over the exact counts."""
    return model.sql.replace("public_", "")


def _comments(graph: Graph, contracts: Mapping[str, Contract], copied: set[str]) -> Iterable[str]:
    """Comments on every table and view, and on the columns that are described; all in one transaction."""
    for name in _run_tables():
        yield f"comment on table sources.{name} is {quoted(f'{INTERNAL} Described in sql/README.md.')}"
    for contract in contracts.values():
        kind = "table" if f"sources.{contract.name}" in copied else "view"
        yield f"comment on {kind} sources.{contract.name} is {quoted(f'{contract.title}: accepted rows in force. {INTERNAL}')}"
        if kind == "table":
            for column in contract.staged_columns:
                yield _on_column(f"sources.{contract.name}", column.name, column.description)
    for reference in graph.references:
        yield f"comment on table reference.{reference.name} is {quoted(reference.description)}"
        for column, (_, text) in reference.columns.items():
            yield _on_column(f"reference.{reference.name}", column, text)
    for model in graph.models:
        if not model.is_published and (model.name in copied or model.compute is None):
            kind = "table" if model.name in copied else "view"
            yield f"comment on {kind} {model.name} is {quoted(f'{model.description} {INTERNAL}')}"
    for table in (*EXACT, "drift"):
        description = graph.by_name[f"audit.{table}"].description
        yield f"comment on view audit.{table} is {quoted(f'{description} {INTERNAL}')}"


def _on_column(table: str, column: str, text: str) -> str:
    return f"comment on column {table}.{identifier(column)} is {quoted(' '.join(text.split()))}"
