"""One client's open stream: from when it is accepted until it is over, however it ends."""

import threading
import time
from asyncio import CancelledError
from collections.abc import Callable
from types import TracebackType
from typing import Self

from walletmon.instrument.collector import Exemplar
from walletmon.instrument.deliveries import Deliveries


class Connection:
    """An open connection; see `SseMetrics.connect`. Close it, or use it in a `with` block, in plain or async code.

    How a block ends tells what ended the connection. That the client went shows as a connection that is reset or a
    broken pipe, or, where the server cancels the handler then or closes its generator, as just that: `client`. A
    `TimeoutError` is `timeout`, any other `Exception` is `error`, and a block that comes to its end is `server`. The
    exception goes on its way. Call `close` with another reason before leaving the block if it was otherwise.
    """

    def __init__(self, path: str, deliveries: Deliveries, ended: Callable[[float, object], None]) -> None:
        """`path` is a label value that has passed the guard; `ended(seconds, reason)` is called once."""
        self._path = path
        self._deliveries = deliveries
        self._ended = ended
        self._opened = time.monotonic()
        self._lock = threading.Lock()
        self._open = True

    def queued(self, events: float = 1) -> None:
        """Events were handed to this stream: `sse_events_total`."""
        self._deliveries.queued(self._path, events)

    def delivered(self, generated: float | None = None, *, exemplar: Exemplar = None) -> None:
        """An event was written to the client: `sse_events_delivered_total`, and `sse_event_delivery_seconds` if
        `generated` (Unix time in seconds) says when it came into being."""
        self._deliveries.delivered(self._path, generated, exemplar=exemplar)

    def dropped(self, reason: str, events: float = 1) -> None:
        """Events will never be written to this client: `sse_events_dropped_total`."""
        self._deliveries.dropped(self._path, reason, events)

    def close(self, reason: str = "server") -> None:
        """The connection is over: `client`, `server`, `error`, `timeout` or `drain` ended it. Only the first call
        counts."""
        with self._lock:
            if not self._open:
                return
            self._open = False
        self._ended(time.monotonic() - self._opened, reason)

    def __enter__(self) -> Self:
        """The connection itself, already open."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it for the reason that the end of the block tells; never swallows the exception."""
        self.close(_reason_of(exc))


def _reason_of(end: BaseException | None) -> str:
    match end:
        case None | KeyboardInterrupt() | SystemExit():
            return "server"
        case TimeoutError():
            return "timeout"
        case BrokenPipeError() | ConnectionResetError() | ConnectionAbortedError():
            return "client"
        case CancelledError() | GeneratorExit():
            return "client"
        case Exception():
            return "error"
        case _:  # the cancellation of another framework than asyncio
            return "client"
