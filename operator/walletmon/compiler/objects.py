"""The frame that every child object shares: names, labels, the reference to its owner.

Children carry labels from this short list and nothing of the monitor's own metadata: labels and annotations of Argo CD,
Helm or kubectl that were copied along would make those tools take a child for theirs and prune it.
"""

from __future__ import annotations

from typing import Any

from walletmon.api.base import API_VERSION
from walletmon.api.monitor import KIND, WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.bundle import Manifest

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "walletmon"
MONITOR_LABEL = "walletmon.dev/monitor"


def child(
    api_version: str,
    kind: str,
    name: str,
    monitor: WalletMonitor,
    class_: MonitorClass,
    content: dict[str, Any],
    *,
    labels: dict[str, str] | None = None,
) -> Manifest:
    """An object of `kind` that belongs to `monitor`; `content` is its top-level body (`spec`, or a ConfigMap's `data`).

    `labels` come on top of the frame's own. Without a uid (offline rendering) there is no owner to refer to.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": monitor.metadata.namespace,
        "labels": {
            **class_.object_labels,
            **(labels or {}),
            MANAGED_BY_LABEL: MANAGED_BY,
            MONITOR_LABEL: monitor.metadata.name,
        },
    }
    if monitor.metadata.uid is not None:
        metadata["ownerReferences"] = [
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": monitor.metadata.name,
                "uid": monitor.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
