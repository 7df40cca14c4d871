"""The models in `sql/`: what each one reads, in which order they are built, and which of them a change makes stale."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from flows.core import at_hand, fingerprints
from flows.core.contracts import Contract, Expectation, expectation_of, expectation_problems, load_yaml
from flows.core.errors import ModelError, tells_of_full_disk
from flows.core.reading.tables import identifier, one_file, parquet, quoted

FOLDERS = {
    "1_staging": "staging",
    "2_intermediate": "intermediate",
    "3_marts": "marts",
    "3_marts/audit": "audit",
}
PUBLISHED = ("marts", "audit")
DELIVERY = "delivery_id"
PREVIOUS = "previous"
"""Schema in which an expectation finds the published tables of the release before; a model never does."""

HASHED_ROWS = 50_000
"""A table of up to this many rows is hashed: when it is the same as before, so is what is built from it. Of more rows
the hash takes longer than what it may save."""

NAMES_A_TABLE = re.compile(r"\b(from|join)\s+(?!\{batch\})[a-z_]+\.[a-z_]", re.IGNORECASE)
"""What a query that names another table than the one it checks has in it; only such queries are worth parsing."""

RUN_TABLES = {
    "deliveries": {
        "delivery_id": "varchar",
        "contract": "varchar",
        "source": "varchar",
        "file_name": "varchar",
        "sha256": "varchar",
        "bytes": "bigint",
        "received_at": "timestamp",
        "sender": "varchar",
        "licence": "varchar",
        "citation": "varchar",
        "edition_date": "date",
        "is_synthetic": "boolean",
        "wave_code": "varchar",
        "verdict": "varchar",
        "refusal": "varchar",
        "rows_read": "bigint",
        "rows_accepted": "bigint",
        "rows_quarantined": "bigint",
        "superseded_by": "varchar",
        "is_in_force": "boolean",
        "delivery_rank": "integer",
        "contract_version": "varchar",
        "public_bytes": "bigint",
        "public_refusal": "varchar",
        "public_rows_read": "bigint",
        "public_rows_accepted": "bigint",
        "public_rows_quarantined": "bigint",
        "rows_status": "varchar",
    },
    "checks": {
        "run_id": "varchar",
        "subject": "varchar",
        "expectation_id": "varchar",
        "expectation": "varchar",
        "severity": "varchar",
        "on_failure": "varchar",
        "verdict": "varchar",
        "checked_rows": "bigint",
        "failed_rows": "bigint",
        "reason": "varchar",
        "known_since": "varchar",
        "failed_rows_before": "bigint",
        "public_checked_rows": "bigint",
        "public_failed_rows": "bigint",
        "rows_status": "varchar",
    },
    "quarantine": {
        "delivery_id": "varchar",
        "reason": "varchar",
        "rows": "bigint",
        "public_rows": "bigint",
        "rows_status": "varchar",
    },
    "profiles": {
        "delivery_id": "varchar",
        "kind": "varchar",
        "column_name": "varchar",
        "label": "varchar",
        "period_on": "date",
        "rows": "bigint",
        "filled": "bigint",
        "total": "decimal(28, 3)",
    },
    "contracts": {
        "contract": "varchar",
        "title": "varchar",
        "title_fr": "varchar",
        "source": "varchar",
        "owner": "varchar",
        "licence": "varchar",
        "citation": "varchar",
        "key_columns": "varchar",
        "expected_every_days": "integer",
        "period_unit": "varchar",
        "counts_of": "varchar",
    },
    "run": {"as_of": "date", "code_version": "varchar"},
    "releases": {
        "chain_position": "integer",
        "release": "varchar",
        "created_at": "timestamp",
        "as_of": "date",
        "run_id": "varchar",
        "code_version": "varchar",
        "manifest_sha256": "varchar",
        "previous_release": "varchar",
        "table_count": "integer",
        "delivery_count": "integer",
        "is_intact": "boolean",
    },
    "shown_before": {
        "cell_id": "bigint",
        "measure": "varchar",
        "zone_code": "varchar",
        "period_type": "varchar",
        "period_start": "date",
        "breakdown": "varchar",
        "breakdown_value": "varchar",
        "shown_count": "bigint",
        "low_count": "bigint",
        "high_count": "bigint",
        "obs_status": "varchar",
        "mark": "varchar",
        "rule": "varchar",
        "exact_count": "bigint",
        "known_low": "double",
        "known_high": "double",
        "need_low": "double",
        "need_high": "double",
        "is_latent": "boolean",
        "is_rest": "boolean",
        "is_public": "boolean",
        "series": "varchar",
        "level": "bigint",
        "is_newest": "boolean",
    },
    "sums_before": {"sum_id": "bigint", "hierarchy": "varchar", "cell_id": "bigint", "sign": "bigint"},
    "lineage": {
        "table_name": "varchar",
        "column_name": "varchar",
        "upstream_table": "varchar",
        "upstream_column": "varchar",
        "kind": "varchar",
    },
    "origins": {
        "table_name": "varchar",
        "column_name": "varchar",
        "source_table": "varchar",
        "source_column": "varchar",
        "kind": "varchar",
        "step_count": "integer",
    },
    "indicator_origins": {
        "indicator_id": "varchar",
        "column_name": "varchar",
        "source_table": "varchar",
        "source_column": "varchar",
        "kind": "varchar",
        "step_count": "integer",
    },
}
"""Tables about the run itself, which models read as `sources.<name>`; sql/README.md says what each holds."""

DELIVERY_SOURCES = ("partners", "police", "reference", "surveys")
RUN_TABLES |= {"release_checks": RUN_TABLES["checks"]}
RUN_TABLES |= {f"deliveries_of_{source}": RUN_TABLES["deliveries"] for source in DELIVERY_SOURCES}


@dataclass(frozen=True)
class Model:
    """One model of `sql/`: a query, or a Python file with what queries cannot compute.

    `reads` are the tables it names, as schema.table; `grain` the columns of its Grain line. Of a Python model `inputs`
    are the queries that it is given the results of, `compute` its function, and `types` the types of its columns.
    `history` are the columns that speak of earlier releases: left out of the content fingerprint.
    `named` are the other tables that the query of an expectation names, by the expectation's id.
    `is_by_delivery`: its rows of one delivery depend on no row of another, so those of deliveries known before are kept.
    """

    name: str
    path: Path
    sql: str
    reads: tuple[str, ...]
    grain: tuple[str, ...]
    description: str
    columns: Mapping[str, str]
    expectations: tuple[Expectation, ...]
    text_hash: str
    materialised: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    compute: Callable | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_by_delivery: bool = False

    @property
    def schema(self) -> str:
        return self.name.partition(".")[0]

    @property
    def table(self) -> str:
        return self.name.partition(".")[2]

    @property
    def is_published(self) -> bool:
        return self.schema in PUBLISHED

    @property
    def is_history(self) -> bool:
        """Whether nothing in it follows from the deliveries and the code alone."""
        return bool(self.columns) and set(self.columns) <= set(self.history)


@dataclass(frozen=True)
class Reference:
    """A table of decisions: a .csv with the types and texts of its columns."""

    name: str
    path: Path
    columns: Mapping[str, tuple[str, str]]
    description: str
    text_hash: str


@dataclass(frozen=True)
class Graph:
    """All models, in an order in which each comes after what it reads."""

    models: tuple[Model, ...]
    references: tuple[Reference, ...]
    by_name: Mapping[str, Model] = field(default_factory=dict)

    def readers_of(self, name: str) -> int:
        return sum(name in model.reads for model in self.models)


def load_graph(sql: Path, contracts: Iterable[str]) -> Graph:
    """Read every model and reference table.

    Raises ModelError that names the files for a cycle, an unknown table, a missing header, grain or text, broken SQL.
    """
    references = tuple(_reference(path) for path in sorted((sql / "reference").glob("*.csv")))
    models = [
        _model(path, schema)
        for folder, schema in FOLDERS.items()
        for path in sorted([*(sql / folder).glob("*.sql"), *(sql / folder).glob("*.py")])
    ]
    by_name = {model.name: model for model in models}
    known = {f"sources.{name}" for name in (*RUN_TABLES, *contracts)} | {f"reference.{r.name}" for r in references}
    published = {model.name for model in models if model.is_published}
    nameable = known | published | {f"{PREVIOUS}.{by_name[name].table}" for name in published}
    for model in models:
        unknown = sorted(set(model.reads) - known - set(by_name))
        if unknown:
            raise ModelError(
                f"{model.path} reads {', '.join(unknown)}, which is no model, contract or reference table",
                "correct the name, or add the file that builds it",
            )
        _expect_tables_named(model, nameable)
    return Graph(tuple(by_name[name] for name in _order(by_name)), references, by_name)


def _expect_tables_named(model: Model, nameable: set[str]) -> None:
    """Raises ModelError for an expectation about a table that does not stand whenever its results are made."""
    for id, names in model.named.items():
        unknown = sorted(set(names) - nameable)
        if unknown:
            raise ModelError(
                f"{model.path.with_suffix('.yml')}: {id} names {', '.join(unknown)}",
                "an expectation may name published tables, sources, reference tables and, as previous.<table>, "
                "the published tables of the release before",
            )


def _order(by_name: Mapping[str, Model]) -> list[str]:
    sorter = TopologicalSorter({n: sorted(r for r in m.reads if r in by_name) for n, m in sorted(by_name.items())})
    try:
        return list(sorter.static_order())
    except CycleError as error:
        files = " -> ".join(str(by_name[name].path) for name in error.args[1])
        raise ModelError(f"models that read each other in a circle: {files}", "take one of the arrows away") from None


def _model(path: Path, schema: str) -> Model:
    spec_path = path.with_suffix(".yml")
    if not spec_path.exists():
        raise ModelError(f"{path} has no {spec_path.name} beside it", "describe the table and its columns there")
    return _model_of(path, schema, path.read_text(encoding="utf-8"), spec_path.read_text(encoding="utf-8"))


@lru_cache(maxsize=1024)
def _model_of(path: Path, schema: str, text: str, spec_text: str) -> Model:
    """A model from its two texts; once for each run of a process that makes several."""
    spec_path = path.with_suffix(".yml")
    spec = _yaml(spec_path, spec_text)
    expectations = tuple(expectation_of(entry) for entry in spec.get("expectations") or ())
    problems = [f"{e.id}: {p}" for e in expectations for p in expectation_problems(e)]
    problems += [
        f"{e.id}: a model's on_failure is refuse or warn" for e in expectations if e.on_failure == "quarantine"
    ]
    if problems:
        raise ModelError(f"{spec_path}: " + "; ".join(problems), "correct the entries named")
    is_query = path.suffix == ".sql"
    inputs, compute = ({}, None) if is_query else _python(path)
    columns = spec.get("columns") or {}
    grain, is_by_delivery = _grain(path, text), spec.get("by_delivery") is True
    if is_by_delivery and (DELIVERY not in grain or schema in PUBLISHED or not is_query):
        raise ModelError(
            f"{spec_path}: by_delivery is for a query below the published tables whose Grain line names {DELIVERY}",
            "take by_delivery away",
        )
    return Model(
        name=f"{schema}.{path.stem}",
        path=path,
        sql=text.strip().rstrip(";") if is_query else "",
        reads=_reads(path, text) if is_query else _all_reads(path, inputs),
        grain=grain,
        description=" ".join(str(spec.get("description", "")).split()),
        columns={name: str(text if is_query else text.get("description")) for name, text in columns.items()},
        expectations=expectations,
        text_hash=hashlib.sha256((text + "\0" + spec_text).encode()).hexdigest(),
        materialised=spec.get("materialized") if is_query else "table",
        inputs=inputs,
        compute=compute,
        types={} if is_query else {name: column["type"] for name, column in columns.items()},
        history=_history(spec_path, spec, columns),
        named=_named(spec_path, expectations),
        is_by_delivery=is_by_delivery,
    )


def _history(spec_path: Path, spec: dict, columns: Mapping[str, object]) -> tuple[str, ...]:
    """The columns under `history:` (`all` for every one). Raises ModelError for one that the table does not have."""
    named = spec.get("history") or []
    if named == "all":
        return tuple(columns)
    unknown = [str(n) for n in named if n not in columns] if isinstance(named, list) else [str(named)]
    if unknown:
        raise ModelError(f"{spec_path}: history names {', '.join(unknown)}, no column", "name columns, or write all")
    return tuple(named)


BATCH = "{batch}"


def _named(spec_path: Path, expectations: Iterable[Expectation]) -> dict[str, tuple[str, ...]]:
    """The tables that the expectations' queries name beside the one that they check, by the expectation's id."""
    named = {}
    for expectation in expectations:
        query = expectation.arguments().get("unexpected_rows_query", "")
        if NAMES_A_TABLE.search(query):
            plain = query.replace(BATCH, "checked.table").replace("{{", "{").replace("}}", "}")
            named[expectation.id] = tuple(n for n in _reads(spec_path, plain) if n != "checked.table")
    return named


def _python(path: Path) -> tuple[dict[str, str], Callable]:
    """The queries and the function of a Python model. Raises ModelError when it has none, or cannot be imported."""
    spec = importlib.util.spec_from_file_location(f"sql_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return dict(module.READS), module.compute
    except Exception as error:
        raise ModelError(
            f"{path}: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
            "a Python model has READS (a query for each argument) and compute()",
        ) from None


def _all_reads(path: Path, inputs: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted({name for query in inputs.values() for name in _reads(path, query)}))


def _yaml(path: Path, text: str) -> dict:
    try:
        content = load_yaml(text)
    except Exception as error:
        raise ModelError(f"{path} is no YAML: {' '.join(str(error).split())}", "correct it") from None
    if not isinstance(content, dict) or not content.get("description"):
        raise ModelError(f"{path} has no description", "say in one sentence what the table is")
    return content


def _grain(path: Path, text: str) -> tuple[str, ...]:
    lines = text.splitlines()[:12]
    opening = "-- " if path.suffix == ".sql" else '"""'
    header = [line.removeprefix("-- ") for line in lines if line.startswith("--") or path.suffix == ".py"]
    grain = next((line for line in header if line.startswith("Grain:")), None)
    care = any(line.startswith("Care:") for line in header)
    if not lines or not lines[0].startswith(opening) or grain is None or not care:
        raise ModelError(f"{path} does not open with what it is, `Grain:` and `Care:`", "add the three lines")
    names = re.findall(r"[a-z_][a-z0-9_]*", grain.removeprefix("Grain:").split(".")[0].split("(")[0])
    if not names:
        raise ModelError(f"{path}: the Grain line names no column", "write `-- Grain: zone_code, month.`")
    return tuple(names)


