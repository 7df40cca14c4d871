"""How `barometer run` hands its work to Prefect: on the server that PREFECT_API_URL names, else on one of its own.

Nothing of Prefect is imported until there is something to do.
"""

from __future__ import annotations

import logging
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flows.core import steps
from flows.core.steps import Outcome, Progress
from flows.ephemeral import PrefectUnreachable, starting
from flows.settings import Settings

DEFAULTS = {
    # each can be set otherwise in the environment
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # 10 s on two quiet cores, 40 s seen on busy ones; Prefect's own limit is 20 s
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # the terminal shows our own progress; the run's log goes to the server, where the UI shows it
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_WRAP_LINES": "false",
}


def run(settings: Settings, progress: Progress) -> Outcome:
    """Run the flow and return how it ended; with nothing to do, say so without Prefect.

    Raises PrefectUnreachable when there is no server to run on, else what the run itself raises.
    """
    if (known := _nothing_to_do(settings, progress)) is not None:
        return known
    prepare_environment(settings)
    if url := os.environ.get("PREFECT_API_URL"):
        _expect_answer(url)
        return _run_flow(settings, progress)
    progress.stage("starting Prefect")
    with starting(settings.prefect_home) as server, _api_url(server.url):
        _import_meanwhile()
        server.wait(float(os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]))
        return _run_flow(settings, progress)


def _nothing_to_do(settings: Settings, progress: Progress) -> Outcome | None:
    with steps.alone(settings, progress):
        found = steps.land(settings, progress)
        return steps.unchanged(settings, found) if found.is_unchanged else None


def prepare_environment(settings: Settings) -> None:
    """What Prefect reads when it is imported; its home lies in the warehouse, so that nothing outside is written."""
    for name, value in (DEFAULTS | {"PREFECT_HOME": str(settings.prefect_home)}).items():
        os.environ.setdefault(name, value)
    for name in ("no_proxy", "NO_PROXY"):
        # a city's proxy has no business between a run and the server beside it
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))
    settings.prefect_home.mkdir(parents=True, exist_ok=True)


def _expect_answer(url: str) -> None:
    """Raises PrefectUnreachable when no server answers, long before Prefect's own retries would give up."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=10):
            return
    except urllib.error.HTTPError as refused:
        if refused.code in (401, 403):
            return  # it is there, and the run says who it is
        reason = f"it answers {refused.code}"
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
    raise PrefectUnreachable(
        f"no Prefect server at PREFECT_API_URL={url} ({reason})",
        "start it (`make server`), unset PREFECT_API_URL, or run with --direct",
    )


@contextmanager
def _api_url(url: str) -> Iterator[None]:
    os.environ["PREFECT_API_URL"] = url
    try:
        yield
    finally:
        del os.environ["PREFECT_API_URL"]


def _import_meanwhile() -> None:
    """What the run will need anyway, while the server starts on the other core."""
    import flows.core.validation
    import flows.refresh  # noqa: F401


class _Further(Progress):
    """What a run tells after its landing, which was told before Prefect was started."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.advance = progress.advance

    def stage(self, name: str, total: int | None = None) -> None:
        if name != "land":
            self._progress.stage(name, total)


def _run_flow(settings: Settings, progress: Progress) -> Outcome:
    import httpx
    from prefect.exceptions import Abort, PrefectException
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows import refresh

    token = refresh.shown.set(_Further(progress))
    try:
        # the environment counts only for the first import of Prefect in a process
        with temporary_settings({PREFECT_API_URL: os.environ["PREFECT_API_URL"]}):
            state = refresh.refresh(
                raw=settings.raw, out=settings.out, as_of=settings.as_of, publish=settings.publish, return_state=True
            )
            _wait_until_recorded(state.state_details.flow_run_id)
        return state.result()
    except (Abort, PrefectException, httpx.HTTPError) as error:
        raise PrefectUnreachable(
            f"Prefect ended the run ({type(error).__name__}: {error})",
            "see the run in Prefect's UI, and `barometer status` for what is published",
        ) from None
    finally:
        _flush_log()
        refresh.shown.reset(token)


def _flush_log() -> None:
    """Lines of the run's log that are still on their way to the server: Prefect sends them every two seconds."""
    for handler in logging.getLogger("prefect.flow_runs").handlers:
        handler.flush()


def _wait_until_recorded(flow_run_id: UUID, seconds: float = 5) -> None:
    """Until the server has written down how every task ended: it does so after the run, and a server that is stopped
    before then loses it (and fills its log with tracebacks of the cancelled writes)."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter

    before, give_up_at = None, time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        while time.monotonic() < give_up_at:
            tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [flow_run_id]}))
            if before == len(tasks) and all(task.state and task.state.is_final() for task in tasks):
                return
            before = len(tasks)
            time.sleep(0.1)
