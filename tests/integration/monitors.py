"""Monitors for tests, and what the cluster says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testbed import Testbed
from testbed.waiting import wait_for

Json = dict[str, Any]
API_VERSION = "walletmon.dev/v1alpha1"
COREOS = "monitoring.coreos.com/v1"
SETTLES_WITHIN = 30.0

CHILD_KINDS = (
    (COREOS, "ServiceMonitor"),
    (COREOS, "PodMonitor"),
    (COREOS, "Probe"),
    ("monitoring.coreos.com/v1alpha1", "ScrapeConfig"),
    (COREOS, "PrometheusRule"),
    ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"),
    ("v1", "ConfigMap"),
)


def monitor(namespace: str, name: str = "treasury", **spec: Any) -> Json:
    """A monitor with one wallet behind a Service; `spec` replaces or adds fields."""
    return {
        "apiVersion": API_VERSION,
        "kind": "WalletMonitor",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"wallets": [{"name": "hot-1"}], "targets": [service_target()], **spec},
    }


def service_target(name: str = "api", **fields: Any) -> Json:
    """A target found by Service, all of it for wallet hot-1."""
    return {
        "name": name,
        "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
        "wallet": "hot-1",
        **fields,
    }


def get_monitor(bed: Testbed, namespace: str, name: str = "treasury") -> Json:
    """The monitor as stored."""
    return bed.api.get(API_VERSION, "WalletMonitor", namespace, name)


def condition(obj: Json, kind: str) -> Json | None:
    """A condition of a monitor, or None."""
    found = [c for c in obj.get("status", {}).get("conditions", ()) if c["type"] == kind]
    return found[0] if found else None


def wait_for_condition(
    bed: Testbed, namespace: str, kind: str, status: str, reason: str | None = None, name: str = "treasury"
) -> Json:
    """The monitor, once that condition stands there for its present generation."""

    def there() -> Json | None:
        obj = get_monitor(bed, namespace, name)
        found = condition(obj, kind)
        if found is None or found["observedGeneration"] != obj["metadata"]["generation"] or found["status"] != status:
            return None
        return obj if reason is None or found["reason"] == reason else None

    return wait_for(f"{kind}={status} {reason or ''} of {namespace}/{name}", there, SETTLES_WITHIN)


def wait_until_ready(bed: Testbed, namespace: str, name: str = "treasury") -> Json:
    """The monitor, once it is Ready for its present generation."""
    return wait_for_condition(bed, namespace, "Ready", "True", name=name)


def children(bed: Testbed, namespace: str) -> dict[str, Json]:
    """All children in a namespace, by `Kind name`."""
    found: dict[str, Json] = {}
    for api_version, kind in CHILD_KINDS:
        for obj in bed.api.items(api_version, kind, namespace):
            if obj["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == "walletmon":
                found[f"{kind} {obj['metadata']['name']}"] = obj
    return found


def wait_for_children(
    bed: Testbed, namespace: str, right: Callable[[dict[str, Json]], bool], what: str
) -> dict[str, Json]:
    """The children, once they are `right`."""

    def there() -> tuple[dict[str, Json]] | None:
        found = children(bed, namespace)
        return (found,) if right(found) else None

    return wait_for(what, there, SETTLES_WITHIN)[0]