def _reads(path: Path, text: str) -> tuple[str, ...]:
    """The tables that a query names."""
    tables, withs, problem = _parsed(text)
    if problem:
        raise ModelError(f"{path}: {problem}", "correct the SQL")
    plain = sorted(name for name in tables if name.startswith(".") and name[1:] not in withs)
    if plain:
        raise ModelError(f"{path} reads {', '.join(n[1:] for n in plain)} without its schema", "write schema.table")
    return tuple(sorted(name for name in tables if not name.startswith(".")))


@lru_cache(maxsize=1)
def _parser():
    """An empty database, for its parser alone."""
    import duckdb

    return duckdb.connect()


_PARSED: dict[str, tuple[frozenset[str], frozenset[str], str]] = {}
"""What was found in each query, since every later run of the process asks for the same ones again."""


def parsed_queries() -> list[tuple[str, tuple[frozenset[str], frozenset[str], str]]]:
    """The queries that were looked at in this process, each with its tables, its CTEs and what is wrong with it."""
    return list(_PARSED.items())


def _parsed(text: str) -> tuple[frozenset[str], frozenset[str], str]:
    """Tables and CTEs of a query, and what is wrong with it."""
    if text not in _PARSED:
        _PARSED[text] = at_hand.tables_of(text) or _parse(text)
    return _PARSED[text]


