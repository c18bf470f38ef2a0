"""Records what the software that presets read really exposes: `python -m tests.recordings.record --help`.

Each program runs on loopback in a temporary directory, is scraped, does some work (some of it failing), and is scraped
again when the work shows. Both expositions are stored: `<software>-<version>.before.prom` and
`<software>-<version>.prom`.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import urllib3

from testbed.process import Health, end, free_port, spawn
from testbed.waiting import wait_for

HERE = Path(__file__).parent
PATIENCE_S = 60.0

GETH, CENTRIFUGE, PUSHPIN = "geth-1.13.15", "centrifuge-0.40.1", "pushpin-1.36.0"

_http = urllib3.PoolManager(retries=False, timeout=10.0)


def geth(binary: Path, folder: Path) -> None:
    """A development chain with a block a second, RPC calls that succeed and fail, a transaction mined and one stuck."""
    rpc, metrics = free_port(), free_port()
    command = [
        binary, "--dev", "--dev.period", "1", "--datadir", folder / "data", "--ipcdisable",
        "--http", "--http.addr", "127.0.0.1", "--http.port", rpc,
        "--metrics", "--metrics.addr", "127.0.0.1", "--metrics.port", metrics,
    ]  # fmt: skip
    exposed = f"http://127.0.0.1:{metrics}/debug/metrics/prometheus"
    with _running("geth", command, folder, exposed):
        wait_for("the RPC port", Health(f"http://127.0.0.1:{rpc}").ok, PATIENCE_S)  # opened after that of the metrics
        before = _scrape(exposed)

        def call(method: str, *params: object) -> Any:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            return _http.request("POST", f"http://127.0.0.1:{rpc}", json=body).json()

        account = call("eth_accounts")["result"][0]
        to = "0x" + "11" * 20
        for _ in range(40):
            assert "result" in call("eth_getBalance", account, "latest")
            assert "result" in call("eth_blockNumber")
            assert "error" in call("eth_getBalance", "0x00", "latest")
        assert "error" in call("eth_call", {"to": to, "data": "0x", "value": "0x" + "f" * 60}, "latest")
        assert "error" in call("no_suchMethod")
        sent = call("eth_sendTransaction", {"from": account, "to": to, "value": "0x1"})["result"]
        call("eth_sendTransaction", {"from": account, "to": to, "value": "0x1", "nonce": "0x9"})
        wait_for("the transaction's receipt", lambda: call("eth_getTransactionReceipt", sent)["result"], PATIENCE_S)
        mined = int(call("eth_blockNumber")["result"], 16)
        wait_for("two blocks more", lambda: int(call("eth_blockNumber")["result"], 16) > mined + 1, PATIENCE_S)
        # Once only: each scrape empties the durations by method.
        _store(GETH, before, _scrape(exposed))


def centrifuge(root: Path, folder: Path) -> None:
    """SSE clients that connect, are sent publications, call a method that is not there, recover and are thrown out.

    `root` holds the unpacked packages of Redis; the program itself was built beside its source.
    """
    address, redis = f"127.0.0.1:{free_port()}", free_port()
    exposed = f"http://{address}/metrics"
    environment = {"LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")}
    store = [root / "usr/bin/redis-server", "--port", redis, "--bind", "127.0.0.1", "--save", ""]
    program = [HERE / "centrifuge/centrifuge", address, f"127.0.0.1:{redis}"]
    with _running("redis", store, folder, None, environment), ExitStack() as clients:
        wait_for("redis to listen", lambda: _listens(redis), PATIENCE_S)
        clients.enter_context(_running("centrifuge", program, folder, exposed))
        before = _scrape(exposed)

        def connect(
            user: str, *commands: dict[str, object], path: str = "connection", **state: object
        ) -> urllib3.BaseHTTPResponse:
            sent = [{"id": 1, "connect": {"name": user, **state}}, *commands]
            query = urllib.parse.quote("\n".join(json.dumps(command) for command in sent))
            response = _http.request(
                "GET", f"http://{address}/{path}/sse?cf_connect={query}", preload_content=False, timeout=60.0
            )
            clients.callback(response.release_conn)
            clients.callback(response.close)
            return response

        first = connect("first", {"id": 2, "rpc": {"method": "no-such"}})
        position = _event(first)["connect"]["subs"]["news"]
        connect("second")
        _wait_until(exposed, "centrifugo_client_connections_inflight", lambda value: value == 2)
        for number in range(20):
            _http.request("POST", f"http://{address}/publish", json={"number": number})
        first.close()
        known = {"recover": True, "epoch": position["epoch"], "offset": 15}
        connect("third", subs={"news": known})
        connect("fourth", subs={"news": known | {"epoch": "of another life"}})
        _wait_until(exposed, "centrifugo_client_recover", lambda value: value >= 2)
        _http.request("POST", f"http://{address}/disconnect?user=second")
        _wait_until(exposed, "centrifugo_client_num_server_disconnects", lambda value: value >= 1)
        _wait_until(exposed, "centrifugo_transport_messages_sent", lambda value: value >= 40)
        _wait_until(exposed, "centrifugo_node_num_clients", lambda value: value >= 2)
        # Told every 5 s.
        _wait_until(exposed, "centrifugo_broker_redis_pub_sub_buffered_messages", lambda value: value >= 0)
        connect("silent", path="hasty")
        _wait_until(exposed, 'centrifugo_client_num_server_disconnects{code="3012"}', lambda value: value >= 1)
        _http.request("POST", f"http://{address}/shutdown")
        _wait_until(exposed, 'centrifugo_client_num_server_disconnects{code="3001"}', lambda value: value >= 2)
        _store(CENTRIFUGE, before, _scrape(exposed))


def pushpin(root: Path, folder: Path) -> None:
    """Subscribers of one SSE channel behind the proxy, and publications to it; `root` holds the unpacked packages."""
    programs = root / "usr/bin"
    environment = {"LD_LIBRARY_PATH": str(root / "usr/lib/x86_64-linux-gnu")}
    clients, publish, commands, metrics = (free_port() for _ in range(4))
    exposed = f"http://127.0.0.1:{metrics}/metrics"
    with _origin() as origin, ExitStack() as open_:
        ports = {"publish": publish, "metrics": metrics, "command": commands, "push": free_port(), "sub": free_port()}
        text = (HERE / "pushpin.conf").read_text(encoding="utf-8").format(folder=folder, **ports)
        (folder / "pushpin.conf").write_text(text, encoding="utf-8")
        zurl = (HERE / "zurl.conf").read_text(encoding="utf-8").format(folder=folder)
        (folder / "zurl.conf").write_text(zurl, encoding="utf-8")
        (folder / "routes").write_text(f"* 127.0.0.1:{origin}\n", encoding="utf-8")
        configured: list[object] = ["--config", folder / "pushpin.conf"]
        listen = f"127.0.0.1:{clients},stream"
        services: dict[str, list[object]] = {
            "zurl": [f"--config={folder / 'zurl.conf'}"],
            "condure": ["--listen", listen, "--zclient-stream", f"ipc://{folder}/condure"],
            "pushpin-proxy": configured,
            "pushpin-handler": configured,
        }
        for name, arguments in services.items():
            # Only the handler can be asked whether it is up; it comes last.
            url = exposed if name == "pushpin-handler" else None
            open_.enter_context(_running(name, [programs / name, *arguments], folder, url, environment))
        wait_for("Pushpin to listen", lambda: _listens(clients) and _listens(publish), PATIENCE_S)
        before = _scrape(exposed)
        for _ in range(3):
            response = wait_for("a held connection", lambda: _subscribed(clients), PATIENCE_S)
            open_.callback(response.release_conn)
            open_.callback(response.close)
        for number in range(20):
            item = {"channel": "news", "formats": {"http-stream": {"content": f"data: {number}\n\n"}}}
            _http.request("POST", f"http://127.0.0.1:{publish}/publish", json={"items": [item]})
        _wait_until(exposed, "message_sent", lambda value: value >= 60)
        _wait_until(exposed, "request_received", lambda value: value >= 3)
        _store(PUSHPIN, before, _scrape(exposed))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _subscribed(port: int) -> urllib3.BaseHTTPResponse | None:
    try:
        response = _http.request("GET", f"http://127.0.0.1:{port}/news", preload_content=False, timeout=60.0)
    except urllib3.exceptions.ProtocolError:
        return None  # there is no way to the proxy yet
    if response.status == 200:
        return response
    response.release_conn()
    return None


def _event(response: urllib3.BaseHTTPResponse) -> Any:
    """The first event of an SSE stream, from JSON."""
    text = b""
    while b"data: " not in text or not text.endswith(b"\n"):
        text += response.read1()
    line = next(line for line in text.splitlines() if line.startswith(b"data: "))
    return json.loads(line.removeprefix(b"data: "))


@contextmanager
def _origin() -> Iterator[int]:
    """A web service that tells Pushpin to hold each request as an SSE stream of channel `news`; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in {
                "Content-Type": "text/event-stream",
                "Grip-Hold": "stream",
                "Grip-Channel": "news",
                "Content-Length": "0",
            }.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name http.server gave it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _running(
    name: str, command: Sequence[object], folder: Path, health: str | None, env: dict[str, str] | None = None
) -> Iterator[None]:
    process = spawn([str(word) for word in command], folder / f"{name}.log", env)
    try:
        if health:
            wait_for(f"{name} to be up", Health(health).ok, PATIENCE_S)
        yield
    except BaseException:
        print((folder / f"{name}.log").read_text(encoding="utf-8"), file=sys.stderr)
        raise
    finally:
        end(process)


