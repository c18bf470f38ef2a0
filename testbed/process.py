"""Child processes that cannot outlive us: start, readiness, unexpected death, end.

The kernel ends a leashed child (`leash`) when the *thread* that started it ends, not only the process. So one thread
that lives as long as the process starts them all; a test that starts a component from a short-lived thread does not
lose it.
"""

import contextlib
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from testbed.errors import BedError, ComponentDiedError
from testbed.waiting import wait_for

_LEASH = Path(__file__).with_name("leash.py")
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT = 15000
_STARTUP_S = 90.0  # a loaded machine of two cores; an idle one needs two or three seconds
_GRACE_S = 10.0

_given_ports: set[int] = set()


def free_port() -> int:
    """A loopback TCP port nobody listens on, never given out twice by this process.

    It lies below the range of ports for outgoing connections, so that none of those takes it while a component is
    stopped for a while.
    """
    lowest_ephemeral = int(_EPHEMERAL_RANGE.read_text().split()[0])
    highest = lowest_ephemeral - 1 if lowest_ephemeral > _LOWEST_PORT + 1000 else 65535
    for _ in range(1000):
        port = random.randint(_LOWEST_PORT, highest)  # noqa: S311 (nothing secret)
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                # All addresses at once: workloads listen on 127.0.0.N with the same port.
                probe.bind(("0.0.0.0", port))  # noqa: S104 (bound, never listened on)
            except OSError:
                continue
        _given_ports.add(port)
        return port
    raise BedError(f"found no free port between {_LOWEST_PORT} and {highest}")


class _Starter:
    """The one thread that starts processes, itself started with the first of them."""

    def __init__(self) -> None:
        self._requests: queue.SimpleQueue[tuple[Future[subprocess.Popen[bytes]], _Request]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, request: "_Request") -> subprocess.Popen[bytes]:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="process-starter", daemon=True)
                self._thread.start()
        future: Future[subprocess.Popen[bytes]] = Future()
        self._requests.put((future, request))
        return future.result()

    def _serve(self) -> None:
        while True:
            future, request = self._requests.get()
            try:
                future.set_result(request.spawn())
            except Exception as error:  # noqa: BLE001 (raised in the caller)
                future.set_exception(error)


@dataclass(frozen=True)
class _Request:
    command: Sequence[str]
    log: Path
    env: Mapping[str, str]
    cwd: Path | None

    def spawn(self) -> subprocess.Popen[bytes]:
        leashed = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *self.command]
        with self.log.open("ab") as out:
            return subprocess.Popen(
                leashed,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env={**os.environ, **self.env},
                process_group=0,  # so that Ctrl-C reaches us alone, who then end the children in order
            )


_starter = _Starter()


def spawn(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `command`, the program by absolute path, leashed and in a process group of its own.

    Its output is appended to `log`; `env` is added to our own environment.
    """
    return _starter.start(_Request(command, log, env or {}, cwd))


def end(process: subprocess.Popen[bytes], grace: float = _GRACE_S) -> None:
    """End `process` and its group: asked first, killed after `grace` seconds. Harmless when it has ended."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_to_end(
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    still: Callable[[], None] = lambda: None,
) -> int:
    """Run `command` as `spawn` does and give its exit code; `still` is called about every second meanwhile.

    Whatever interrupts the waiting ends the command and its children.
    """
    process = spawn(command, log, env, cwd)
    try:
        while True:
            try:
                return process.wait(1.0)
            except subprocess.TimeoutExpired:
                still()
    finally:
        end(process)


@dataclass(frozen=True)
class Health:
    """Where a component says that it is ready, by answering 200; `ca` verifies https."""

    url: str
    ca: Path | None = None

    def ok(self) -> bool:
        """Whether it says so now."""
        with urllib3.PoolManager(ca_certs=str(self.ca) if self.ca else None, retries=False, timeout=2.0) as http:
            try:
                return http.request("GET", self.url).status == 200
            except (urllib3.exceptions.HTTPError, OSError):
                return False


@dataclass
class Component:
    """One long-running program of the bed. Ports and data live in its arguments, so a restart keeps them."""

    name: str
    command: Sequence[str]
    log: Path
    health: Health
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = _GRACE_S  # seconds between asking it to end and killing it
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id while it is meant to run, else None."""
        return self._process.pid if self._process else None

    def start(self, timeout: float = _STARTUP_S) -> None:
        """Start it and wait until it is ready. Harmless when it runs.

        Raises:
            ComponentDiedError: it ended, or was not ready within `timeout` seconds.
        """
        if self._process is None:
            self._process = spawn(self.command, self.log, self.env)
        try:
            wait_for(f"{self.name} to be ready", self._ready_or_raise, timeout)
        except BedError as error:
            self.stop()
            if isinstance(error, ComponentDiedError):
                raise
            raise ComponentDiedError(self.name, f"was not ready within {timeout:g} s", self.log) from error

    def _ready_or_raise(self) -> bool:
        self.check()
        return self.health.ok()

    def stop(self) -> None:
        """End it. Harmless when it does not run."""
        if self._process is not None:
            end(self._process, self.grace)
            self._process = None

    def check(self) -> None:
        """Nothing when it runs or was stopped on purpose.

        Raises:
            ComponentDiedError: it ended by itself.
        """
        if self._process is not None and (code := self._process.poll()) is not None:
            how = f"was ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            raise ComponentDiedError(self.name, how, self.log)
