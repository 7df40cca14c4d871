"""Ctrl-C: it ends a run for certain, whichever library is at work when it comes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flows.core.errors import Interrupted

_was_pressed = False


@contextmanager
def told() -> Iterator[None]:
    """Raise Interrupted for a Ctrl-C within.

    In a query or in the import of compiled code it comes out as some other error, and Great Expectations takes it for
    an expectation that crashed: so it is remembered. Whatever error ends the run after it is its doing, and where
    nothing does, `stop_if_pressed` ends the run at its next step.
    """
    before = signal.signal(signal.SIGINT, _remember)
    hook, sys.unraisablehook = sys.unraisablehook, _tell_unless_interrupt
    try:
        yield
        stop_if_pressed()
    except BaseException as error:
        if _was_pressed or _is_interrupt(error):
            raise Interrupted(
                "interrupted", "run again when it suits; a release is published whole or not at all"
            ) from None
        raise
    finally:
        signal.signal(signal.SIGINT, before)
        sys.unraisablehook = hook


def _remember(*_: object) -> None:
    global _was_pressed
    _was_pressed = True
    raise KeyboardInterrupt


def _tell_unless_interrupt(unraisable: sys.UnraisableHookArgs) -> None:
    """A Ctrl-C within a destructor or a callback is only printed by Python; it is remembered already."""
    if not _is_interrupt(unraisable.exc_value):
        sys.__unraisablehook__(unraisable)


def stop_if_pressed() -> None:
    """Raises KeyboardInterrupt when Ctrl-C was pressed and somebody swallowed it."""
    if _was_pressed:
        raise KeyboardInterrupt


def _is_interrupt(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