def _parse(text: str) -> tuple[frozenset[str], frozenset[str], str]:
    """From DuckDB's own parser: nothing is bound, so the tables need not exist yet."""
    # without what is empty or usual: a quarter of the time; and no parameter, for which DuckDB would import pandas
    sql = f"select json_serialize_sql({quoted(text)}, skip_null := true, skip_empty := true, skip_default := true)"
    parsed = json.loads(_parser().cursor().execute(sql).fetchone()[0])
    if parsed["error"]:
        return frozenset(), frozenset(), " ".join(parsed["error_message"].split())[:300]
    tables, withs = _tables_in(parsed["statements"])
    return frozenset(tables), frozenset(withs), ""


def _tables_in(tree: object) -> tuple[set[str], set[str]]:
    """Names of the tables (schema.table; .name without a schema) and of the CTEs in a parsed query."""
    tables: set[str] = set()
    withs: set[str] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                tables.add(f"{node.get('schema_name', '')}.{node['table_name']}")
            if "cte_map" in node:
                withs |= {entry["key"] for entry in node["cte_map"]["map"]}
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return tables, withs


def _reference(path: Path) -> Reference:
    spec_path = path.with_suffix(".yml")
    if not spec_path.exists():
        raise ModelError(f"{path} has no {spec_path.name} beside it", "describe the table and its columns there")
    spec_text = spec_path.read_text(encoding="utf-8")
    spec = _yaml(spec_path, spec_text)
    text = path.read_text(encoding="utf-8")
    header = next(csv.reader(text.splitlines()), [])
    columns = {
        n: (c.get("type", "varchar"), str(c.get("description", ""))) for n, c in (spec.get("columns") or {}).items()
    }
    if header != list(columns):
        raise ModelError(f"{path} and {spec_path.name} name other columns, or in another order", "make them agree")
    return Reference(
        path.stem, path, columns, spec["description"], hashlib.sha256((text + spec_text).encode()).hexdigest()
    )


