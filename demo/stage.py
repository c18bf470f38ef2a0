"""What runs: a real control plane, walletmon, the monitoring stack, wallets, and a pager. One context manager."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import urllib3

from demo.pager import Pager
from demo.reading import Alertmanager, Prometheus
from demo.wallet import Wallet
from testbed import Testbed
from testbed.api import Json
from testbed.audit import AuditMark
from testbed.errors import BedError, tail
from testbed.installation import Operator, install
from testbed.process import free_port
from testbed.waiting import wait_for

API_VERSION = "walletmon.dev/v1alpha1"

T = TypeVar("T")


class Stage:
    """Parts are started one by one, in the order of the methods; leaving ends them all, last started first."""

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._stack = contextlib.ExitStack()
        self._bed: Testbed | None = None
        self._account: Path | None = None
        self._operator: Operator | None = None
        self._wallets: list[Wallet] = []
        self.port = free_port()
        """The port of every wallet's pod; each has an address of its own."""
        self.pager = Pager()

    def __enter__(self) -> Self:
        """Open the pager; the rest is started by the methods."""
        self._stack.enter_context(self.pager)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._stack.close()

    # -- parts --------------------------------------------------------------------------------------------------

    def start_control_plane(self) -> None:
        """etcd, kube-apiserver, kube-controller-manager."""
        self._bed = self._stack.enter_context(Testbed())

    def start_monitoring(self) -> None:
        """prometheus-operator with its CRDs, and a Prometheus and an Alertmanager on what it generates."""
        self.bed.install_prometheus_operator_crds()
        self.bed.start_prometheus_operator()
        # First the one that the other one reports to.
        self.bed.start_alertmanager()
        self.bed.start_prometheus()

    def install_chart(self) -> None:
        """walletmon's Helm chart: CRD, ServiceAccount, rights."""
        self._account = install(self.bed)

    def start_operator(self) -> None:
        """walletmon as a process with the token of the chart's ServiceAccount."""
        if self._account is None:
            raise BedError("the chart is not installed")
        self._operator = Operator(self.bed, self._account)
        self._stack.callback(self._operator.stop)
        self._operator.start()

    def add_wallet(self, namespace: str, name: str, labels: Mapping[str, str], *, traffic: float = 4) -> Wallet:
        """A wallet process that the cluster takes for the pod `name` with these labels. The namespace must exist."""
        host = self.bed.workload(namespace, name, port=self.port, labels=labels, service=False)
        log = self.bed.root / "log" / f"{namespace}.{name}.log"
        wallet = Wallet(name, f"{host}:{self.port}", log, self.bed.root, traffic=traffic)
        self._stack.callback(wallet.stop)
        self._wallets.append(wallet)
        wallet.start()
        return wallet

    def add_service(self, namespace: str, app: str) -> None:
        """A Service in front of all pods labelled `app`, with that label itself."""
        service: Json = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": app, "namespace": namespace, "labels": {"app": app}},
            "spec": {
                "selector": {"app": app},
                "ports": [{"name": "metrics", "port": self.port, "targetPort": "metrics"}],
            },
        }
        self.bed.apply([service])

    # -- what runs ----------------------------------------------------------------------------------------------

    @property
    def bed(self) -> Testbed:
        """The test bed.

        Raises:
            BedError: the control plane has not been started.
        """
        if self._bed is None:
            raise BedError("the control plane has not been started")
        return self._bed

    @property
    def operator(self) -> Operator:
        """The running walletmon.

        Raises:
            BedError: it has not been started.
        """
        if self._operator is None:
            raise BedError("walletmon has not been started")
        return self._operator

    @property
    def prometheus(self) -> Prometheus:
        """The running Prometheus."""
        return Prometheus(self.bed.prometheus_url)

    @property
    def alertmanager(self) -> Alertmanager:
        """The running Alertmanager."""
        return Alertmanager(self.bed.alertmanager_url)

    def check(self) -> None:
        """Nothing when all that was started runs.

        Raises:
            BedError: something ended, or refused what was generated for it.
        """
        self.bed.check()
        if self._operator is not None:
            self._operator.check()
        for wallet in self._wallets:
            wallet.check()

    def wait(self, what: str, probe: Callable[[], T | None], timeout: float = 60.0) -> T:
        """The first true value of `probe` within `timeout` seconds, while everything lives.

        Raises:
            WaitTimeoutError: the deadline passed.
            BedError: something ended meanwhile.
        """

        def probe_living() -> T | None:
            self.check()
            return probe()

        return wait_for(what, probe_living, timeout)

    # -- monitors -----------------------------------------------------------------------------------------------

    def monitor(self, namespace: str, name: str) -> Json:
        """The monitor as stored."""
        return self.bed.api.get(API_VERSION, "WalletMonitor", namespace, name)

    def is_ready(self, namespace: str, name: str) -> bool:
        """Whether the monitor is Ready, judged on its present generation."""
        monitor = self.monitor(namespace, name)
        return any(
            condition["type"] == "Ready"
            and condition["status"] == "True"
            and condition["observedGeneration"] == monitor["metadata"]["generation"]
            for condition in monitor.get("status", {}).get("conditions", ())
        )

    def seconds_to_ready(self, namespace: str, name: str, since: AuditMark) -> float:
        """Seconds between the request that wrote the monitor and the answer to the last one that wrote its status.

        From the apiserver's audit log, so neither kubectl's start nor our looking counts; ask when it is Ready.
        """
        events = [
            event
            for event in self.bed.audit(since)
            if event["verb"] in ("create", "update", "patch")
            and (event.get("objectRef") or {}).get("resource") == "walletmonitors"
            and (event["objectRef"].get("namespace"), event["objectRef"].get("name")) == (namespace, name)
        ]
        written = next(event for event in events if "subresource" not in event["objectRef"])
        reported = [event for event in events if event["objectRef"].get("subresource") == "status"][-1]
        return (_time(reported["stageTimestamp"]) - _time(written["requestReceivedTimestamp"])).total_seconds()

    # -- when something went wrong ------------------------------------------------------------------------------

    def account(self) -> str:
        """The last state and the ends of the logs that matter, for the person who finds out why."""
        if self._bed is None:
            return "nothing was started"
        said = [_section("monitors", self._kubectl_said("get", "walletmonitors", "-A", "-o", "yaml"))]
        said.append(_section("events", self._kubectl_said("get", "events", "-A", "--sort-by=.lastTimestamp")))
        with contextlib.suppress(BedError, urllib3.exceptions.HTTPError):  # it may be what failed
            said.append(_section("targets", "\n".join(map(_target_line, self.prometheus.targets()))))
            said.append(_section("alerts", "\n".join(map(_alert_line, self.prometheus.alerts()))))
        logs = [self.bed.log(name) for name in self.bed.components if name not in ("etcd", "kube-controller-manager")]
        if self._operator is not None:
            logs.append(self._operator.log)
        logs += [wallet.log for wallet in self._wallets]
        said += [_section(f"end of {log.name}", tail(log)) for log in logs]
        return "\n".join(said)

    def _kubectl_said(self, *arguments: str) -> str:
        done = self.bed.kubectl(*arguments, "--request-timeout=5s", check=False)
        return (done.stdout + done.stderr).rstrip()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _section(title: str, text: str) -> str:
    return f"--- {title}\n{text or '(none)'}"


def _target_line(target: Json) -> str:
    return f"{target['scrapePool']} {target['scrapeUrl']} {target['health']} {target['lastError']}"


def _alert_line(alert: Json) -> str:
    return f"{alert['labels'].get('alertname')} {alert['state']} {alert['labels']}"
