"""Exposition over HTTP: which text format a scraper gets, and a small server for services that have none.

prometheus-client chooses a format itself, but fails on an Accept header with a version that is no number and repeats
any version it is sent, so the choice is made here and its encoders do the rest.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AddressFamily, getaddrinfo
from typing import Any, Self, cast

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

_generate_openmetrics = cast(Callable[[CollectorRegistry], bytes], generate_openmetrics)  # it has no annotations
_OPENMETRICS_VERSIONS = ("", "0.0.1", "1.0.0")


def expose(registry: CollectorRegistry, accept_header: str | None) -> tuple[bytes, str]:
    """All metrics of `registry` and their content type.

    OpenMetrics 1.0, which carries exemplars, if `accept_header` asks for it and likes it no less than plain text; else
    the Prometheus text format 0.0.4. A header that makes no sense gets the latter.
    """
    if _prefers_openmetrics(accept_header or ""):
        return _generate_openmetrics(registry), CONTENT_TYPE_OPENMETRICS
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


def _prefers_openmetrics(accept_header: str) -> bool:
    openmetrics = text = 0.0
    for entry in accept_header.split(","):
        media_type, *rest = (part.strip().lower() for part in entry.split(";"))
        parameters = {
            name.strip(): value.strip().strip('"') for name, _, value in (part.partition("=") for part in rest)
        }
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            continue
        if not 0 <= quality <= 1:
            continue
        if media_type == "application/openmetrics-text" and parameters.get("version", "") in _OPENMETRICS_VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif media_type == "text/plain":
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


class MetricsServer:
    """Serves `GET /metrics` of one registry from a daemon thread. Close it, or use it in a `with` block."""

    def __init__(self, registry: CollectorRegistry, port: int, addr: str) -> None:
        """Listens at once. `port` 0 takes a free one; `addr` is an IPv4 or IPv6 address or a host name.

        Raises:
            OSError: the address is unknown or taken.
        """

        class Server(ThreadingHTTPServer):
            address_family: AddressFamily = getaddrinfo(addr, port)[0][0]
            daemon_threads = True

        class Handler(_Handler):
            source = registry

        self._server = Server((addr, port), Handler)
        self.address: str = str(self._server.server_address[0])
        """The address listened on."""
        self.port: int = int(self._server.server_address[1])
        """The port listened on."""
        self._thread = threading.Thread(target=self._server.serve_forever, name="walletmon-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        """The server itself, already listening."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close it."""
        self.close()


class _Handler(BaseHTTPRequestHandler):
    source: CollectorRegistry
    timeout = 10  # seconds a client may take to send its request: no thread waits for ever

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, explain="The metrics are at /metrics.")
            return
        body, content_type = expose(self.source, self.headers["Accept"])
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name http.server gave it
        """A scrape every few seconds is not worth a line each."""
