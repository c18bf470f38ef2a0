"""The example wallet as a process, with the switches that make it misbehave."""

import os
import sys
from pathlib import Path

import urllib3

from testbed.api import Json
from testbed.errors import BedError
from testbed.process import Component, Health, free_port

_EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "wallet"


class Wallet:
    """One wallet service; `start` starts it."""

    def __init__(self, name: str, address: str, log: Path, data: Path, *, traffic: float = 4) -> None:
        """It will listen at `address` (host:port), and make `traffic` requests a second to itself."""
        admin = f"127.0.0.1:{free_port()}"
        self.name = name
        self.address = address
        self.control = f"http://{admin}/control"
        command = [sys.executable, "-m", "wallet", "--listen", address, "--admin", admin, "--data-dir", str(data)]
        self._component = Component(
            name=f"wallet {name}",
            command=[*command, "--traffic", str(traffic)],
            log=log,
            health=Health(f"http://{address}/healthz"),
            env={"PYTHONPATH": f"{_EXAMPLE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}".rstrip(os.pathsep)},
        )

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self._component.log

    def start(self) -> None:
        """Start it and wait until its health check answers."""
        self._component.start()

    def stop(self) -> None:
        """End it. Harmless when it does not run."""
        self._component.stop()

    def check(self) -> None:
        """Nothing when it runs or was stopped on purpose.

        Raises:
            ComponentDiedError: it ended by itself.
        """
        self._component.check()

    def health(self) -> str:
        """What its health check answers: status and body.

        Raises:
            BedError: the status is not 200.
        """
        return self._ask("GET", f"http://{self.address}/healthz")

    def switch(self, **switches: bool | float) -> str:
        """Set switches, such as `freeze_heartbeat=True` (the example's README lists them); gives the answer.

        Raises:
            BedError: it refused.
        """
        return self._ask("POST", self.control, dict(switches))

    def _ask(self, method: str, url: str, body: Json | None = None) -> str:
        answer = urllib3.request(method, url, json=body, timeout=5.0, retries=False)
        text = f"{answer.status} {answer.data.decode(errors='replace').strip()}"
        if answer.status != 200:
            raise BedError(f"wallet {self.name}: {method} {url} {body or ''}: {text}")
        return text
