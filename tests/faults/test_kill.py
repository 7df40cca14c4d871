"""Whatever ends a run, the release before stays whole, and the next run gives what it would have given anyway."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from bad_files import incidents
from warehouses import Warehouse, copied, differing, is_whole, remove

from flows.core import admission, pipeline, steps
from flows.core.errors import StorageProblem
from flows.settings import PROJECT, Settings

RANDOM = random.Random(63113)


@pytest.fixture(scope="module")
def warehouse(first, tmp_path_factory) -> Warehouse:
    return copied(first, tmp_path_factory.mktemp("kill"))


# -- killed -----------------------------------------------------------------------------------------------------------


def there(pattern: str, count: int = 1) -> Callable[[Warehouse, set[Path]], bool]:
    """Whether so many files stand there that did not before."""

    def look(warehouse: Warehouse, before: set[Path]) -> bool:
        return len(set(warehouse.out.parent.glob(pattern)) - before) >= count

    return look


def after(seconds: float) -> Callable[[Warehouse, set[Path]], bool]:
    """Whether the time has come; made anew for each test."""
    end: list[float] = []

    def look(*_: object) -> bool:
        end.append(time.monotonic() + seconds)
        return time.monotonic() >= end[0]

    return look


MOMENTS = {
    "holding_the_lock": there("out/run.holder.json"),
    "landing": there("raw/*.receipt.json"),
    "reading": there("out/work/*"),
    "quarantining": there("out/quarantine/*"),
    "half_of_the_tables": there("out/work/release/parquet/*", 8),
    "complete_but_not_in_place": there("out/work/release/manifest.json"),
    "in_place_but_not_current": there("out/releases/2*"),
    "early": after(RANDOM.uniform(0.1, 1.0)),
    "late": after(RANDOM.uniform(2.0, 6.0)),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_the_current_release_is_whole(moment, warehouse, started) -> None:
    before = warehouse.release()
    warehouse.deliver(moment)
    known = set(warehouse.out.parent.glob("raw/*")) | set(warehouse.out.parent.glob("out/**/*"))
    known -= set(warehouse.out.glob("work/**/*")) | {warehouse.out / "run.holder.json"}
    for leftover in ("work", "run.holder.json"):
        remove(warehouse.out / leftover)
    process = started("run", *warehouse.options)
    while process.poll() is None and not MOMENTS[moment](warehouse, known):
        time.sleep(0.0005)
    process.kill()
    process.communicate()
    assert is_whole(warehouse.out / "current")
    assert differing(warehouse) == []
    may_be_switched = process.returncode == 0 or moment in (
        "complete_but_not_in_place",
        "in_place_but_not_current",
        "late",
    )
    assert warehouse.release() == before or may_be_switched
    assert all(is_whole(release) for release in warehouse.out.glob("releases/2*"))


def test_the_next_run_gives_what_a_run_that_was_never_killed_gives(warehouse, finished, tmp_path) -> None:
    warehouse.deliver("at_last")
    done = finished("run", *warehouse.options)
    assert done.returncode == 0, done.stderr
    assert is_whole(warehouse.out / "current")
    assert not (warehouse.out / "work").exists()
    left_over = [path for path in warehouse.out.rglob("*") if ".partial" in path.name or ".removing" in path.name]
    assert left_over == []
    never_killed = Warehouse(tmp_path)
    shutil.copytree(warehouse.raw, never_killed.raw)
    pipeline.refresh(never_killed.settings)
    assert warehouse.tables() == never_killed.tables()


KILLED_AT = {
    "before_it_is_remembered": ("protecting.remember", "True"),
    "remembered_but_not_moved": ("publishing.publish", "True"),
    "moved_but_the_internal_database_is_the_old_one": ("publishing._sync", "told[0].name == 'releases'"),
    "all_but_the_switch": ("publishing.switch", "True"),
}
"""What publishing is about to do when it is killed, and when."""

KILLED = """
import os, signal, sys
from flows.core import protecting, publishing
go_on = {name}
def end(*told):
    if {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    return go_on(*told)
{name} = end
from flows.cli import main
main()
"""


def test_killed_between_two_steps_of_publishing(first, finished, tmp_path) -> None:
    """One run after the other is killed, each a step later; the one that is left alone publishes what all of them would have."""
    warehouse = copied(first, tmp_path)
    before = warehouse.release()
    for moment, (name, when) in KILLED_AT.items():
        warehouse.deliver(moment)
        killed = subprocess.run(
            [sys.executable, "-c", KILLED.format(name=name, when=when), "run", *map(str, warehouse.options)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            check=False,
            timeout=600,
        )
        assert killed.returncode == -signal.SIGKILL, (moment, killed.stderr.decode())
        assert warehouse.release() == before and is_whole(warehouse.out / "current"), moment
        assert differing(warehouse) == [], moment
        assert all(is_whole(release) for release in warehouse.out.glob("releases/2*")), moment
    done = finished("run", *warehouse.options)
    assert done.returncode == 0, done.stderr
    assert warehouse.release() != before and is_whole(warehouse.out / "current") and differing(warehouse) == []


def test_ctrl_c_while_two_large_deliveries_are_read_ends_both(started, tmp_path) -> None:
    warehouse = Warehouse(tmp_path)
    warehouse.raw.mkdir()
    for name in ("one", "other"):
        warehouse.deliver(name, 60_000)
    process = started("run", *warehouse.options)
    both_are_read = there("out/work/????????????????", 2)
    while process.poll() is None and not both_are_read(warehouse, set()):
        time.sleep(0.0005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
    assert not (warehouse.out / "run.holder.json").exists() and not (warehouse.out / "current").exists()


def test_a_closed_connection_has_nothing_to_interrupt() -> None:
    con = duckdb.connect()
    admission.connections.add(con)
    con.close()
    steps._interrupt_queries()


# -- two at once ------------------------------------------------------------------------------------------------------


def test_two_runs_at_once(warehouse, started, finished) -> None:
    """The second waits and then has nothing to do; a third that may not wait says who holds the warehouse."""
    warehouse.deliver("twice")
    (warehouse.out / "run.holder.json").unlink(missing_ok=True)
    first = started("run", *warehouse.options)
    while not (warehouse.out / "run.holder.json").exists() and first.poll() is None:
        time.sleep(0.01)
    second = started("run", *warehouse.options, BAROMETER_LOCK_WAIT_SECONDS="600")
    third = finished("run", *warehouse.options, BAROMETER_LOCK_WAIT_SECONDS="0.5")
    assert third.returncode == 4
    assert f"process {first.pid}" in third.stderr and "BAROMETER_LOCK_WAIT_SECONDS" in third.stderr
    told = first.communicate(timeout=600)
    assert first.returncode == 0, told
    out, errors = second.communicate(timeout=600)
    assert second.returncode == 0 and "Nothing changed" in out
    assert "aiting for" in errors
    assert not (warehouse.out / "run.holder.json").exists()


# -- no room, no right, no folder -------------------------------------------------------------------------------------


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """A file system at a place; the test is skipped where none may be mounted."""
    if not shutil.which("mount"):
        pytest.skip("no program `mount` here")
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing may be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def full_copy(warehouse: Warehouse, disk: Path, kilobytes_left: int, rows: int = 20) -> Warehouse:
    """The warehouse on a small disk that has so much room left, with one more delivery."""
    copy = copied(warehouse, disk)
    copy.deliver("one_more", rows)
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filler").write_bytes(bytes(free - kilobytes_left * 1024))
    return copy


@pytest.mark.parametrize(
    ("kilobytes_left", "rows"), [(8, 20), (40, 20), (300, 20), (2500, 20), (1500, 20_000), (5000, 80_000)]
)
def test_on_a_full_disk_the_release_before_stays(kilobytes_left, rows, first, tmp_path) -> None:
    """Full while the lock is taken, while tables are built, and (many rows) while a delivery is read."""
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=160m", "tmpfs") as disk:
        copy = full_copy(first, disk, kilobytes_left, rows)
        before = copy.release()
        with pytest.raises(StorageProblem):
            pipeline.refresh(copy.settings)
        assert copy.release() == before and is_whole(copy.out / "current")
        (disk / "filler").unlink()
        assert pipeline.refresh(copy.settings).release is not None
        assert copy.release() != before and is_whole(copy.out / "current")


def test_a_full_disk_has_its_own_exit_code(first, tmp_path, finished) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=160m", "tmpfs") as disk:
        copy = full_copy(first, disk, 600)
        done = finished("run", *copy.options)
        assert done.returncode == 9, done.stderr
        assert "Traceback" not in done.stderr and "To mend it" in done.stderr


def test_a_raw_folder_that_may_only_be_read(first, tmp_path, finished) -> None:
    """With receipts it is enough; without, the run says that it must write them."""
    shutil.copytree(first.raw, tmp_path / "raw")
    with mounted(tmp_path / "read_only", "--bind", str(tmp_path / "raw")) as raw:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(raw)], check=True)
        pipeline.refresh(Settings(raw=raw, out=tmp_path / "out").resolved())
        (tmp_path / "raw" / "new.csv").write_text(incidents("new"))
        done = finished("run", "--direct", "--raw", raw, "--out", tmp_path / "out")
        assert done.returncode == 3 and "receipt" in done.stderr and "Traceback" not in done.stderr


def test_folders_that_are_none(tmp_path, finished) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    cases = (
        ("nowhere", "out", 3),
        ("file", "out", 3),
        ("empty", "out", 8),
        ("empty", "file", 3),
        ("empty", "file/out", 3),
        ("empty", "empty/out", 3),
    )
    for raw, out, code in cases:
        done = finished("run", "--direct", "--raw", tmp_path / raw, "--out", tmp_path / out)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (raw, out, done.stderr)
