"""A prober as blackbox-exporter is one, on loopback: it says whether it reaches a URL, without ever leaving here."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from testbed.process import free_port


class Prober:
    """Answers `/probe?target=URL&module=M` with `probe_success`: 0 for URLs that end in `broken`, else 1."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.asked: set[tuple[str, str]] = set()
        """Module and URL of each probe that was asked for."""
        host, _, port = self.address.partition(":")
        self._server = ThreadingHTTPServer((host, int(port)), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="prober", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path != "/probe":
                    self.send_error(404)
                    return
                query = parse_qs(url.query)
                (target,), (module,) = query["target"], query["module"]
                asked.add((module, target))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(f"probe_success {int(not target.endswith('broken'))}\n".encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        return Handler
