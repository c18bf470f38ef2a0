"""Showing that a long build is alive: a spinner on a terminal, plain lines with elapsed seconds elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO

from rich.console import Console
from rich.status import Status

_LINE_EVERY_S = 20.0  # CI services take half a minute of silence for a hang


class Progress(Protocol):
    """Told what is being done, and again and again that it still is."""

    def begin(self, what: str) -> None:
        """Something starts."""

    def still(self) -> None:
        """It goes on; called about once a second."""

    def done(self, how: str = "done") -> None:
        """It ended, well or badly."""


class PlainProgress:
    """A line at the beginning, at least every 20 s, and at the end; each with the seconds since the beginning."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._out = out
        self._clock = clock
        self._what = ""
        self._began = self._said = 0.0

    def begin(self, what: str) -> None:
        """Say that it starts."""
        self._what = what
        self._began = self._said = self._clock()
        self._say("...")

    def still(self) -> None:
        """Say that it goes on."""
        if self._clock() - self._said >= _LINE_EVERY_S:
            self._say("...")

    def done(self, how: str = "done") -> None:
        """Say how it ended, and after how long."""
        self._say(how)

    def _say(self, how: str) -> None:
        self._said = self._clock()
        print(f"[{self._said - self._began:4.0f} s] {self._what}: {how}", file=self._out, flush=True)


class TerminalProgress:
    """A spinner with elapsed seconds, replaced by one line when the thing is done."""

    def __init__(self, console: Console) -> None:
        """`console` is a terminal."""
        self._console = console
        self._status: Status | None = None
        self._what = ""
        self._began = 0.0

    def begin(self, what: str) -> None:
        """Say that it starts."""
        self._what = what
        self._began = time.monotonic()
        self._status = self._console.status(what)
        self._status.start()

    def still(self) -> None:
        """Say that it goes on."""
        if self._status:
            self._status.update(f"{self._what}  {time.monotonic() - self._began:.0f} s")

    def done(self, how: str = "done") -> None:
        """Say how it ended, and after how long."""
        if self._status:
            self._status.stop()
        self._console.print(f"{self._what}: {how} ({time.monotonic() - self._began:.0f} s)", highlight=False)


def progress_for(out: TextIO = sys.stderr) -> Progress:
    """The kind of display that suits `out`."""
    return TerminalProgress(Console(file=out)) if out.isatty() else PlainProgress(out)
