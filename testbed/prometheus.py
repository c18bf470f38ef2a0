"""Prometheuses: each the real one, on the configuration of a `Prometheus` object, whoever wrote that."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from testbed.access import service_account_token, write_private
from testbed.api import Api, ApiError, Json
from testbed.binaries import Binaries
from testbed.errors import BedError
from testbed.follower import Follower, Followers
from testbed.generated import TOKEN, Files, Local, prometheus_files
from testbed.objects import account, everything, with_spec
from testbed.waiting import wait_for

_KIND = ("monitoring.coreos.com/v1", "Prometheus")
_ACCOUNT = "prometheus"
_STATEFUL_SET_S = 60.0

# What a Prometheus needs for kubernetes_sd with every role that prometheus-operator generates.
_DISCOVERY_ROLE: Json = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "prometheus"},
    "rules": [
        {
            "apiGroups": [""],
            "resources": ["nodes", "services", "endpoints", "pods", "namespaces"],
            "verbs": ["get", "list", "watch"],
        },
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "watch"]},
    ],
}

# What decides how the process behaves; the other arguments say where things are in the pod.
_HONOURED = ("--storage.tsdb.retention.", "--enable-feature=", "--query.", "--web.enable-remote-write-receiver")


class Prometheuses:
    """Starts them; `followers` are those that run."""

    def __init__(
        self,
        api: Api,
        ca: Path,
        binaries: Binaries,
        followers: Followers,
        alertmanagers: Callable[[str | None], Sequence[str]],
    ) -> None:
        """`api` as admin, verified by `ca`; `alertmanagers` gives those of a namespace, or all (host:port)."""
        self._api = api
        self._ca = ca
        self._binaries = binaries
        self._alertmanagers = alertmanagers
        self.followers = followers

    def start(
        self, namespace: str, name: str, scrape_interval: str, evaluation_interval: str, spec: Mapping[str, Any]
    ) -> Follower:
        """Create a `Prometheus` object, and run the real one on its configuration."""
        follower = self.followers.prepare(namespace, name)
        self.discovery_account(namespace, _ACCOUNT)
        self._api.apply(with_spec(_object(namespace, name, scrape_interval, evaluation_interval), spec))
        # One that the bed wrote without being told whom it reports to reports to whatever runs.
        reports_to = self._alertmanagers if "alerting" in spec else lambda _: self._alertmanagers(None)
        return self._run(follower, reports_to)

    def follow(self, namespace: str, name: str) -> Follower:
        """Run the real one on the configuration of an object that exists."""
        return self._run(self.followers.prepare(namespace, name), self._alertmanagers)

    def discovery_account(self, namespace: str, name: str) -> None:
        """Make a ServiceAccount that may discover targets, and its namespace."""
        self._api.apply(_DISCOVERY_ROLE)
        for obj in account(namespace, name, _DISCOVERY_ROLE["metadata"]["name"]):
            self._api.apply(obj)

    def arguments(self, namespace: str, name: str) -> list[str]:
        """The arguments of container `prometheus` in the StatefulSet that prometheus-operator makes of an object.

        Raises:
            WaitTimeoutError: it makes none within a minute.
        """
        found = wait_for(
            f"the StatefulSet of Prometheus {namespace}/{name}",
            lambda: self._api.find("apps/v1", "StatefulSet", namespace, f"prometheus-{name}"),
            _STATEFUL_SET_S,
        )
        containers = found["spec"]["template"]["spec"]["containers"]
        return next(list(each["args"]) for each in containers if each["name"] == "prometheus")

    def _run(self, follower: Follower, reports_to: Callable[[str], Sequence[str]]) -> Follower:
        write_private(follower.folder / TOKEN, self._token(follower.namespace, follower.name))
        honoured = [each for each in self.arguments(follower.namespace, follower.name) if each.startswith(_HONOURED)]
        local = Local(
            follower.namespace, follower.name, follower.folder, self._api.server, self._ca, alertmanagers=reports_to
        )
        self.followers.run(
            follower,
            lambda: self._files(local),
            [
                str(self._binaries["prometheus"]),
                f"--config.file={follower.config}",
                f"--storage.tsdb.path={follower.folder / 'data'}",
                f"--web.listen-address={follower.address}",
                "--web.enable-lifecycle",
                # Changed targets are scraped after a second, not after five.
                "--scrape.discovery-reload-interval=1s",
                *honoured,
            ],
        )
        return follower

    def _token(self, namespace: str, name: str) -> str:
        found = self._api.find(*_KIND, namespace, name)
        if found is None:
            raise BedError(f"there is no Prometheus {namespace}/{name} to follow")
        # As for every pod: the namespace's own account where none is named.
        account_name = found["spec"].get("serviceAccountName") or "default"
        try:
            return service_account_token(self._api, namespace, account_name)
        except ApiError as error:
            if error.status != 404:
                raise
            raise BedError(
                f"the service account {account_name} of Prometheus {namespace}/{name} does not exist; "
                "`discovery_account` makes one"
            ) from error

    def _files(self, local: Local) -> Files | None:
        path = self._api.path("v1", "ConfigMap", local.namespace)
        rules = self._api.request("GET", path, params={"labelSelector": f"prometheus-name={local.name}"})["items"]
        return prometheus_files(self._api.items("v1", "Secret", local.namespace), rules, local)


def _object(namespace: str, name: str, scrape_interval: str, evaluation_interval: str) -> Json:
    api_version, kind = _KIND
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "version": "v3.15.0",
            "serviceAccountName": _ACCOUNT,
            "scrapeInterval": scrape_interval,
            "evaluationInterval": evaluation_interval,
            "serviceDiscoveryRole": "EndpointSlice",
            # Where a cluster's Alertmanager would be; `generated` puts the local ones in its place.
            "alerting": {"alertmanagers": [{"namespace": namespace, "name": "alertmanager-operated", "port": "web"}]},
            **everything("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule"),
        },
    }
