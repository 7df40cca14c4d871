"""Great Expectations inside DuckDB: the only module that imports it, and the one place where its quirks are known.

Results are counts, never values. An expectation that crashed is told apart from one that failed: `not_checked`.
"""

from __future__ import annotations

import importlib
import itertools
import math
import re
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

from flows.core import quicker_checks
from flows.core.contracts import Expectation
from flows.core.reading.tables import identifier

if TYPE_CHECKING:
    import duckdb

PASSED, FAILED, NOT_CHECKED = "passed", "failed", "not_checked"
COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}
COUNTED = (
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "unexpected_percent_nonmissing",
    "unexpected_percent_total",
    "missing_count",
    "missing_percent",
)
"""What of the library's own result is kept: counts and the percentages made of them."""

COUNT_OBSERVED = ("expect_table_row_count_to_be_between", "unexpected_rows_expectation")
"""Expectations whose observed value is a number of rows; of others it may be a value out of the data."""

COUNTS_AND_ROWS = {**COUNTS_ONLY, "unexpected_index_column_names": ["_row"], "return_unexpected_index_query": True}


@dataclass(frozen=True)
class Check:
    """One expectation's result: how many rows were looked at, how many failed, and the SQL that finds those rows.

    `failing_rows_sql` yields `_row` of each failing row; None where the expectation speaks of the table as a whole.
    `result` is what the library itself answered, counts only; empty where the expectation did not run.
    """

    expectation: Expectation
    verdict: str
    checked_rows: int
    failed_rows: int
    failing_rows_sql: str | None = None
    problem: str = ""
    result: dict = field(default_factory=dict)

    def as_dict(self) -> dict:
        return {
            "expectation_id": self.expectation.id,
            "expectation": self.expectation.expectation,
            "severity": self.expectation.severity,
            "on_failure": self.expectation.on_failure,
            "verdict": self.verdict,
            "checked_rows": self.checked_rows,
            "failed_rows": self.failed_rows,
            "reason": self.expectation.reason,
            "problem": self.problem,
            "result": self.result,
        }


def preload() -> threading.Thread:
    """Import Great Expectations in the background: its import takes seconds, which reading the deliveries can hide."""
    thread = threading.Thread(target=_import, name="import great_expectations", daemon=True)
    thread.start()
    return thread


_import_lock = threading.Lock()


def _import():
    """Great Expectations, made to work on DuckDB. Its quirks:

    * It closes a DuckDB connection before it fetches, which loses every row; the dialects that keep theirs are named in
      a private tuple, to which DuckDB is added. The version is therefore pinned exactly, and a canary test watches.
    * It runs the query of an UnexpectedRowsExpectation twice, to count its rows and to fetch some of them. Nobody may see
      these, so a subclass asks for the count alone.
    * It imports scipy, altair, requests and jsonschema for what is not used here: a lazy import saves two seconds.
    * It does much of its work many times over: `quicker_checks` tells what, and what is done instead.
    * It imports its sources for everything that is not DuckDB, its cloud and its sixty expectations, whose classes take a
      second to make: names without content stand in for them, until an expectation is asked for.
    """
    with _import_lock:
        if "great_expectations" in sys.modules:
            return sys.modules["great_expectations"]
        import enum
        import gc
        import importlib.util
        import logging
        import os
        import warnings

        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        warnings.filterwarnings("ignore", module="great_expectations")
        gc.disable()  # a million objects that stay: looking through them again and again took a tenth of the import
        patience = sys.getswitchinterval()
        sys.setswitchinterval(
            0.0005
        )  # the reading beside it asks for its turn some thousand times: 3 s of waiting saved
        try:
            with _lazy_imports(importlib.util, *LATER), _left_out(NOT_USED):
                import great_expectations as gx
                import great_expectations.execution_engine.sqlalchemy_execution_engine as engine
        finally:
            sys.setswitchinterval(patience)
            gc.freeze()
            gc.enable()
        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)

        class KeptConnections(str, enum.Enum):  # noqa: UP042 - like the library’s own
            DUCKDB = "duckdb"

        _count_rows_only(gx)
        _quicken(gx, engine)
        if KeptConnections.DUCKDB not in engine._PERSISTED_CONNECTION_DIALECTS:
            engine._PERSISTED_CONNECTION_DIALECTS = (*engine._PERSISTED_CONNECTION_DIALECTS, KeptConnections.DUCKDB)
        return gx


