"""What of a monitor decides how its dashboards look, apart from names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.links import runbook_url
from walletmon.compiler.thresholds import common_figures
from walletmon.packs.catalogue import Catalogue

_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_DEFAULT_INTERVAL = "30s"


@dataclass(frozen=True, slots=True)
class Shape:
    """All in which two monitors' overviews can differ, apart from names."""

    min_step: str
    """The slowest scrape interval of the monitor's targets, a Prometheus duration."""
    runbook_url: str
    """Where a runbook is; Grafana puts the alert's name into it."""
    limits: tuple[tuple[str, float | None], ...]
    """The thresholds of its packs: `<pack>.<threshold>` and the figure in base units, None if wallets differ."""


def shape_of(monitor: WalletMonitor, class_: MonitorClass, catalogue: Catalogue) -> Shape:
    """The shape of the overview of `monitor`."""
    figures = common_figures(monitor, catalogue)
    limits = ((name, None if figure is None else float(figure)) for name, figure in figures.items())
    return Shape(_slowest_interval(monitor), runbook_url(class_, "${__value.raw}"), tuple(sorted(limits)))


def _slowest_interval(monitor: WalletMonitor) -> str:
    intervals = [target.interval for target in monitor.spec.targets or ()]
    return max(intervals, key=_seconds, default=_DEFAULT_INTERVAL)


def _seconds(duration: str) -> float:
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[hms])", duration))
