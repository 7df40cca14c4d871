"""What makes Great Expectations quicker on DuckDB: each of these answers what the library itself would, with less work.

Nothing is imported here: `validation.py`, which alone knows the library, hands over its modules.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

from flows.core.reading.tables import identifier

PLAIN = (str, int, bool, type(None))

QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
PLAIN_FILTER = re.compile(r"select\s+(?:\*|\w+(?:,\s*\w+)*)\s+from\s+batch\s+where\s+(.+)", re.IGNORECASE | re.DOTALL)
MORE_THAN_A_CONDITION = re.compile(
    r"\b(select|group|having|qualify|window|over|union|intersect|except|order|limit|offset|sample|tablesample|using)\b"
    r"|;|--|/\*|\{|\}",
    re.IGNORECASE,
)


class Memory(threading.local):
    """What was made while one table is checked, by the identity of what it was made of; None at other times."""

    made: dict | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """While open, expectations and configurations may not be changed: nothing is looked up in them a second time."""
        self.made = {}
        try:
            yield
        finally:
            self.made = None

    def once(self, kind: str, subject: object, make: Callable[[], object], *more: object) -> object:
        """What `make` gives, made once for the subject, which is kept so that its identity stays its own."""
        if self.made is None:
            return make()
        key = (kind, id(subject), *more)
        if key not in self.made:
            self.made[key] = (make(), subject)
        return self.made[key][0]


memory = Memory()


def look_up_once(expectation: type, configuration: type) -> None:
    """An expectation's configuration and arguments, and a configuration's expectation, are made once for each check.

    The library makes them anew for every argument that it looks up in them: two thirds of a small check.
    """
    configuration_of, arguments_of = expectation.configuration.fget, expectation._get_runtime_kwargs
    expectation_of = configuration.to_domain_obj

    def _get_runtime_kwargs(self, runtime_configuration=None):
        found = memory.once(
            "arguments", self, lambda: arguments_of(self, runtime_configuration), str(runtime_configuration)
        )
        return dict(found)  # the library adds to it

    expectation.configuration = property(
        lambda self: memory.once("configuration", self, lambda: configuration_of(self))
    )
    expectation._get_runtime_kwargs = _get_runtime_kwargs
    configuration.to_domain_obj = lambda self: memory.once("expectation", self, lambda: expectation_of(self))


def follow_metrics_once(graph: type) -> None:
    """What a metric depends on is followed once for each table, not once for each expectation that needs it."""
    follow = graph.build_metric_dependency_graph

    def build_metric_dependency_graph(self, metric_configuration, runtime_configuration=None):
        if memory.made is None:
            return follow(self, metric_configuration, runtime_configuration)
        key = ("metric", metric_configuration.id)
        if key not in memory.made:
            own = graph(execution_engine=self._execution_engine)
            follow(own, metric_configuration, runtime_configuration)
            memory.made[key] = (metric_configuration, own.edges)
        first, edges = memory.made[key]
        metric_configuration.metric_dependencies = first.metric_dependencies
        for edge in edges:
            self.add(edge)
        return None

    graph.build_metric_dependency_graph = build_metric_dependency_graph


def name_metrics_quickly(id_dict: ModuleType) -> None:
    """What is made of plain values need not be converted before it is written as JSON."""
    convert = id_dict.convert_to_json_serializable

    def convert_to_json_serializable(data: object) -> object:
        is_plain = isinstance(data, dict) and all(type(value) in PLAIN for value in data.values())
        return data if is_plain else convert(data)

    id_dict.convert_to_json_serializable = convert_to_json_serializable


def describe_columns(column_types: ModuleType, sa: ModuleType) -> None:
    """The columns of the table that is checked, asked of DuckDB alone.

    The dialect looks through all tables of all databases three times for each: a seventh of the time that checks took.
    """

    def get_sqlalchemy_column_metadata(execution_engine, table_selectable, schema_name=None):
        name = identifier(str(table_selectable))
        table = f"{identifier(schema_name)}.{name}" if schema_name else name
        described = execution_engine.execute_query(sa.text(f"describe {table}")).fetchall()
        return [{"name": row[0], "type": row[1], "primary_key": False} for row in described]

    column_types.get_sqlalchemy_column_metadata = get_sqlalchemy_column_metadata


def fetch_no_values(registry: ModuleType) -> None:
    """The metrics that fetch unexpected values fetch none: they would be asked for with a limit of 0, one query for each."""
    for name, metric in registry._registered_metrics.items():
        if name.endswith(".unexpected_values") and "SqlAlchemyExecutionEngine" in metric["providers"]:
            provider, function = metric["providers"]["SqlAlchemyExecutionEngine"]
            metric["providers"]["SqlAlchemyExecutionEngine"] = provider, _nothing_like(function)


def _nothing_like(function: Callable) -> Callable:
    def no_values(*_: object, **__: object) -> list:
        return []

    no_values.metric_fn_type = function.metric_fn_type
    return no_values


def count_in_one_scan(gx: ModuleType, metrics: ModuleType, engine: type, sa: ModuleType) -> None:
    """Put `FilteredRowsExpectation` beside the library's own: an UnexpectedRowsExpectation whose query only chooses rows.

    Its count is one more column of the query that the library makes of all counts of a table: one scan for all of them.
    When that query fails, the library asks for each count by itself, so that one that crashes takes no other along.
    """

    class FilteredRowsCount(metrics.MetricProvider):
        metric_name = "filtered_rows.count"
        domain_keys = ("batch_id", "table", "row_condition", "condition_parser")  # the same as those of other counts
        value_keys = ("unexpected_rows_query",)

        @metrics.metric_partial(engine, metrics.MetricPartialFunctionTypes.AGGREGATE_FN, domain_type="table")
        def _sqlalchemy(cls, metric_domain_kwargs, metric_value_kwargs, **_):
            condition = condition_of(metric_value_kwargs["unexpected_rows_query"])
            return sa.literal_column(f"count(*) filter (where {condition})", sa.BigInteger), metric_domain_kwargs, {}

    class FilteredRowsExpectation(gx.expectations.UnexpectedRowsExpectation):
        metric_dependencies = (FilteredRowsCount.metric_name,)

        def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
            counted = {
                "unexpected_rows_query.row_count": metrics[FilteredRowsCount.metric_name],
                "unexpected_rows_query.table": [],
            }
            return super()._validate(counted, runtime_configuration, execution_engine)

    gx.expectations.FilteredRowsExpectation = FilteredRowsExpectation


def count_last(engine: type) -> None:
    """Counts wait until all that they are made of is there, so that those of a table are one query and not three.

    Only the number of rows is asked for before, since the library wants it first; DuckDB knows it without looking at them.
    """
    process = engine._process_direct_and_bundled_metric_computation_configurations

    def _process(self, metric_fn_direct_configurations, metric_fn_bundle_configurations):
        bundle = metric_fn_bundle_configurations
        row_count = [entry for entry in bundle if entry.metric_configuration.metric_name == "table.row_count"]
        now = [] if metric_fn_direct_configurations else row_count or bundle
        return process(self, metric_fn_direct_configurations, now)

    engine._process_direct_and_bundled_metric_computation_configurations = _process


def condition_of(query: str) -> str | None:
    """The condition of a query that only chooses rows of `{batch}` by it; None for any other.

    With words that could be more than a condition the query is left as it is, also where they happen to be harmless.
    """
    try:
        filled = query.format(batch="batch").strip()
    except (LookupError, ValueError):  # braces that are not doubled: the library says so
        return None
    found = PLAIN_FILTER.fullmatch(filled)
    if found is None or MORE_THAN_A_CONDITION.search(QUOTED.sub("''", found.group(1))):
        return None
    return found.group(1).strip()
