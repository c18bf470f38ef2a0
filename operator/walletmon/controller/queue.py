"""The work queue: which monitors to look at, in what order, and when to try again.

What flows through it are keys, not events: however often a monitor is added while it waits, it is visited once, and the
visit reads whatever is true by then. Guaranteed:

- one visit a key at a time; a key that is added during its visit is visited once more afterwards;
- a live change goes before a resync, and keys of one priority in the order they came;
- a failed visit is tried again after a delay that doubles up to a bound, with jitter, so that many that failed
together do
  not come back together; a live change does not wait for that delay;
- nothing is lost between `get` and `done`.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from walletmon.controller.resources import Key


class Priority(IntEnum):
    """Lower goes first."""

    LIVE = 0
    """Somebody changed something and looks at the result."""
    RESYNC = 100
    """Routine: start-up and periodic visits."""


class Entry(NamedTuple):
    """A place in line; of a key's entries only the one with its current ticket counts."""

    priority: Priority
    ticket: int
    key: Key


class WorkQueue:
    """See the module's text. All methods belong to one event loop."""

    def __init__(
        self,
        *,
        first_delay: float = 0.5,
        longest_delay: float = 60.0,
        clock: Callable[[], float] | None = None,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._jitter = jitter
        self._line: list[Entry] = []
        self._tickets = itertools.count()
        self._waiting: dict[Key, tuple[Entry, float]] = {}
        self._visiting: dict[Key, float] = {}
        self._again: dict[Key, Priority] = {}
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._something_came = asyncio.Event()

    @property
    def depth(self) -> int:
        """Keys that wait to be visited now."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is being visited (retries to come do not count)."""
        return not self._waiting and not self._visiting

    def oldest_visit(self) -> float:
        """Seconds that the longest visit under way has taken; 0 if there is none."""
        started = min(self._visiting.values(), default=None)
        return 0.0 if started is None else self._clock() - started

    def add(self, key: Key, priority: Priority = Priority.LIVE) -> None:
        """Have a key visited; of several wishes the most urgent counts."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._visiting:
            self._again[key] = min(priority, self._again.get(key, priority))
            return
        waiting = self._waiting.get(key)
        since = self._clock() if waiting is None else waiting[1]
        if waiting is not None and waiting[0].priority <= priority:
            return
        entry = Entry(priority, next(self._tickets), key)
        self._waiting[key] = (entry, since)
        heapq.heappush(self._line, entry)
        self._something_came.set()

    async def get(self) -> tuple[Key, float]:
        """The next key, and how long it waited (seconds). The caller visits it and says `done`."""
        while True:
            while self._line:
                entry = heapq.heappop(self._line)
                waiting = self._waiting.get(entry.key)
                if waiting is None or waiting[0] is not entry:
                    continue  # the key has moved to another place since
                del self._waiting[entry.key]
                now = self._clock()
                self._visiting[entry.key] = now
                return entry.key, now - waiting[1]
            self._something_came.clear()
            await self._something_came.wait()

    def done(self, key: Key) -> None:
        """The visit went well: the key's failures are forgotten."""
        self._failures.pop(key, None)
        self._leave(key)

    def retry(self, key: Key, *, at_least: float = 0.0) -> float:
        """The visit must be repeated; gives the seconds until then. `at_least` is the apiserver's or our own wish."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        ceiling = min(self._longest_delay, self._first_delay * 2.0 ** min(failures, 32))
        delay = max(at_least, self._jitter(ceiling / 2, ceiling))
        came_meanwhile = key in self._again
        self._leave(key)
        if not came_meanwhile:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(delay, self._retry_now, key)
        return delay

    def close(self) -> None:
        """Cancel what is still to come."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _retry_now(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key, Priority.LIVE)

    def _leave(self, key: Key) -> None:
        self._visiting.pop(key, None)
        priority = self._again.pop(key, None)
        if priority is not None:
            self.add(key, priority)
