"""A clock that runs in real time while there is work and skips what lies between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

_real = time.perf_counter

LATE_S = 5.0
"""How far work may run into the time that was to be skipped, on a loaded machine."""


class Clock:
    """Simulated Unix time. Durations measured by it are real ones; only idle time is not lived through."""

    def __init__(self, start: float) -> None:
        """`start`: the Unix time at which it begins."""
        self._start = start
        self._base = start
        self._since = _real()

    def time(self) -> float:
        """What stands for `time.time`."""
        return self._base + _real() - self._since

    def perf_counter(self) -> float:
        """What stands for `time.perf_counter`."""
        return self.time() - self._start

    def skip_to(self, moment: float) -> None:
        """Make it `moment`, in Unix time; work that took longer than there was is not undone.

        Raises RuntimeError when it took so much longer that the recording would tell of a slow machine.
        """
        now = self.time()
        if now - moment > LATE_S:
            raise RuntimeError(f"the work took {now - moment:.1f} s longer than there was: try again with less load")
        self._base, self._since = max(now, moment), _real()

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let everything in this process that asks for the time have this one."""
        with patch("time.time", self.time), patch("time.perf_counter", self.perf_counter):
            yield
