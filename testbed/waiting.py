"""Waiting for something by looking, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

from testbed.errors import WaitTimeoutError

_INTERVAL_S = 0.05

T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], timeout: float) -> T:
    """The first true value that `probe` gives within `timeout` seconds.

    `what` completes the sentence "waited 30 s for ...". What `probe` raises ends the waiting, so it catches what it
    expects.

    Raises:
        WaitTimeoutError: when the deadline passes first.
    """
    deadline = time.monotonic() + timeout
    while True:
        if value := probe():
            return value
        if time.monotonic() >= deadline:
            raise WaitTimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(_INTERVAL_S)
