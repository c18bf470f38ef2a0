"""The one collector a `WalletMetrics` registers, and the guarded series it is made of.

One collector for everything makes registration all or nothing, and lets a gauge be absent while its value is unknown
(a plain prometheus-client gauge starts at 0, which would be a claim).
"""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from walletmon.instrument.families import ERROR, REFUSALS, SUCCESS, WALLET_FAMILIES, Family
from walletmon.instrument.guard import OVERFLOW, LabelGuard, exemplar_objection

Exemplar = Mapping[str, str] | Callable[[], Mapping[str, str] | None] | None
"""Labels of an exemplar such as {"trace_id": "..."}, or a function that gives them when the measurement ends."""

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Label values and value of each sample of a gauge."""


class Source(Protocol):
    """What a family's samples come from."""

    family: Family

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment."""


class Refusals:
    """`wallet_instrument_refusals_total`. Its own label values come from the library alone and need no guard."""

    family = REFUSALS

    def __init__(self) -> None:
        """Starts without series; `expect` adds them."""
        self._counter = Counter(REFUSALS.name, REFUSALS.help, REFUSALS.labels, registry=None)

    def expect(self, metric: str, label: str) -> None:
        """Start the series of `metric` and `label` at 0, so that a first refusal shows as an increase."""
        self._counter.labels(metric, label)

    def count(self, metric: str, label: str) -> None:
        """One more value of `label` of `metric` was refused."""
        self._counter.labels(metric, label).inc()

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment."""
        yield from without_created(self._counter.collect())


class Guarded:
    """A counter or histogram whose label values pass a guard. `outcome` is set by the library and does not."""

    def __init__(self, family: Family, limit: int, refusals: Refusals) -> None:
        """`limit`: distinct values per label."""
        self.family = family
        self._refusals = refusals
        self._outcome = family.labels[-1:] == ("outcome",)
        open_labels = family.labels[:-1] if self._outcome else family.labels
        self._guard = LabelGuard(family.name, open_labels, limit, refusals.count)
        for label in (*open_labels, *(["exemplar"] if family.exemplars else [])):
            refusals.expect(family.name, label)
        self._series: Counter | Histogram = (
            Histogram(family.name, family.help, family.labels, buckets=family.buckets, registry=None)
            if family.type == "histogram"
            else Counter(family.name, family.help, family.labels, registry=None)
        )

    def declare(self, *values: str) -> None:
        """Start the series of `values` at 0 (each with both outcomes, where there is one).

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

    def count(self, *values: object, outcome: str | None = None, exemplar: Exemplar = None) -> None:
        """Add 1 to a counter."""
        assert isinstance(self._series, Counter)
        labels = self._guard.fold(*values)
        self._series.labels(*labels, *([outcome] if outcome else [])).inc(exemplar=self._usable(exemplar))

    def observe(self, *values: object, seconds: float, exemplar: Exemplar = None) -> None:
        """Add a duration to a histogram."""
        assert isinstance(self._series, Histogram)
        self._series.labels(*self._guard.fold(*values)).observe(seconds, self._usable(exemplar))

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment."""
        yield from without_created(self._series.collect())

    def _start(self, labels: tuple[str, ...]) -> None:
        for outcome in (SUCCESS, ERROR) if self._outcome else (None,):
            self._series.labels(*labels, *([outcome] if outcome else []))

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


class KnownValues:
    """A gauge that is set, and absent while its value is not known."""

    def __init__(self, family: Family, limit: int, refusals: Refusals) -> None:
        """`limit`: distinct values per label."""
        self.family = family
        self._refusals = refusals
        self._guard = LabelGuard(family.name, family.labels, limit, refusals.count)
        for label in (*family.labels, "value"):
            refusals.expect(family.name, label)
        self._lock = threading.Lock()
        self._values: dict[tuple[str, ...], float] = {}

    def set(self, value: object, *labels: object) -> float | None:
        """Set the gauge to `value` and give that back as a float; None makes it unknown.

        What is no finite number of at least 0 makes it unknown too and counts as refused. Under a label value that the
        guard refuses nothing is set: a gauge is not folded, as one endpoint's figure would then stand for another's.
        """
        key = self._guard.fold(*labels)
        if OVERFLOW in key:
            return None
        number = _quantity(value)
        if number is None and value is not None:
            self._refusals.count(self.family.name, "value")
        with self._lock:
            if number is None:
                self._values.pop(key, None)
            else:
                self._values[key] = number
        return number

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment; nothing while it has none."""
        with self._lock:
            samples = list(self._values.items())
        yield from _gauge(self.family, samples)


class ReadValues:
    """A gauge that is read at each scrape, and absent if there is nothing to read."""

    def __init__(self, family: Family, read: Callable[[], Samples]) -> None:
        """`read` gives the samples of the moment."""
        self.family = family
        self._read = read

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment; nothing while it has none."""
        yield from _gauge(self.family, self._read())


class WalletCollector(Collector):
    """All families of one `WalletMetrics`."""

    def __init__(self, sources: Iterable[Source]) -> None:
        """`sources`: one for each of `WALLET_FAMILIES`, in any order."""
        by_family = {source.family: source for source in sources}
        self._sources = [by_family[family] for family in WALLET_FAMILIES]

    def describe(self) -> Iterable[Metric]:
        """Every family without samples: the names a registry reserves."""
        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
        return [kinds[family.type](family.name, family.help) for family in WALLET_FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """Every family that has samples, in the order of `WALLET_FAMILIES`."""
        for source in self._sources:
            yield from source.metrics()


def without_created(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """`metrics` less their `_created` samples, which Prometheus would store as one more series per label set."""
    for metric in metrics:
        metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
        yield metric


def _gauge(family: Family, samples: Samples) -> Iterator[Metric]:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in samples:
        metric.add_metric(labels, value)
    if metric.samples:
        yield metric


def _quantity(value: object) -> float | None:
    if value is None or isinstance(value, bool | str | bytes | bytearray):  # float() would read a number out of text
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # an object that is no number ends in the next line
    except Exception:  # noqa: BLE001  # the value's own code: whatever it raises, the wallet goes on
        return None
    return number if math.isfinite(number) and number >= 0 else None
