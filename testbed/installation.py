"""walletmon itself on the test bed: installed by its Helm chart, run as a process with the chart's ServiceAccount.

The process has that account's token and nothing else, so a right that the chart forgets shows at once. The Deployment
that the chart makes stays without Pods: there is no kubelet.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.bed import Testbed
from testbed.errors import BedError
from testbed.process import Component, Health, free_port

_ROOT = Path(__file__).resolve().parent.parent
CHART = _ROOT / "charts" / "walletmon"
NAMESPACE = "walletmon-system"
RELEASE = "walletmon"
_CRDS = ("walletmonitors.walletmon.dev", "walletmonitorclasses.walletmon.dev")


class Operator:
    """The operator as a process of its own, with its HTTP endpoints at `url`."""

    def __init__(self, bed: Testbed, kubeconfig: Path, arguments: Sequence[str] = (), name: str = "walletmon") -> None:
        """`kubeconfig` says who it is; `arguments` are added to `walletmon run`."""
        listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{listen}"
        self._component = Component(
            name=name,
            command=[
                sys.executable,
                "-m",
                "walletmon.cli",
                "run",
                "--listen",
                listen,
                "--log-format",
                "text",
                *arguments,
            ],
            log=bed.root / f"{name}.log",
            health=Health(f"{self.url}/readyz"),
            env={"KUBECONFIG": str(kubeconfig)},
        )

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self._component.log

    def start(self) -> None:
        """Start it and wait until its caches are complete.

        Raises:
            ComponentDiedError: it ended, or did not get ready.
        """
        self._component.start()

    def stop(self) -> None:
        """End it as Kubernetes would: SIGTERM, then SIGKILL. Harmless when it does not run."""
        self._component.stop()

    def kill(self) -> None:
        """End it as a dying node would: at once, whatever it was doing."""
        if self._component.pid is not None:
            os.kill(self._component.pid, signal.SIGKILL)
        self._component.stop()

    def check(self) -> None:
        """Nothing when it runs.

        Raises:
            ComponentDiedError: it ended by itself.
        """
        self._component.check()


def helm(bed: Testbed, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run the real helm as admin of the bed; gives what it printed.

    Raises:
        BedError: it failed; the message has what it said.
    """
    done = subprocess.run(
        [str(bed.binaries["helm"]), f"--kubeconfig={bed.kubeconfig}", *arguments],
        env={
            **os.environ,
            "HELM_CONFIG_HOME": str(bed.root / "helm"),
            "HELM_CACHE_HOME": str(bed.root / "helm"),
            **(env or {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BedError(
            f"helm {' '.join(arguments)} ended with exit code {done.returncode}:\n{done.stderr}{done.stdout}"
        )
    return done.stdout


def install(bed: Testbed) -> Path:
    """Install the chart; gives the kubeconfig of the ServiceAccount that it made."""
    helm(bed, "install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace")
    for name in _CRDS:
        bed.api.wait_until_served(bed.api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, name))
    # The garbage collector looks for new kinds when it starts, otherwise every half minute only.
    bed.restart("kube-controller-manager")
    return bed.service_account_kubeconfig(NAMESPACE, RELEASE)
