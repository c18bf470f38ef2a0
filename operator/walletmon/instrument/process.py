"""What every metrics object of this library is: settings that are checked, one collector in a registry, exposition."""

import os
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from walletmon.instrument.collector import FamilyCollector, Guarded, Source
from walletmon.instrument.exposition import MetricsServer, expose
from walletmon.instrument.families import Family
from walletmon.instrument.gauges import KnownValues
from walletmon.instrument.guard import exact
from walletmon.instrument.refusals import Refusals

_RUNTIME_COLLECTORS = {
    "process_resident_memory_bytes": ProcessCollector,
    "python_info": PlatformCollector,
    "python_gc_objects_collected": GCCollector,
}


class ProcessMetrics:
    """A set of metrics of one process. Thread-safe; one of each kind per registry and process."""

    def __init__(self, registry: CollectorRegistry, max_label_values: int, refusals: Family) -> None:
        """`max_label_values`: distinct values admitted per label of a metric; `refusals`: counts what is not.

        Raises:
            TypeError: `registry` is none.
            ValueError: `max_label_values` is no whole number of at least 1, or prometheus-client runs in multi-process
                mode.
        """
        if not isinstance(registry, CollectorRegistry):
            raise TypeError(f"registry must be a prometheus_client.CollectorRegistry, not {type(registry).__name__}")
        if type(max_label_values) is not int or max_label_values < 1:
            raise ValueError(f"max_label_values must be a whole number of at least 1, not {max_label_values!r}")
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ or "prometheus_multiproc_dir" in os.environ:
            raise ValueError(
                f"PROMETHEUS_MULTIPROC_DIR is set, but {type(self).__name__} describes one process: "
                "let each expose its own"
            )
        self._registry = registry
        self._max_label_values = max_label_values
        self._refusals = Refusals(refusals)

    def exposition(self, accept_header: str | None = None) -> tuple[bytes, str]:
        """The answer to a scrape: (body, content type), all of the registry.

        OpenMetrics with exemplars if the request's Accept header prefers it, else Prometheus text 0.0.4.
        """
        return expose(self._registry, accept_header)

    def serve(self, port: int, addr: str = "0.0.0.0") -> MetricsServer:  # noqa: S104  # scrapers come from other hosts
        """Serve `GET /metrics` from a daemon thread, for a service without an HTTP server of its own.

        Raises:
            OSError: the address is unknown or taken.
        """
        return MetricsServer(self._registry, port, addr)

    def _guarded(self, family: Family) -> Guarded:
        return Guarded(family, self._max_label_values, self._refusals)

    def _known(self, family: Family) -> KnownValues:
        return KnownValues(family, self._max_label_values, self._refusals)

    def _register(self, families: Iterable[Family], sources: Iterable[Source]) -> None:
        collector = FamilyCollector(families, [self._refusals, *sources])
        # A registry that does not describe its collectors cannot tell a second ProcessCollector from the first.
        present = {metric.name for metric in self._registry.collect()}
        try:
            self._registry.register(collector)
        except ValueError as error:
            raise ValueError(
                "the registry already holds metrics of these names; "
                f"make one {type(self).__name__} per registry ({error})"
            ) from error
        for name, runtime_collector in _RUNTIME_COLLECTORS.items():
            if name not in present:
                runtime_collector(registry=self._registry)


def texts(name: str, values: Iterable[str]) -> list[str]:
    """The strings of setting `name`.

    Raises:
        TypeError: it is a string itself, no collection, or holds what is no string.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a collection of strings, not {values!r}")
    texts = list(values)
    for value in texts:
        if exact(value) is None:
            raise TypeError(f"{name} must contain strings, not {value!r}")
    return texts
