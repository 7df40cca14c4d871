"""Faults planted in good deliveries are caught by the expectation that is meant for them, and good deliveries by none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.measuring import Job, Round, in_rounds, results_of, write_faulty
from tests.faults.planted import FAULTS, GOOD, Fault
from tests.faults.telling import missed

LEAST = 50
"""The number of faults that the list promises."""


def looked_at(fault: Fault) -> str:
    """How far a delivery must go until what the fault names can catch it: the cheapest of what it names decides."""
    if not fault.caught_by:
        return "everything"
    places = {entry.partition(": ")[0] for entry in fault.caught_by}
    if places <= {"delivery", "refused"}:
        return "admission"
    return "history" if places <= {"delivery", "refused", "audit.drift"} else "tables"


def those(how_far: str) -> list[Fault]:
    return [fault for fault in FAULTS if looked_at(fault) == how_far]


def jobs() -> Iterator[Job]:
    """What is dearest first."""
    for faults in in_rounds([*GOOD, *those("everything")]):
        yield Job(tuple(f.name for f in faults), None)
    for faults in in_rounds(those("tables")):
        yield Job(tuple(f.name for f in faults), tuple(sorted({table for f in faults for table in f.tables})))
    for faults in in_rounds(those("history")):
        yield Job(tuple(f.name for f in faults), ())
    names = [f.name for f in those("admission")]
    for start in range(0, len(names), 6):
        yield Job(tuple(names[start : start + 6]), is_admission=True)


@pytest.fixture(scope="module")
def results(sample_run, tmp_path_factory) -> dict[str, tuple[Job, Round]]:
    """By fault: the job that it was planted in, with what came of it."""
    settings, _ = sample_run
    done = results_of(jobs(), settings, tmp_path_factory.mktemp("planted"))
    return {name: (job, result) for job, result in done for name in job.names}


def test_the_list_can_be_read():
    names = [fault.name for fault in (*FAULTS, *GOOD)]
    assert len(set(names)) == len(names)
    assert len(FAULTS) >= LEAST
    for fault in FAULTS:
        assert fault.sentence.endswith(".") and len(fault.sentence) < 160, fault.name
        assert bool(fault.caught_by) != bool(fault.why_not or fault.is_harmless), fault.name


def test_planting_is_deterministic_and_changes_the_file(sample_run, tmp_path):
    raw = sample_run[0].raw
    for fault in (*FAULTS, *GOOD):
        one = write_faulty(fault, raw / fault.source, tmp_path / "one" / fault.name)
        assert one == write_faulty(fault, raw / fault.source, tmp_path / "two" / fault.name), fault.name
        content = (tmp_path / "one" / fault.name / fault.place).read_bytes()
        assert content != (raw / fault.source).read_bytes(), fault.name


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_caught_by_what_it_names_or_by_nothing(results, fault):
    _, result = results[fault.name]
    assert not missed(fault, result), sorted({**result.of_fault[fault.name], **result.of_tables})


@pytest.mark.parametrize("fault", GOOD, ids=lambda fault: fault.name)
def test_good_delivery_raises_no_alarm(results, fault):
    _, result = results[fault.name]
    assert not missed(fault, result)


def test_what_is_not_caught_is_found_by_no_table(results):
    """The list of what is not caught cannot lie: beside those faults only good deliveries are planted."""
    whole = {job.names: (job, result) for job, result in results.values() if job.tables is None}
    known = {entry for fault in GOOD for entry in fault.caught_by}
    found = {names: set(result.of_tables) - known for names, (_, result) in whole.items()}
    assert not {names: entries for names, entries in found.items() if entries}
    assert not [names for names, (_, result) in whole.items() if result.is_stopped]
