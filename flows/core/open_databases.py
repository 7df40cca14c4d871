"""Connections that a run keeps from step to step: closed when it ends, however it ends, so that none outlives its files."""

from __future__ import annotations

from collections.abc import Callable

_open: list[Callable[[], None]] = []


def keep(close: Callable[[], None]) -> None:
    """Have `close` called when the run ends; it may be called where all is closed already."""
    _open.append(close)


def close_all() -> None:
    """Close what is still open, the newest first."""
    while _open:
        _open.pop()()
