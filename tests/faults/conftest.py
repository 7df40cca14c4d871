"""The command as its user runs it, also for fixtures that last longer than one test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from warehouses import Warehouse

from flows.settings import PROJECT


@pytest.fixture(scope="session")
def started() -> Callable[..., subprocess.Popen]:
    """Start the command and do not wait: started("run", "--direct", …, BAROMETER_THREADS="1")."""

    def start(*arguments: object, **environment: str) -> subprocess.Popen:
        known = {"PYTHONPATH": str(PROJECT), "NO_COLOR": "1", "COLUMNS": "200"}
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            cwd=PROJECT,
            env={**os.environ, **known, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def finished(started) -> Callable[..., subprocess.CompletedProcess]:
    """Run the command to its end: finished("run", "--direct", …) gives its code and what it said."""

    def run(*arguments: object, timeout: float = 600, **environment: str) -> subprocess.CompletedProcess:
        process = started(*arguments, **environment)
        try:
            out, errors = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    return run


@pytest.fixture(scope="session")
def first(released, tmp_path_factory) -> Warehouse:
    """Zones and one year of incidents, with their first release. Not to be changed by a test."""
    made = Warehouse(tmp_path_factory.mktemp("first"))
    for name in ("zones.csv", "incidents-2023.csv"):
        for path in (PROJECT / "data" / "raw").rglob(f"{name}*"):
            made.raw.mkdir(exist_ok=True)
            shutil.copyfile(path, made.raw / path.name)
    released(made.settings)
    return made
