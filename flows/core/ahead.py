"""Deliveries are admitted beside the run too. Large ones by a second thread: unpacking and splitting one file keeps one processor
busy, whatever it has. What comes after, typing and validating, waits until the other one has done it (`admission._one_table`).
Small ones, where there are many, by processes of their own (`hands`).

The run admits them in its order, as if there were nothing here. One that it has not come to yet may be under way beside it:
then it waits for that verdict, which is the one that it would come to itself. Nothing here decides or writes a verdict.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from flows.core.landing import Delivery

LARGE_BYTES = 1_000_000
"""From this size reading takes longer than to share it out."""

Admit = Callable[[Delivery], object]

_lanes: list[Lane] = []
_has_begun = False


class Lane:
    """One thread that admits the deliveries that it was given, in their order, but for those that the run takes from it.

    `admit_here` admits what the run takes while it waits, `end` ends what the thread is at, or has left behind.
    """

    def __init__(
        self,
        deliveries: Iterable[Delivery],
        admit: Admit,
        admit_here: Admit | None = None,
        end: Callable[[], None] | None = None,
    ) -> None:
        self._admit, self._admit_here, self._end = admit, admit_here or admit, end
        self._lock = threading.Lock()
        self._waiting = {d.delivery_id: d for d in deliveries}
        self._ended = {name: threading.Event() for name in self._waiting}
        self._found: dict[str, object] = {}
        self._thread = threading.Thread(target=self._work, name="admit beside", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while self._admit_next(self._admit):
            pass
        if self._end is not None:
            self._end()

    def _admit_next(self, admit: Admit) -> bool:
        """Admit the next delivery that waits; whether there was one."""
        with self._lock:
            delivery = next(iter(self._waiting.values()), None)
            if delivery is None:
                return False
            del self._waiting[delivery.delivery_id]
        try:
            self._found[delivery.delivery_id] = admit(delivery)
        except Exception as error:  # the run meets it when it comes to this delivery
            self._found[delivery.delivery_id] = error
        finally:
            self._ended[delivery.delivery_id].set()
        return True

    def take(self, delivery: Delivery) -> object | None:
        """The verdict on a delivery that was begun here; None for one that the run is to admit itself.

        While one is still under way the next ones are admitted by whoever asks.
        """
        with self._lock:
            if delivery.delivery_id not in self._ended or self._waiting.pop(delivery.delivery_id, None) is not None:
                return None
        while not self._ended[delivery.delivery_id].is_set() and self._admit_next(self._admit_here):
            pass
        self._ended[delivery.delivery_id].wait()
        found = self._found.pop(delivery.delivery_id)
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self, interrupt: Callable[[], None]) -> None:
        """End the thread: it begins nothing more, and what it is at is interrupted again and again."""
        with self._lock:
            self._waiting.clear()
        while self._thread.is_alive():
            if self._end is not None:
                self._end()
            interrupt()
            time.sleep(0.01)


def begin() -> bool:
    """Whether nobody has begun yet in this run; from now on somebody has."""
    global _has_begun
    had_begun, _has_begun = _has_begun, True
    return not had_begun


def start(
    deliveries: Iterable[Delivery],
    admit: Admit,
    admit_here: Admit | None = None,
    end: Callable[[], None] | None = None,
) -> None:
    """Begin with deliveries that need a verdict, while the run admits another one."""
    _lanes.append(Lane(deliveries, admit, admit_here, end))


def take(delivery: Delivery) -> object | None:
    """The verdict on a delivery that is under way or done; None for one that the run is to admit itself."""
    return next((found for lane in _lanes if (found := lane.take(delivery)) is not None), None)


def stop(interrupt: Callable[[], None]) -> None:
    """Leave nothing going on, also where the run ends before it has come to all deliveries."""
    global _has_begun
    while _lanes:
        _lanes.pop().stop(interrupt)
    _has_begun = False
