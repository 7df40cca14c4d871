"""A Prefect task out of each step of `flows/core/steps.py`, and what the tasks tell while they work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from prefect import Task, get_run_logger
from prefect.cache_policies import NO_CACHE
from prefect.utilities.annotations import quote

from flows.core import steps
from flows.core.errors import BarometerError
from flows.display import STAGES
from flows.summary import error_line


def as_task(step: Callable, *arguments: object) -> object:
    """Run a step as a task. No retry, since no step uses a network; quoted, so that Prefect copies no argument."""
    run_name = _delivery_name if step is steps.admit else step.__name__
    task = Task(step, name=step.__name__, task_run_name=run_name, cache_policy=NO_CACHE, persist_result=False)
    return task(*map(quote, arguments))


def _delivery_name(parameters: Mapping[str, object]) -> str:
    return parameters["delivery"].shown_name


class Logged(steps.Progress):
    """Progress as lines of the run's log, for a run that nobody watches at a terminal."""

    def stage(self, name: str, total: int | None = None) -> None:
        get_run_logger().info(STAGES.get(name, name) + (f" ({total})" if total else ""))


def _say_instead_of_trace(record: logging.LogRecord) -> bool:
    """A user's mistake is told in one line; only a defect of ours leaves its traceback in the log."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, BarometerError):
        record.msg, record.args, record.exc_info = error_line(error), (), None
    return True


for _name in ("prefect.task_runs", "prefect.flow_runs", "prefect.engine"):
    logging.getLogger(_name).addFilter(_say_instead_of_trace)
