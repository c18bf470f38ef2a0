"""The class's receivers and routes, as one AlertmanagerConfig in the Alertmanager's namespace."""

from __future__ import annotations

from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts


def class_routing_objects(resource: WalletMonitorClass, class_: MonitorClass, facts: ClusterFacts) -> Part:
    """The AlertmanagerConfig `walletmon.<class>`, or nothing if the class tells nobody."""
    return Part()
