"""Metrics that monitors' rules can be about, by name: what the wallets' library exposes, and what the packs read."""

from __future__ import annotations

from functools import cache

from walletmon.language.lint import Metrics
from walletmon.packs.schema import Packs

_GAUGES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "go_goroutines",
    "go_threads",
    "go_memstats_alloc_bytes",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "probe_success",
    "probe_duration_seconds",
    "walletmon:wallet:expected",
    "walletmon:target:expected",
)
"""Gauges that Prometheus itself, its usual client libraries, the blackbox exporter and walletmon's rules give."""


@cache
def _library() -> Metrics:
    # The library comes with a metrics client, which only rules of the monitors' own make necessary here.
    from walletmon.instrument.families import FAMILIES

    names: set[str] = set(_GAUGES)
    gauges = set(_GAUGES)
    for family in FAMILIES:
        names.add(family.name)
        if family.type == "histogram":
            names |= {f"{family.name}{part}" for part in ("_bucket", "_count", "_sum")}
        elif family.type == "gauge":
            gauges.add(family.name)
    return Metrics(frozenset(names), frozenset(gauges))


def known_metrics(packs: Packs) -> Metrics:
    """The metrics of the wallets' library, of `packs`, and of what every scrape has."""
    library = _library()
    recorded = {recording.record for pack in packs.values() for recording in pack.recordings}
    read = {name for pack in packs.values() for name in pack.metrics}
    return Metrics(library.names | recorded | read, library.gauges | recorded)
