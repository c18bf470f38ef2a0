"""Federation: what other clusters' Prometheus servers recorded and alert, as ScrapeConfigs."""

from __future__ import annotations

from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts


def federation_objects(resource: WalletMonitorClass, class_: MonitorClass, facts: ClusterFacts) -> Part:
    """A ScrapeConfig `walletmon.<class>.<entry>` for each entry of `federation`."""
    return Part()
