"""prometheus-operator and what it configures: Prometheus, Alertmanager, the admission webhook as a judge."""

import json
from collections.abc import Callable
from pathlib import Path

import urllib3

from testbed.access import service_account_token, write_kubeconfig, write_private
from testbed.api import Api, Json
from testbed.binaries import Binaries
from testbed.bridge import Bridge
from testbed.errors import BedError
from testbed.generated import CONFIG, Files, alertmanager_files, prometheus_files
from testbed.process import Component, Health, free_port

_REVIEW_PATHS = {
    "PrometheusRule": "/admission-prometheusrules/validate",
    "AlertmanagerConfig": "/admission-alertmanagerconfigs/validate",
}

# What a Prometheus needs for kubernetes_sd with every role that prometheus-operator generates.
_DISCOVERY_RULES: list[Json] = [
    {
        "apiGroups": [""],
        "resources": ["nodes", "services", "endpoints", "pods", "namespaces"],
        "verbs": ["get", "list", "watch"],
    },
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "watch"]},
]

# Pods have addresses of the documentation range, since the apiserver refuses loopback ones; the processes listen on
# loopback.
_TO_LOOPBACK: Json = {
    "name": "loopback",
    "default": True,
    "relabelings": [
        {
            "sourceLabels": ["__address__"],
            "regex": r"192\.0\.2\.(\d+):(\d+)",
            "targetLabel": "__address__",
            "replacement": "127.0.0.$1:$2",
        }
    ],
}


