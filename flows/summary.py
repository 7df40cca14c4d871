"""What a person sees of a run in Prefect: its name, its closing line, its summary and its table of verdicts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from prefect.runtime import deployment, flow_run

from flows.core import ledger
from flows.core.errors import BarometerError
from flows.core.landing import CITY_TIME
from flows.core.steps import DeliveryLine, Outcome

MARKDOWN = re.compile(r"([\\`*\[\]|~])")


def run_name() -> str:
    """For example `nightly 2026-11-22 02:15` or `by hand 2026-11-22 10:04, as of 2026-03-31`."""
    started = (flow_run.scheduled_start_time or datetime.now(UTC)).astimezone(CITY_TIME)
    parameters = flow_run.parameters
    as_of = f", as of {parameters['as_of']}" if parameters.get("as_of") else ""
    unpublished = "" if parameters.get("publish", True) else ", not published"
    return f"{deployment.name or 'by hand'} {started:%Y-%m-%d %H:%M}{as_of}{unpublished}"


def closing_line(outcome: Outcome) -> str:
    """How the run ended, in one line."""
    place = outcome.release.name if outcome.release else None
    if outcome.is_unchanged:
        ended = f"Nothing changed since the current release {place}"
    else:
        ended = f"Published {place}" if place else "Built and verified, not published (as asked)"
    for verdict in ("refused", "not_checked"):
        names = [line.file_name for line in outcome.lines_with(verdict)]
        if names:
            named = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            ended += f"; {len(names)} of {len(outcome.deliveries)} deliveries {verdict.replace('_', ' ')}: {named}"
    return ended


def error_line(error: BarometerError) -> str:
    """What went wrong and how to mend it, in one line."""
    return f"{error.problem}. To mend it: {error.remedy}" if error.remedy else error.problem


def as_markdown(outcome: Outcome) -> str:
    """The summary of a run: what was published, from what, and what to look at."""
    manifest = ledger.read_json((outcome.release or outcome.candidate) / "manifest.json")
    facts = {
        "Release": manifest["release"] + ("" if outcome.release else " (not published)"),
        "As of": manifest["as_of"],
        "Code": manifest["code_version"],
        "Deliveries": str(len(outcome.deliveries)),
        "Tables": f"{len(outcome.built_tables)} built, {len(outcome.reused_tables)} taken over unchanged",
    }
    lines = [f"# {closing_line(outcome).split(';')[0]}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {escaped(value)} |" for name, value in facts.items()]
    for verdict in ("refused", "not_checked", "warned"):
        title = f"Deliveries {verdict.replace('_', ' ')}"
        lines += _new_and_known(title, outcome.lines_with(verdict))
    new = [warning for warning in outcome.warnings if warning not in outcome.known_warnings]
    lines += _listed("Warnings of the tables", new)
    lines += _listed("Warnings of the tables, known from the release before", outcome.known_warnings)
    return "\n".join(lines) + "\n"


def _new_and_known(title: str, lines: list[DeliveryLine]) -> Iterator[str]:
    """What is new, or cannot be told apart, comes first."""
    yield from _listed(title, (_described(line) for line in lines if not line.is_known))
    known = (f"{_described(line)} ({line.standing})" for line in lines if line.is_known)
    yield from _listed(f"{title}, known from the release before", known)


def _described(line: DeliveryLine) -> str:
    return f"{line.file_name}: {line.note}".removesuffix(": ")


def _listed(title: str, entries: Iterable[str]) -> Iterator[str]:
    told = [f"- {escaped(entry)}" for entry in entries]
    if told:
        yield from ("", f"## {title} ({len(told)})", "", *told)


def as_table(outcome: Outcome) -> list[dict[str, object]]:
    """One row a delivery; counts and verdicts, never values."""
    return [
        {
            "file": escaped(line.file_name),
            "contract": line.contract or "–",
            "read": line.rows_read,
            "accepted": line.rows_accepted,
            "quarantined": line.rows_quarantined,
            "verdict": line.verdict,
        }
        for line in outcome.deliveries
    ]


def escaped(text: str) -> str:
    """A file's name is chosen by whoever sent it: none of it may act as Markdown or HTML."""
    return html.escape(MARKDOWN.sub(r"\\\1", text), quote=False)
