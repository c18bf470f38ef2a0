"""The frame that every child object shares: names, labels, the reference to its owner.

Children carry labels from this short list and nothing of the monitor's own metadata: labels and annotations of Argo CD,
Helm or kubectl that were copied along would make those tools take a child for theirs and prune it.
"""

from __future__ import annotations

from typing import Any

from walletmon.api.base import API_VERSION
from walletmon.api.monitor import KIND, WalletMonitor
from walletmon.api.monitor_class import CLASS_KIND, MonitorClass, WalletMonitorClass
from walletmon.compiler.bundle import Manifest

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "walletmon"
MONITOR_LABEL = "walletmon.dev/monitor"
CLASS_LABEL = "walletmon.dev/class"
ENVIRONMENT_LABEL = "walletmon.dev/environment"


def child(
    api_version: str,
    kind: str,
    name: str,
    monitor: WalletMonitor,
    class_: MonitorClass,
    content: dict[str, Any],
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> Manifest:
    """An object of `kind` that belongs to `monitor`; `content` is its top-level body (`spec`, or a ConfigMap's `data`).

    `labels` come on top of the frame's own. Without a uid (offline rendering) there is no owner to refer to.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": monitor.metadata.namespace,
        "labels": {
            **class_.labels_of(kind),
            **(labels or {}),
            MANAGED_BY_LABEL: MANAGED_BY,
            MONITOR_LABEL: monitor.metadata.name,
        },
    }
    if annotations:
        metadata["annotations"] = annotations
    if class_.name is not None:
        metadata["labels"][CLASS_LABEL] = class_.name
    if monitor.metadata.uid is not None:
        metadata["ownerReferences"] = [_owner(KIND, monitor.metadata.name, monitor.metadata.uid)]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def class_child(
    api_version: str,
    kind: str,
    namespace: str,
    name: str,
    resource: WalletMonitorClass,
    content: dict[str, Any],
    *,
    labels: dict[str, str] | None = None,
) -> Manifest:
    """An object of `kind` that belongs to a class; `content` is its top-level body, `labels` by which it is selected.

    The class is cluster-scoped, so it may own objects in any namespace.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": {**(labels or {}), MANAGED_BY_LABEL: MANAGED_BY, CLASS_LABEL: resource.metadata.name},
    }
    if resource.metadata.uid is not None:
        metadata["ownerReferences"] = [_owner(CLASS_KIND, resource.metadata.name, resource.metadata.uid)]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _owner(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
