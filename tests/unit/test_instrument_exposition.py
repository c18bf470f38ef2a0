"""Which format a scraper gets, and the server of the library."""

import socket
import threading
from http.client import HTTPConnection

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from walletmon.instrument import WalletMetrics

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture(scope="module")
def metrics() -> WalletMetrics:
    return WalletMetrics(registry=CollectorRegistry())


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS, OPENMETRICS),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        ('application/openmetrics-text;version="1.0.0"', OPENMETRICS),
        ("text/plain;q=0.2,application/openmetrics-text;q=0.2", OPENMETRICS),
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("text/plain,application/openmetrics-text;q=0.5", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;version=99.0", TEXT),
        ("application/openmetrics-text;version=abc", TEXT),
        ("application/openmetrics-text;q=abc", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        ("application/openmetrics-text;q=7", TEXT),
        (",;=;,;q", TEXT),
    ],
)
def test_the_scraper_gets_what_it_likes_best_of_what_there_is(
    metrics: WalletMetrics, accept: str | None, content_type: str
) -> None:
    body, given_type = metrics.exposition(accept)
    assert given_type == content_type
    assert body.endswith(b"# EOF\n") == (content_type == OPENMETRICS)


@given(st.text())
def test_no_accept_header_makes_it_fail(metrics: WalletMetrics, accept: str) -> None:
    assert metrics.exposition(accept)[1] in (TEXT, OPENMETRICS)


class TestServer:
    def get(self, port: int, path: str, **headers: str) -> tuple[int, str | None, bytes]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()
        finally:
            connection.close()

    def test_it_serves_metrics_in_the_format_asked_for(self, metrics: WalletMetrics) -> None:
        with metrics.serve(0, "127.0.0.1") as server:
            assert self.get(server.port, "/metrics", Accept=PROMETHEUS)[:2] == (200, OPENMETRICS)
            status, content_type, body = self.get(server.port, "/metrics?x=1")
            assert (status, content_type) == (200, TEXT)
            assert b"\ntx_sign_failures_total{" in body

    def test_any_other_path_is_not_found(self, metrics: WalletMetrics) -> None:
        with metrics.serve(0, "127.0.0.1") as server:
            assert self.get(server.port, "/")[0] == 404

    def test_closing_frees_the_port_and_ends_the_thread(self, metrics: WalletMetrics) -> None:
        before = threading.active_count()
        server = metrics.serve(0, "127.0.0.1")
        server.close()
        assert threading.active_count() == before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), timeout=10)

    def test_a_taken_port_is_an_error_at_once(self, metrics: WalletMetrics) -> None:
        with metrics.serve(0, "127.0.0.1") as server, pytest.raises(OSError, match="in use"):
            metrics.serve(server.port, "127.0.0.1")

    @pytest.mark.parametrize("hostile", [b"\x00\xff\n\n", b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b""])
    def test_nonsense_does_not_stop_it(self, metrics: WalletMetrics, hostile: bytes) -> None:
        with metrics.serve(0, "127.0.0.1") as server:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                connection.sendall(hostile)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(4096)
            assert self.get(server.port, "/metrics")[0] == 200
