"""Events on their way to clients: handed to a stream, written, or lost."""

import time
from collections.abc import Callable

from walletmon.instrument import families
from walletmon.instrument.collector import Exemplar, Guarded
from walletmon.instrument.families import Family
from walletmon.instrument.moments import seconds_since
from walletmon.instrument.refusals import Refusals

LONGEST_DELIVERY = 86_400.0
"""Seconds an event may have been on its way; what claims more has no plausible time of generation."""


class Deliveries:
    """The counters of events by path. Thread-safe; an event counts once for each connection that it is for."""

    def __init__(self, guarded: Callable[[Family], Guarded], refusals: Refusals) -> None:
        """`guarded` makes the counters; `refusals` counts figures that are none."""
        self._refusals = refusals
        self._queued = guarded(families.SSE_EVENTS)
        self._delivered = guarded(families.SSE_DELIVERED)
        self._dropped = guarded(families.SSE_DROPPED)
        self._latency = guarded(families.SSE_DELIVERY)
        self.sources = (self._queued, self._delivered, self._dropped, self._latency)
        """The families counted here."""
        for source in self.sources:
            refusals.expect(source.family.name, "value")

    def declare(self, path: str, drop_reasons: list[str]) -> None:
        """Start the series of `path` at 0.

        Raises:
            ValueError: a value is not fit for a label, or there are more than the limit.
        """
        self._queued.declare(path)
        self._delivered.declare(path)
        self._latency.declare(path)
        for reason in drop_reasons:
            self._dropped.declare(path, reason)

    def start(self, path: str, drop_reasons: list[str]) -> None:
        """Start the series of a path that was not declared at 0."""
        self._queued.start(path)
        self._delivered.start(path)
        self._latency.start(path)
        for reason in drop_reasons:
            self._dropped.start(path, reason)

    def queued(self, path: object, events: object) -> None:
        """Events were handed to the stream."""
        self._queued.count(path, amount=events)

    def delivered(self, path: object, generated: object, *, exemplar: Exemplar) -> None:
        """An event was written to a connection. `generated` is a Unix time in seconds, None if not known."""
        self._delivered.count(path)
        if generated is None:
            return
        seconds = seconds_since(generated, time.time(), LONGEST_DELIVERY)
        if seconds is None:
            self._refusals.count(families.SSE_DELIVERY.name, "value")
        else:
            self._latency.observe(path, seconds=seconds, exemplar=exemplar)

    def dropped(self, path: object, reason: object, events: object) -> None:
        """Events will never be written to a connection."""
        self._dropped.count(path, reason, amount=events)
