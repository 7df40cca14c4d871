"""Small deliveries are admitted by further processes too, where there are many and processors to spare: most of the work on one
is Great Expectations', in Python, and Python does one thing at a time.

A hand admits what it is given and answers with the verdict, which the run takes for its own. Where it does not answer, or finds
something to refuse, the run looks itself: whatever becomes of the process, the run is the same.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core import ahead, processors

if TYPE_CHECKING:
    from flows.core.admission import Room, Verdict
    from flows.core.landing import Delivery

MANY = 12
"""From so many small deliveries on: a hand takes a second and a half to be ready."""

MOST = 3
ROOT = Path(__file__).parents[2]
SIGNAL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG of Linux


def to_spare(threads: int) -> int:
    """How many hands a run may have that uses so many threads."""
    return max(min(threads - 1, processors.available() - 1, MOST), 0)


def hand_out(
    deliveries: Sequence[Delivery], sql: Path, place: Room, count: int, admit_here: Callable[[Delivery], Verdict]
) -> None:
    """Let so many hands admit deliveries, each its share of them; `ahead.take` gives their verdicts. `admit_here` is how the
    run itself admits one."""

    def start(hand: Hand, share: Sequence[Delivery]) -> None:
        def admit(delivery: Delivery) -> Verdict:
            verdict = hand.admit(delivery)
            if verdict is None and hand.is_closed:
                raise RuntimeError("the run has ended")
            return verdict or admit_here(delivery)

        ahead.start(share, admit, admit_here, hand.close)

    for number in range(count):
        with suppress(OSError):  # no room for another process: the run does it all itself
            start(Hand(sql, place), deliveries[number::count])


class Hand:
    """A process that admits one delivery after the other. Raises OSError when there is no room for one."""

    def __init__(self, sql: Path, place: Room) -> None:
        self.is_closed = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows.core.hands"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with suppress(OSError):
            pickle.dump((sql, place), self._process.stdin)

    def admit(self, delivery: Delivery) -> Verdict | None:
        """The verdict on a delivery whose rows were accepted; None for any other, or when there is no answer."""
        try:
            pickle.dump(delivery, self._process.stdin)
            self._process.stdin.flush()
            verdict = pickle.load(self._process.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return None
        return verdict if verdict is not None and verdict.is_admitted else None

    def close(self) -> None:
        """End the process, whatever it is at."""
        self.is_closed = True
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()


def main() -> None:
    """Read the place and then deliveries, write a verdict for each; end when nobody asks any more."""
    _end_with_the_run()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends its hands
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a library prints is taken for an answer
        _answer(sys.stdin.buffer, answers)


def _answer(requests, answers) -> None:
    from flows.core import admission, validation
    from flows.core.contracts import load_contracts

    validation.preload()
    with suppress(EOFError, BrokenPipeError):
        sql, place = pickle.load(requests)
        contracts = load_contracts(sql / "0_sources")
        while True:
            delivery = pickle.load(requests)
            try:
                verdict = admission.admit(delivery, contracts, place)
            except Exception:  # the run meets the same error where it can tell it
                verdict = None
            pickle.dump(verdict, answers)
            answers.flush()


def _end_with_the_run() -> None:
    """On Linux a process can be told to end when the one that started it does, also when that one was killed: a hand that went on
    would write into a warehouse that another run may hold by then. Elsewhere it ends with the delivery that it is at."""
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(SIGNAL_WHEN_PARENT_ENDS, signal.SIGKILL)


if __name__ == "__main__":
    main()
