"""Remote write, listened to on its way: what arrives is noted and passed on to a real receiver."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import urllib3

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Write:
    """One request of remote write."""

    path: str
    headers: Mapping[str, str]
    """By lower-case name."""
    size: int
    """Of the compressed body, in bytes."""
    status: int
    """What the receiver answered."""


class Relay:
    """An HTTP server in front of a receiver of remote write. A context manager: it listens inside."""

    def __init__(self) -> None:
        self.receiver: str | None = None
        """The receiver's URL; until there is one, senders are told to try again."""
        self._writes: list[Write] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="relay")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str) -> str:
        """An address at which it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/{path}"

    def writes(self, path: str) -> list[Write]:
        """What arrived at that path so far, oldest first."""
        with self._lock:
            return [each for each in self._writes if each.path == f"/{path}"]

    def _pass_on(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        if self.receiver is None:
            return 503
        kept = {name: headers[name] for name in ("content-type", "content-encoding") if name in headers}
        status = urllib3.request("POST", self.receiver, body=body, headers=kept, timeout=_TIMEOUT_S).status
        with self._lock:
            self._writes.append(Write(path, headers, len(body), status))
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _TIMEOUT_S

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(relay._pass_on(self.path, headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                """Keep quiet."""

        return Handler
