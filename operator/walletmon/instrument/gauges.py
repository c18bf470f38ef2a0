"""Gauges whose samples may come and go.

A plain prometheus-client gauge starts at 0, which would be a claim; these are absent while their value is unknown.
"""

import math
import threading
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from walletmon.instrument.families import Family
from walletmon.instrument.guard import OVERFLOW, LabelGuard
from walletmon.instrument.refusals import Refusals

Samples = Iterable[tuple[tuple[str, ...], float]]
"""Label values and value of each sample of a gauge."""


_UNREADABLE = object()


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
        number = quantity(value)
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


class WatchedValues(KnownValues):
    """A gauge that is set or, under labels that are watched, read by a function at each scrape."""

    def __init__(self, family: Family, limit: int, refusals: Refusals) -> None:
        """`limit`: distinct values per label."""
        super().__init__(family, limit, refusals)
        self._readers: dict[tuple[str, ...], Callable[[], object]] = {}

    def watch(self, read: Callable[[], object], *labels: str) -> None:
        """Take the value under `labels` from `read` from now on. What that raises makes the value unknown.

        Raises:
            TypeError: `read` is no function.
            ValueError: a label value is not fit for one, one too many, or watched already.
        """
        if not callable(read):
            raise TypeError(f"{self.family.name} must be read by a function, not {read!r}")
        key = self._guard.declare(*labels)
        if key in self._readers:
            raise ValueError(f"{self.family.name} of {', '.join(map(repr, labels))} is already watched")
        self._readers = {**self._readers, key: read}

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment; nothing while it has none."""
        for labels, read in self._readers.items():
            try:
                value = read()
            except Exception:  # noqa: BLE001  # the service's own code: whatever it raises, the scrape goes on
                value = _UNREADABLE
            self.set(value, *labels)
        yield from super().metrics()


class Levels:
    """A gauge that goes up and down with what begins and ends. Label values are folded, as levels add up."""

    def __init__(self, family: Family, limit: int, refusals: Refusals) -> None:
        """`limit`: distinct values per label."""
        self.family = family
        self._guard = LabelGuard(family.name, family.labels, limit, refusals.count)
        for label in family.labels:
            refusals.expect(family.name, label)
        self._lock = threading.Lock()
        self._values: dict[tuple[str, ...], int] = {}

    def declare(self, *values: str) -> None:
        """Start the level of `values` at 0.

        Raises:
            ValueError: a value is not fit for a label, or there are more than the limit.
        """
        self.add(0, *self._guard.declare(*values))

    def add(self, change: int, *labels: object) -> None:
        """Raise the level under `labels` by `change`, which is negative to lower it."""
        key = self._guard.fold(*labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0) + change

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment; nothing while it has none."""
        with self._lock:
            samples = list(self._values.items())
        yield from _gauge(self.family, samples)


def _gauge(family: Family, samples: Samples) -> Iterator[Metric]:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in samples:
        metric.add_metric(labels, value)
    if metric.samples:
        yield metric


def quantity(value: object) -> float | None:
    """`value` as a float, None if it is no finite number of at least 0. Raises nothing, whatever it is given."""
    if value is None or isinstance(value, bool | str | bytes | bytearray):  # float() would read a number out of text
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # an object that is no number ends in the next line
    except Exception:  # noqa: BLE001  # the value's own code: whatever it raises, the wallet goes on
        return None
    return number if math.isfinite(number) and number >= 0 else None
