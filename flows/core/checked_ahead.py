"""Tables are checked by a thread of its own while the next ones are built: one asks DuckDB, the other works in Python.

The run asks for the results when it comes to verifying, and checks itself what has not been begun here. Nothing here judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from flows.core.contracts import Expectation

if TYPE_CHECKING:
    import duckdb

    from flows.core.validation import Check


class CheckedAhead:
    """Checks that are under way or done, by table; all made by one thread on a connection of its own."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="check tables")
        self._begun: dict[str, Future] = {}
        self._validator = None

    def begin(self, schema: str, table: str, expectations: Sequence[Expectation]) -> None:
        """Check a table that is finished, as it is now."""
        self._begun[f"{schema}.{table}"] = self._pool.submit(self._check, schema, table, expectations)

    def take(self, name: str) -> dict[str, Check]:
        """The checks of a table by the expectation's id, waited for; none of a table that was not begun."""
        return self._begun.pop(name).result() if name in self._begun else {}

    def close(self) -> None:
        """Begin nothing more, wait for the table that is being checked, and give the connection back."""
        for begun in self._begun.values():
            begun.cancel()
        self._begun.clear()
        self._pool.submit(self._give_back).result()
        self._pool.shutdown()

    def _check(self, schema: str, table: str, expectations: Sequence[Expectation]) -> dict[str, Check]:
        from flows.core.validation import Validator

        if self._validator is None:
            self._validator = Validator(self._con)
        checks = self._validator.validate(table, expectations, schema=schema)
        return {check.expectation.id: check for check in checks}

    def _give_back(self) -> None:
        if self._validator is not None:
            self._validator.close()
        self._con.close()
