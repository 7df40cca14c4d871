"""Building: the models that a change makes stale are run into a fresh release; the others are carried over."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core import beside, chain, history, ledger, lineage, models, open_databases, protecting, row_counts, withheld
from flows.core.checked_ahead import CheckedAhead
from flows.core.contracts import Contract, Expectation
from flows.core.errors import NotChecked, StorageProblem, VerificationFailed
from flows.core.expectation_texts import Text, expect_complete, load_texts
from flows.core.fingerprints import Fingerprinting
from flows.core.history import Memory
from flows.core.landing import sha256_of
from flows.core.ledger import Judged
from flows.core.models import Graph, Model
from flows.core.protecting import Earlier
from flows.core.reading.tables import AS_OWN_PARQUET, identifier, parquet, quoted
from flows.core.row_counts import Counted
from flows.core.taking_over import take_over

if TYPE_CHECKING:
    import duckdb

    from flows.core.disclosure.frames import Linked

LATE_SOURCES = ("sources.checks", "sources.release_checks")
"""Known only once the other models are verified: what reads them is built last."""

MOST_FREE_ROOM = 0.5

SMALL_BYTES = 1_000_000
"""From fewer accepted bytes the tables are built by one thread: to share out such work takes longer than to do it."""

KEPT_ROWS = 200_000
"""An intermediate table of up to this many rows is kept for the next run, which may need it for another table."""

AHEAD_ROWS = 200_000
"""In a run with much that is new, a table of up to this many rows is checked while the next ones are built: to check a larger
one takes every processor from them, and who writes a large table waits for whoever reads another."""

JUDGES = ("building.py", "contracts.py", "quicker_checks.py", "validation.py")
BUILDERS = ("building.py", "models.py", "statistics.py", "survey_weights.py")


@dataclass
class Build:
    """A release in the making.

    `known` holds a hash of each table that models read: for published ones and views of what they depend on, for
    small intermediate tables of their content, so that a change that makes no difference goes no further.
    `made` are the models in the work database, `reused` the published tables taken over from the release before, and
    `copied` those that stand in `database` from the beginning, to be kept or replaced.
    `fingerprints` are those of tables that were built anew, begun as soon as their Parquet is written.
    `memory` is what the release before says of failing checks: what is known and what is new depends on it.
    `earlier` is what the releases so far showed and hid, `certificate` the proof that this one gives nothing of it away, and
    `linked` the protected counts that it was made for (None where it is the one of the release before).
    `before` are the hashes of the tables that expectations may compare with, by name; `not_compared` says why there are none.
    `counted` says of each contract what its rows are counts of.
    `con` is the work database, open from `start` to `close`; `ahead` checks what is finished, where there is a processor for it;
    large tables only where there is little new (`has_little_new`).
    """

    folder: Path
    work: Path
    graph: Graph
    run_id: str
    previous: Path | None
    previous_manifest: Mapping[str, dict]
    rows: list[Judged]
    known: dict[str, str]
    salt: str
    chain: list[dict]
    intermediates: dict[str, dict] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    reused: set[str] = field(default_factory=set)
    copied: set[str] = field(default_factory=set)
    model_checks: dict[str, list[dict]] = field(default_factory=dict)
    texts: Mapping[str, Text] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    not_compared: str = ""
    lineage_files: dict[str, Path] = field(default_factory=dict)
    fingerprints: Fingerprinting = field(default_factory=Fingerprinting)
    memory: Memory | None = None
    earlier: Earlier | None = None
    certificate: dict = field(default_factory=dict)
    linked: Linked | None = None
    is_small: bool = False
    has_little_new: bool = False
    counted: Mapping[str, Counted] = field(default_factory=dict)
    con: duckdb.DuckDBPyConnection | None = None
    ahead: CheckedAhead | None = None

    @property
    def delivered(self) -> set[str]:
        """The tables of accepted rows."""
        return {f"sources.{name}" for name in self.counted}

    @property
    def public_rows(self) -> list[Judged]:
        """The deliveries as everybody may see them: all that a release says of them is made of these."""
        return [row_counts.public(row, self.counted) for row in self.rows]

    @property
    def database(self) -> Path:
        return self.folder / "campaign.duckdb"

    @property
    def previous_tables(self) -> Mapping[str, dict]:
        return self.previous_manifest.get("tables", {})


@dataclass(frozen=True)
class Workshop:
    """What building needs besides the deliveries: folders and DuckDB's limits."""

    sql: Path
    staged: Path
    work: Path
    kept: Path
    protection: Path
    runs: Path
    threads: int
    memory_limit: str


