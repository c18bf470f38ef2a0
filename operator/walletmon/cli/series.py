"""The estimate of a monitor's series, printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.cardinality import Cardinality, estimate
from walletmon.compiler.environment import surroundings
from walletmon.compiler.facts import ClusterFacts


def series_line(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> str:
    """The estimate on one line."""
    found = estimate(monitor, class_, facts)
    parts = ", ".join(f"{number:,} {what}" for what, number in _parts(found) if number)
    return f"{_name(monitor)}: about {found.total:,} series ({parts})"


def series_paragraph(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> Iterator[str]:
    """The estimate with its parts, and what it assumes; the class and the environment in force before it."""
    found = estimate(monitor, class_, facts)
    where = surroundings(monitor, class_, facts).name
    environment = "no environment" if where is None else f"environment {where}"
    yield f"Monitor {_name(monitor)}: {_class(monitor, class_)}, {environment}"
    yield f"  about {found.total:,} series:"
    for what, number in _parts(found):
        yield f"  {number:>9,} {what}"
        if what == "scraped":
            yield from _scraped(found)
    yield "  This is an estimate. It assumes that:"
    yield from (f"    - {each}" for each in found.assumptions)


def series_object(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> dict[str, Any]:
    """The estimate for programs, with the class and the environment in force."""
    found = estimate(monitor, class_, facts)
    return {
        "monitor": _name(monitor),
        "class": class_.name,
        "environment": surroundings(monitor, class_, facts).name,
        "series": {
            "total": found.total,
            "scraped": found.scraped,
            "recorded": found.recorded,
            "alerts": found.alerts,
            "expectations": found.expectations,
            "thresholds": found.thresholds,
            "targets": [
                {"name": each.name, "processes": each.processes, "each": each.each, "bounded": each.bounded}
                for each in found.targets
            ],
            "assumptions": list(found.assumptions),
        },
    }


def _parts(found: Cardinality) -> tuple[tuple[str, int], ...]:
    return (
        ("scraped", found.scraped),
        ("recorded", found.recorded),
        ("of expectations", found.expectations),
        ("of thresholds", found.thresholds),
        ("if all alerts fire", found.alerts),
    )


def _scraped(found: Cardinality) -> Iterator[str]:
    for target in found.targets:
        bound = ", its sample limit" if target.bounded else ""
        processes = "1 process" if target.processes == 1 else f"{target.processes:,} processes"
        yield f"    {target.total:>11,} target {target.name}: {processes} of {target.each:,}{bound}"
    if found.foreign:
        yield f"    {found.foreign:>11,} of other software's metrics that its packs read"


def _class(monitor: WalletMonitor, class_: MonitorClass) -> str:
    if class_.name is not None:
        return f"class {class_.name}"
    named = monitor.spec.class_name
    return "the built-in class" + ("" if named is None else f", as class {named} is not known here")


def _name(monitor: WalletMonitor) -> str:
    return f"{monitor.metadata.namespace}/{monitor.metadata.name}"
