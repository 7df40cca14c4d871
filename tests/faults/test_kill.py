"""Whatever ends a run, the release before stays whole, the next run works, and its result is as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from bad_files import incidents

from flows.core import pipeline
from flows.core.errors import StorageProblem
from flows.settings import PROJECT, Settings

SAMPLE = PROJECT / "data" / "raw"
RANDOM = random.Random(63113)


class Warehouse:
    """A raw folder with a warehouse that holds a release of it."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.out = folder / "raw", folder / "out"

    @property
    def options(self) -> tuple[object, ...]:
        return "--direct", "--raw", self.raw, "--out", self.out

    @property
    def settings(self) -> Settings:
        return Settings(raw=self.raw, out=self.out).resolved()

    def deliver(self, name: str, count: int = 20) -> None:
        """One more delivery, so that the next run has something to do; one of its rows is bad."""
        (self.raw / f"{name}.csv").write_text(incidents(name, count, {5: {"categorie": "?"}}))

    def release(self) -> str:
        return (self.out / "current").resolve().name

    def tables(self) -> dict[str, str]:
        """The content hash of each published table."""
        manifest = json.loads((self.out / "current" / "manifest.json").read_text())
        return {name: table["content_sha256"] for name, table in manifest["tables"].items()}


def is_whole(release: Path) -> bool:
    """Whether a release holds the files that its manifest names, no other ones, and they are what it says."""
    manifest = json.loads((release / "manifest.json").read_text())
    files = {str(path.relative_to(release)): path for path in release.rglob("*") if path.is_file()}
    del files["manifest.json"]
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert hashes == {name: entry["sha256"] for name, entry in manifest["files"].items()}
    with duckdb.connect(str(release / "campaign.duckdb"), read_only=True) as con:
        counts = {name: con.execute(f"select count(*) from {name}").fetchone()[0] for name in manifest["tables"]}
    return counts == {name: table["rows"] for name, table in manifest["tables"].items()}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory, finished) -> Warehouse:
    made = Warehouse(tmp_path_factory.mktemp("kill"))
    for name in ("reference/zones.csv", "police/incidents-2023.csv"):
        for ending in ("", ".receipt.json"):
            (made.raw / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(SAMPLE / (name + ending), made.raw / (name + ending))
    done = finished("run", *made.options)
    assert done.returncode == 0, done.stderr
    return made


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
    "admitted": there("out/verdicts/*.json"),
    "building": there("out/work/release"),
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
    assert warehouse.release() == before or process.returncode == 0 or moment in ("in_place_but_not_current", "late", "complete_but_not_in_place")
    assert all(is_whole(release) for release in warehouse.out.glob("releases/2*"))


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def test_the_run_after_all_that_gives_what_a_run_that_was_never_killed_gives(warehouse, started, finished, tmp_path) -> None:
    warehouse.deliver("at_last")
    done = finished("run", *warehouse.options)
    assert done.returncode == 0, done.stderr
    assert is_whole(warehouse.out / "current")
    assert not (warehouse.out / "work").exists()
    assert not [path for path in warehouse.out.rglob("*") if ".partial" in path.name or path.name.startswith(".removing")]
    never_killed = Warehouse(tmp_path)
    shutil.copytree(warehouse.raw, never_killed.raw)
    pipeline.refresh(never_killed.settings)
    assert warehouse.tables() == never_killed.tables()


# -- two at once ------------------------------------------------------------------------------------------------------


def test_two_runs_at_once(warehouse, started, finished) -> None:
    """The second waits and then has nothing to do; a third that may not wait says who holds the warehouse."""
    warehouse.deliver("twice")
    (warehouse.out / "run.holder.json").unlink(missing_ok=True)
    first = started("run", *warehouse.options)
    while not (warehouse.out / "run.holder.json").exists() and first.poll() is None:
        time.sleep(0.01)
    second = started("run", *warehouse.options)
    third = finished("run", *warehouse.options, BAROMETER_LOCK_WAIT_SECONDS="0.5")
    assert third.returncode == 4
    assert f"process {first.pid}" in third.stderr and "BAROMETER_LOCK_WAIT_SECONDS" in third.stderr
    told = first.communicate(timeout=60)
    assert first.returncode == 0, told
    out, errors = second.communicate(timeout=60)
    assert second.returncode == 0 and "Nothing changed" in out
    assert "aiting for" in errors
    assert not (warehouse.out / "run.holder.json").exists()


# -- no room, no right, no folder -------------------------------------------------------------------------------------


@contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """A file system at a place; the test is skipped where none may be mounted."""
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip() or 'no right to'}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def small(warehouse, tmp_path_factory) -> Warehouse:
    """A copy of the warehouse for what is run in this process."""
    made = Warehouse(tmp_path_factory.mktemp("small"))
    shutil.copytree(warehouse.raw, made.raw)
    pipeline.refresh(made.settings)
    return made


