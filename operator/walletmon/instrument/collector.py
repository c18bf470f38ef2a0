"""The one collector that a metrics object registers, and the guarded counters and histograms it is made of.

One collector for everything makes registration all or nothing, and lets a gauge be absent while its value is unknown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from walletmon.instrument.families import Family
from walletmon.instrument.gauges import quantity
from walletmon.instrument.guard import LabelGuard, exemplar_objection
from walletmon.instrument.refusals import Refusals, without_created

Exemplar = Mapping[str, str] | Callable[[], Mapping[str, str] | None] | None
"""Labels of an exemplar such as {"trace_id": "..."}, or a function that gives them when the measurement ends."""


class Source(Protocol):
    """What a family's samples come from."""

    family: Family

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment."""


class Guarded:
    """A counter or histogram whose label values pass a guard. Where the family fixes the values of its last label (the
    *ending*), the library sets that one and it does not."""

    def __init__(self, family: Family, limit: int, refusals: Refusals) -> None:
        """`limit`: distinct values per label."""
        self.family = family
        self._refusals = refusals
        open_labels = family.labels[:-1] if family.endings else family.labels
        self._guard = LabelGuard(family.name, open_labels, limit, refusals.count)
        for label in (*open_labels, *(["exemplar"] if family.exemplars else [])):
            refusals.expect(family.name, label)
        self._series: Counter | Histogram = (
            Histogram(family.name, family.help, family.labels, buckets=family.buckets, registry=None)
            if family.type == "histogram"
            else Counter(family.name, family.help, family.labels, registry=None)
        )

    def declare(self, *values: str) -> None:
        """Start the series of `values` at 0 (each with every ending, where those are fixed).

        Raises:
            ValueError: a value is not fit for a label, or there are more than the limit.
        """
        self._start(self._guard.declare(*values))

    def start(self, *values: object) -> tuple[str, ...]:
        """Start the series of `values` at 0, before it is known how a measurement will end.

        Returns:
            The label values the guard made of `values`.
        """
        labels = self._guard.fold(*values)
        self._start(labels)
        return labels

    def count(self, *values: object, ending: str | None = None, amount: object = 1, exemplar: Exemplar = None) -> None:
        """Add `amount` to a counter; what is no number of at least 0 is left out and counts as refused."""
        assert isinstance(self._series, Counter)
        if (number := quantity(amount)) is None:
            self._refusals.count(self.family.name, "value")
            return
        self._series.labels(*self._labels(values, ending)).inc(number, self._usable(exemplar))

    def observe(self, *values: object, ending: str | None = None, seconds: float, exemplar: Exemplar = None) -> None:
        """Add a duration to a histogram."""
        assert isinstance(self._series, Histogram)
        self._series.labels(*self._labels(values, ending)).observe(seconds, self._usable(exemplar))

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment."""
        yield from without_created(self._series.collect())

    def _start(self, labels: tuple[str, ...]) -> None:
        for ending in self.family.endings or (None,):
            self._series.labels(*labels, *([ending] if ending else []))

    def _labels(self, values: tuple[object, ...], ending: str | None) -> tuple[str, ...]:
        return (*self._guard.fold(*values), *([ending] if ending else []))

    def _usable(self, exemplar: Exemplar) -> dict[str, str] | None:
        if exemplar is None:
            return None
        try:
            given = exemplar() if callable(exemplar) else exemplar
            labels = {} if given is None else dict(given)
        except Exception:  # noqa: BLE001  # the caller's own code: whatever it raises, the wallet goes on
            labels = None
        if labels is None or exemplar_objection(labels):
            self._refusals.count(self.family.name, "exemplar")
            return None
        return labels


class FamilyCollector(Collector):
    """All families of one metrics object."""

    def __init__(self, families: Iterable[Family], sources: Iterable[Source]) -> None:
        """`families` in order of exposition; `sources`: one for each of them, in any order."""
        by_family = {source.family: source for source in sources}
        self._sources = [by_family[family] for family in families]

    def describe(self) -> Iterable[Metric]:
        """Every family without samples: the names a registry reserves."""
        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
        families = (source.family for source in self._sources)
        return [kinds[family.type](family.name, family.help) for family in families]

    def collect(self) -> Iterator[Metric]:
        """Every family that has samples, in order of exposition."""
        for source in self._sources:
            yield from source.metrics()
