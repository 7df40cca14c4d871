"""Read this first: the way from deliveries to a published release. Each step is a function of `flows/core/steps`.

The composition is written once. `call` runs a step: directly, or as a Prefect task made of it.
"""

from __future__ import annotations

from collections.abc import Callable

from flows.core import openlineage_events, steps
from flows.core.steps import Outcome, Progress
from flows.settings import Settings

Call = Callable[..., object]


def directly(step: Callable, *arguments: object) -> object:
    """Run a step in this process, without Prefect."""
    return step(*arguments)


def refresh(settings: Settings, call: Call = directly, progress: Progress | None = None) -> Outcome:
    """land → admit → build → protect → verify → publish. Returns what was published and what became of each delivery.

    Raises BarometerError when nothing can be published; the release before stays the current one.
    """
    progress = progress or Progress()
    with steps.alone(settings, progress):
        run = call(steps.land, settings, progress)
        if run.is_unchanged:
            return steps.unchanged(settings, run)
        with openlineage_events.told(settings, run) as lineage:
            verdicts = [call(steps.admit, settings, run, delivery, progress) for delivery in run.largest_first]
            build = call(steps.build, settings, run, verdicts, progress)
            call(steps.protect, settings, build, progress)
            call(steps.verify, settings, build, progress)
            return lineage.complete(call(steps.publish, settings, run, build, progress), build, settings)
