"""The lane's clock: emulated seconds pass `1 / second_scale` times as fast as real ones; and a timetable that acts on
it."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from datetime import UTC, datetime

_log = logging.getLogger(__name__)


class EmulatedClock:
    """Starts at the wall clock's time. `second_scale` 0.05: an emulated minute takes 3 real seconds."""

    def __init__(
        self, second_scale: float, *, epoch_s: float | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        if second_scale <= 0:
            raise ValueError(f"second_scale is {second_scale}; it must be above 0: 1.0 for real time, 0.05 for tests")
        self.second_scale = second_scale
        self._monotonic = monotonic
        self._started_epoch_s = time.time() if epoch_s is None else epoch_s
        self._started_s = monotonic()

    def now_s(self) -> float:
        """Emulated seconds since 1970."""
        return self._started_epoch_s + (self._monotonic() - self._started_s) / self.second_scale

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_s(), UTC)

    def real_seconds_until(self, due_s: float) -> float:
        return (due_s - self.now_s()) * self.second_scale


# Gives the emulated time to run again at, or nothing.
Act = Callable[[], float | None]


class Timetable:
    """Runs acts at emulated times, in their order, on one thread of its own. Acts must be short: they hand work to
    others.

    An act with a key replaces the one that waits under that key, so 10,000 schedules are 10,000 entries of a heap and
    nothing else. An act that gives a time runs again then, unless its key was cancelled or replaced in the meantime.
    """

    def __init__(self, clock: EmulatedClock, *, name: str) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Hashable, Act]] = []
        self._latest: dict[Hashable, int] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def at(self, due_s: float, act: Act, *, key: Hashable | None = None) -> None:
        with self._changed:
            number = next(self._numbers)
            self._push(due_s, number, ("no key", number) if key is None else key, act)

    def cancel(self, key: Hashable) -> None:
        with self._changed:
            self._latest.pop(key, None)

    def waiting(self) -> int:
        """How many acts will still run, the running one included."""
        with self._changed:
            return len(self._latest)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _push(self, due_s: float, number: int, key: Hashable, act: Act) -> None:
        self._latest[key] = number
        heapq.heappush(self._heap, (due_s, number, key, act))
        if self._heap[0][1] == number:
            self._changed.notify()

    def _next(self) -> tuple[int, Hashable, Act] | None:
        with self._changed:
            while not self._closed:
                if not self._heap:
                    self._changed.wait()
                    continue
                due_s, number, key, act = self._heap[0]
                delay_s = self.clock.real_seconds_until(due_s)
                if self._latest.get(key) == number and delay_s > 0:
                    # A wait of years overflows the C clock; an hour is soon enough to look again.
                    self._changed.wait(min(delay_s, 3600.0))
                    continue
                heapq.heappop(self._heap)
                if self._latest.get(key) == number:
                    return number, key, act
        return None

    def _run(self) -> None:
        while (item := self._next()) is not None:
            number, key, act = item
            again_s: float | None = None
            try:
                again_s = act()
            except Exception:
                _log.exception("an act of the timetable failed")
            with self._changed:
                if self._latest.get(key) != number:
                    continue
                if again_s is None:
                    del self._latest[key]
                else:
                    self._push(again_s, number, key, act)
