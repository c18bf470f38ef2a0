"""A bed that stays up between commands: `up` leaves it to a background process, `down` ends that.

The background process holds a lock for as long as it lives, so a crash is never taken for a running cluster.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from testbed import waiting
from testbed.bed import Testbed
from testbed.binaries import Binaries
from testbed.errors import BedError, tail
from testbed.progress import Progress

_CHECK_EVERY_S = 1.0
_UP_S = 180.0
_DOWN_S = 60.0


@dataclass(frozen=True)
class Cluster:
    """A running background bed: its process, and where to reach what."""

    pid: int
    kubeconfig: str
    prometheus: str
    alertmanager: str
    logs: str


class Background:
    """The one background bed of this user, known by files below `$XDG_STATE_HOME`."""

    def __init__(self) -> None:
        """Finds what is there."""
        self._folder = _state_folder()
        self._state = self._folder / "cluster.json"
        self.log = self._folder / "testbed.log"

    def running(self) -> Cluster | None:
        """The cluster, once it is ready; None when there is none."""
        # In this order: looking at the lock while the background process takes it would be in its way.
        if not self._state.exists() or not self._is_held():
            return None
        return Cluster(**json.loads(self._state.read_text()))

    def crashed(self) -> bool:
        """Whether the last cluster ended otherwise than by `down`; `log` says more."""
        return self._state.exists() and not self._is_held()

    def up(self, progress: Progress) -> Cluster:
        """Start it, and return when everything is ready. The programs must be built.

        Raises:
            BedError: it failed, with the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._state.unlink(missing_ok=True)
        progress.begin("starting the cluster")
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "testbed", "serve"],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _UP_S
        try:
            while True:
                if cluster := self.running():
                    progress.done()
                    return cluster
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
                if process.poll() is not None or time.monotonic() > deadline:
                    progress.done("failed")
                    raise BedError(f"the cluster did not start; its log is {self.log} and ends:\n{tail(self.log)}")
                progress.still()
        except BaseException:
            process.terminate()
            raise

    def down(self) -> bool:
        """End it and wait until every process has ended; False when it was not running."""
        cluster = self.running()
        if cluster is None:
            return False
        os.kill(cluster.pid, signal.SIGTERM)
        waiting.wait_for("the cluster to end", lambda: not self._is_held(), _DOWN_S)
        return True

    def serve(self, binaries: Binaries) -> None:
        """Be the background process: run the whole bed until told to end by SIGTERM or SIGINT.

        Raises:
            BedError: another one runs, or a component died.
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._hold(), Testbed(binaries) as bed:
            bed.install_prometheus_operator_crds()
            bed.start_prometheus_operator()
            bed.start_alertmanager()
            bed.start_prometheus()
            kubeconfig = self._folder / "kubeconfig"
            shutil.copy(bed.kubeconfig, kubeconfig)
            cluster = Cluster(
                pid=os.getpid(),
                kubeconfig=str(kubeconfig),
                prometheus=bed.prometheus_url,
                alertmanager=bed.alertmanager_url,
                logs=str(bed.log("etcd").parent),
            )
            fresh = self._state.with_suffix(".fresh")
            fresh.write_text(json.dumps(asdict(cluster)))
            fresh.rename(self._state)
            try:
                while True:
                    bed.check()
                    time.sleep(_CHECK_EVERY_S)
            except (SystemExit, KeyboardInterrupt):
                self._state.unlink()
                kubeconfig.unlink()
                raise

    @contextlib.contextmanager
    def _hold(self) -> Iterator[None]:
        with (self._folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BedError("a cluster is up already, or coming up") from error
            yield

    def _is_held(self) -> bool:
        with (self._folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "walletmon/testbed"
