"""What several tests share: one release of the sample, built once, and the folder of real data when it is there."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from first_releases import first_release
from longest_first import place_of

from flows.settings import PROJECT, Settings

REAL_DATA = PROJECT.parent / "shared" / "data"
SAMPLE = PROJECT / "data" / "raw"
PATIENCE = 600
"""Seconds after which a command that does not end is given up: ten times what it takes, for other work may run beside."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place_of(item.path))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Public bodies' files outside the project; the test is skipped, with the reason, when they are absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA.relative_to(PROJECT.parent)} beside the project")
    return REAL_DATA


@pytest.fixture(scope="session")
def shared_by_all(tmp_path_factory) -> Callable:
    """shared_by_all(name, make): what make(folder) returns, made once however many processes run the tests."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make: Callable[[Path], object]) -> object:
        folder = base / f"shared-{name}"
        result = folder / "result.pickle"
        with FileLock(base / f"shared-{name}.lock"):
            if not result.is_file():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                result.write_bytes(pickle.dumps(make(folder)))
        return pickle.loads(result.read_bytes())

    return once


@pytest.fixture(scope="session")
def released(shared_by_all) -> Callable[[Settings], object]:
    """released(settings): the first release into an empty place, copied where equal files were released before. What a test
    does with the copy is its own; use `pipeline.refresh` where the first run itself is patched or watched."""
    return lambda settings: first_release(settings, shared_by_all)


@pytest.fixture(scope="session")
def sample_run(shared_by_all):
    """The sample, copied and run once: (settings, outcome). Not to be changed by a test."""
    return shared_by_all("sample", _run_sample)


def _run_sample(folder: Path):
    from flows.core import pipeline

    shutil.copytree(SAMPLE, folder / "raw")
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    before = os.umask(0o022)  # the usual one: what is not public must be closed all the same
    try:
        return settings, pipeline.refresh(settings)
    finally:
        os.umask(before)


@pytest.fixture(scope="session")
def wrong_modes() -> Callable[[Path], list[str]]:
    """wrong_modes(warehouse): what is not 0755/0644 below releases, or not 0700/0600 elsewhere and in the letters."""

    def find(out: Path) -> list[str]:
        found = []
        for path in sorted(out.rglob("*")):
            name = path.relative_to(out)
            if path.is_symlink() or name.name == "run.lock":  # empty: any user may wait for it
                continue
            is_public = name.parts[0] == "releases" and name.parts[2:3] != ("letters",)
            wanted = (0o755, 0o644) if is_public else (0o700, 0o600)
            mode = path.stat().st_mode & 0o777
            if mode != wanted[path.is_file()]:
                found.append(f"{name}: {mode:o}")
        return found

    return find


@pytest.fixture
def release(sample_run):
    """A read-only connection to the sample's release."""
    import duckdb

    settings, _ = sample_run
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        yield con


@pytest.fixture
def barometer():
    """Run the command as a user would: barometer("run", "--direct", …) gives the finished process."""

    def run(*arguments: object, cwd: Path = PROJECT, timeout: float = PATIENCE, **environment: str):
        command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
        known = {"PYTHONPATH": str(PROJECT), "NO_COLOR": "1", "COLUMNS": "200"}
        return subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **known, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    return run
