"""The flow: hands the composition of `flows/core/pipeline.py` to Prefect, each step a task, and shows how it ended."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date
from pathlib import Path
from typing import Optional

from prefect import flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.states import Completed, Failed, State

from flows import summary
from flows.arrivals import wait_until_settled
from flows.core import pipeline
from flows.core.errors import BarometerError
from flows.core.steps import Progress
from flows.settings import from_environment
from flows.tasks import Logged, as_task

shown: ContextVar[Progress | None] = ContextVar("shown", default=None)
"""The terminal that `barometer run` was typed in; without one a run tells its log how far it is."""


@flow(name="refresh", flow_run_name=summary.run_name, persist_result=False)
def refresh(
    raw: Optional[Path] = None,
    out: Optional[Path] = None,
    as_of: Optional[date] = None,
    publish: bool = True,
    settle_seconds: int = 0,
) -> State:
    """Turn the deliveries in a folder into a published release.

    A delivery that cannot be admitted is refused and the others go on: the run completes and its closing line says so.
    The run fails when nothing can be published; the release before then stays the current one.

    Args:
        raw: Folder of the deliveries, data/raw without it. Relative to the checkout.
        out: Folder of the warehouse, data/warehouse without it; all that is built goes there. Relative to the checkout.
        as_of: Rebuild what was known on that day: later deliveries are left out. Everything without it.
        publish: Make the release the current one. Otherwise it is built and verified only, and left in OUT/candidate.
        settle_seconds: Wait until no file in the folder of deliveries has changed for so many seconds, so that a file
            still being copied is not taken for a whole one. 0 does not wait.
    """
    progress = shown.get() or Logged()
    try:
        settings = from_environment(raw=raw, out=out, as_of=as_of, publish=publish)
        wait_until_settled(settings.raw, settle_seconds, progress)
        outcome = pipeline.refresh(settings, as_task, progress)
    except BarometerError as error:
        return Failed(message=summary.error_line(error), data=error)
    create_markdown_artifact(summary.as_markdown(outcome), key="run-summary", description=summary.closing_line(outcome))
    create_table_artifact(summary.as_table(outcome), key="verdicts", description="What became of each delivery")
    name = "Unchanged" if outcome.is_unchanged else None
    return Completed(name=name, message=summary.closing_line(outcome), data=outcome)
