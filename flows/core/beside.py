"""Lineage, traced by a process of its own: it depends on no delivery, and takes seconds while these are admitted.

Whatever becomes of that process, the run is the same: `lineage.files` takes what it finds, and traces what is not there.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from flows.core import processors

MOST_SECONDS = 60
ROOT = Path(__file__).parents[2]

_running: subprocess.Popen | None = None


def start(sql: Path, kept: Path) -> None:
    """Begin to trace the models of the folder, where there is a processor to spare."""
    global _running
    traced = sys.modules.get("flows.core.lineage")
    if _running is not None or processors.available() < 2 or (traced and traced.has_traced()):
        return
    command = [sys.executable, "-m", "flows.core.beside", str(sql.resolve()), str(kept.resolve())]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        _running = subprocess.Popen(command, cwd=ROOT, **quiet)
    except OSError:  # no room for another process: it is done later
        _running = None


def wait() -> None:
    """Until the files are there, or the process has ended without them."""
    if _running is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            _running.wait(MOST_SECONDS)
    stop()


def stop() -> None:
    """Leave no process behind, also where the run ends before it needs the files."""
    global _running
    if _running is not None and _running.poll() is None:
        _running.kill()
        _running.wait()
    _running = None


def main(sql: Path, kept: Path) -> None:
    """Trace and write the files. Fails without a word: the run meets the same error where it can tell it."""
    from flows.core import lineage, models
    from flows.core.contracts import load_contracts

    contracts = load_contracts(sql / "0_sources")
    lineage.files(models.load_graph(sql, contracts), contracts, kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
