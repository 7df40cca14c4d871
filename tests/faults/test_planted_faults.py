"""Faults planted in good deliveries are caught by the expectation that is meant for them, and good deliveries by none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.measuring import (
    Found,
    Round,
    admitted_alone,
    in_rounds,
    planted_together,
    without_faults,
    write_faulty,
)
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


@pytest.fixture(scope="module")
def good(sample_run) -> Found:
    return without_faults(sample_run[0])


@pytest.fixture(scope="module")
def plant(sample_run, good, tmp_path_factory):
    """Plant faults together and run them as far as these tables need: plant(faults, tables)."""

    def run(faults: tuple[Fault, ...], tables: tuple[str, ...] | None) -> Round:
        return planted_together(faults, sample_run[0], good, tmp_path_factory.mktemp("planted"), tables)

    return run


def not_as_told(result: Round) -> list[str]:
    return [f"{fault.name}: {entry}" for fault in result.faults for entry in missed(fault, result)]


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


def test_contracts_catch_their_faults_at_admission(sample_run, good, tmp_path):
    found = admitted_alone(those("admission"), sample_run[0], good, tmp_path)
    wrong = [
        f"{fault.name}: {entry} did not catch it, but {sorted(found[fault.name])}"
        for fault in those("admission")
        for entry in fault.caught_by
        if entry not in found[fault.name]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("faults", in_rounds(those("history")), ids=lambda faults: f"{faults[0].name}+{len(faults) - 1}")
def test_history_catches_its_faults(plant, faults):
    result = plant(faults, ())
    assert not not_as_told(result)


@pytest.mark.parametrize("faults", in_rounds(those("tables")), ids=lambda faults: f"{faults[0].name}+{len(faults) - 1}")
def test_tables_catch_their_faults(plant, faults):
    result = plant(faults, tuple(sorted({table for fault in faults for table in fault.tables})))
    assert not not_as_told(result)


@pytest.mark.parametrize(
    "faults", in_rounds([*GOOD, *those("everything")]), ids=lambda faults: f"{faults[0].name}+{len(faults) - 1}"
)
def test_good_deliveries_raise_no_alarm_and_the_list_of_what_is_not_caught_is_true(plant, faults):
    result = plant(faults, None)
    assert not not_as_told(result)
    assert not result.is_stopped
    assert not result.of_tables
