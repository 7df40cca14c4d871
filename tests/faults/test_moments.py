"""What was wrong for a moment only is not held against a delivery, or a release, for ever."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date

import duckdb
import pytest
from warehouses import Warehouse, copied

from flows.core import admission, landing, pipeline, publishing, receiving, steps
from flows.core.errors import NothingToPublish, Refusal, UsageProblem


def verdict_on(outcome, name: str) -> str:
    return next(line.verdict for line in outcome.deliveries if line.file_name == name)


@pytest.mark.parametrize("moment", ["memory", "away"])
def test_a_refusal_of_the_moment_does_not_last(moment, first, tmp_path, monkeypatch) -> None:
    warehouse = copied(first, tmp_path)
    warehouse.deliver("later")
    file = warehouse.raw / "later.csv"
    settings = replace(warehouse.settings, threads=1)
    judge = admission._judge

    def away(delivery, *arguments, **options):
        if delivery.path == file:
            file.rename(tmp_path / "away.csv")
        return judge(delivery, *arguments, **options)

    def too_much(*_arguments):
        raise duckdb.OutOfMemoryException("no room")

    with monkeypatch.context() as patched:
        patched.setattr(admission, *{"memory": ("_validated", too_much), "away": ("_judge", away)}[moment])
        refused = pipeline.refresh(settings)
    if moment == "away":
        (tmp_path / "away.csv").rename(file)
    assert verdict_on(refused, "later.csv") == "refused"
    again = pipeline.refresh(settings)
    assert not again.is_unchanged and verdict_on(again, "later.csv") == "warned"
    assert pipeline.refresh(settings).is_unchanged


def test_a_receipt_that_goes_while_the_run_works_stops_nothing(first, tmp_path, monkeypatch) -> None:
    warehouse = copied(first, tmp_path)
    warehouse.deliver("later")
    build = steps.build

    def gone_by_then(*arguments):
        for path in warehouse.raw.glob("later.csv*"):
            path.unlink()
        return build(*arguments)

    monkeypatch.setattr(steps, "build", gone_by_then)
    assert pipeline.refresh(warehouse.settings).release is not None


@pytest.mark.parametrize("left", ["no record", "junk for a database"])
def test_what_a_kill_left_undone_is_done_by_the_next_run(left, first, tmp_path) -> None:
    warehouse = copied(first, tmp_path)
    if left == "no record":
        shutil.rmtree(warehouse.out / "runs")
    else:
        warehouse.settings.internal.write_bytes(b"junk")
    assert not pipeline.refresh(warehouse.settings).is_unchanged
    assert (warehouse.out / "runs" / f"{warehouse.release()}.json").is_file()
    assert pipeline.refresh(warehouse.settings).is_unchanged


def test_a_file_that_is_gone_is_not_said_to_be_closed(tmp_path) -> None:
    refusal = landing.unreadable(FileNotFoundError())
    assert isinstance(refusal, Refusal) and "gone" in refusal.found and "permission" not in refusal.remedy


def test_a_note_about_the_folder_is_not_landed(first, tmp_path) -> None:
    note = tmp_path / "README.md"
    note.write_bytes((first.raw / "incidents-2023.csv").read_bytes())
    with pytest.raises(UsageProblem, match="taken for a note"):
        receiving.receive(first.settings, note, None, None)


def test_landing_begins_no_warehouse(first, tmp_path, barometer) -> None:
    raw, elsewhere = tmp_path / "raw", tmp_path / "elsewhere"
    shutil.copytree(first.raw, raw)
    elsewhere.mkdir()
    later = tmp_path / "later.csv"
    Warehouse(tmp_path).deliver("other")
    (raw / "other.csv").rename(later)
    landed = barometer("land", later, "--raw", raw, cwd=elsewhere)
    assert landed.returncode == 0, landed.stderr
    assert list(elsewhere.iterdir()) == []
    assert publishing.current_release(elsewhere / "data" / "warehouse" / "current") is None


def test_a_day_before_everything_is_not_an_empty_folder(first) -> None:
    with pytest.raises(NothingToPublish, match="was received by 2015-01-02"):
        pipeline.refresh(replace(first.settings, as_of=date(2015, 1, 2)))
