"""What of a monitor decides how its dashboards look, apart from names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass

_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_DEFAULT_INTERVAL = "30s"


@dataclass(frozen=True, slots=True)
class Shape:
    """All in which two monitors' overviews can differ, apart from names."""

    min_step: str
    """The slowest scrape interval of the monitor's targets, a Prometheus duration."""
    runbook_base_url: str
    limits: tuple[tuple[str, float | None], ...]
    """Where its alerts fire: `<pack>.<threshold>` and the figure in base units, None if wallets differ. Thresholds of
    packs that the monitor does not use are not in it."""


def shape_of(monitor: WalletMonitor, class_: MonitorClass) -> Shape:
    """The shape of the overview of `monitor`."""
    return Shape(_slowest_interval(monitor), class_.runbook_base_url, ())


def _slowest_interval(monitor: WalletMonitor) -> str:
    intervals = [target.interval for target in monitor.spec.targets or ()]
    # 0s, which the schema takes, means Prometheus' own interval.
    return max((each for each in intervals if _seconds(each) > 0), key=_seconds, default=_DEFAULT_INTERVAL)


def _seconds(duration: str) -> float:
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[hms])", duration))
