"""Building: the models that a change makes stale are run into a fresh release; the others are carried over."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from flows.core import ledger, models
from flows.core.contracts import Contract
from flows.core.errors import NotChecked, StorageProblem, VerificationFailed
from flows.core.ledger import Judged
from flows.core.models import Graph, Model
from flows.core.reading.tables import identifier, quoted

LATE_SOURCE = "sources.checks"
"""Known only once the other models are verified: what reads it is built last."""

BUILDERS = ("building.py", "models.py")


@dataclass
class Build:
    """A release in the making. `reused` are published tables taken over from the release before."""

    folder: Path
    work: Path
    graph: Graph
    fingerprints: Mapping[str, str]
    run_id: str
    previous: Path | None
    previous_tables: Mapping[str, dict]
    rows: list[Judged]
    reused: set[str] = field(default_factory=set)
    model_checks: dict[str, list[dict]] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "campaign.duckdb"


@dataclass(frozen=True)
class Workshop:
    """What building needs besides the deliveries: folders and DuckDB's limits."""

    sql: Path
    staged: Path
    work: Path
    threads: int
    memory_limit: str


def connect(build: Build, shop: Workshop):
    """The work database, with the release attached as `release` in the format that every DuckDB since 1.0 reads."""
    import duckdb

    con = duckdb.connect(
        str(build.work / "work.duckdb"),
        config={
            "threads": shop.threads,
            "memory_limit": shop.memory_limit,
            "temp_directory": str(build.work / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    con.execute("set timezone = 'UTC'")
    con.execute(f"attach {quoted(build.database)} as release (storage_version 'v1.0.0')")
    return con


def start(
    rows: list[Judged],
    contracts: Mapping[str, Contract],
    shop: Workshop,
    run_id: str,
    as_of: date,
    code: str,
    previous: Path | None,
) -> Build:
    """Lay out a fresh release folder and load all that the models read."""
    graph = models.load_graph(shop.sql, contracts)
    folder = shop.work / "release"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(shop.work / "build", ignore_errors=True)
    for path in (folder / "parquet", shop.work / "build"):
        path.mkdir(parents=True)
    prints = models.fingerprints(graph, _source_hashes(rows, contracts, run_id, as_of), _builders_hash())
    manifest = ledger.read_json(previous / "manifest.json") if previous else None
    tables = (manifest or {}).get("tables", {})
    build = Build(folder, shop.work / "build", graph, prints, run_id, previous, tables, rows)
    con = connect(build, shop)
    try:
        staged = {}
        for row in rows:
            if row.is_in_force:
                place = (row.delivery.delivery_id, row.rank, shop.staged / row.verdict.staged)
                staged.setdefault(row.verdict.contract, []).append(place)
        models.create_sources(con, contracts, staged)
        models.create_run_table(con, "deliveries", ledger.delivery_rows(rows, contracts))
        models.create_run_table(con, "quarantine", ledger.quarantine_rows(rows))
        models.create_run_table(con, "contracts", models.contract_rows(contracts))
        models.create_run_table(con, "run", [(as_of, code)])
        models.create_references(con, graph.references)
    finally:
        con.close()
    return build


def _source_hashes(rows: list[Judged], contracts: Mapping[str, Contract], run_id: str, as_of: date) -> dict[str, str]:
    in_force = [row for row in rows if row.is_in_force]
    hashes = {
        name: _hash([(r.delivery.delivery_id, r.rank, r.verdict.staged) for r in in_force if r.verdict.contract == name])
        for name in contracts
    }
    hashes["deliveries"] = _hash(ledger.delivery_rows(rows, contracts))
    hashes["quarantine"] = _hash(ledger.quarantine_rows(rows))
    hashes["contracts"] = _hash(models.contract_rows(contracts))
    hashes["run"] = _hash(as_of)
    hashes["checks"] = _hash(run_id)
    return hashes


def _hash(content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _builders_hash() -> str:
    return _hash([(ledger.CORE / name).read_bytes() for name in BUILDERS])


def build_tables(build: Build, shop: Workshop, progress: Callable[[str], None]) -> None:
    """Build every model that does not depend on the verification of the others."""
    late = late_models(build.graph)
    _build(build, shop, [m for m in build.graph.models if m.name not in late], progress)


def build_late_tables(build: Build, shop: Workshop, progress: Callable[[str], None]) -> None:
    """Build what shows the results of the verification."""
    con = connect(build, shop)
    try:
        checks = [(name, check) for name in sorted(build.model_checks) for check in build.model_checks[name]]
        models.create_run_table(con, "checks", ledger.check_rows(build.run_id, build.rows, checks))
    finally:
        con.close()
    late = late_models(build.graph)
    _build(build, shop, [m for m in build.graph.models if m.name in late], progress)


def late_models(graph: Graph) -> set[str]:
    late: set[str] = set()
    for model in graph.models:
        if any(read == LATE_SOURCE or read in late for read in model.reads):
            late.add(model.name)
    return late


def _build(build: Build, shop: Workshop, wanted: list[Model], progress: Callable[[str], None]) -> None:
    import duckdb

    stale = {m.name for m in wanted if m.is_published and not _is_unchanged(build, m)}
    needed = models.needed(build.graph, stale)
    con = connect(build, shop)
    try:
        for model in wanted:
            if model.is_published and model.name not in stale:
                _carry_over(con, build, model)
            elif model.name in needed:
                progress(model.name)
                models.build_model(con, build.graph, model)
            if model.is_published:
                models.comment(con, model)
                _write_parquet(con, build, model)
        con.execute("checkpoint release")
    except duckdb.IOException as error:
        raise StorageProblem(
            f"the release cannot be written: {' '.join(str(error).split())[:200]}", "free space on the disk, then run again"
        ) from None
    finally:
        con.close()


def parquet_name(model: Model) -> str:
    return f"{model.schema}.{model.table}.parquet"


def _is_unchanged(build: Build, model: Model) -> bool:
    kept = build.previous_tables.get(model.name)
    if build.previous is None or kept is None or kept["fingerprint"] != build.fingerprints[model.name]:
        return False
    return (build.previous / "parquet" / parquet_name(model)).is_file()


def _carry_over(con, build: Build, model: Model) -> None:
    """Take a table from the release before: its Parquet by a hard link, its rows from there."""
    kept = build.previous / "parquet" / parquet_name(model)
    _link(kept, build.folder / "parquet" / parquet_name(model))
    name = f"{model.schema}.{identifier(model.table)}"
    for schema in (model.schema, f"release.{model.schema}"):
        con.execute(f"create schema if not exists {schema}")
    con.execute(f"create table release.{name} as select * from read_parquet({quoted(kept)})")
    con.execute(f"create or replace view {name} as select * from release.{name}")
    build.reused.add(model.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _write_parquet(con, build: Build, model: Model) -> None:
    target = build.folder / "parquet" / parquet_name(model)
    if not target.exists():
        name = f"release.{model.schema}.{identifier(model.table)}"
        con.execute(f"copy (select * from {name}) to {quoted(target)} (format parquet, compression zstd)")


def verify(build: Build, shop: Workshop, tables: set[str], progress: Callable[[str], None]) -> None:
    """Check the grain and the expectations of the built tables; results go to `build.model_checks`.

    Raises VerificationFailed or NotChecked, with the tables and expectations, when a critical one failed or did not run.
    A table that was carried over keeps the results it had.
    """
    con = connect(build, shop)
    try:
        for model in build.graph.models:
            if model.name not in tables or not model.is_published:
                continue
            if model.name in build.reused:
                build.model_checks[model.name] = build.previous_tables[model.name]["checks"]
                continue
            progress(model.name)
            build.model_checks[model.name] = _checks_of(con, model)
    finally:
        con.close()
    _stop_if_untrustworthy(build, tables)


def _checks_of(con, model: Model) -> list[dict]:
    from flows.core.contracts import Expectation
    from flows.core.validation import Validator

    columns = ", ".join(identifier(c) for c in model.grain)
    query = f"select {columns} from {{batch}} group by {columns} having count(*) > 1"
    grain = Expectation(
        "grain_unique",
        "unexpected_rows_expectation",
        (("unexpected_rows_query", query),),
        "critical",
        "refuse",
        f"2026-11: the table says that it has one row for each {', '.join(model.grain)}.",
    )
    validator = Validator(con)
    try:
        checks = validator.validate(model.table, [grain, *model.expectations], schema=model.schema)
        return [check.as_dict() for check in checks]
    finally:
        validator.close()


def _stop_if_untrustworthy(build: Build, tables: set[str]) -> None:
    critical = [
        (name, check)
        for name in sorted(tables & set(build.model_checks))
        for check in build.model_checks[name]
        if check["severity"] == "critical" and check["on_failure"] == "refuse"
    ]
    unchecked = [f"{n}: {c['expectation_id']} ({c['problem']})" for n, c in critical if c["verdict"] == "not_checked"]
    if unchecked:
        raise NotChecked(
            "critical expectations did not run: " + "; ".join(unchecked),
            "nothing is published; mend the expectation, or the library's adapter in flows/core/validation.py",
        )
    failed = [
        f"{n}: {c['expectation_id']} ({c['failed_rows']} of {c['checked_rows']} rows)"
        for n, c in critical
        if c["verdict"] == "failed"
    ]
    if failed:
        raise VerificationFailed(
            "critical expectations failed: " + "; ".join(failed),
            "nothing is published; the reason stands beside each expectation in the model's .yml",
        )
