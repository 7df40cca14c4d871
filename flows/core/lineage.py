"""Lineage: for every column of every table, the columns that it comes from, read from the queries themselves.

A step leads from a column of a table to a column of a table that the model reads, with its kind, the strongest of these:

* `value`: the upstream value goes into the figure (copied, cast, computed with, compared);
* `aggregation`: it does so through a sum, a count, an extreme, a window: several rows make one figure;
* `condition`: it decides which figure is taken (`case when`, `filter`, a window's partition and order), or which rows
  an aggregate is made of (`where`, `join … on`, `group by` below the aggregate);
* `rows`: it decides which rows there are and which belong together, and so bears on every column of the table.

The column `*` stands for a table's rows: `count(*)` is an aggregation of it, and what decides which rows there are is kept
once, as the steps of `*`. A column that depends on nothing has one step, of kind `constant`. A column that cannot be
resolved is an error, never silence.

Nothing that can bear on a figure is left out; in these places more is named than can: both sides of a union, all of
`coalesce` and `nullif`, a comparison counts as a value, every column that a set operation or `distinct` compares decides
on rows, a join bears on the rows of the whole query, also where it can only add columns, and a Python model takes its
rows from every column that it is given. Its columns name their inputs in the .yml (`from`, and `decided_by` for what
only decides), since no query tells.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flows.core import at_hand
from flows.core.contracts import Contract, load_yaml
from flows.core.errors import ModelError
from flows.core.models import RUN_TABLES, Graph, Model

KINDS = ("value", "aggregation", "condition", "rows")
"""From the strongest: of two ways to the same column the stronger is told, of a chain of steps the weakest."""

VALUE, AGGREGATION, CONDITION, ROWS = range(4)
ALL_ROWS = "*"
NOTHING = "-"

Wanted = tuple[tuple[str, str], ...]
"""Only the rows in which these columns have these values, as in (("indicator_id", "recall"),); empty for all rows."""

Found = dict[tuple[str, str, Wanted], int]
"""The columns that something depends on, as (table, column, of which rows), with the kind as its place in KINDS."""

Outputs = tuple[dict[str, Found], Found]
"""What each column of a query depends on, and what its rows do."""

Ways = dict[tuple[str, str], tuple[int, int]]
"""Where a column comes from in the end, as (table, column), with the kind and the number of steps."""

STAGED_WITH = ("delivery_id", "delivery_rank")
VALUES = "marts.indicator_values"
FIGURES = ("value", "numerator", "denominator", "lower_95", "upper_95", "obs_status", ALL_ROWS)
"""The columns of it that differ by indicator."""

DOMAIN = "domain"
"""The column by which a query reads one part of the protected cube: each part rests on its own deliveries alone."""

TABLES = {"lineage": "steps", "origins": "origins", "indicator_origins": "indicator_origins"}
"""The tables about the run that hold lineage, and the part of it that each holds."""


@dataclass(frozen=True)
class Step:
    """One line of audit.lineage. `upstream_table` and `upstream_column` are a dash where the column is a constant."""

    table_name: str
    column_name: str
    upstream_table: str
    upstream_column: str
    kind: str


@dataclass(frozen=True)
class Origin:
    """One line of audit.origins: a published column, and a column of a delivery, a decision or the run below it."""

    table_name: str
    column_name: str
    source_table: str
    source_column: str
    kind: str
    step_count: int


@dataclass(frozen=True)
class IndicatorOrigin:
    """One line of audit.indicator_origins: as Origin, of the rows of one indicator in marts.indicator_values."""

    indicator_id: str
    column_name: str
    source_table: str
    source_column: str
    kind: str
    step_count: int


@dataclass(frozen=True)
class Lineage:
    """All steps of all models, and what they come to."""

    steps: tuple[Step, ...]
    origins: tuple[Origin, ...]
    indicator_origins: tuple[IndicatorOrigin, ...]


def source_columns(graph: Graph, contracts: Mapping[str, Contract]) -> dict[str, tuple[str, ...]]:
    """The columns of every table that models start from: contracts, decisions, and the tables about the run."""
    known = {f"sources.{name}": tuple(columns) for name, columns in RUN_TABLES.items()}
    for contract in contracts.values():
        known[f"sources.{contract.name}"] = (*(c.name for c in contract.staged_columns), *STAGED_WITH)
    return known | {f"reference.{r.name}": tuple(r.columns) for r in graph.references}


_TRACED: dict[str, Lineage] = {}
"""The last lineage that was traced in this process, by its version: a second warehouse needs it too."""


def version(graph: Graph, contracts: Mapping[str, Contract]) -> str:
    """A hash of all that lineage depends on: the code alone, no delivery."""
    texts = [(m.name, m.text_hash) for m in graph.models] + [(r.name, r.text_hash) for r in graph.references]
    return hashlib.sha256(
        repr([Path(__file__).read_bytes(), source_columns(graph, contracts), texts]).encode()
    ).hexdigest()


def files(graph: Graph, contracts: Mapping[str, Contract], kept: Path) -> dict[str, Path]:
    """The rows of `sources.lineage`, `sources.origins`, …, each as a .csv: those kept when no model has changed since.

    Raises ModelError as `trace` does.
    """
    made_of = version(graph, contracts)
    found = {name: _kept(kept, name, made_of) or _taken_over(kept, name, made_of) for name in TABLES}
    if None not in found.values():
        return found
    if made_of not in _TRACED:
        _TRACED.clear()
        _TRACED[made_of] = trace(graph, contracts)
    lineage = _TRACED[made_of]
    return {name: _keep(kept, name, made_of, getattr(lineage, part)) for name, part in TABLES.items()}


def has_traced() -> bool:
    """Whether this process has traced a lineage already, most likely the one that is needed next."""
    return bool(_TRACED)


def _kept(kept: Path, name: str, made_of: str) -> Path | None:
    """The file, when it is there and whole: its name ends with the hash of its content."""
    for path in kept.glob(f"{name}-{made_of[:16]}-*.csv"):
        if path.stem.endswith(_short_hash(path.read_bytes())):
            return path
    return None


def _taken_over(kept: Path, name: str, made_of: str) -> Path | None:
    """The file that set-up has left, copied, when it is whole."""
    called, content = at_hand.lineage_file(name, made_of) or ("", b"")
    return _write(kept, name, made_of, content) if called.endswith(_short_hash(content)) else None


def _keep(kept: Path, name: str, made_of: str, rows: Iterable[object]) -> Path:
    content = "".join(",".join(str(value) for value in vars(row).values()) + "\n" for row in rows).encode()
    return _write(kept, name, made_of, content)


def _write(kept: Path, name: str, made_of: str, content: bytes) -> Path:
    path = kept / f"{name}-{made_of[:16]}-{_short_hash(content)}.csv"
    kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_suffix(f".{os.getpid()}.partial")  # a killed run may have left a process that writes it too
    partial.write_bytes(content)
    os.replace(partial, path)
    return path


def _short_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def trace(graph: Graph, contracts: Mapping[str, Contract]) -> Lineage:
    """The lineage of every model. Raises ModelError, with the file, where a column cannot be followed."""
    tables = Tables(graph, contracts)
    below: dict[tuple[str, Wanted], dict[str, Ways]] = {}
    steps: list[Step] = []
    for model in graph.models:  # each comes after what it reads
        columns, rows = tables.outputs(model.name)
        described = list(model.columns) if model.is_published or model.compute is not None else list(columns)
        if list(columns) != described:
            differing = sorted(set(columns) ^ set(described)) or ["their order"]
            raise ModelError(f"{model.path}: lineage and the .yml differ in {', '.join(differing)}", "make them agree")
        tables.columns[model.name] = tuple(columns)
        steps += _steps(model.name, {**columns, ALL_ROWS: rows})
    published = [model.name for model in graph.models if model.is_published]
    found = [Origin(*o) for name in published for o in _origins(tables, name, (), below)]
    by_indicator = [
        IndicatorOrigin(indicator, *o[1:])
        for indicator in _indicators(graph)
        for o in _origins(tables, VALUES, (("indicator_id", indicator),), below)
        if o[1] in FIGURES
    ]
    return Lineage(tuple(steps), tuple(found), tuple(by_indicator))


def _steps(table: str, columns: Mapping[str, Found]) -> Iterable[Step]:
    for column, found in columns.items():
        if not found:
            yield Step(table, column, NOTHING, NOTHING, "constant")
        for (upstream, upstream_column, _), kind in sorted(found.items()):
            yield Step(table, column, upstream, upstream_column, KINDS[kind])


def _indicators(graph: Graph) -> list[str]:
    """The catalogue's indicators, where there is a table of their values."""
    rows = _decided_values(graph, "reference.indicators") if VALUES in graph.by_name else None
    return [row["indicator_id"] for row in rows or ()]


