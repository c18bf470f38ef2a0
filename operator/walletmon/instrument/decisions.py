"""`DecisionMetrics`: what a service that risk decisions pass through holds on to and calls.

A decision is made in one process and delivered by another, often on another machine, so its time is measured from the
moment of generation that it carries with it. The two rules of `WalletMetrics` hold here too: at set-up a mistake
raises, and afterwards nothing does.
"""

import time
from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry

from walletmon.instrument import families
from walletmon.instrument.collector import Exemplar
from walletmon.instrument.moments import seconds_since
from walletmon.instrument.process import ProcessMetrics, texts

LONGEST_DECISION = 86_400.0
"""Seconds a decision may have been on its way; what claims more has no plausible time of generation."""


class DecisionMetrics(ProcessMetrics):
    """The metrics of risk decisions in one process. Thread-safe; one per registry and process.

    Declare the kinds of decisions and the failures that are known: their counters start at 0, so that `rate()` sees the
    very first failure. What is not declared works too and starts when it is first used.
    """

    def __init__(
        self,
        *,
        registry: CollectorRegistry = REGISTRY,
        kinds: Iterable[tuple[str, str, str]] = (),
        failures: Iterable[tuple[str, str, str]] = (),
        max_label_values: int = 100,
    ) -> None:
        """Register everything with `registry`, along with prometheus-client's process_* and python_* if it lacks them.

        Args:
            registry: where to register; nothing is registered if this raises.
            kinds: (scene, channel, decision type) of the decisions, such as ("payment", "app", "block").
            failures: (stage, cause, business code) of failures, such as ("kafka_produce", "timeout", "RISK_504").
            max_label_values: distinct values admitted per label of a metric.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a declared value is not fit for a label; the registry already holds one of the metrics, as after
                a second `DecisionMetrics`; or prometheus-client runs in multi-process mode, which this does not
                support.
        """
        super().__init__(registry, max_label_values, families.DECISION_REFUSALS)
        self._latency = self._guarded(families.DECISION_LATENCY)
        self._decisions = self._guarded(families.DECISIONS)
        self._failures = self._guarded(families.DECISION_FAILURES)
        self._refusals.expect(families.DECISION_LATENCY.name, "value")
        for kind in _triples("kinds", kinds):
            self._latency.declare(*kind)
            self._decisions.declare(*kind)
        for failure in _triples("failures", failures):
            self._failures.declare(*failure)
        self._register(families.DECISION_FAMILIES, [self._latency, self._decisions, self._failures])

    def delivered(
        self,
        scene: str,
        channel: str,
        decision_type: str,
        *,
        generated: float,
        exemplar: Exemplar = None,
    ) -> None:
        """A decision reached whom it is for. `generated` is when it came into being: Unix time in seconds.

        A time of generation that is none (milliseconds taken for seconds, one in the future, one of another day) is
        left out of the latency and counted as refused; the decision counts as delivered all the same.
        """
        kind = self._decisions.start(scene, channel, decision_type)
        self._latency.start(*kind)
        self._decisions.count(*kind, ending=families.SUCCESS)
        seconds = seconds_since(generated, time.time(), LONGEST_DECISION)
        if seconds is None:
            self._refusals.count(families.DECISION_LATENCY.name, "value")
        else:
            self._latency.observe(*kind, seconds=seconds, exemplar=exemplar)

    def failed(self, scene: str, channel: str, decision_type: str, *, stage: str, cause: str, biz_code: str) -> None:
        """A decision will never reach whom it is for. Say it once, where it was lost.

        `stage` is where that was (`kafka_produce`), `cause` why (`timeout`), `biz_code` the error code of the business
        (`RISK_504`).
        """
        self._decisions.count(*self._decisions.start(scene, channel, decision_type), ending=families.ERROR)
        self._failures.count(stage, cause, biz_code)


def _triples(name: str, values: Iterable[tuple[str, str, str]]) -> list[list[str]]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a collection of triples of strings, not {values!r}")
    triples = [texts(name, value) for value in values]
    for triple in triples:
        if len(triple) != 3:
            raise TypeError(f"{name} must contain triples of strings, not {tuple(triple)!r}")
    return triples