def input_fingerprint(model: Model, known: Mapping[str, str], salt: str) -> str:
    """What a model's content depends on, as one hash: its own text and what it reads (`known`, by table name).

    `salt` stands for the code that builds.
    """
    parts = [salt, model.name, model.text_hash, *(known[name] for name in model.reads)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def content_fingerprint(con, model: Model) -> str:
    """A hash of a built table's columns and rows, in any order of the rows."""
    return f"content:{fingerprints.of_relation(con, model.name, fingerprints.columns_of(con, model.name))}"


def row_count(con, model: Model) -> int:
    return con.execute(f"select count(*) from {model.name}").fetchone()[0]


def create_sources(con, contracts: Mapping[str, Contract], staged: Mapping[str, list[tuple[str, int, Path]]]) -> None:
    """A view `sources.<contract>` for each contract over its accepted rows: (delivery_id, delivery_rank, file)."""
    con.execute("create schema if not exists sources")
    for contract in contracts.values():
        columns = [(c.name, c.sql_type) for c in contract.staged_columns]
        typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns)
        parts = [
            f"select {typed}, {quoted(delivery)} as delivery_id, cast({rank} as integer) as delivery_rank "
            f"from {parquet(path)}"
            for delivery, rank, path in staged.get(contract.name, [])
        ]
        empty = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns)
        parts = parts or [
            f"select {empty}, cast(null as varchar) as delivery_id, cast(null as integer) as delivery_rank where false"
        ]
        con.execute(f"create or replace view sources.{contract.name} as " + " union all ".join(parts))