def _origins(tables: Tables, name: str, wanted: Wanted, below: dict) -> Iterable[tuple]:
    for column, ways in _ways(tables, name, wanted, below).items():
        for (table, source_column), (kind, count) in sorted(ways.items()):
            yield name, column, table, source_column, KINDS[kind], count
        if not ways:
            yield name, column, NOTHING, NOTHING, "constant", 0


def _ways(tables: Tables, name: str, wanted: Wanted, below: dict) -> dict[str, Ways]:
    """From each column of a model, and from its rows, down to what was delivered, decided or recorded of the run."""
    if (name, wanted) not in below:
        outputs = tables.outputs(name, wanted)
        columns = {**outputs[0], ALL_ROWS: outputs[1]} if outputs else {}
        below[name, wanted] = {column: _way_down(tables, found, below) for column, found in columns.items()}
    return below[name, wanted]


def _way_down(tables: Tables, found: Found, below: dict) -> Ways:
    ways: Ways = {}
    for (table, column, wanted), kind in found.items():
        if table not in tables.graph.by_name:
            _keep_strongest(ways, (table, column), (kind, 1))
            continue
        for source, (below_kind, count) in _ways(tables, table, wanted, below).get(column, {}).items():
            if column == ALL_ROWS and kind < ROWS:  # a figure made of these rows: they are counted, or decide on it
                below_kind = kind if source[1] == ALL_ROWS else CONDITION
            _keep_strongest(ways, source, (max(kind, below_kind), count + 1))
    return ways


