"""Classes for tests, and what else is there for the whole cluster: Prometheus and Alertmanager objects, Secrets."""

from __future__ import annotations

from typing import Any

from testbed import Testbed
from testbed.waiting import wait_for
from tests.integration.monitors import (
    API_VERSION,
    COREOS,
    SETTLES_WITHIN,
    Json,
    condition,
    get_monitor,
    wait_for_children,
)

V1ALPHA1 = "monitoring.coreos.com/v1alpha1"
DEFAULT = {"walletmon.dev/is-default-class": "true"}
EVERYTHING: Json = {
    f"{kind}{part}": {}
    for kind in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")
    for part in ("Selector", "NamespaceSelector")
}


class Cluster:
    """What a test puts into the cluster beside monitors."""

    def __init__(self, bed: Testbed) -> None:
        self._bed = bed
        self._made: list[Json] = []

    def put(self, obj: Json) -> Json:
        self._made.append(obj)
        return self._bed.apply([obj])[0]

    def class_(self, name: str, annotations: Json | None = None, **spec: Any) -> Json:
        return self.put(
            {
                "apiVersion": API_VERSION,
                "kind": "WalletMonitorClass",
                "metadata": {"name": name, "annotations": annotations or {}},
                "spec": spec,
            }
        )

    def prometheus(self, namespace: str, name: str, **spec: Any) -> Json:
        metadata = {"name": name, "namespace": namespace}
        alerting = {"alertmanagers": [{"namespace": namespace, "name": "alertmanager-operated", "port": "web"}]}
        content = {
            key: value for key, value in {**EVERYTHING, "alerting": alerting, **spec}.items() if value is not None
        }
        return self.put({"apiVersion": COREOS, "kind": "Prometheus", "metadata": metadata, "spec": content})

    def alertmanager(self, namespace: str, name: str, strategy: str = "OnNamespace", **spec: Any) -> Json:
        metadata = {"name": name, "namespace": namespace}
        content = {
            "alertmanagerConfigSelector": {},
            "alertmanagerConfigNamespaceSelector": {},
            "alertmanagerConfigMatcherStrategy": {"type": strategy},
            **spec,
        }
        return self.put({"apiVersion": COREOS, "kind": "Alertmanager", "metadata": metadata, "spec": content})

    def secret(self, namespace: str, name: str, **data: str) -> Json:
        metadata = {"name": name, "namespace": namespace}
        return self.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})

    def remove(self, obj: Json) -> None:
        self._bed.api.delete(obj)

    def clean(self) -> None:
        for obj in reversed(self._made):
            self._bed.api.delete(obj)


def label(bed: Testbed, namespace: str, **labels: str | None) -> None:
    words = [f"{key}-" if value is None else f"{key}={value}" for key, value in labels.items()]
    bed.kubectl("label", "namespace", namespace, *words, "--overwrite")


def wait_for_class(bed: Testbed, name: str, kind: str, status: str, reason: str | None = None) -> Json:
    """The class, once that condition stands there for its present generation."""

    def there() -> Json | None:
        obj = bed.api.get(API_VERSION, "WalletMonitorClass", None, name)
        found = condition(obj, kind)
        if found is None or found["observedGeneration"] != obj["metadata"]["generation"] or found["status"] != status:
            return None
        return obj if reason is None or found["reason"] == reason else None

    return wait_for(f"{kind}={status} {reason or ''} of class {name}", there, SETTLES_WITHIN)


def wait_for_words(bed: Testbed, namespace: str, kind: str, *words: str) -> Json:
    """The monitor, once the message of that condition has all these words."""

    def there() -> Json | None:
        obj = get_monitor(bed, namespace)
        found = condition(obj, kind)
        return obj if found is not None and all(word in found["message"] for word in words) else None

    return wait_for(f"{words} in {kind} of {namespace}/treasury", there, SETTLES_WITHIN)


def wait_for_no_words(bed: Testbed, namespace: str, kind: str, word: str) -> Json:
    """The monitor, once the message of that condition has these words no more."""

    def there() -> Json | None:
        obj = get_monitor(bed, namespace)
        found = condition(obj, kind)
        return obj if found is not None and word not in found["message"] else None

    return wait_for(f"{word!r} to go from {kind} of {namespace}/treasury", there, SETTLES_WITHIN)


def wait_for_label(bed: Testbed, namespace: str, child: str, key: str, value: str | None) -> None:
    wait_for_children(
        bed,
        namespace,
        lambda found: child in found and found[child]["metadata"]["labels"].get(key) == value,
        f"{child} to have {key}={value}",
    )


def alert_labels(bed: Testbed, namespace: str, name: str = "treasury") -> Json:
    """The labels of the first alert in force."""
    rule = bed.api.get(COREOS, "PrometheusRule", namespace, name)
    found = next(each for group in rule["spec"]["groups"] for each in group["rules"] if "alert" in each)
    labels: Json = found["labels"]
    return labels


def receivers(bed: Testbed, namespace: str, name: str = "treasury") -> list[str]:
    """The receivers with means in an AlertmanagerConfig."""
    config = bed.api.find(V1ALPHA1, "AlertmanagerConfig", namespace, name)
    return [] if config is None else [each["name"] for each in config["spec"].get("receivers", ()) if len(each) > 1]


def wait_for_receivers(bed: Testbed, namespace: str, names: list[str], name: str = "treasury") -> None:
    wait_for(
        f"receivers {names} of {namespace}/{name}",
        lambda: receivers(bed, namespace, name) == names,
        SETTLES_WITHIN,
    )


def wait_for_words_of_class(bed: Testbed, name: str, words: str) -> None:
    def there() -> bool:
        found = condition(bed.api.get(API_VERSION, "WalletMonitorClass", None, name), "Accepted")
        return found is not None and words in found["message"]

    wait_for(f"{words!r} in Accepted of class {name}", there, SETTLES_WITHIN)


def run(bed: Testbed, prometheus: Json) -> None:
    """Say of a Prometheus object that it runs, as prometheus-operator would."""
    said = {"type": "Available", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    counts = {"replicas": 1, "availableReplicas": 1, "unavailableReplicas": 0, "updatedReplicas": 1}
    bed.api.patch_status(prometheus, {"paused": False, **counts, "conditions": [said]})


def slack(name: str, secret: str) -> Json:
    return {"name": name, "slack": {"urlSecret": {"name": secret, "key": "url"}}}


def routing(*names: str) -> Json:
    return {"receivers": [slack(name, name) for name in names]}