def _scrape(url: str) -> str:
    response = _http.request("GET", url)
    assert response.status == 200, f"{url} answered {response.status}"
    return response.data.decode()


def _wait_until(url: str, metric: str, enough: Callable[[float], bool]) -> None:
    """Wait until the samples of `metric` (or of one series), added up over their labels, are there and enough."""

    def shown() -> bool:
        lines = [line for line in _scrape(url).splitlines() if line.startswith((f"{metric} ", f"{metric}{{"))]
        return bool(lines) and enough(sum(float(line.rpartition(" ")[2]) for line in lines))

    wait_for(f"{metric} to be as expected", shown, PATIENCE_S)


def _store(name: str, before: str, after: str) -> None:
    for suffix, text in ((".before.prom", before), (".prom", after)):
        (HERE / f"{name}{suffix}").write_text(text, encoding="utf-8")


PROGRAMS: dict[str, Callable[[Path, Path], None]] = {"geth": geth, "centrifuge": centrifuge, "pushpin": pushpin}


def main(argv: Sequence[str] | None = None) -> None:
    """Record one program, built or unpacked as README.md beside this file says."""
    parser = argparse.ArgumentParser(prog="python -m tests.recordings.record")
    parser.add_argument("software", choices=PROGRAMS)
    parser.add_argument("place", type=Path, help="geth itself; else the folder that the packages were unpacked to")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        PROGRAMS[arguments.software](arguments.place.absolute(), Path(folder))


if __name__ == "__main__":
    main()