def create_run_table(con, name: str, rows: list[tuple]) -> None:
    """A table `sources.<name>` about the run, from rows in the order of RUN_TABLES."""
    columns = RUN_TABLES[name]
    con.execute("create schema if not exists sources")
    con.execute(f"create or replace table sources.{name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
    typed = ", ".join(f"unnest(cast(? as {kind}[]))" for kind in columns.values())
    if rows:  # as one list for each column: a value for each place of a long statement takes eight times as long
        con.execute(f"insert into sources.{name} select {typed}", [list(values) for values in zip(*rows, strict=True)])


def delivery_tables(rows: list[tuple]) -> dict[str, list[tuple]]:
    """The rows of `sources.deliveries`, and those of one source each: a model that reads these alone stays as it is
    when another source delivers."""
    source = list(RUN_TABLES["deliveries"]).index("source")
    parts = {f"deliveries_of_{name}": [row for row in rows if row[source] == name] for name in DELIVERY_SOURCES}
    return {"deliveries": rows, **parts}


def create_run_view(con, name: str, path: Path) -> None:
    """A view `sources.<name>` about the run, over the .csv that holds its rows: read only when a model is built from it."""
    spec = "{" + ", ".join(f"'{column}': '{kind}'" for column, kind in RUN_TABLES[name].items()) + "}"
    con.execute("create schema if not exists sources")
    con.execute(
        f"create or replace view sources.{name} as select * from read_csv({one_file(path)}, auto_detect = false, "
        f"header = false, delim = ',', columns = {spec})"
    )


def create_references(con, references: Iterable[Reference]) -> None:
    """Load the tables of decisions. Raises ModelError when a value does not fit its column's type."""
    import duckdb

    con.execute("create schema if not exists reference")
    for reference in references:
        spec = "{" + ", ".join(f"'{name}': '{kind}'" for name, (kind, _) in reference.columns.items()) + "}"
        try:
            con.execute(
                f"create or replace table reference.{reference.name} as select * from read_csv({one_file(reference.path)}, "
                f"auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', columns = {spec})"
            )
        except duckdb.Error as error:
            raise ModelError(f"{reference.path}: {' '.join(str(error).split())[:300]}", "correct the row") from None


def create_schemas(con, graph: Graph, release: str = "release") -> None:
    """The schemas of all models, and of the published ones in the release too; before the first one is built."""
    schemas = {model.schema for model in graph.models}
    schemas |= {f"{release}.{model.schema}" for model in graph.models if model.is_published}
    con.execute("; ".join(f"create schema if not exists {schema}" for schema in sorted(schemas)))


def build_by_delivery(con, model: Model, kept: Path, same: Collection[str]) -> bool:
    """Build a model that is kept by delivery: the rows of `same` deliveries from the file `kept`, the others by its query.

    False, and nothing is built, where the file has other columns or types than the query.
    """
    listed = f"list_contains([{', '.join(quoted(d) for d in same)}], {DELIVERY})"
    stored = f"select * from {parquet(kept)} where {listed}"
    # `not in` would be a join in DuckDB; this is decided for each delivery's file before any is read
    query = f"select * from ({model.sql}\n) where not {listed}"
    if con.execute(f"describe {stored}").fetchall() != con.execute(f"describe {query}").fetchall():
        return False
    con.execute(f"create or replace table {model.name} as {stored} union all {query}")
    return True


def build_model(con, graph: Graph, model: Model, release: str = "release") -> None:
    """Build one model: published ones as tables of the release (in the order of their grain), others as view or table.

    Raises ModelError with the file's name when DuckDB cannot run it, or when its columns are not those of its .yml.
    """
    import duckdb

    name = f"{model.schema}.{identifier(model.table)}"
    try:
        if model.compute is not None:
            _compute(con, model, name)
        elif model.is_published:
            order = ", ".join(identifier(column) for column in model.grain)
            con.execute(f"create or replace table {release}.{name} as select * from ({model.sql}\n) order by {order}")
            _check_columns(con, model, release)
            con.execute(f"create or replace view {name} as select * from {release}.{name}")
        else:
            kind = kind_of(graph, model)
            con.execute(f"create or replace {kind} {name} as {model.sql}")
    except duckdb.Error as error:
        if isinstance(error, (duckdb.OutOfMemoryException, duckdb.IOException)) or tells_of_full_disk(error):
            raise
        raise ModelError(f"{model.path}: {' '.join(str(error).split())[:400]}", "correct the SQL") from None


def _compute(con, model: Model, name: str) -> None:
    """Make the table of a Python model: its queries go in as data frames, its own frame comes out in the .yml's types.

    Raises ModelError when it fails or gives other columns.
    """
    frames = {name: con.execute(query).df() for name, query in model.inputs.items()}
    try:
        computed = model.compute(**frames)
    except Exception as error:  # the message may cite a value of a row
        raise ModelError(f"{model.path}: compute() ended with {type(error).__name__}", "correct it") from error
    if list(computed.columns) != list(model.types):
        differing = sorted(set(computed.columns) ^ set(model.types)) or ["their order"]
        raise ModelError(f"{model.path} and the .yml beside it differ in {', '.join(differing)}", "make them agree")
    typed = ", ".join(f"cast({identifier(n)} as {kind}) as {identifier(n)}" for n, kind in model.types.items())
    order = ", ".join(identifier(column) for column in model.grain)
    con.register("computed", computed)
    try:
        con.execute(f"create or replace table {name} as select {typed} from computed order by {order}")
    finally:
        con.unregister("computed")


def kind_of(graph: Graph, model: Model) -> str:
    """A table when its work would otherwise be done twice: read by several models, and more than a renaming; or kept for the
    next run by delivery.

    `materialized: view` or `table` in the .yml decides otherwise.
    """
    if model.materialised:
        return model.materialised
    if model.is_by_delivery:
        return "table"
    is_work = model.schema == "intermediate" or " qualify" in model.sql.replace("\n", " ").lower()
    return "table" if is_work and graph.readers_of(model.name) > 1 else "view"


def _check_columns(con, model: Model, release: str) -> None:
    built = [row[0] for row in con.execute(f"describe {release}.{model.schema}.{identifier(model.table)}").fetchall()]
    if built != list(model.columns):
        differing = sorted(set(built) ^ set(model.columns)) or ["their order"]
        raise ModelError(
            f"{model.path} and the .yml beside it differ in {', '.join(differing)}", "describe every column, in order"
        )
    lacking = [c for c in model.grain if c not in built]
    if lacking:
        raise ModelError(f"{model.path}: the Grain line names {', '.join(lacking)}, which is no column", "correct it")


def comment(con, model: Model, release: str = "release") -> None:
    """Write the texts of the .yml into the database, where every client shows them."""
    name = f"{release}.{model.schema}.{identifier(model.table)}"
    texts = [f"comment on table {name} is {quoted(model.description)}"]
    for column, text in model.columns.items():
        texts.append(f"comment on column {name}.{identifier(column)} is {quoted(' '.join(text.split()))}")
    # in one transaction: each would be put on the disk by itself
    con.execute("begin transaction; " + "; ".join(texts) + "; commit")


def repeated_grain(con, model: Model) -> int:
    """How many grain values stand in more than one row of a built model."""
    columns = ", ".join(identifier(column) for column in model.grain)
    sql = f"select count(*) from (select {columns} from {model.name} group by {columns} having count(*) > 1)"
    return con.execute(sql).fetchone()[0]


def contract_rows(contracts: Mapping[str, Contract]) -> list[tuple]:
    """Rows of `sources.contracts`."""
    return [
        (
            c.name,
            c.title,
            c.title_fr,
            c.source,
            c.owner,
            c.licence,
            c.citation,
            ", ".join(c.key),
            c.expected_every_days,
            c.period_unit,
            c.counted.family,
        )
        for c in contracts.values()
    ]
