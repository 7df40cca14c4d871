"""The table of planted faults in Markdown: what was planted, what caught it, what became of it, where it is seen."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from flows.settings import Settings
from tests.faults.measuring import Found, Round, in_rounds, planted_together, without_faults
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
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        sample = _sample(Path(folder))
        good = without_faults(sample)
        rounds = ((fault,) for fault in chosen) if "--alone" in arguments else in_rounds(chosen)
        lines, is_as_told = _table(rounds, sample, good, Path(folder))
    print("\n".join(lines))
    return 0 if is_as_told else 1


def _sample(folder: Path) -> Settings:
    from flows.core import pipeline

    shutil.copytree(ROOT / "data" / "raw", folder / "raw")
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    pipeline.refresh(settings)
    return settings


def _table(
    rounds: Iterable[tuple[Fault, ...]], sample: Settings, good: Found, folder: Path
) -> tuple[list[str], bool]:
    rows, is_as_told = {}, True
    for faults in rounds:
        place = Path(tempfile.mkdtemp(dir=folder))
        result = planted_together(faults, sample, good, place, None)
        shutil.rmtree(place)
        for fault in faults:
            rows[fault.name] = _row(fault, result)
            is_as_told &= not missed(fault, result)
        print(f"{len(rows)} planted", file=sys.stderr, flush=True)
    ordered = [rows[f.name] for f in (*FAULTS, *GOOD) if f.name in rows]
    heading = ["| fault | contract | caught by | what becomes of it | where it is seen |", "|---|---|---|---|---|"]
    return heading + ordered, is_as_told


def missed(fault: Fault, result: Round) -> list[str]:
    """Where what was found is not what the list says."""
    found = {**result.of_fault[fault.name], **result.of_tables}
    if fault.caught_by:
        return [f"{entry} did not catch it" for entry in fault.caught_by if entry not in found]
    of_others = {entry for other in result.faults for entry in other.caught_by}
    only = dict(result.of_fault[fault.name])
    if len(result.faults) == 1:
        only |= {e: n for e, n in result.of_tables.items() if e not in of_others}
    return [f"{entry} found it ({rows})" for entry, rows in only.items()]


def _row(fault: Fault, result: Round) -> str:
    found = _found(fault, result)
    by = "; ".join(f"{entry} ({rows})" for entry, rows in found.items()) or "–"
    return f"| **{fault.name}**: {fault.sentence} | {fault.contract} | {by} | {_fate(fault, result)} | {_seen(found)} |"


def _found(fault: Fault, result: Round) -> dict[str, int]:
    """All that is found at the delivery itself; of the tables, planted alone all, else what the fault names."""
    of_tables = {
        entry: rows
        for entry, rows in result.of_tables.items()
        if not entry.startswith("audit.drift") and (len(result.faults) == 1 or entry in fault.caught_by)
    }
    return {**result.of_fault[fault.name], **of_tables}


def _fate(fault: Fault, result: Round) -> str:
    found = _found(fault, result)
    if fault.is_harmless:
        return "mended in reading; the release is the same"
    if not found:
        return f"not caught: {fault.why_not}" if fault.why_not else "nothing, as it should be"
    kinds = {entry.partition(": ")[0] for entry in found}
    if "refused" in kinds:
        return "refused"
    if result.is_stopped and len(result.faults) == 1:
        return "nothing is published"
    return "admitted in part or with a warning" if "delivery" in kinds else "warned"


def _seen(found: dict[str, int]) -> str:
    return "; ".join(dict.fromkeys(_places(found))) or "–"


def _places(found: Iterable[str]) -> Iterator[str]:
    for entry in found:
        yield WHERE.get(entry.partition(": ")[0], "the run's warnings, audit.checks")
