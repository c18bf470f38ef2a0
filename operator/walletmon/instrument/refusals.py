"""The counter of what the library did not take as given: how mistakes show in a process where nothing raises."""

from collections.abc import Iterable, Iterator

from prometheus_client import Counter, Metric

from walletmon.instrument.families import Family


class Refusals:
    """What was not taken as given. The counter's own label values come from the library alone and need no guard."""

    def __init__(self, family: Family) -> None:
        """Starts without series; `expect` adds them."""
        self.family = family
        self._counter = Counter(family.name, family.help, family.labels, registry=None)

    def expect(self, metric: str, label: str) -> None:
        """Start the series of `metric` and `label` at 0, so that a first refusal shows as an increase."""
        self._counter.labels(metric, label)

    def count(self, metric: str, label: str) -> None:
        """One more value of `label` of `metric` was refused."""
        self._counter.labels(metric, label).inc()

    def metrics(self) -> Iterator[Metric]:
        """The family with its samples of this moment."""
        yield from without_created(self._counter.collect())


def without_created(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """`metrics` less their `_created` samples, which Prometheus would store as one more series per label set."""
    for metric in metrics:
        metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
        yield metric
