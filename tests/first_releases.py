"""The first release of a raw folder: made once for equal files, and copied for each test that goes on from it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from flows.core import landing
from flows.settings import Settings

PLACES = {"raw", "out", "sql"}


def first_release(settings: Settings, once: Callable) -> object:
    """Release a raw folder into a warehouse that is not there yet; returns the run's outcome, as `pipeline.refresh` does.

    A release is a pure function of files, code and settings: where these are equal, the warehouse is a copy of one that
    was really made. Not for a test that patches the first run or looks at what it does. `once` is `shared_by_all`.
    """
    assert not settings.out.exists(), "a first release needs an empty place"
    made, outcome = once(f"release-{_key(settings)}", lambda folder: _make(settings, folder))
    for receipt in made.raw.rglob(f"*{landing.RECEIPT_ENDING}"):  # a run writes and completes them
        shutil.copy2(receipt, settings.raw / receipt.relative_to(made.raw))
    shutil.copytree(made.out, settings.out, symlinks=True)
    return replace(outcome, release=settings.releases / outcome.release.name)


def _make(settings: Settings, folder: Path) -> tuple[Settings, object]:
    from flows.core import pipeline

    shutil.copytree(settings.raw, folder / "raw")
    made = replace(settings, raw=folder / "raw", out=folder / "out")
    return made, pipeline.refresh(made)


def _key(settings: Settings) -> str:
    """The hash of all that a release depends on, but for the code, which stays as it is while tests run."""
    digest = hashlib.sha256()
    for root in (settings.raw, settings.sql):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(root)} {content}\n".encode())
    digest.update(repr({name: value for name, value in vars(settings).items() if name not in PLACES}).encode())
    return digest.hexdigest()[:16]
