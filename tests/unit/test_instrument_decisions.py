"""What a service that risk decisions pass through calls, and what a scraper then sees."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from walletmon.instrument import LATENCY_BUCKETS, OVERFLOW, DecisionMetrics
from walletmon.instrument.families import DECISION_FAMILIES

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
KIND = {"scene": "payment", "channel": "app", "decision_type": "block"}
LOST = {"stage": "kafka_produce", "cause": "timeout", "biz_code": "RISK_504"}
TRACE = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
parse_openmetrics: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def decisions(registry: CollectorRegistry) -> DecisionMetrics:
    return DecisionMetrics(
        registry=registry, kinds=[("payment", "app", "block")], failures=[("kafka_produce", "timeout", "RISK_504")]
    )


@pytest.fixture
def value(registry: CollectorRegistry) -> Callable[..., float | None]:
    def read(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    return read


Value = Callable[..., float | None]


def outcomes(value: Value) -> tuple[float | None, float | None]:
    return (
        value("risk_decisions_total", **KIND, outcome="success"),
        value("risk_decisions_total", **KIND, outcome="error"),
    )


def test_every_family_comes_out_under_its_documented_name_type_and_labels(decisions: DecisionMetrics) -> None:
    found = {family.name: family for family in parse_text(decisions.exposition(None)[0].decode())}
    for family in DECISION_FAMILIES:
        parsed = found[family.name.removesuffix("_total")]
        assert parsed.type == family.type
        for sample in parsed.samples:
            assert set(sample.labels) - {"le"} == set(family.labels), sample
    bounds = [each for each in found["risk_decision_latency_seconds"].samples if each.name.endswith("_bucket")]
    assert [float(each.labels["le"]) for each in bounds] == [*LATENCY_BUCKETS, float("inf")]


def test_what_is_declared_starts_at_zero(decisions: DecisionMetrics, value: Value) -> None:
    assert outcomes(value) == (0, 0)
    assert value("risk_decision_failures_total", **LOST) == 0
    assert value("risk_decision_latency_seconds_count", **KIND) == 0


def test_a_delivered_decision_is_timed_from_its_generation(decisions: DecisionMetrics, value: Value) -> None:
    decisions.delivered(*KIND.values(), generated=time.time() - 0.05, exemplar=TRACE)
    assert outcomes(value) == (1, 0)
    assert value("risk_decision_latency_seconds_bucket", **KIND, le="0.032") == 0
    assert value("risk_decision_latency_seconds_bucket", **KIND, le="10.0") == 1
    found = {family.name: family for family in parse_openmetrics(decisions.exposition(OPENMETRICS)[0].decode())}
    exemplars = [each.exemplar for each in found["risk_decision_latency_seconds"].samples if each.exemplar]
    assert [each.labels for each in exemplars] == [TRACE]


def test_a_lost_decision_counts_by_where_and_why_and_is_not_timed(decisions: DecisionMetrics, value: Value) -> None:
    decisions.failed(*KIND.values(), **LOST)
    assert outcomes(value) == (0, 1)
    assert value("risk_decision_failures_total", **LOST) == 1
    assert value("risk_decision_latency_seconds_count", **KIND) == 0


@pytest.mark.parametrize(
    "generated", [time.time() * 1000, time.time() - 10**6, 0, float("inf"), None, "now", True, 10**400]
)
def test_a_time_of_generation_that_cannot_be_is_left_out_and_the_decision_counts(
    decisions: DecisionMetrics, value: Value, generated: Any
) -> None:
    decisions.delivered(*KIND.values(), generated=generated)
    assert outcomes(value) == (1, 0)
    assert value("risk_decision_latency_seconds_count", **KIND) == 0
    refused = {"metric": "risk_decision_latency_seconds", "label": "value"}
    assert value("risk_instrument_refusals_total", **refused) == 1


def test_a_clock_a_little_ahead_means_just_now(decisions: DecisionMetrics, value: Value) -> None:
    decisions.delivered(*KIND.values(), generated=time.time() + 0.5)
    assert value("risk_decision_latency_seconds_sum", **KIND) == 0


def test_an_account_number_is_no_scene(decisions: DecisionMetrics, value: Value) -> None:
    secret = "someone@example.com"
    decisions.delivered(secret, "app", "block", generated=time.time())
    labels = {**KIND, "scene": OVERFLOW}
    assert value("risk_decisions_total", **labels, outcome="success") == 1
    assert value("risk_decision_latency_seconds_count", **labels) == 1
    assert secret.encode() not in decisions.exposition(OPENMETRICS)[0]


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"kinds": "payment"}, TypeError, "kinds must be a collection of triples of strings"),
        ({"kinds": ["abc"]}, TypeError, "kinds must be a collection of strings, not 'abc'"),
        ({"kinds": [("a", "b")]}, TypeError, r"kinds must contain triples of strings, not \('a', 'b'\)"),
        ({"kinds": [("a", "b", 7)]}, TypeError, "kinds must contain strings, not 7"),
        ({"kinds": [("a", "", "c")]}, ValueError, "label 'channel'.*it is empty"),
        ({"failures": [("a", "b", "x@example.com")]}, ValueError, "label 'biz_code'.*e-mail"),
        ({"max_label_values": True}, ValueError, "must be a whole number of at least 1"),
    ],
)
def test_a_mistake_at_set_up_raises_and_nothing_is_registered(
    registry: CollectorRegistry, arguments: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        DecisionMetrics(**{"registry": registry, **arguments})
    assert list(registry.collect()) == []


def test_a_second_one_on_a_registry_is_refused(decisions: DecisionMetrics, registry: CollectorRegistry) -> None:
    with pytest.raises(ValueError, match="one DecisionMetrics per registry"):
        DecisionMetrics(registry=registry)


values = st.text(st.characters(codec=None), max_size=150) | st.none() | st.integers() | st.floats() | st.binary()


@given(st.lists(st.tuples(values, values, values, values), max_size=8))
def test_whatever_it_is_given_it_goes_on(calls: list[tuple[Any, ...]]) -> None:
    registry = CollectorRegistry()
    decisions = DecisionMetrics(registry=registry, max_label_values=2)
    for one, two, three, four in calls:
        decisions.delivered(one, two, three, generated=four, exemplar=four)
        decisions.failed(four, one, two, stage=three, cause=four, biz_code=one)
    for body, parse in (
        (decisions.exposition(None)[0], parse_text),
        (decisions.exposition(OPENMETRICS)[0], parse_openmetrics),
    ):
        found = {family.name: family for family in parse(body.decode())}
        assert sum(each.value for each in found["risk_decisions"].samples) == 2 * len(calls)


def test_attacked_on_every_label_at_once_the_process_stays_scrapeable(
    decisions: DecisionMetrics, registry: CollectorRegistry
) -> None:
    for number in range(1000):
        one, other = f"a{number % 103}", f"b{number % 107}"
        decisions.delivered(one, other, one, generated=time.time())
        decisions.failed(other, one, other, stage=one, cause=other, biz_code=one)
    assert sum(len(metric.samples) for metric in registry.collect()) < 20_000


def test_threads_lose_nothing(decisions: DecisionMetrics, value: Value) -> None:
    def work(turn: int) -> None:
        decisions.delivered(*KIND.values(), generated=time.time())
        decisions.failed(*KIND.values(), **LOST)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(1000)))
    assert outcomes(value) == (1000, 1000)
    assert value("risk_decision_failures_total", **LOST) == 1000
