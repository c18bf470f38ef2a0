"""Prometheus objects for the environments that have one made."""

from __future__ import annotations

from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts


def prometheus_objects(resource: WalletMonitorClass, class_: MonitorClass, facts: ClusterFacts) -> Part:
    """A Prometheus `<class>-<environment>` for each environment that says `prometheus`."""
    return Part()