def _keep_strongest(ways: Ways, key: tuple[str, str], way: tuple[int, int]) -> None:
    known = ways.get(key)
    if known is None or way < known:
        ways[key] = way


# -- queries ----------------------------------------------------------------------------------------------------------


class _Unresolved(Exception):
    """A column of which nobody knows where it comes from."""


@lru_cache(maxsize=1)
def _dialect():
    """DuckDB's grammar; sqlglot takes `force`, which is a column of ours, for a key word."""
    from sqlglot.dialects.duckdb import DuckDB

    class Plain(DuckDB):
        class Tokenizer(DuckDB.Tokenizer):
            KEYWORDS = {word: kind for word, kind in DuckDB.Tokenizer.KEYWORDS.items() if word != "FORCE"}  # noqa: RUF012 - sqlglot's own is a plain dict too

    return Plain()


class Tables:
    """The tables whose columns are known so far, and what the columns of each model depend on.

    Raises ModelError that names the file where a query cannot be followed.
    """

    def __init__(self, graph: Graph, contracts: Mapping[str, Contract]) -> None:
        self.graph = graph
        self.columns = source_columns(graph, contracts)
        self.done: dict[tuple[str, Wanted], Outputs | None] = {}
        self.scopes: dict[str, object] = {}
        self.looking: dict[int, bool] = {}

    def outputs(self, name: str, wanted: Wanted = ()) -> Outputs | None:
        """Of a model; None when it has no row in which the wanted columns have the wanted values."""
        if (name, wanted) not in self.done:
            model = self.graph.by_name[name]
            if model.compute is not None:
                self.done[name, wanted] = _of_python(model, self, _asked_of(model, wanted))
            else:
                self.done[name, wanted] = self.query(name, model.path, model.sql, wanted)
        return self.done[name, wanted]

    def query(self, name: str, path: Path, sql: str, wanted: Wanted = ()) -> Outputs | None:
        from sqlglot.errors import SqlglotError

        try:
            if name not in self.scopes:
                self.scopes[name] = self._scope(path, sql)
            return _Reader(self).outputs(self.scopes[name], wanted)
        except (SqlglotError, _Unresolved) as error:
            told = " ".join(str(error).split())[:300]
            raise ModelError(
                f"{path}: lineage cannot follow it: {told}", "name every column and its table plainly"
            ) from None

    def _scope(self, path: Path, sql: str):
        from sqlglot import exp
        from sqlglot.optimizer.qualify import qualify
        from sqlglot.optimizer.scope import build_scope

        parsed = _dialect().parse(sql)[0]
        schema: dict[str, dict] = {}
        for table in {_full_name(t) for t in parsed.find_all(exp.Table) if t.db}:
            if table not in self.columns:
                raise ModelError(f"{path} reads {table}, whose columns are not known", "correct the name")
            database, _, name = table.partition(".")
            schema.setdefault(database, {})[name] = dict.fromkeys(self.columns[table], "unknown")
        return build_scope(qualify(parsed, dialect=_dialect(), schema=schema, quote_identifiers=False))

    def can_have(self, table: str, wanted: Wanted) -> bool:
        """Whether the table can have such rows: only of decisions is it known which values there are."""
        if not wanted:
            return True
        if table in self.graph.by_name:
            return self.outputs(table, wanted) is not None
        values = _decided_values(self.graph, table)
        return values is None or any(all(row[column] == value for column, value in wanted) for row in values)