class Monitoring:
    """Starts the parts asked for; each is one component, and a bridge where prometheus-operator configures it."""

    def __init__(self, root: Path, binaries: Binaries, api: Api, ca: Path, add: Callable[[Component], None]) -> None:
        """`add` starts a component and keeps it; `ca` verifies the apiserver behind `api`."""
        self._root = root
        self._binaries = binaries
        self._api = api
        self._ca = ca
        self._add = add
        self._bridges: list[Bridge] = []
        self._urls: dict[str, str] = {}
        self._configs: dict[str, Path] = {}

    def url(self, component: str) -> str:
        """Where a component listens.

        Raises:
            BedError: it has not been started.
        """
        if component not in self._urls:
            raise BedError(f"{component} has not been started")
        return self._urls[component]

    def config(self, component: str) -> Path:
        """The configuration file that Prometheus or Alertmanager runs on."""
        self.url(component)
        return self._configs[component]

    def check(self) -> None:
        """Raise what a bridge has to tell."""
        for bridge in self._bridges:
            bridge.check()

    def close(self) -> None:
        """Stop the bridges; the components belong to the bed."""
        for bridge in self._bridges:
            bridge.stop()

    def start_prometheus_operator(self) -> None:
        """Start it with a service account of its own that may do everything, as its identity in the audit log."""
        namespace, name = "monitoring", "prometheus-operator"
        self._service_account(namespace, name)
        self._api.apply(_binding(name, "cluster-admin", namespace))
        kubeconfig = self._root / "prometheus-operator.kubeconfig"
        token = service_account_token(self._api, namespace, name)
        write_kubeconfig(kubeconfig, server=self._api.server, ca=self._ca, user=name, token=token)
        listen = self._listen(name)
        self._add(
            Component(
                name=name,
                command=[
                    str(self._binaries[name]),
                    f"--web.listen-address={listen}",
                    "--kubelet-endpoints=false",
                ],
                log=self._log(name),
                health=Health(f"{self._urls[name]}/healthz"),
                env={"KUBECONFIG": str(kubeconfig)},
            )
        )

    def start_admission_webhook(self) -> None:
        """Start it over plain HTTP: nothing calls it but `review`."""
        name = "admission-webhook"
        listen = self._listen(name)
        self._add(
            Component(
                name=name,
                command=[str(self._binaries[name]), f"--web.listen-address={listen}", "--web.enable-tls=false"],
                log=self._log(name),
                health=Health(f"{self._urls[name]}/healthz"),
            )
        )

    def review(self, obj: Json) -> Json:
        """The admission webhook's response about a PrometheusRule or an AlertmanagerConfig."""
        group, _, version = obj["apiVersion"].partition("/")
        meta = obj["metadata"]
        review = {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "review",
                "kind": {"group": group, "version": version, "kind": obj["kind"]},
                "resource": {"group": group, "version": version, "resource": f"{obj['kind'].lower()}s"},
                "name": meta["name"],
                "namespace": meta.get("namespace", "default"),
                "operation": "CREATE",
                "object": obj,
            },
        }
        with urllib3.PoolManager(retries=False, timeout=10.0) as http:
            url = self.url("admission-webhook") + _REVIEW_PATHS[obj["kind"]]
            answer = http.request("POST", url, json=review)
        if answer.status != 200:
            raise BedError(f"the admission webhook answered {answer.status}: {answer.data.decode(errors='replace')}")
        response: Json = json.loads(answer.data)["response"]
        return response

    def start_prometheus(self, namespace: str, name: str, scrape_interval: str, evaluation_interval: str) -> None:
        """Create a `Prometheus` object that selects everything, and run the real one on its configuration."""
        self.url("prometheus-operator")  # else nobody would configure it
        folder = self._folder("prometheus")
        self._service_account(namespace, "prometheus")
        self._api.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": {"name": "prometheus"},
                "rules": _DISCOVERY_RULES,
            }
        )
        self._api.apply(_binding("prometheus", "prometheus", namespace))
        token = folder / "token"
        write_private(token, service_account_token(self._api, namespace, "prometheus"))
        self._api.apply(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "Prometheus",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "version": "v3.15.0",
                    "serviceAccountName": "prometheus",
                    "scrapeInterval": scrape_interval,
                    "evaluationInterval": evaluation_interval,
                    "serviceDiscoveryRole": "EndpointSlice",
                    "scrapeClasses": [_TO_LOOPBACK],
                    # Where a cluster's Alertmanager would be; `generated` puts the local one in its place.
                    "alerting": {
                        "alertmanagers": [{"namespace": namespace, "name": "alertmanager-operated", "port": "web"}]
                    },
                    "apiserverConfig": {
                        "host": self._api.server,
                        "bearerTokenFile": str(token),
                        "tlsConfig": {"caFile": str(self._ca)},
                    },
                    **_everything("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule"),
                },
            }
        )
        listen = self._listen("prometheus")
        bridge = self._bridge("prometheus", lambda: self._prometheus_files(namespace, name, folder), folder)
        self._add(
            Component(
                name="prometheus",
                command=[
                    str(self._binaries["prometheus"]),
                    f"--config.file={folder / CONFIG}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address={listen}",
                    "--web.enable-lifecycle",
                    # Changed targets are scraped after a second, not after five.
                    "--scrape.discovery-reload-interval=1s",
                ],
                log=self._log("prometheus"),
                health=Health(f"{self._urls['prometheus']}/-/ready"),
            )
        )
        bridge.start()

    def start_alertmanager(self, namespace: str, name: str, matcher_strategy: str) -> None:
        """Create an `Alertmanager` object that selects everything, and run the real one on its configuration."""
        self.url("prometheus-operator")  # else nobody would configure it
        folder = self._folder("alertmanager")
        self._namespace(namespace)
        self._api.apply(
            {
                "apiVersion": "monitoring.coreos.com/v1",
                "kind": "Alertmanager",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "version": "v0.28.1",
                    "alertmanagerConfigMatcherStrategy": {"type": matcher_strategy},
                    **_everything("alertmanagerConfig"),
                },
            }
        )
        listen = self._listen("alertmanager")
        bridge = self._bridge("alertmanager", lambda: self._alertmanager_files(namespace, name, folder), folder)
        self._add(
            Component(
                name="alertmanager",
                command=[
                    str(self._binaries["alertmanager"]),
                    f"--config.file={folder / CONFIG}",
                    f"--storage.path={folder / 'data'}",
                    f"--web.listen-address={listen}",
                    "--cluster.listen-address=",
                ],
                log=self._log("alertmanager"),
                health=Health(f"{self._urls['alertmanager']}/-/ready"),
            )
        )
        bridge.start()

    def _prometheus_files(self, namespace: str, name: str, folder: Path) -> Files | None:
        alertmanager = self._urls.get("alertmanager")
        path = self._api.path("v1", "ConfigMap", namespace)
        rules = self._api.request("GET", path, params={"labelSelector": f"prometheus-name={name}"})["items"]
        return prometheus_files(
            name,
            self._api.items("v1", "Secret", namespace),
            rules,
            folder,
            [alertmanager.removeprefix("http://")] if alertmanager else [],
        )

    def _alertmanager_files(self, namespace: str, name: str, folder: Path) -> Files | None:
        return alertmanager_files(name, self._api.items("v1", "Secret", namespace), folder)

    def _bridge(self, component: str, read: Callable[[], Files | None], folder: Path) -> Bridge:
        bridge = Bridge(component, read, folder, f"{self._urls[component]}/-/reload")
        bridge.fetch()
        self._bridges.append(bridge)
        self._configs[component] = folder / CONFIG
        return bridge

    def _folder(self, component: str) -> Path:
        folder = self._root / component
        folder.mkdir()
        return folder

    def _listen(self, component: str) -> str:
        listen = f"127.0.0.1:{free_port()}"
        self._urls[component] = f"http://{listen}"
        return listen

    def _log(self, component: str) -> Path:
        return self._root / f"log/{component}.log"

    def _namespace(self, name: str) -> None:
        self._api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def _service_account(self, namespace: str, name: str) -> None:
        self._namespace(namespace)
        self._api.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
        )


def _everything(*kinds: str) -> Json:
    # A missing selector selects nothing, an empty one everything.
    return {f"{kind}{what}": {} for kind in kinds for what in ("Selector", "NamespaceSelector")}


def _binding(account: str, role: str, namespace: str) -> Json:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
