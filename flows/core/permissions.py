"""Three places, three permissions: restricted (quarantine, letters), internal (what a run keeps for itself), public (releases).

Restricted and internal are for the user who runs the barometer alone: folders 0700, files 0600, from the moment they are
made, whatever the umask. They hold rows, exact counts and line numbers. A release can be read by everybody (0755, 0644) but
for its letters. `data/raw` belongs to whoever puts the files there: nothing in it is changed, `status` says when it is open.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.settings import Settings

OWNER_ONLY = 0o077
PUBLIC_FOLDER, PUBLIC_FILE = 0o755, 0o644


@contextmanager
def closed(settings: Settings) -> Iterator[None]:
    """While a run goes on, whatever it makes is its owner's alone; what an earlier version left open is closed."""
    before = os.umask(OWNER_ONLY)
    try:
        for folder in internal(settings):
            _close(folder)
        for file in (settings.out / "raw_index.json", settings.internal):
            _close_file(file)
        yield
    finally:
        os.umask(before)


def internal(settings: Settings) -> tuple[Path, ...]:
    """Folders of the warehouse that are nobody else's."""
    return (
        settings.staged, settings.quarantine, settings.verdicts, settings.kept, settings.protection, settings.runs, settings.work,
        settings.prefect_home, settings.out / "candidate",
    )  # fmt: skip


def _close(folder: Path) -> None:
    """Only where the folder itself is open: closed ones were made by us, with all that is in them."""
    try:
        if not folder.is_dir() or not folder.stat().st_mode & OWNER_ONLY:
            return
        folder.chmod(0o700)
        for path in folder.rglob("*"):
            if path.is_dir():
                path.chmod(0o700)
            else:
                _close_file(path)
    except OSError:  # another user's warehouse: what cannot be written there is told by the run itself
        return


def _close_file(path: Path) -> None:
    if path.is_file() and not path.is_symlink() and path.stat().st_mode & OWNER_ONLY:
        path.chmod(path.stat().st_mode & 0o700)


def make_public(release: Path) -> None:
    """Let everybody read a complete release, but for its letters."""
    from flows.core.letters import FOLDER as LETTERS  # here: a run with nothing to do pays for no import

    release.chmod(PUBLIC_FOLDER)
    for folder, folders, names in os.walk(release):
        if LETTERS in folders and Path(folder) == release:
            folders.remove(LETTERS)
        for name in folders:
            _set(Path(folder) / name, PUBLIC_FOLDER)
        for name in names:
            _set(Path(folder) / name, PUBLIC_FILE)


def _set(path: Path, mode: int) -> None:
    # not touched where it is right: files that did not change are shared with the release before
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def is_open_to_all(raw: Path) -> bool:
    """Whether every user of the machine can open the raw folder."""
    try:
        return bool(raw.stat().st_mode & (stat.S_IROTH | stat.S_IXOTH))
    except OSError:
        return False
