"""The demo as people and CI run it: it plays to its end, says so when it cannot, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.waiting import wait_for

LASTS_AT_MOST_S = 300.0

Start = Callable[..., "Run"]
"""Starts the demo, with arguments and environment variables."""


class Run:
    """`python -m demo` as a process, whose temporary files are all below `folder`."""

    def __init__(self, repository: Path, folder: Path, *arguments: str, **env: str) -> None:
        self.folder = folder
        self._output = folder / "output"
        with self._output.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", *arguments],
                cwd=repository,
                env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", **env},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def end(self) -> int:
        return self.process.wait(LASTS_AT_MOST_S)

    def processes(self) -> set[str]:
        """Command lines of living processes that work in the demo's folder."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            if str(self.folder / "walletmon-") in command:
                found.add(command)
        return found

    def remains(self) -> set[str]:
        """Folders and processes that are still there."""
        return {path.name for path in self.folder.glob("walletmon-*")} | self.processes()


@pytest.fixture
def demo(repository: Path, tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def start(*arguments: str, **env: str) -> Run:
        runs.append(Run(repository, tmp_path, *arguments, **env))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def test_unattended_it_plays_to_the_end(demo: Start) -> None:
    run = demo("--unattended")
    assert run.end() == 0, run.output
    assert run.remains() == set()
    output = run.output
    assert [int(step) for step in re.findall(r"^ *[\d.]+ s +(\d+)/12 ", output, re.MULTILINE)] == list(range(1, 13))
    assert output.count("✔") == 12
    for said in (
        "walletmonitor.walletmon.dev/treasury created",
        "treasury   True    2                 prod          false       Ready",
        "● FIRING  P0  WalletHeartbeatStale",
        "● RESOLVED  P0  WalletHeartbeatStale",
        "hot-2: silent",
    ):
        assert said in output


def test_when_a_step_does_not_happen_it_says_why_and_fails(demo: Start, tmp_path: Path) -> None:
    broken = tmp_path / "assets" / "etcd"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'the disk is on fire' >&2\nexit 3\n")
    broken.chmod(0o755)
    run = demo("--unattended", KUBEBUILDER_ASSETS=str(broken.parent))
    assert run.end() == 1
    assert re.search(r"1/12 Start a Kubernetes control plane.*✘ did not happen", run.output, re.DOTALL)
    assert "etcd ended with exit code 3" in run.output
    assert "the disk is on fire" in run.output
    assert run.remains() == set()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(demo: Start, how: signal.Signals) -> None:
    run = demo("--unattended")
    wait_for("the control plane to run", lambda: "2/12" in run.output, LASTS_AT_MOST_S)
    assert any("kube-apiserver" in command for command in run.processes())
    run.process.send_signal(how)
    assert run.end() == 130, run.output
    assert run.remains() == set()
