"""Known and new: which of today's failing checks stood in the release before, since which release, and with how many rows.

A release's manifest remembers its failing checks. What is told from it speaks of the release before and not of the data, so it is
no part of a content fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from flows.core.ledger import Judged

REFUSED = "delivery_refused"
"""The id under which a delivery that was refused as a whole is remembered; it may have no check of its own."""

KNOWN = "known since"
KNOWN_SINCE, ROWS_BEFORE = "known_since", "failed_rows_before"


@dataclass(frozen=True)
class Memory:
    """What the release before remembers: by subject and expectation, the release in which it first stood, and its rows then,
    as a release may tell them (None: hidden).

    `as_of` is the latest day that the memory speaks of.
    """

    entries: Mapping[tuple[str, str], tuple[str, int | None]]
    as_of: str

    def told(self, subject: str, expectation_id: str) -> dict:
        since, rows = self.entries.get((subject, expectation_id), (None, None))
        return {KNOWN_SINCE: since, ROWS_BEFORE: rows}


NOTHING_TOLD = {KNOWN_SINCE: None, ROWS_BEFORE: None}


def memory_of(previous: Path | None, manifest: Mapping[str, object]) -> Memory | None:
    """The memory of the release before; None when there is none, or when its manifest is damaged or has none.

    Nothing can then be called known, and nothing new.
    """
    try:
        kept = manifest["failing"]
        entries = {
            (str(e["subject"]), str(e["expectation_id"])): (
                str(e[KNOWN_SINCE] or previous.name),
                _rows(e["failed_rows"]),
            )
            for e in kept["entries"]
        }
        return Memory(entries, date.fromisoformat(kept["as_of"]).isoformat())
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _rows(told: object) -> int | None:
    return None if told is None else int(told)


def remembered(memory: Memory | None, standing: Iterable[dict], as_of: date) -> dict:
    """What the manifest keeps: each failing check that stands.

    A look at an earlier day mends nothing: what it does not show is kept until a release of the latest day again tells.
    """
    entries = {(e["subject"], e["expectation_id"]): e for e in standing}
    latest = as_of.isoformat()
    if memory is not None and latest < memory.as_of:
        latest = memory.as_of
        for (subject, expectation_id), (since, rows) in memory.entries.items():
            entry = {"subject": subject, "expectation_id": expectation_id, "failed_rows": rows, KNOWN_SINCE: since}
            entries.setdefault((subject, expectation_id), entry)
    return {"as_of": latest, "entries": [entries[key] for key in sorted(entries)]}


def told_of_delivery(memory: Memory | None, row: Judged) -> Judged:
    """The delivery with what is known of each of its checks."""
    checks = told_of_checks(memory, row.delivery.delivery_id, row.verdict.checks)
    return replace(row, verdict=replace(row.verdict, checks=tuple(checks)))


def told_of_checks(memory: Memory | None, subject: str, checks: Iterable[dict]) -> list[dict]:
    """The checks, each failing one with the release since which it is known; what an earlier run wrote there is forgotten.

    Without a memory nothing is told at all: a check is then neither known nor new.
    """
    plain = [{name: value for name, value in check.items() if name not in NOTHING_TOLD} for check in checks]
    if memory is None:
        return plain
    return [{**check, **_told(memory, subject, check)} for check in plain]


def _told(memory: Memory, subject: str, check: Mapping[str, object]) -> dict:
    return NOTHING_TOLD if check["verdict"] == "passed" else memory.told(subject, check["expectation_id"])


def standing(
    memory: Memory | None, rows: Iterable[Judged], model_checks: Mapping[str, Iterable[dict]]
) -> Iterator[dict]:
    """Every failing check of the deliveries and tables, and every delivery that was refused, for the manifest."""
    for row in rows:
        yield from _failing(row.delivery.delivery_id, row.verdict.checks)
        if row.verdict.verdict == "refused":
            told = memory.told(row.delivery.delivery_id, REFUSED) if memory else NOTHING_TOLD
            yield _entry(row.delivery.delivery_id, REFUSED, row.verdict.rows_quarantined, told)
    for name, checks in model_checks.items():
        yield from _failing(name, checks)


def _failing(subject: str, checks: Iterable[dict]) -> Iterator[dict]:
    for check in checks:
        if check["verdict"] != "passed":
            yield _entry(subject, check["expectation_id"], check["failed_rows"], check)


def _entry(subject: str, expectation_id: str, failed_rows: int, told: Mapping[str, object]) -> dict:
    known_since = told.get(KNOWN_SINCE)
    return {
        "subject": subject, "expectation_id": expectation_id, "failed_rows": failed_rows, KNOWN_SINCE: known_since
    }  # fmt: skip


# -- in words ---------------------------------------------------------------------------------------------------------


def of_check(memory: Memory | None, check: Mapping[str, object]) -> str:
    """`new`, `known since RELEASE`, with the rows then when they were others; nothing when there is no memory."""
    if memory is None:
        return ""
    since, before, now = check.get(KNOWN_SINCE), check.get(ROWS_BEFORE), check["failed_rows"]
    if since is None:
        return "new"
    if before == now:
        return f"{KNOWN} {since}"
    return f"{KNOWN} {since}, {'grown' if now > before else 'fallen'} from {before} to {now} rows"


def of_delivery(memory: Memory | None, row: Judged) -> str:
    """The same of a delivery as a whole: new when anything that was found in it is; empty when nothing was found."""
    entries = list(standing(memory, [row], {}))
    if memory is None or not entries:
        return ""
    since = [entry[KNOWN_SINCE] for entry in entries]
    return "new" if None in since else f"{KNOWN} {max(since)}"
