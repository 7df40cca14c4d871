"""The table of planted faults in Markdown: what was planted, what caught it, what became of it, where it is seen."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.settings import Settings
from tests.faults.measuring import Job, Round, in_rounds, results_of
from tests.faults.planted import FAULTS, GOOD, Fault

ROOT = Path(__file__).resolve().parents[2]
WHERE = {
    "refused": "the letter to the sender, the run's table, audit.deliveries",
    "delivery": "the letter to the sender, the run's table, audit.checks, audit.quarantine",
    "audit.drift": "the run's warnings, audit.drift, audit.checks",
}


def main(arguments: list[str]) -> int:
    """Print the table; 1 when a fault is not caught by what it names, or is caught though it is listed as not caught."""
    names = [a for a in arguments if not a.startswith("-")]
    chosen = [f for f in (*FAULTS, *GOOD) if f.name in names] if names else [*FAULTS, *GOOD]
    rounds = ((fault,) for fault in chosen) if "--alone" in arguments else in_rounds(chosen)
    jobs = [Job(tuple(fault.name for fault in faults), None) for faults in rounds]
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        lines, is_as_told = _table(jobs, _sample(Path(folder)), Path(folder))
    print("\n".join(lines))
    return 0 if is_as_told else 1


def _sample(folder: Path) -> Settings:
    from flows.core import pipeline

    shutil.copytree(ROOT / "data" / "raw", folder / "raw")
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    pipeline.refresh(settings)
    return settings


def _table(jobs: list[Job], sample: Settings, folder: Path) -> tuple[list[str], bool]:
    rows, is_as_told = {}, True
    for _, result in results_of(jobs, sample, folder):
        for fault in _faults(result):
            rows[fault.name] = _row(fault, result)
            is_as_told &= not missed(fault, result)
        print(f"{len(rows)} planted", file=sys.stderr, flush=True)
    heading = ["| fault | contract | caught by | what becomes of it | where it is seen |", "|---|---|---|---|---|"]
    return heading + [rows[f.name] for f in (*FAULTS, *GOOD) if f.name in rows], is_as_told


def _faults(result: Round) -> list[Fault]:
    return [fault for fault in (*FAULTS, *GOOD) if fault.name in result.names]


def missed(fault: Fault, result: Round) -> list[str]:
    """Where what was found is not what the list says."""
    found = {**result.of_fault[fault.name], **result.of_tables}
    if fault.caught_by:
        return [f"{fault.name}: {entry} did not catch it" for entry in fault.caught_by if entry not in found]
    # beside others, what a table shows may be theirs
    entries = found if len(result.names) == 1 else result.of_fault[fault.name]
    return [f"{fault.name}: {entry} found it ({rows} rows)" for entry, rows in entries.items()]


def _row(fault: Fault, result: Round) -> str:
    found = _found(fault, result)
    by = "; ".join(f"{entry} ({rows})" for entry, rows in found.items()) or "–"
    return f"| **{fault.name}**: {fault.sentence} | {fault.contract} | {by} | {_fate(fault, result)} | {_seen(found)} |"


def _found(fault: Fault, result: Round) -> dict[str, int]:
    """All that is found at the delivery itself; of the tables, planted alone all, else what the fault names."""
    of_tables = {
        entry: rows
        for entry, rows in result.of_tables.items()
        if not entry.startswith("audit.drift") and (len(result.names) == 1 or entry in fault.caught_by)
    }
    return {**result.of_fault[fault.name], **of_tables}


def _fate(fault: Fault, result: Round) -> str:
    found = _found(fault, result)
    if fault.is_harmless:
        return "mended in reading; the release is the same"
    if fault in GOOD:
        return fault.why_not or ("a false alarm" if found else "nothing, as it should be")
    if not found:
        return f"not caught: {fault.why_not}"
    kinds = {entry.partition(": ")[0] for entry in found}
    if "refused" in kinds:
        return "refused"
    if result.is_stopped and len(result.names) == 1:
        return "nothing is published"
    return "admitted in part or with a warning" if "delivery" in kinds else "warned"


def _seen(found: dict[str, int]) -> str:
    return "; ".join(dict.fromkeys(_places(found))) or "–"


def _places(found: Iterable[str]) -> Iterator[str]:
    for entry in found:
        yield WHERE.get(entry.partition(": ")[0], "the run's warnings, audit.checks")
