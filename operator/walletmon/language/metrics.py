"""What is known of metrics: their kinds and units. A rule is checked against it, and figures are converted by it.

A metric that is not in here is the team's own: its unit is what the last word of its name says, and nothing else is
presumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from types import MappingProxyType

from walletmon.instrument.families import FAMILIES
from walletmon.language.units import BY_SUFFIX, COUNT, RATIO, SECONDS, WEI, Unit


class MetricKind(StrEnum):
    """What a metric's values are."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `unit` is None where it is not known, `point_in_time` says that it is a Unix time in seconds."""

    name: str
    kind: MetricKind = MetricKind.UNKNOWN
    unit: Unit | None = None
    point_in_time: bool = False


Metrics = Mapping[str, Metric]
"""Known metrics by name."""

_SUFFIX = re.compile(rf"_({'|'.join(sorted(BY_SUFFIX, key=len, reverse=True))})(?:_total|_sum)?$")
_POINT_IN_TIME = re.compile(r"_(?:timestamp|time)_seconds$")
_SIMILAR = 0.85


def by_name(name: str, kind: MetricKind = MetricKind.UNKNOWN) -> Metric:
    """What the name alone tells, by Prometheus' conventions for names."""
    if _POINT_IN_TIME.search(name):
        return Metric(name, kind, SECONDS, point_in_time=True)
    level = name.split(":")
    if len(level) == 3:
        # A recording `level:metric:operation` keeps its metric's unit, unless it is a rate or a ratio of it.
        if "ratio" in level[2]:
            return Metric(name, MetricKind.GAUGE, RATIO)
        found = None if level[2].startswith("rate") else _SUFFIX.search(level[1])
        return Metric(name, MetricKind.GAUGE, BY_SUFFIX[found[1]] if found else None)
    found = _SUFFIX.search(name)
    return Metric(name, kind, BY_SUFFIX[found[1]] if found else None)


def _shipped() -> Iterator[Metric]:
    for family in FAMILIES:
        kind = MetricKind(family.type)
        metric = by_name(family.name, kind)
        if metric.unit is None:
            metric = Metric(family.name, kind, COUNT)
        yield metric
        if kind is MetricKind.HISTOGRAM:
            yield Metric(f"{family.name}_bucket", MetricKind.COUNTER, COUNT)
            yield Metric(f"{family.name}_count", MetricKind.COUNTER, COUNT)
            yield Metric(f"{family.name}_sum", MetricKind.COUNTER, metric.unit)
    for name in ("process_resident_memory_bytes", "process_virtual_memory_bytes", "process_start_time_seconds"):
        yield by_name(name, MetricKind.GAUGE)
    yield by_name("process_cpu_seconds_total", MetricKind.COUNTER)
    for name in ("process_open_fds", "process_max_fds", "go_goroutines", "up", "probe_success"):
        yield Metric(name, MetricKind.GAUGE, COUNT)
    # A gauge, whatever its name says; the metrics of others that count coins and do not say so.
    for name in ("wallet_balance_total", "eth_address_account_balance"):
        yield Metric(name, MetricKind.GAUGE, WEI)
    yield Metric("eth_balance", MetricKind.GAUGE, BY_SUFFIX["eth"])
    # The older name of a histogram of ours, in the older unit.
    yield by_name("sse_reconnect_latency_ms")
    yield Metric("probe_ssl_earliest_cert_expiry", MetricKind.GAUGE, SECONDS, point_in_time=True)


@cache
def shipped() -> Metrics:
    """The metrics of `docs/metrics.md`, and some of widespread software whose names do not tell their units."""
    return MappingProxyType({metric.name: metric for metric in _shipped()})


def with_recordings(names: Iterable[str]) -> Metrics:
    """The shipped metrics and those that are recorded by rules of these names."""
    return MappingProxyType({**shipped(), **{name: by_name(name, MetricKind.GAUGE) for name in names}})


def near_metric(name: str, known: Metrics) -> str | None:
    """The known metric that somebody who wrote `name` may have meant; None if `name` is known or nothing is near."""
    if name in known:
        return None
    near = get_close_matches(name, known, 1, _SIMILAR)
    return near[0] if near else None
