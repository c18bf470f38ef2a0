"""prometheus-operator, its admission webhook as a judge, and the Prometheuses and Alertmanagers that it configures."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import urllib3

from testbed.access import service_account_token, write_kubeconfig
from testbed.alertmanager import Alertmanagers
from testbed.api import Api, Json
from testbed.binaries import Binaries
from testbed.errors import BedError
from testbed.follower import Follower, Followers
from testbed.objects import account
from testbed.process import Component, Health, free_port
from testbed.prometheus import Prometheuses

_REVIEW_PATHS = {
    "PrometheusRule": "/admission-prometheusrules/validate",
    "AlertmanagerConfig": "/admission-alertmanagerconfigs/validate",
}


class Monitoring:
    """Starts the parts asked for; each is one component."""

    def __init__(self, root: Path, binaries: Binaries, api: Api, ca: Path, add: Callable[[Component], None]) -> None:
        """`add` starts a component and keeps it; `ca` verifies the apiserver behind `api`."""
        self._root = root
        self._binaries = binaries
        self._api = api
        self._ca = ca
        self._add = add
        self._urls: dict[str, str] = {}
        self._alertmanagers = Alertmanagers(api, binaries, Followers("alertmanager", root, add))
        self._prometheuses = Prometheuses(
            api, ca, binaries, Followers("prometheus", root, add), self._alertmanagers.addresses
        )

    @property
    def prometheuses(self) -> Followers:
        """The Prometheuses that run."""
        return self._prometheuses.followers

    @property
    def alertmanagers(self) -> Followers:
        """The Alertmanagers that run."""
        return self._alertmanagers.followers

    def check(self) -> None:
        """Raise what a Prometheus or an Alertmanager has against its configuration."""
        self.prometheuses.check()
        self.alertmanagers.check()

    def close(self) -> None:
        """Have nothing follow any longer; the components belong to the bed."""
        self.prometheuses.close()
        self.alertmanagers.close()

    def start_prometheus_operator(self) -> None:
        """Start it with a service account of its own that may do everything, as its identity in the audit log."""
        namespace, name = "monitoring", "prometheus-operator"
        for obj in account(namespace, name, "cluster-admin"):
            self._api.apply(obj)
        kubeconfig = self._root / "prometheus-operator.kubeconfig"
        token = service_account_token(self._api, namespace, name)
        write_kubeconfig(kubeconfig, server=self._api.server, ca=self._ca, user=name, token=token)
        self._start(name, ["--kubelet-endpoints=false"], {"KUBECONFIG": str(kubeconfig)})

    def start_admission_webhook(self) -> None:
        """Start it over plain HTTP: nothing calls it but `review`."""
        self._start("admission-webhook", ["--web.enable-tls=false"], {})

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
            url = self._url("admission-webhook") + _REVIEW_PATHS[obj["kind"]]
            answer = http.request("POST", url, json=review)
        if answer.status != 200:
            raise BedError(f"the admission webhook answered {answer.status}: {answer.data.decode(errors='replace')}")
        response: Json = json.loads(answer.data)["response"]
        return response

    def start_prometheus(
        self, namespace: str, name: str, scrape_interval: str, evaluation_interval: str, spec: Mapping[str, Any]
    ) -> Follower:
        """Create a `Prometheus` object, and run the real one on its configuration."""
        self._url("prometheus-operator")  # else nobody would configure it
        return self._prometheuses.start(namespace, name, scrape_interval, evaluation_interval, spec)

    def follow_prometheus(self, namespace: str, name: str) -> Follower:
        """Run the real one on the configuration of a `Prometheus` object that exists."""
        self._url("prometheus-operator")
        return self._prometheuses.follow(namespace, name)

    def prometheus_arguments(self, namespace: str, name: str) -> list[str]:
        """The arguments that prometheus-operator would have a Prometheus run with in a pod."""
        return self._prometheuses.arguments(namespace, name)

    def discovery_account(self, namespace: str, name: str) -> None:
        """Make a ServiceAccount that may discover targets, and its namespace."""
        self._prometheuses.discovery_account(namespace, name)

    def start_alertmanager(self, namespace: str, name: str, matcher_strategy: str, spec: Mapping[str, Any]) -> Follower:
        """Create an `Alertmanager` object, and run the real one on its configuration."""
        self._url("prometheus-operator")
        return self._alertmanagers.start(namespace, name, matcher_strategy, spec)

    def _start(self, name: str, arguments: list[str], env: Mapping[str, str]) -> None:
        if name not in self._urls:
            self._urls[name] = f"http://127.0.0.1:{free_port()}"
        listen = self._urls[name].removeprefix("http://")
        self._add(
            Component(
                name=name,
                command=[str(self._binaries[name]), f"--web.listen-address={listen}", *arguments],
                log=self._root / f"log/{name}.log",
                health=Health(f"{self._urls[name]}/healthz"),
                env=env,
            )
        )

    def _url(self, component: str) -> str:
        if component not in self._urls:
            raise BedError(f"{component} has not been started")
        return self._urls[component]