def full_copy(small: Warehouse, place: Path, kilobytes_left: int) -> Warehouse:
    """The warehouse on a small disk that has so much room left."""
    copy = Warehouse(place)
    shutil.copytree(small.raw, copy.raw)
    shutil.copytree(small.out, copy.out, symlinks=True)
    copy.deliver("one_more")
    (place / "filler").write_bytes(b"")
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    with (place / "filler").open("wb") as file:
        file.write(bytes(max(0, free - kilobytes_left * 1024)))
    return copy


@pytest.mark.parametrize("kilobytes_left", [8, 40, 300, 1000, 2500])
def test_on_a_full_disk_the_release_before_stays(kilobytes_left, small, tmp_path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs") as disk:
        copy = full_copy(small, disk, kilobytes_left)
        before = copy.release()
        with pytest.raises(StorageProblem):
            pipeline.refresh(copy.settings)
        assert copy.release() == before and is_whole(copy.out / "current")
        (disk / "filler").unlink()
        assert pipeline.refresh(copy.settings).release is not None
        assert copy.release() != before and is_whole(copy.out / "current")


def test_a_full_disk_has_its_own_exit_code(small, tmp_path, finished) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=64m", "tmpfs") as disk:
        copy = full_copy(small, disk, 600)
        done = finished("run", *copy.options)
        assert done.returncode == 9, done.stderr
        assert "Traceback" not in done.stderr and "To mend it" in done.stderr


def test_a_raw_folder_that_may_only_be_read(small, tmp_path, finished) -> None:
    """With receipts it is enough; without, the run says that it must write them."""
    shutil.copytree(small.raw, tmp_path / "raw")
    with mounted(tmp_path / "read_only", "--bind", str(tmp_path / "raw")) as raw:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(raw)], check=True)
        pipeline.refresh(Settings(raw=raw, out=tmp_path / "out").resolved())
        (tmp_path / "raw" / "new.csv").write_text(incidents("new"))
        done = finished("run", "--direct", "--raw", raw, "--out", tmp_path / "out")
        assert done.returncode == 3 and "receipt" in done.stderr and "Traceback" not in done.stderr


def test_folders_that_are_none(tmp_path, finished) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for raw, out, code in (("nowhere", "out", 3), ("file", "out", 3), ("empty", "out", 8), ("empty", "file", 3), ("empty", "file/out", 3)):
        done = finished("run", "--direct", "--raw", tmp_path / raw, "--out", tmp_path / out)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (raw, out, done.stderr)


# -- what a power cut may leave ---------------------------------------------------------------------------------------


def emptied(pattern: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            path.write_bytes(b"")

    return damage


def cut(pattern: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage


def replaced(pattern: str, text: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            path.write_text(text)

    return damage


def gone(pattern: str) -> Callable[[Path], None]:
    def damage(out: Path) -> None:
        for path in list(out.glob(pattern)):
            remove(path)

    return damage


DAMAGES = {
    "index_empty": emptied("raw_index.json"),
    "index_of_another_shape": replaced("raw_index.json", '{"police/incidents-2023.csv": 5}'),
    "index_that_is_a_list": replaced("raw_index.json", "[]"),
    "verdicts_empty": emptied("verdicts/*"),
    "verdicts_of_another_shape": replaced("verdicts/*", "{}"),
    "verdicts_that_are_lists": replaced("verdicts/*", "[1]"),
    "staged_rows_gone": gone("staged/*/*"),
    "staged_rows_cut": cut("staged/*/*"),
    "staged_rows_empty": emptied("staged/*/*"),
    "manifest_empty": emptied("releases/*/manifest.json"),
    "manifest_of_another_shape": replaced("releases/*/manifest.json", "{}"),
    "database_gone": gone("releases/*/campaign.duckdb"),
    "tables_gone": gone("releases/*/parquet/*"),
    "tables_cut": cut("releases/*/parquet/*"),
    "current_leads_nowhere": gone("releases/*"),
    "holder_of_another_shape": replaced("run.lock", "?"),
    "work_left": lambda out: (out / "work" / "release").mkdir(parents=True),
    "work_that_is_a_file": lambda out: (out / "work").write_text(""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_anew(damage, small, tmp_path) -> None:
    copy = Warehouse(tmp_path)
    shutil.copytree(small.raw, copy.raw)
    shutil.copytree(small.out, copy.out, symlinks=True)
    DAMAGES[damage](copy.out)
    copy.deliver("one_more")
    pipeline.refresh(copy.settings)
    assert is_whole(copy.out / "current")
    fresh = Warehouse(tmp_path / "fresh")
    shutil.copytree(copy.raw, fresh.raw)
    pipeline.refresh(fresh.settings)
    assert copy.tables() == fresh.tables()
