"""What several tests share: one release of the sample, built once, and the folder of real data when it is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import PROJECT, Settings

REAL_DATA = PROJECT.parent / "shared" / "data"
SAMPLE = PROJECT / "data" / "raw"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Public bodies' files outside the project; the test is skipped, with the reason, when they are absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA.relative_to(PROJECT.parent)} beside the project")
    return REAL_DATA


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory):
    """The sample, copied and run once: (settings, outcome). Not to be changed by a test."""
    from flows.core import pipeline

    folder = tmp_path_factory.mktemp("sample")
    shutil.copytree(SAMPLE, folder / "raw")
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    return settings, pipeline.refresh(settings)


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

    def run(*arguments: object, cwd: Path = PROJECT, timeout: float = 120, **environment: str):
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