def _quicken(gx, engine: ModuleType) -> None:
    """Hand over to `quicker_checks` what it works on."""
    from great_expectations.core import id_dict
    from great_expectations.datasource.fluent.sql_datasource import TableAsset
    from great_expectations.expectations import expectation_configuration, registry
    from great_expectations.expectations.metrics import metric_provider
    from great_expectations.expectations.metrics.table_metrics import table_column_types
    from great_expectations.validator import validation_graph

    configuration = expectation_configuration.ExpectationConfiguration
    quicker_checks.look_up_once(gx.expectations.Expectation, configuration)
    quicker_checks.follow_metrics_once(validation_graph.ValidationGraph)
    quicker_checks.name_metrics_quickly(id_dict)
    quicker_checks.describe_columns(table_column_types, engine.sa)
    registry._registered_expectations = _OnDemand(registry._registered_expectations)
    quicker_checks.fetch_no_values(registry)
    quicker_checks.count_in_one_scan(gx, metric_provider, engine.SqlAlchemyExecutionEngine, engine.sa)
    quicker_checks.count_last(engine.SqlAlchemyExecutionEngine)
    TableAsset.test_connection = lambda self: None  # its rows were counted a moment before


def _count_rows_only(gx) -> None:
    """Put `CountedRowsExpectation` beside the library's own: an UnexpectedRowsExpectation that never fetches a row."""

    class CountedRowsExpectation(gx.expectations.UnexpectedRowsExpectation):
        metric_dependencies = ("unexpected_rows_query.row_count",)

        def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
            counted = {**metrics, "unexpected_rows_query.table": []}
            return super()._validate(counted, runtime_configuration, execution_engine)

    gx.expectations.CountedRowsExpectation = CountedRowsExpectation


class _lazy_imports:
    """While active, the named modules are imported only when something of them is used."""

    def __init__(self, importer, *names: str) -> None:
        self._importer, self._names = importer, names

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None):
        if name not in self._names or name in sys.modules:
            return None
        finders = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        spec = next((s for finder in finders if (s := finder.find_spec(name, path, target))), None)
        if spec is not None and spec.loader is not None:
            spec.loader = self._importer.LazyLoader(spec.loader)
        return spec


LATER = ("altair", "scipy.stats", "requests", "jsonschema")
"""What is imported only when something of it is used: never, here."""

ONE_EXPECTATION = "great_expectations.expectations.core."
NOT_USED = re.compile(
    r"great_expectations\.("
    r"datasource\.fluent\.(alloy|aurora|bigquery|citus|fabric|neon|pandas|redshift|snowflake|spark|sql_server"
    r"|sqlite)\w*"
    r"|metrics(\.\w+)*|core\.http|data_context\.store\.gx_cloud_store_backend"
    r"|expectations\.core\.expect_\w+)"
)
"""Modules of other sources, of the cloud, of metrics that are asked for without an expectation; and each expectation's own."""


class _left_out:
    """While active, a module of that name is an empty one: what is imported from it is a class without content."""

    def __init__(self, names: re.Pattern) -> None:
        self._names = names

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, path: object = None, target: object = None):
        return ModuleSpec(name, self, is_package=True) if self._names.fullmatch(name) else None

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        module.__getattr__ = lambda name: _no_class(module.__name__, name)


