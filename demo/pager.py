"""Who is on call: takes Alertmanager's webhook messages and keeps them."""

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from testbed.api import Json
from testbed.process import free_port


@dataclass(frozen=True)
class Page:
    """One alert of one message, as the person on call got it."""

    receiver: str
    """To whom: the name that was given to `Pager.url`."""
    at: float
    """When it arrived, on the clock `time.monotonic`."""
    alert: Json
    """The alert: `status`, `labels`, `annotations`, `startsAt`, ..."""

    @property
    def firing(self) -> bool:
        """Whether it tells that the alert fires, and not that it is over."""
        return bool(self.alert["status"] == "firing")

    def label(self, name: str) -> str:
        """A label's value, empty without that label."""
        return str(self.alert["labels"].get(name, ""))


class Pager:
    """A webhook endpoint on loopback. A context manager: listens inside."""

    def __init__(self) -> None:
        """Nothing listens yet."""
        self._pages: list[Page] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="pager", daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, receiver: str) -> str:
        """Where `receiver` is reached."""
        return f"http://127.0.0.1:{self._server.server_port}/{receiver}"

    def pages(self, *, firing: bool | None = None, receiver: str | None = None, **labels: str) -> list[Page]:
        """Pages that arrived so far, oldest first: all, or those of that state, receiver and labels."""
        with self._lock:
            arrived = list(self._pages)
        return [
            page
            for page in arrived
            if (firing is None or page.firing is firing)
            and (receiver is None or page.receiver == receiver)
            and all(page.label(name) == value for name, value in labels.items())
        ]

    def _take(self, receiver: str, message: Json) -> None:
        now = time.monotonic()
        with self._lock:
            self._pages += [Page(receiver, now, alert) for alert in message["alerts"]]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                take(self.path.lstrip("/"), json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                """Keep quiet: pages are shown, not logged."""

        return Handler