def _open(build: Build, shop: Workshop) -> None:
    """Open the work database, with the release attached as `release` in the format that every DuckDB since 1.0 reads.

    It is in memory, and what takes more than its limit lies in `spill`: in a file each table would be written to a log,
    and compressed, for nobody.
    """
    import duckdb

    build.con = duckdb.connect(
        config={
            "threads": 1 if build.is_small else shop.threads,
            "memory_limit": shop.memory_limit,
            "temp_directory": str(build.work / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    open_databases.keep(lambda: close(build))
    build.con.execute("set global timezone = 'UTC'")
    # nothing is recovered from a run that was killed: the folder is thrown away, and a log of it would be written for nobody
    how = "storage_version 'v1.0.0', recovery_mode no_wal_writes"
    build.con.execute(f"attach {quoted(build.database)} as release ({how})")
    if shop.threads > 1:
        build.ahead = CheckedAhead(build.con.cursor())


def close(build: Build) -> None:
    """Close the work database and the release; to be called before the release is moved. Closed ones stay closed."""
    _stop_checking(build)
    if build.con is not None:
        build.con.close()
    build.con = None


def _stop_checking(build: Build) -> None:
    if build.ahead is not None:
        build.ahead.close()
    build.ahead = None


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
    texts = load_texts(shop.sql / "expectation_texts")
    expect_complete(texts, contracts.values(), graph.models)
    folder = shop.work / "release"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(shop.work / "build", ignore_errors=True)
    for path in (folder / "parquet", shop.work / "build"):
        path.mkdir(parents=True)
    known = {f"sources.{name}": value for name, value in _source_hashes(rows, contracts, run_id, as_of).items()}
    links = chain.before(previous)
    known["sources.releases"] = _hash(chain.rows(links))
    beside.wait()
    lineage_files = lineage.files(graph, contracts, shop.kept)
    known |= {f"sources.{name}": path.stem for name, path in lineage_files.items()}
    known |= {f"reference.{reference.name}": reference.text_hash for reference in graph.references}
    manifest = (ledger.read_json(previous / "manifest.json") if previous else None) or {}
    manifest = withheld.put_back(manifest, withheld.of_release(shop.runs, previous) if previous else None)
    earlier = protecting.earlier(shop.protection, previous, manifest)
    known |= {f"sources.{name}": earlier.name for name in protecting.TABLES}
    build = Build(
        folder,
        shop.work / "build",
        graph,
        run_id,
        previous,
        manifest,
        rows,
        known,
        _builders_hash(),
        links,
        texts=texts,
        lineage_files=lineage_files,
        memory=history.memory_of(previous, manifest),
        earlier=earlier,
        counted=ledger.counted_by(contracts),
        is_small=_staged_bytes(shop, rows) < SMALL_BYTES,
    )
    is_same_code = manifest.get("code_version") == code
    known_before = {told["delivery_id"] for told in manifest.get("deliveries", ()) if is_same_code}
    new = [row for row in rows if row.delivery.delivery_id not in known_before]
    build.has_little_new = _staged_bytes(shop, new) < SMALL_BYTES
    _take_over_database(build)
    _look_back(build, as_of)
    _open(build, shop)
    con = build.con
    _drop_unknown_tables(con, build)
    models.create_sources(con, contracts, staged_files(rows, shop.staged))
    for name, of_deliveries in models.delivery_tables(ledger.delivery_rows(rows, contracts)).items():
        models.create_run_table(con, name, of_deliveries)
    models.create_run_table(con, "quarantine", ledger.quarantine_rows(rows, build.counted))
    models.create_run_table(con, "profiles", ledger.profile_rows(rows))
    models.create_run_table(con, "contracts", models.contract_rows(contracts))
    models.create_run_table(con, "run", [(as_of, code)])
    models.create_run_table(con, "releases", chain.rows(links))
    for name, path in lineage_files.items():
        models.create_run_view(con, name, path)
    protecting.show_earlier(con, earlier)
    models.create_references(con, graph.references)
    models.create_schemas(con, graph)
    _show_before(con, build)
    return build


def _staged_bytes(shop: Workshop, rows: list[Judged]) -> int:
    return sum((shop.staged / row.verdict.staged).stat().st_size for row in rows if row.is_in_force)


def staged_files(rows: list[Judged], staged: Path) -> dict[str, list[tuple[str, int, Path]]]:
    """The accepted rows in force by contract: (delivery_id, delivery_rank, file)."""
    files: dict[str, list[tuple[str, int, Path]]] = {}
    for row in rows:
        if row.is_in_force:
            place = (row.delivery.delivery_id, row.rank, staged / row.verdict.staged)
            files.setdefault(row.verdict.contract, []).append(place)
    return files


def _look_back(build: Build, as_of: date) -> None:
    """Find out what the release can be compared with: the current one, unless it knows of later days than this run."""
    if build.previous is None:
        build.not_compared = "there is no release before this one"
    elif str(build.previous_manifest.get("as_of", "")) > str(as_of):
        build.not_compared = f"the release before tells of a later day ({build.previous_manifest['as_of']})"
    else:
        build.before = {
            f"{models.PREVIOUS}.{name.partition('.')[2]}": entry["content_sha256"]
            for name, entry in build.previous_tables.items()
        }


def _show_before(con, build: Build) -> None:
    """The tables of the release before, for expectations alone: what is built may not depend on them."""
    import duckdb

    con.execute(f"create schema {models.PREVIOUS}")
    for name in build.previous_tables if build.before else ():
        path = build.previous / "parquet" / f"{name}.parquet"
        view = f"{models.PREVIOUS}.{identifier(name.partition('.')[2])}"
        try:
            con.execute(f"create view {view} as select * from {parquet(path)}")
        except duckdb.Error:  # gone or damaged: nothing can be compared with it
            del build.before[f"{models.PREVIOUS}.{name.partition('.')[2]}"]


def _take_over_database(build: Build) -> None:
    """Begin with a copy of the release before, when it is whole: to write millions of unchanged rows anew takes seconds.

    What is rebuilt in it leaves room that later tables take; a file that is mostly such room is not worth beginning with.
    """
    kept = build.previous_manifest.get("files", {}).get(build.database.name)
    if kept is None or not (build.previous / build.database.name).is_file():
        return
    if build.previous_manifest.get("row_counts") != row_counts.told():
        return  # what was replaced leaves its bytes in the room that is free
    shutil.copyfile(build.previous / build.database.name, build.database)
    if sha256_of(build.database) == kept["sha256"] and _share_of_free_room(build.database) < MOST_FREE_ROOM:
        build.copied = set(build.previous_tables)
    else:
        build.database.unlink()


def _share_of_free_room(database: Path) -> float:
    import duckdb

    with duckdb.connect(str(database), read_only=True) as con:
        free, total = con.execute("select free_blocks, total_blocks from pragma_database_size()").fetchone()
    return free / max(total, 1)


def _drop_unknown_tables(con, build: Build) -> None:
    published = {model.name for model in build.graph.models if model.is_published}
    for name in sorted(build.copied - published):
        con.execute(f"drop table release.{name}")


def _source_hashes(rows: list[Judged], contracts: Mapping[str, Contract], run_id: str, as_of: date) -> dict[str, str]:
    in_force = [row for row in rows if row.is_in_force]
    hashes = {
        name: _hash(
            [(r.delivery.delivery_id, r.rank, r.verdict.staged) for r in in_force if r.verdict.contract == name]
        )
        for name in contracts
    }
    of_deliveries = models.delivery_tables(ledger.delivery_rows(rows, contracts))
    hashes |= {name: _hash(content) for name, content in of_deliveries.items()}
    hashes["quarantine"] = _hash(ledger.quarantine_rows(rows, ledger.counted_by(contracts)))
    hashes["profiles"] = _hash(ledger.profile_rows(rows))
    hashes["contracts"] = _hash(models.contract_rows(contracts))
    hashes["run"] = _hash(as_of)
    hashes["checks"] = hashes["release_checks"] = _hash(run_id)  # until they are there
    return hashes


def _hash(content: object) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


def _builders_hash() -> str:
    paths = [*(ledger.CORE / name for name in BUILDERS), *sorted((ledger.CORE / "disclosure").glob("*.py"))]
    return _hash([path.read_bytes() for path in paths])


def build_tables(build: Build, shop: Workshop, progress: Callable[[str], None]) -> None:
    """Build every model that does not depend on the verification of the others."""
    late = late_models(build.graph)
    _build(build, shop, [m for m in build.graph.models if m.name not in late], progress)


def build_late_tables(build: Build, shop: Workshop, progress: Callable[[str], None]) -> None:
    """Build what shows the results of the verification.

    Results that speak of earlier releases have a table of their own: among the others they would make each release
    another one, though deliveries and code are the same.
    """
    results = [(name, check) for name in sorted(build.model_checks) for check in build.model_checks[name]]
    tables = {
        "checks": ledger.check_rows(
            build.run_id, build.rows, (r for r in results if not _speaks_of_before(build, *r)), build.counted
        ),
        "release_checks": ledger.check_rows(
            build.run_id, [], (r for r in results if _speaks_of_before(build, *r)), build.counted
        ),
    }
    for name, rows in tables.items():
        models.create_run_table(build.con, name, rows)
        build.known[f"sources.{name}"] = _hash(rows)
    late = late_models(build.graph)
    _build(build, shop, [m for m in build.graph.models if m.name in late], progress)


def _speaks_of_before(build: Build, name: str, check: Mapping[str, object]) -> bool:
    """Whether a result is about a table of earlier releases, or compares a table with the release before."""
    model = build.graph.by_name[name]
    named = model.named.get(check["expectation_id"], ())
    return model.is_history or any(table.startswith(f"{models.PREVIOUS}.") for table in named)


def tell_known(build: Build) -> None:
    """Write into every check since when it fails. Of a table that was carried over this is found out anew as well."""
    build.rows = [history.told_of_delivery(build.memory, row) for row in build.rows]
    build.model_checks = {n: history.told_of_checks(build.memory, n, c) for n, c in build.model_checks.items()}


def late_models(graph: Graph) -> set[str]:
    late: set[str] = set()
    for model in graph.models:
        if any(read in LATE_SOURCES or read in late for read in model.reads):
            late.add(model.name)
    return late


def _build(build: Build, shop: Workshop, wanted: list[Model], progress: Callable[[str], None]) -> None:
    con = build.con
    with _room_needed():
        for model in _largest_first(build, wanted):
            build.known[model.name] = models.input_fingerprint(model, build.known, build.salt)
            if not model.is_published:
                _settle(con, build, shop, model, progress)
                continue
            if _is_unchanged(build, model):
                _carry_over(con, build, model)
            else:
                _make(con, build, shop, model, progress)
                models.comment(con, model)
            _write_parquet(con, build, model)
            if model.name not in build.reused:
                build.fingerprints.begin(model.name, build.folder / "parquet" / parquet_name(model), model.history)
                _check_ahead(build, model)


def _largest_first(build: Build, wanted: list[Model]) -> list[Model]:
    """The models, each still after what it reads, in an order in which tables of many rows are finished early.

    What is to be done with them afterwards by the thread for fingerprints then goes on beside the many small ones.
    """
    rows: Counter[str] = Counter()
    for row in build.rows:
        if row.is_in_force:
            rows[f"sources.{row.verdict.contract}"] += row.verdict.rows_accepted
    below: dict[str, frozenset[str]] = {}
    for model in build.graph.models:
        below[model.name] = frozenset(model.reads).union(*(below.get(name, ()) for name in model.reads))

    def place(model: Model) -> tuple[int, int]:
        return -max((rows[name] for name in below[model.name]), default=0), len(below[model.name])

    ordered: dict[str, Model] = {}
    for table in sorted((model for model in wanted if model.is_published), key=place):
        ordered |= {m.name: m for m in wanted if m.name in below[table.name] and m.name not in ordered}
        ordered.setdefault(table.name, table)
    return list({**ordered, **{model.name: model for model in wanted if model.name not in ordered}}.values())


@contextmanager
def _room_needed() -> Iterator[None]:
    """While the release is written: raises StorageProblem where it cannot be."""
    import duckdb

    try:
        yield
    except duckdb.IOException as error:
        raise StorageProblem(
            f"the release cannot be written: {' '.join(str(error).split())[:200]}",
            "free space on the disk, then run again",
        ) from None


def finish(build: Build) -> None:
    """Put the tables into the release's file for good, once all are built and nobody looks at them."""
    _stop_checking(build)
    with _room_needed():
        build.con.execute("checkpoint release")


def _settle(con, build: Build, shop: Workshop, model: Model, progress: Callable[[str], None]) -> None:
    """Find out whether an intermediate table is what it was; a view is taken for what it depends on, and made when read."""
    if models.kind_of(build.graph, model) == "view":
        return
    depends_on = build.known[model.name]
    before = build.previous_manifest.get("intermediates", {}).get(model.name)
    if before is not None and before["depends_on"] == depends_on:
        entry = before
    else:
        _make(con, build, shop, model, progress)
        rows = models.row_count(con, model)
        content = models.content_fingerprint(con, model) if rows <= models.HASHED_ROWS else None
        entry = {"depends_on": depends_on, "content": content or depends_on}
        if model.is_by_delivery:
            entry["by_delivery"] = _by_delivery(build, model)
        if model.is_by_delivery or rows <= KEPT_ROWS:
            entry["sha256"] = _keep(con, shop, model, depends_on)
    build.intermediates[model.name] = entry
    build.known[model.name] = entry["content"]


def _keep(con, shop: Workshop, model: Model, depends_on: str) -> str:
    """Write an intermediate table for the next run, which may need it for another table; returns the file's hash."""
    target = _kept_path(shop.kept, model.name, depends_on)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_suffix(".partial")
    con.execute(f"copy (select * from {model.name}) to {quoted(partial)} {AS_OWN_PARQUET}")
    os.replace(partial, target)
    return sha256_of(target)


def _kept_path(kept: Path, name: str, depends_on: str) -> Path:
    return kept / f"{name}-{depends_on[:16]}.parquet"


def kept_path(kept: Path, build: Build, model: Model) -> Path | None:
    """Where an intermediate table was kept; None for one that was not."""
    entry = build.intermediates.get(model.name, {})
    return _kept_path(kept, model.name, entry["depends_on"]) if "sha256" in entry else None


def forget_others(kept: Path, build: Build) -> None:
    """Remove what the release does not stand on."""
    wanted = {_kept_path(kept, name, entry["depends_on"]) for name, entry in build.intermediates.items()}
    wanted |= set(build.lineage_files.values())
    for path in kept.glob("*"):
        if path not in wanted:
            path.unlink(missing_ok=True)


def _take_kept(con, build: Build, shop: Workshop, model: Model) -> bool:
    """Whether the table as the run before left it is there, whole, and now stands for the model."""
    entry = build.intermediates.get(model.name, {})
    path = _kept_path(shop.kept, model.name, entry.get("depends_on", ""))
    if "sha256" not in entry or not path.is_file() or sha256_of(path) != entry["sha256"]:
        return False
    con.execute(f"create or replace view {model.name} as select * from {parquet(path)}")
    build.made.add(model.name)
    return True


def _make(con, build: Build, shop: Workshop, model: Model, progress: Callable[[str], None]) -> None:
    """Build a model, and first the unpublished ones that it reads and that nothing has needed yet."""
    if _take_kept(con, build, shop, model):
        return
    for name in model.reads:
        below = build.graph.by_name.get(name)
        if below is not None and not below.is_published and name not in build.made:
            _make(con, build, shop, below, progress)
    progress(model.name)
    if not (model.is_by_delivery and _add_deliveries(con, build, shop, model)):
        models.build_model(con, build.graph, model)
    build.made.add(model.name)
    entry = build.intermediates.get(model.name, {})
    if "sha256" in entry:  # it was kept, and has gone or was damaged since
        entry["sha256"] = _keep(con, shop, model, entry["depends_on"])


def _by_delivery(build: Build, model: Model) -> dict[str, str]:
    """Of each delivery in force that a model reads, a hash of all that the model's rows of it depend on."""
    contracts, common = _leaves(build, model)
    return {
        row.delivery.delivery_id: _hash((row.delivery.delivery_id, row.rank, row.verdict.staged, common))[:16]
        for row in build.rows
        if row.is_in_force and row.verdict.contract in contracts
    }


def _leaves(build: Build, model: Model) -> tuple[set[str], list[str]]:
    """The contracts whose deliveries a model reads, itself or through views, and what else its rows depend on."""
    contracts: set[str] = set()
    common = [build.salt, model.text_hash]
    waiting, seen = list(model.reads), set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        below = build.graph.by_name.get(name)
        if below is not None and models.kind_of(build.graph, below) == "view":
            common.append(below.text_hash)
            waiting += below.reads
        elif name in build.delivered:
            contracts.add(name.removeprefix("sources."))
        else:
            common.append(build.known[name])
    return contracts, common


def _add_deliveries(con, build: Build, shop: Workshop, model: Model) -> bool:
    """Whether rows of some deliveries could be taken from what the run before left, and the others were added to them."""
    before = build.previous_manifest.get("intermediates", {}).get(model.name, {})
    known, now = before.get("by_delivery", {}), _by_delivery(build, model)
    same = [delivery for delivery, made_of in now.items() if known.get(delivery) == made_of]
    path = _kept_path(shop.kept, model.name, before.get("depends_on", ""))
    if not same or not path.is_file() or sha256_of(path) != before.get("sha256"):
        return False
    return models.build_by_delivery(con, model, path, same)


def ensure(con, build: Build, shop: Workshop, name: str) -> None:
    """Build an intermediate table, and what it reads, if nothing has needed it yet."""
    if name not in build.made:
        _make(con, build, shop, build.graph.by_name[name], lambda _: None)


def parquet_name(model: Model) -> str:
    return f"{model.schema}.{model.table}.parquet"


def _is_unchanged(build: Build, model: Model) -> bool:
    kept = build.previous_tables.get(model.name)
    if build.previous is None or kept is None or kept["fingerprint"] != build.known[model.name]:
        return False
    path = build.previous / "parquet" / parquet_name(model)
    return path.is_file() and sha256_of(path) == kept["content_sha256"]


def _carry_over(con, build: Build, model: Model) -> None:
    """Take a table from the release before: its Parquet by a hard link, its rows from there."""
    kept = build.previous / "parquet" / parquet_name(model)
    take_over(kept, build.folder / "parquet" / parquet_name(model))
    name = f"{model.schema}.{identifier(model.table)}"
    if model.name not in build.copied:
        con.execute(f"create table release.{name} as select * from {parquet(kept)}")
        models.comment(con, model)
    con.execute(f"create or replace view {name} as select * from release.{name}")
    build.reused.add(model.name)


def _write_parquet(con, build: Build, model: Model) -> None:
    target = build.folder / "parquet" / parquet_name(model)
    if not target.exists():
        name = f"release.{model.schema}.{identifier(model.table)}"
        con.execute(f"copy (select * from {name}) to {quoted(target)} (format parquet, compression zstd)")


def verify(build: Build, shop: Workshop, tables: set[str], progress: Callable[[str], None]) -> None:
    """Check the grain and the expectations of the built tables; results go to `build.model_checks`.

    Raises VerificationFailed or NotChecked, with the tables and expectations, when a critical one failed or did not run.
    A table that was carried over keeps the results it had, but for those that also depend on what has changed since.
    """
    published = [m for m in build.graph.models if m.is_published and m.name in tables]
    kept = {model.name: _results_that_hold(build, model) for model in published}
    _check(build, shop, published, kept, progress)
    _stop_if_untrustworthy(build, tables)


def _expected(build: Build, model: Model) -> list[Expectation]:
    """What is expected of a table; without what compares it with a release before and has nothing to compare it with."""
    return [e for e in expectations_of(model) if _is_comparable(build, model, e)]


def _is_comparable(build: Build, model: Model, expectation: Expectation) -> bool:
    """Whether the tables of the release before that are named are there and comparable.

    A table that was carried over from there would only be compared with itself.
    """
    named = model.named.get(expectation.id, ())
    if model.name in build.reused and named == (f"{models.PREVIOUS}.{model.table}",):
        return False
    return all(name in build.before for name in named if name.startswith(f"{models.PREVIOUS}."))


def _depends_on(build: Build, model: Model, expectation: Expectation) -> str:
    """A hash of all that a result depends on besides the table itself and the expectation's own text."""
    named = [(name, build.before.get(name) or build.known.get(name)) for name in model.named.get(expectation.id, ())]
    return _hash((_judges_hash(), named))[:16]


@lru_cache(maxsize=1)
def _judges_hash() -> str:
    return _hash([(ledger.CORE / name).read_bytes() for name in JUDGES])


def _results_that_hold(build: Build, model: Model) -> dict[str, dict]:
    """The results that a table brings from the release before and that nothing has changed, by the expectation's id."""
    if model.name not in build.reused:
        return {}
    before = {check["expectation_id"]: check for check in build.previous_tables[model.name]["checks"]}
    return {
        expectation.id: before[expectation.id]
        for expectation in _expected(build, model)
        if expectation.id in before
        and before[expectation.id]["verdict"] != "not_checked"
        and before[expectation.id].get("depends_on") == _depends_on(build, model, expectation)
    }


def _check(
    build: Build, shop: Workshop, published: list[Model], kept: Mapping[str, dict], progress: Callable[[str], None]
) -> None:
    """Gather each table's results: those that are kept, and the others made now."""
    missing = {m.name: [e for e in _expected(build, m) if e.id not in kept[m.name]] for m in published}
    made = _make_results(build, [m for m in published if missing[m.name]], missing, progress)
    for model in published:
        results = {**kept[model.name], **made.get(model.name, {})}
        build.model_checks[model.name] = [results[e.id] for e in _expected(build, model)]


def _check_ahead(build: Build, model: Model) -> None:
    """Begin to check a table that was just built, but for expectations that name a table which is not there yet."""
    ready = [e for e in _expected(build, model) if all(_is_there(build, n) for n in model.named.get(e.id, ()))]
    if build.ahead is None or not ready:
        return
    if build.has_little_new or models.row_count(build.con, model) <= AHEAD_ROWS:
        build.ahead.begin(model.schema, model.table, ready)


def _is_there(build: Build, name: str) -> bool:
    model = build.graph.by_name.get(name)
    return name not in LATE_SOURCES and (model is None or name in build.made | build.reused)


def _make_results(
    build: Build,
    wanted: list[Model],
    expectations: Mapping[str, list[Expectation]],
    progress: Callable[[str], None],
) -> dict[str, dict[str, dict]]:
    """New results by table and expectation, each with what it depends on."""
    if not wanted:
        return {}  # and Great Expectations is not imported
    from flows.core.validation import Validator

    made: dict[str, dict[str, dict]] = {}
    # all of them first: two threads that ask Great Expectations at once are not what it was made for
    ahead = {model.name: build.ahead.take(model.name) if build.ahead is not None else {} for model in wanted}
    validator = Validator(build.con)
    try:
        for model in wanted:
            progress(model.name)
            found = ahead[model.name]
            others = [e for e in expectations[model.name] if e.id not in found]
            checks = validator.validate(model.table, others, schema=model.schema)
            made[model.name] = {
                check.expectation.id: {**check.as_dict(), "depends_on": _depends_on(build, model, check.expectation)}
                for check in (*found.values(), *checks)
            }
    finally:
        validator.close()
    return made


def expectations_of(model: Model) -> list[Expectation]:
    """Every expectation that a published table is held against."""
    return [_grain_unique(model), *model.expectations]


def _grain_unique(model: Model) -> Expectation:
    columns = ", ".join(identifier(c) for c in model.grain)
    # hashes first: a fraction of the memory, and only rows whose hash repeats are compared by the grain itself
    repeated = f"select hash({columns}) from {{batch}} group by 1 having count(*) > 1"
    query = (
        f"select {columns} from {{batch}} where hash({columns}) in ({repeated}) group by {columns} having count(*) > 1"
    )
    return Expectation(
        "grain_unique",
        "unexpected_rows_expectation",
        (("unexpected_rows_query", query),),
        "critical",
        "refuse",
        f"2026-11: the table says that it has one row for each {', '.join(model.grain)}.",
    )


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
