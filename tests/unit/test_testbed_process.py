"""Child processes: they say why they failed, end when told, and never outlive us."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from testbed.bridge import Bridge
from testbed.errors import BedError, ComponentDiedError, WaitTimeoutError
from testbed.process import Component, Health, end, free_port, spawn
from testbed.waiting import wait_for

_SOON_S = 20.0


def component(tmp_path: Path, script: str, port: int) -> Component:
    return Component("it", ["/bin/sh", "-c", script], tmp_path / "it.log", Health(f"http://127.0.0.1:{port}/"))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_component_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    broken = component(tmp_path, "echo flag --x is unknown; exit 3", free_port())
    with pytest.raises(ComponentDiedError, match=r"(?s)it ended with exit code 3.*it\.log.*flag --x is unknown"):
        broken.start()
    assert broken.pid is None


def test_a_component_that_never_gets_ready_is_reported_and_ended(tmp_path: Path) -> None:
    stuck = component(tmp_path, f"echo $$ > {tmp_path}/pid; echo waiting for a quorum; exec sleep 300", free_port())
    with pytest.raises(ComponentDiedError, match=r"(?s)was not ready within 1 s.*waiting for a quorum"):
        stuck.start(timeout=1.0)
    assert not is_alive(int((tmp_path / "pid").read_text()))


def test_a_component_that_dies_later_is_reported_with_the_signal(tmp_path: Path) -> None:
    port = free_port()
    server = f"exec {sys.executable} -m http.server --bind 127.0.0.1 --directory {tmp_path} {port}"
    running = component(tmp_path, server, port)
    running.start()
    running.check()
    assert running.pid is not None
    os.kill(running.pid, signal.SIGKILL)

    def death() -> ComponentDiedError | None:
        try:
            running.check()
        except ComponentDiedError as error:
            return error
        return None

    assert "was ended by signal SIGKILL" in str(wait_for("its death to be seen", death, _SOON_S))


def test_what_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    process = spawn(["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], tmp_path / "log")
    wait_for("it to run", lambda: (tmp_path / "log").read_text(), _SOON_S)
    end(process, grace=0.2)
    assert process.returncode == -signal.SIGKILL


def test_a_child_started_by_a_thread_outlives_the_thread(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(target=lambda: started.append(spawn(["/bin/sleep", "300"], tmp_path / "log")))
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        started[0].wait(0.5)
    end(started[0])


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, time; from testbed.process import spawn; "
        f"print(spawn(['/bin/sleep', '300'], pathlib.Path({str(tmp_path / 'log')!r})).pid, flush=True); time.sleep(300)"
    )
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    wait_for("the child to end", lambda: not is_alive(child), _SOON_S)


def test_ports_are_distinct_and_out_of_the_way_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]
    lowest_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert len(set(ports)) == 50
    assert max(ports) < lowest_ephemeral


def test_waiting_ends_with_what_was_awaited_in_words() -> None:
    with pytest.raises(WaitTimeoutError, match=r"waited 0 s for the moon"):
        wait_for("the moon", lambda: None, 0.0)


class Reloadable:
    """Stands in for Prometheus: counts reloads and answers them as told."""

    def __init__(self) -> None:
        self.reloads = 0
        self.refusal = b""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.reloads += 1
                self.send_response(500 if outer.refusal else 200)
                self.end_headers()
                self.wfile.write(outer.refusal)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        return Handler


@pytest.fixture
def server() -> Iterator[tuple[Reloadable, str]]:
    reloadable = Reloadable()
    with ThreadingHTTPServer(("127.0.0.1", 0), reloadable.handler()) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield reloadable, f"http://127.0.0.1:{http.server_port}/-/reload"
        http.shutdown()
        thread.join()


def follow(read: Callable[[], dict[str, bytes]], folder: Path, url: str) -> Bridge:
    bridge = Bridge("prometheus", read, folder, url)
    bridge.fetch()
    bridge.start()
    return bridge


def test_the_bridge_writes_what_changed_removes_what_went_and_reloads(
    tmp_path: Path, server: tuple[Reloadable, str]
) -> None:
    reloadable, url = server
    files = {"config.yaml": b"1", "rules/a/x.yaml": b"x"}
    bridge = follow(lambda: dict(files), tmp_path, url)
    assert (tmp_path / "rules/a/x.yaml").read_bytes() == b"x"
    files |= {"config.yaml": b"2", "rules/b/y.yaml": b"y"}
    del files["rules/a/x.yaml"]
    wait_for("a reload", lambda: reloadable.reloads, _SOON_S)
    bridge.stop()
    found = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.yaml")}
    assert found == {"config.yaml": b"2", "rules/b/y.yaml": b"y"}


def test_the_bridge_tells_what_the_process_refused_until_it_accepts_again(
    tmp_path: Path, server: tuple[Reloadable, str]
) -> None:
    reloadable, url = server
    files = {"config.yaml": b"1"}
    reloadable.refusal = b"unknown field scrap_interval"
    bridge = follow(lambda: dict(files), tmp_path, url)
    bridge.check()
    files["config.yaml"] = b"2"

    def refusal() -> BedError | None:
        try:
            bridge.check()
        except BedError as error:
            return error
        return None

    assert "unknown field scrap_interval" in str(wait_for("the refusal", refusal, _SOON_S))
    reloadable.refusal = b""
    files["config.yaml"] = b"3"
    wait_for("the refusal to be over", lambda: refusal() is None, _SOON_S)
    bridge.stop()
