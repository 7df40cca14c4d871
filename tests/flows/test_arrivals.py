"""A file that is still being copied is not taken for a whole one."""

from __future__ import annotations

import os
import threading
import time

import pytest

from flows.arrivals import StillArriving, wait_until_settled
from flows.core.steps import Progress


class Told(Progress):
    def __init__(self):
        self.stages = []

    def stage(self, name, total=None):
        self.stages.append(name)


def test_without_a_quiet_time_nothing_is_waited_for(raw):
    told = Told()
    wait_until_settled(raw, 0, told)
    assert told.stages == []


def test_a_growing_file_is_waited_for(raw):
    def copy_slowly():
        for _ in range(5):
            with (raw / "police" / "new.csv").open("a") as file:
                file.write("one more line\n")
            time.sleep(0.2)

    copying = threading.Thread(target=copy_slowly)
    copying.start()
    while not (raw / "police" / "new.csv").exists():
        time.sleep(0.01)
    told = Told()
    wait_until_settled(raw, 3, told)  # a busy machine may hold the copying up for more than its fifth of a second
    assert not copying.is_alive()
    assert "waiting until police/new.csv has arrived" in told.stages


def test_an_old_time_stamp_does_not_make_a_file_old(raw):
    wait_until_settled(raw, 0.3, Progress())
    os.utime(raw / "reference" / "zones.csv", (0, 0))  # what `cp -p` and `rsync -t` do at the end of a copy
    told = Told()
    wait_until_settled(raw, 3, told)
    assert told.stages


def test_a_receipt_is_no_arrival(raw):
    wait_until_settled(raw, 0.3, Progress())
    (raw / "reference" / "zones.csv.receipt.json").touch()
    told = Told()
    wait_until_settled(raw, 0.3, told)
    assert told.stages == []


def test_a_file_that_never_ends_is_named(raw):
    with pytest.raises(StillArriving, match="has been changing for") as caught:
        wait_until_settled(raw, 60, Progress(), patience=0)
    assert "barometer land" in caught.value.remedy


def test_a_missing_folder_is_for_the_run_to_tell(tmp_path):
    wait_until_settled(tmp_path / "nowhere", 60, Progress())