def _no_class(module: str, name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__module__": module})


class _OnDemand(dict):
    """The library's expectations by name: one of its own is imported when it is first asked for."""

    def get(self, name: str, default: object = None) -> object:
        module = f"{ONE_EXPECTATION}{name}"
        if name not in self and isinstance(getattr(sys.modules.get(module), "__loader__", None), _left_out):
            del sys.modules[module]
            importlib.import_module(module)
        return super().get(name, default)


@lru_cache(maxsize=1)
def _context(gx):
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    # it would write all its sources as YAML at each new one, and has nowhere to put the text
    context._save_project_config = lambda *_, **__: None
    return context


class Validator:
    """Runs expectations on tables and views of one open DuckDB connection."""

    _names = itertools.count(1)

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._gx = _import()
        self._source = _context(self._gx).data_sources.add_sql(
            name=f"duckdb_{next(self._names)}",
            connection_string="duckdb:///:memory:",
            kwargs={"creator": lambda: con.cursor()},
        )

    def close(self) -> None:
        """Give the connection back; to be called before it is closed. Nothing of it stays in the library's memory."""
        self._source.get_execution_engine().close()
        _context(self._gx).data_sources.delete(self._source.name)

    def validate(
        self, table: str, expectations: Sequence[Expectation], schema: str | None = None, has_row_ids: bool = False
    ) -> list[Check]:
        """One Check for each expectation, in their order. Never raises for an expectation that crashes.

        With `has_row_ids` the table has a column `_row`, and the checks say which rows failed.
        """
        if not expectations:
            return []
        source = f"{identifier(schema)}.{identifier(table)}" if schema else identifier(table)
        row_count = self._con.execute(f"select count(*) from {source}").fetchone()[0]
        built = [_build(self._gx, expectation) for expectation in expectations]
        try:
            form = COUNTS_AND_ROWS if has_row_ids else COUNTS_ONLY
            with quicker_checks.memory.open():
                results = self._results(table, schema, form, [b for b in built if not isinstance(b, Exception)])
        except Exception as error:  # whatever breaks in the library, the checks did not run
            return [_crashed(e, error) for e in expectations]
        running = iter(results)
        return [
            _crashed(e, b) if isinstance(b, Exception) else self._check(e, next(running), row_count, source)
            for e, b in zip(expectations, built, strict=True)
        ]

    def _results(self, table: str, schema: str | None, form: dict, built: list) -> list:
        if not built:
            return []
        asset = self._source.add_table_asset(f"{table}_{next(self._names)}", table_name=table, schema_name=schema)
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        suite = self._gx.ExpectationSuite(name=f"suite_{next(self._names)}", expectations=built)
        by_id = {r.expectation_config.meta["order"]: r for r in batch.validate(suite, result_format=form).results}
        return [by_id[b.meta["order"]] for b in built]

    def _check(self, expectation: Expectation, result, row_count: int, source: str) -> Check:
        crash = _exception_of(result)
        if crash or (not result.result and not result.success):
            return _crashed(expectation, crash or "no result")
        told = {"result": _counts(expectation, result.result)}
        if result.success:
            return Check(expectation, PASSED, row_count, 0, **told)
        if expectation.expectation == "unexpected_rows_expectation":
            query = expectation.arguments()["unexpected_rows_query"].replace("{batch}", source)
            failing = f"select _row from ({query.replace('{{', '{').replace('}}', '}')})"
            return Check(expectation, FAILED, row_count, int(result.result["observed_value"]), failing, **told)
        failed = result.result.get("unexpected_count")
        if failed is None:  # an expectation on the table as a whole
            return Check(expectation, FAILED, row_count, row_count, **told)
        failing = result.result.get("unexpected_index_query")
        return Check(expectation, FAILED, row_count, int(failed), failing and failing.rstrip().rstrip(";"), **told)


def _counts(expectation: Expectation, result: dict) -> dict:
    """The library's result without anything that could be a value."""
    names = (*COUNTED, "observed_value") if expectation.expectation in COUNT_OBSERVED else COUNTED
    counts = {name: result[name] for name in names if isinstance(result.get(name), int | float)}
    return {name: count for name, count in counts.items() if math.isfinite(count)}


_orders = itertools.count(1)


def _build(gx, expectation: Expectation):
    """The library's own object for an entry of a contract, or the exception that it raised."""
    name = expectation.expectation
    arguments = {k: list(v) if isinstance(v, tuple) else v for k, v in expectation.kwargs}
    if name == "unexpected_rows_expectation":
        is_filter = quicker_checks.condition_of(str(arguments.get("unexpected_rows_query"))) is not None
        name = "filtered_rows_expectation" if is_filter else "counted_rows_expectation"
    meta = {"order": next(_orders), "id": expectation.id, "reason": expectation.reason}
    try:
        return gx.expectations.registry.get_expectation_impl(name)(
            **arguments, severity=expectation.severity, meta=meta
        )
    except Exception as error:  # an unknown name or argument: reported as not checked
        return error


def _exception_of(result) -> str:
    """Why the expectation crashed, or nothing. The library keys this by metric, or not, depending on where it broke."""
    info = result.exception_info or {}
    if info.get("raised_exception"):
        return _kind(info)
    return next((_kind(i) for i in info.values() if isinstance(i, dict) and i.get("raised_exception")), "")


def _kind(info: dict) -> str:
    """The exception's first words without anything quoted: a message may cite a value."""
    message = str(info.get("exception_message") or "exception")
    return message.split("'")[0].split('"')[0].split("\n")[0][:120].strip() or "exception"


def _crashed(expectation: Expectation, error: object) -> Check:
    problem = error if isinstance(error, str) else type(error).__name__
    return Check(expectation, NOT_CHECKED, 0, 0, problem=problem)
