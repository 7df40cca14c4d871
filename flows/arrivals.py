"""Files on their way into the raw folder: a run that nobody watches waits until they have arrived whole."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from flows.core.errors import BarometerError, printable
from flows.core.landing import RECEIPT_ENDING
from flows.core.steps import Progress

PATIENCE_SECONDS = 3600
"""2026-11: the largest base of the SSMSI takes a quarter of this over a slow line (10 Mbit/s, 1 GB)."""


class StillArriving(BarometerError):
    """A file of the raw folder has been written to for too long to wait for its end."""

    exit_code = 3


def wait_until_settled(raw: Path, quiet_seconds: float, progress: Progress, patience: float = PATIENCE_SECONDS) -> None:
    """Return once no file below `raw` has changed for `quiet_seconds`; at once when that is 0.

    Raises StillArriving after `patience` seconds.
    """
    give_up_at = time.monotonic() + patience
    while quiet_seconds and (changing := min(_ages(raw, quiet_seconds), default=None)):
        age, name = changing
        if time.monotonic() > give_up_at:
            raise StillArriving(
                f"{name} has been changing for {patience / 60:.0f} minutes",
                "let files be copied under a hidden name and renamed, as `barometer land` and rsync do",
            )
        progress.stage(f"waiting until {name} has arrived")
        time.sleep(max(quiet_seconds - age, 0.1))


def _ages(raw: Path, quiet_seconds: float) -> Iterator[tuple[float, str]]:
    """Age and name of the files that changed just now. By ctime: `cp -p` sets mtime back, and nothing sets ctime."""
    now = time.time()
    for folder, _, names in os.walk(raw):
        for name in names:
            if name.endswith(RECEIPT_ENDING):
                continue
            path = Path(folder) / name
            try:
                age = now - path.lstat().st_ctime
            except FileNotFoundError:
                continue  # renamed or taken away since
            if age < quiet_seconds:
                yield age, printable(path.relative_to(raw))