def _decided_values(graph: Graph, table: str) -> list[dict[str, str]] | None:
    found = next((r for r in graph.references if f"reference.{r.name}" == table), None)
    return None if found is None else _rows_of(found.path, found.text_hash)


@lru_cache(maxsize=64)
def _rows_of(path: Path, text_hash: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class _Reader:
    """Walks through the scopes of one qualified query."""

    def __init__(self, tables: Tables) -> None:
        from sqlglot import exp

        self.exp = exp
        self.tables = tables
        self.done: dict[tuple[int, Wanted], Outputs | None] = {}

    def outputs(self, scope, wanted: Wanted = ()) -> Outputs | None:
        """What each column of the scope depends on, and what its rows do; None when it has no such rows."""
        key = (id(scope), wanted)
        if key not in self.done:
            query = scope.expression
            if isinstance(query, self.exp.SetOperation):
                self.done[key] = self._set_operation(scope, query, wanted)
            elif isinstance(query, self.exp.Select):
                self.done[key] = _Select(self, scope, query, wanted).outputs()
            elif isinstance(query, self.exp.Subquery):
                raise _Unresolved(f"a query in brackets: {query.sql()[:80]}")
            else:
                self.done[key] = self._listed(query, wanted)
        return self.done[key]

    def _set_operation(self, scope, query, wanted: Wanted) -> Outputs | None:
        is_union = isinstance(query, self.exp.Union)
        if query.args.get("limit") or query.args.get("offset"):
            wanted = ()
        left, right = scope.set_operation_scopes
        names, other = (_names(side.expression) for side in (left, right))
        if len(names) != len(other):
            raise _Unresolved(f"the sides of a set operation have {len(names)} and {len(other)} columns")
        places = dict(zip(names, other, strict=True))
        sides = [self.outputs(left, wanted), self.outputs(right, tuple((places[c], v) for c, v in wanted))]
        if all(side is None for side in sides):
            return None
        columns: dict[str, Found] = {name: {} for name in names}
        rows: Found = {}
        for side in sides:
            for name, found in zip(names, side[0].values(), strict=True) if side else ():
                _add(columns[name], found, VALUE)
            _add(rows, side[1] if side else {}, VALUE)
        if query.args.get("distinct") or not is_union:
            for found in columns.values():
                _add(rows, found, ROWS)
        return columns, rows

    def _listed(self, query, wanted: Wanted) -> Outputs | None:
        """`values`: constants. Any other list of rows is refused."""
        alias = query.args.get("alias")
        names = [column.name for column in alias.columns] if alias else []
        if not isinstance(query, self.exp.Values) or not names or query.find(self.exp.Column, self.exp.Query):
            raise _Unresolved(f"a list of rows without names for its columns: {query.sql()[:80]}")
        listed = [dict(zip(names, row.expressions, strict=True)) for row in query.expressions]
        if not any(all(self.may_be(row[c], v) for c, v in wanted) for row in listed):
            return None
        return {name: {} for name in names}, {}

    def looks_around(self, query) -> bool:
        """Whether a select has a window or a limit: what it gives for some rows hangs on the others."""
        looking = self.tables.looking  # of queries in scopes that are kept as long
        if id(query) not in looking:
            cut = any(query.args.get(name) for name in ("limit", "offset", "qualify"))
            looking[id(query)] = cut or query.find(self.exp.Window) is not None
        return looking[id(query)]

    def may_be(self, node, value: str) -> bool:
        """Whether an expression can have the value: no for another literal, and for a choice among others."""
        exp = self.exp
        if isinstance(node, exp.Alias | exp.Cast | exp.Paren):
            return self.may_be(node.this, value)
        if isinstance(node, exp.Literal):
            return node.this == value
        if isinstance(node, exp.Case):
            results = [branch.args["true"] for branch in node.args["ifs"]]
            default = node.args.get("default")
            return any(self.may_be(result, value) for result in [*results, *([default] if default else [])])
        return not isinstance(node, exp.Null)


class _Select:
    """One select: `before` and `grouped` are what its rows hang on before and after grouping."""

    def __init__(self, reader: _Reader, scope, query, wanted: Wanted) -> None:
        self.reader, self.scope, self.query, self.exp = reader, scope, query, reader.exp
        start = query.args.get("from_") or query.args.get("from")
        self.joins = query.args.get("joins") or []
        if query.args.get("laterals"):
            raise _Unresolved("a lateral view")
        self.wanted_of: dict[str, Wanted] = {}
        self.is_empty = False
        self._hand_down(wanted)
        self.before: Found = {}
        self.grouped: Found = {}
        for node, join in [*([(start.this, None)] if start else []), *((j.this, j) for j in self.joins)]:
            rows = self._rows_of(node.alias_or_name)
            if rows is None and (join is None or join.side not in ("LEFT", "FULL")):
                self.is_empty = True
            _add(self.before, rows or {}, ROWS)

    def outputs(self) -> Outputs | None:
        if self.is_empty:
            return None
        where = self.query.args.get("where")
        for node in [*(join.args.get("on") for join in self.joins), where]:
            if node is not None:
                _add(self.before, self.expression(node, ROWS), ROWS)
        self.grouped = dict(self.before)
        if self.query.args.get("group"):
            _add(self.grouped, self.expression(self.query.args["group"], ROWS), ROWS)
        columns: dict[str, Found] = {}
        for projection in self.query.expressions:
            name = projection.alias_or_name
            if not name or name == ALL_ROWS or name in columns:
                raise _Unresolved(f"a column without a name of its own: {projection.sql()[:80]}")
            columns[name] = self.expression(projection, VALUE)
        rows = dict(self.grouped)
        is_cut = self.query.args.get("limit") or self.query.args.get("offset") or self.query.args.get("distinct")
        for clause in ("having", "qualify", *(("order",) if is_cut else ())):
            if self.query.args.get(clause):
                _add(rows, self.expression(self.query.args[clause], ROWS), ROWS)
        if self.query.args.get("distinct"):
            for found in columns.values():
                _add(rows, found, ROWS)
        return columns, rows

    def _hand_down(self, wanted: Wanted) -> None:
        """Ask the tables below for the wanted rows alone, where no window or limit looks at the other rows."""
        self._ask_for_domain()
        if not wanted:
            return
        by_name = {projection.alias_or_name: projection.unalias() for projection in self.query.expressions}
        looks_around = self.reader.looks_around(self.query)
        for column, value in wanted:
            node = by_name[column]
            if not self.reader.may_be(node, value):
                self.is_empty = True
            asked = self._behind(node, value)
            if asked is not None and not looks_around:
                self._ask(*asked)

    def _ask_for_domain(self) -> None:
        """`where domain = 'police'`: of the protected cube only that part is read."""
        where = self.query.args.get("where")
        parts = where.this.flatten() if where and isinstance(where.this, self.exp.And) else [where and where.this]
        for part in parts:
            if not isinstance(part, self.exp.EQ) or not isinstance(part.right, self.exp.Literal):
                continue
            if isinstance(part.left, self.exp.Column) and part.left.name == DOMAIN:
                self._ask(part.left, part.right.this)

    def _behind(self, node, value: str) -> tuple[object, str] | None:
        """The column, and the value of it, that alone gives the wanted value: itself, or the one word it is renamed from."""
        exp = self.exp
        if isinstance(node, exp.Column):
            return node, value
        if isinstance(node, exp.Case) and isinstance(node.this, exp.Column) and not node.args.get("default"):
            words = [(branch.this, branch.args["true"]) for branch in node.args["ifs"]]
            if all(isinstance(word, exp.Literal) for pair in words for word in pair):
                found = [given.this for given, result in words if result.this == value]
                return (node.this, found[0]) if len(found) == 1 else None
        return None

    def _ask(self, column, value: str) -> None:
        """Of the table of the column, and of those joined to it by being equal."""
        asked = (column.name, value)
        own = self.wanted_of.get(column.table, ())
        if asked in own:
            return
        self.wanted_of[column.table] = tuple(sorted({*own, asked}))
        for join in self.joins:
            condition = join.args.get("on")
            for part in condition.flatten() if isinstance(condition, self.exp.And) else [condition]:
                if isinstance(part, self.exp.EQ) and isinstance(part.left, self.exp.Column):
                    for one, other in ((part.left, part.right), (part.right, part.left)):
                        if one == column and isinstance(other, self.exp.Column):
                            self._ask(other, value)

    def _rows_of(self, alias: str) -> Found | None:
        source, wanted = self._source(alias)
        if not isinstance(source, self.exp.Table):
            outputs = self.reader.outputs(source, wanted)
            return outputs and outputs[1]
        table = _full_name(source)
        return {(table, ALL_ROWS, wanted): ROWS} if self.reader.tables.can_have(table, wanted) else None

    def expression(self, node, kind: int) -> Found:
        """The columns in an expression."""
        exp = self.exp
        found: Found = {}
        waiting = [(node, kind)]
        while waiting:
            node, kind = waiting.pop()
            decides = max(kind, CONDITION)
            if isinstance(node, exp.Column):
                _add(found, self._column(node), kind)
            elif isinstance(node, exp.Exists):
                _add(found, _as_values(self._subquery(node.this)[1]), decides)
            elif isinstance(node, exp.Query):
                columns, rows = self._subquery(node)
                for own in columns.values():
                    _add(found, own, kind)
                _add(found, _as_values(rows), decides)
            elif isinstance(node, exp.Case):
                waiting += [(node.args.get("this"), decides), (node.args.get("default"), kind)]
                waiting += [(branch, kind) for branch in node.args["ifs"]]
            elif isinstance(node, exp.If):
                waiting += [(node.this, decides), (node.args.get("true"), kind), (node.args.get("false"), kind)]
            elif isinstance(node, exp.Filter):
                waiting += [(node.this, kind), (node.expression, decides)]
            elif isinstance(node, exp.Window):
                _add(found, _as_values(self.grouped), decides)
                waiting += [(part, decides) for part in node.iter_expressions() if part is not node.this]
                waiting.append((node.this, max(kind, AGGREGATION)))
            elif isinstance(node, exp.AggFunc):
                _add(found, _as_values(self.grouped), decides)
                if self._counts(node):
                    counted = {key: VALUE for key in self.before if key[1] == ALL_ROWS}
                    _add(found, counted, max(kind, AGGREGATION))
                waiting += [(part, max(kind, AGGREGATION)) for part in node.iter_expressions()]
            elif isinstance(node, exp.Order):
                waiting += [(part, decides) for part in node.iter_expressions()]
            elif node is not None:
                waiting += [(part, kind) for part in node.iter_expressions()]
        return found

    def _counts(self, node) -> bool:
        """Whether an aggregate tells how many rows there are: a count, or a sum to which no column gives its value."""
        if isinstance(node, self.exp.Count | self.exp.CountIf):
            return True
        return isinstance(node, self.exp.Sum) and all(
            k >= CONDITION for k in self.expression(node.this, VALUE).values()
        )

    def _subquery(self, node) -> Outputs:
        while isinstance(node, self.exp.Subquery):
            node = node.this
        inner = next((s for s in self.scope.subquery_scopes if s.expression is node), None)
        if inner is None:
            raise _Unresolved(f"a query within an expression: {node.sql()[:80]}")
        return self.reader.outputs(inner)

    def _column(self, column) -> Found:
        source, wanted = self._source(column.table)
        if isinstance(source, self.exp.Table):
            table = _full_name(source)
            if column.name not in self.reader.tables.columns[table]:
                raise _Unresolved(f"{table} has no column {column.name}")
            return {(table, column.name, wanted): VALUE} if self.reader.tables.can_have(table, wanted) else {}
        outputs = self.reader.outputs(source, wanted)
        if outputs is None:
            return {}  # of a table joined to the left that has no such row: always empty
        if column.name not in outputs[0]:
            raise _Unresolved(f"{column.table} has no column {column.name}")
        return outputs[0][column.name]

    def _source(self, alias: str) -> tuple[object, Wanted]:
        if alias in self.scope.sources:
            return self.scope.sources[alias], self.wanted_of.get(alias, ())
        outer = self.scope.parent
        while outer is not None:  # a correlated query names tables of the query around it
            if alias in outer.sources:
                return outer.sources[alias], ()
            outer = outer.parent
        raise _Unresolved(f"no table is called {alias!r} in {self.query.sql()[:80]}")


def _names(query) -> list[str]:
    while hasattr(query, "left") and not query.expressions:
        query = query.left
    return [projection.alias_or_name for projection in query.expressions]


def _full_name(table) -> str:
    return f"{table.db}.{table.name}"


def _as_values(rows: Found) -> Found:
    """What decided on rows, where a figure is made of these rows."""
    return dict.fromkeys(rows, VALUE)


def _add(target: Found, found: Found, kind: int) -> None:
    """Take over what is found, no stronger than `kind`; what is there already keeps the stronger way."""
    for key, own in found.items():
        way = own if own > kind else kind
        known = target.get(key)
        if known is None or way < known:
            target[key] = way


# -- Python models ----------------------------------------------------------------------------------------------------


def _spec(model: Model) -> Mapping:
    return load_yaml(model.path.with_suffix(".yml").read_text(encoding="utf-8"))


def _asked_of(model: Model, wanted: Wanted) -> dict[str, Wanted]:
    """What is wanted of the arguments of a Python model: `keeps: {column: argument}` in its .yml says that rows with a value
    in that column come from the rows of the argument that have the same one."""
    keeps = _spec(model).get("keeps") or {}
    asked: dict[str, Wanted] = {}
    for column, value in wanted:
        if column in keeps:
            asked[keeps[column]] = (*asked.get(keeps[column], ()), (column, value))
    return asked


def _of_python(model: Model, tables: Tables, asked: Mapping[str, Wanted]) -> Outputs | None:
    """What the .yml declares of each column, in the columns of the queries that the model is given.

    Of rows with a kept value only the argument that they come from is followed: what the others decide (which count is
    hidden beside another) is told of the whole table.
    """
    given = {}
    for name, sql in model.inputs.items():
        if asked and name not in asked:
            continue
        outputs = tables.query(f"{model.name}({name})", model.path, sql, asked.get(name, ()))
        if outputs is None:
            return None
        given[name] = outputs
    rows: Found = {}
    for columns, own in given.values():
        _add(rows, own, ROWS)
        for found in columns.values():
            _add(rows, found, ROWS)
    is_part = len(given) < len(model.inputs)
    return {
        name: _declared(model, name, entry, given, is_part) for name, entry in _spec(model)["columns"].items()
    }, rows


def _declared(model: Model, name: str, entry: Mapping, given: Mapping[str, Outputs], is_part: bool) -> Found:
    where = f"{model.path.with_suffix('.yml')}: column {name}"
    if "from" not in entry:
        inputs = ", ".join(given)
        raise ModelError(f"{where} does not say what it comes from", f"add from: [argument.column], of {inputs}")
    found: Found = {}
    for words, kind in ((entry["from"], VALUE), (entry.get("decided_by", ()), CONDITION)):
        for word in words:
            argument, _, column = word.partition(".")
            if is_part and argument not in given:
                continue
            if argument not in given or column not in given[argument][0]:
                raise ModelError(f"{where} comes from {word}, which READS does not give", "correct the name")
            _add(found, given[argument][0][column], kind)
            _add(found, _as_values(given[argument][1]), CONDITION)
    return found
