"""No label value, number or exemplar makes a wallet fail, its metrics explode, or a secret leave the process."""

import enum
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from walletmon.instrument import OVERFLOW, WalletMetrics
from walletmon.instrument.guard import objection

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
parse_openmetrics: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families
ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"


class Route(str, enum.Enum):  # noqa: UP042  # str() of this kind is not its value
    SIGN = "/v1/sign"


class Hostile:
    """Raises whatever is asked of it."""

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __hash__ = __eq__ = __float__ = __len__ = __iter__ = __bool__ = _refuse


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def refusals(registry: CollectorRegistry, metric: str, label: str) -> float | None:
    return registry.get_sample_value("wallet_instrument_refusals_total", {"metric": metric, "label": label})


def requests(registry: CollectorRegistry, route: str) -> float | None:
    return registry.get_sample_value("wallet_requests_total", {"route": route, "outcome": "success"})


@pytest.mark.parametrize(
    "value",
    [
        ADDRESS,
        ADDRESS.lower(),
        ADDRESS[2:],
        f"/v1/wallets/{ADDRESS}/balance",
        "0x88df016429689c079f3b2f6ad39fa052532c56795b733da78a91ebe6a713944b",
        "88df016429689c079f3b2f6ad39fa052532c56795b733da78a91ebe6a713944b",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "123e4567-e89b-12d3-a456-426614174000",
        "/v1/jobs/123E4567-E89B-12D3-A456-426614174000",
        "123e4567e89b12d3a456426614174000",
        "someone@example.com",
        "login of someone@example.co.uk",
        "https://rpc.example/v3/key",
        PHRASE,
        "x" * 129,
        "",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "\ud800",
        7,
        None,
        b"/v1/sign",
        ["/v1/sign"],
        Hostile(),
    ],
)
def test_what_is_no_category_is_folded_and_counted(registry: CollectorRegistry, value: Any) -> None:
    metrics = WalletMetrics(registry=registry)
    with metrics.request(value):
        pass
    assert requests(registry, OVERFLOW) == 1
    assert refusals(registry, "wallet_requests_total", "route") == 1
    if isinstance(value, str) and value:
        assert value.encode(errors="replace") not in metrics.exposition(OPENMETRICS)[0]


@pytest.mark.parametrize(
    "value",
    [
        "/v1/sign",
        "/v1/wallets/{id}",
        "eth_getTransactionReceipt",
        "Schnorr-secp256k1",
        "créé par défaut",
        "签名",
        "a b c",
        'quo"te\\',
        "x" * 128,
        "0xdeadbeef",
        "v1.2.3-rc.1+build",
        "user@host",
        OVERFLOW,
    ],
)
def test_what_is_a_category_stays_as_it_is(registry: CollectorRegistry, value: str) -> None:
    metrics = WalletMetrics(registry=registry)
    with metrics.request(value):
        pass
    assert requests(registry, value) == 1
    assert refusals(registry, "wallet_requests_total", "route") == 0
    families = {family.name: family for family in parse_text(metrics.exposition(None)[0].decode())}
    assert value in {sample.labels["route"] for sample in families["wallet_requests"].samples}


def test_a_string_enum_counts_as_its_value(registry: CollectorRegistry) -> None:
    with WalletMetrics(registry=registry).request(Route.SIGN):
        pass
    assert requests(registry, "/v1/sign") == 1


def test_beyond_the_limit_values_are_folded_and_the_old_ones_go_on(registry: CollectorRegistry) -> None:
    metrics = WalletMetrics(registry=registry, routes=["/declared"], max_label_values=4)
    for number in range(10):
        with metrics.request(f"/{number}"):
            pass
    for route in ("/declared", "/0", "/2"):
        with metrics.request(route):
            pass
    counted = [requests(registry, route) for route in ("/declared", "/0", "/1", "/2", "/3", OVERFLOW)]
    assert counted == [1, 2, 1, 2, None, 7]
    assert refusals(registry, "wallet_requests_total", "route") == 7


def test_one_bad_label_does_not_fold_the_other(registry: CollectorRegistry) -> None:
    metrics = WalletMetrics(registry=registry)
    metrics.recovery_failed(reason=PHRASE, source="cli")
    labels = {"reason": OVERFLOW, "source": "cli"}
    assert registry.get_sample_value("mnemonic_recovery_failures_total", labels) == 1
    assert refusals(registry, "mnemonic_recovery_failures_total", "reason") == 1
    assert refusals(registry, "mnemonic_recovery_failures_total", "source") == 0


def test_a_gauge_is_left_out_rather_than_folded(registry: CollectorRegistry) -> None:
    metrics = WalletMetrics(registry=registry)
    with metrics.rpc("https://rpc.example/key", "eth_call"):
        pass
    labels = {"endpoint": OVERFLOW, "method": "eth_call", "outcome": "success"}
    assert registry.get_sample_value("wallet_rpc_requests_total", labels) == 1
    assert "wallet_rpc_last_success_timestamp_seconds" not in {metric.name for metric in registry.collect()}
    assert refusals(registry, "wallet_rpc_last_success_timestamp_seconds", "endpoint") == 1


def test_attacked_on_every_label_at_once_the_process_stays_scrapeable(registry: CollectorRegistry) -> None:
    metrics = WalletMetrics(registry=registry)
    for one, other in itertools.product(
        [f"a{number}" for number in range(105)], [f"b{number}" for number in range(105)]
    ):
        with metrics.signing(one) as signing, metrics.request(one), metrics.rpc(one, other):
            signing.failed(other)
        metrics.recovery_failed(reason=one, source=other)
    assert sum(len(metric.samples) for metric in registry.collect()) < 20_000
    calls = [metric for metric in registry.collect() if metric.name == "wallet_rpc_requests"]
    combinations = {(sample.labels["endpoint"], sample.labels["method"]) for sample in calls[0].samples}
    assert len(combinations) == 301  # three times the limit, and the overflow
    assert (OVERFLOW, OVERFLOW) in combinations
    for metric, label in [
        ("tx_sign_latency_seconds", "algorithm"),
        ("tx_sign_failures_total", "reason"),
        ("mnemonic_recovery_failures_total", "source"),
        ("wallet_requests_total", "route"),
        ("wallet_rpc_requests_total", "method"),
    ]:
        refused = refusals(registry, metric, label)
        assert refused is not None
        assert refused > 0, metric


@pytest.mark.parametrize(
    "exemplar",
    [
        {"trace_id": "x" * 121},
        {"trace id": "1"},
        {"__name__": "1"},
        {"": "1"},
        {'a="b"} 1 # {c': "1"},
        {"trace_id": "\ud800"},
        {"trace_id": "a\nb"},
        {"trace_id": 1},
        {1: "a"},
        "trace",
        7,
        Hostile(),
        lambda: {"trace_id": "\x00"},
        lambda: 1 / 0,
    ],
)
def test_a_bad_exemplar_is_left_out_and_the_measurement_counts(registry: CollectorRegistry, exemplar: Any) -> None:
    metrics = WalletMetrics(registry=registry)
    with metrics.signing("ecdsa", exemplar=exemplar):
        pass
    families = {family.name: family for family in parse_openmetrics(metrics.exposition(OPENMETRICS)[0].decode())}
    samples = families["tx_sign_latency_seconds"].samples
    assert next(sample.value for sample in samples if sample.name.endswith("_count")) == 1
    assert not any(sample.exemplar for sample in samples)
    assert refusals(registry, "tx_sign_latency_seconds", "exemplar") == 1


@pytest.mark.parametrize("exemplar", [None, {}, lambda: None, dict])
def test_no_exemplar_is_nothing_refused(registry: CollectorRegistry, exemplar: Any) -> None:
    with WalletMetrics(registry=registry).signing("ecdsa", exemplar=exemplar):
        pass
    assert refusals(registry, "tx_sign_latency_seconds", "exemplar") == 0


values = st.one_of(
    st.text(st.characters(codec=None), max_size=200),
    st.from_regex(r"[0-9a-fA-Fx-]{20,70}"),
    st.none() | st.integers() | st.floats() | st.binary() | st.lists(st.text()) | st.builds(Hostile),
)
exemplars = st.none() | values | st.dictionaries(st.text(st.characters(codec=None)), values, max_size=3)


@given(st.lists(st.tuples(values, values, values, exemplars), max_size=8))
@example([("a\u2028b", "\\", '"', {"a": "\u2028"})])
def test_whatever_it_is_given_it_goes_on_and_both_formats_can_be_read_back(calls: list[tuple[Any, ...]]) -> None:
    registry = CollectorRegistry()
    metrics = WalletMetrics(registry=registry, max_label_values=4)
    for one, two, three, exemplar in calls:
        with metrics.request(one, exemplar=exemplar), metrics.rpc(two, three, exemplar=exemplar):
            pass
        with metrics.signing(one, exemplar=exemplar) as signing:
            signing.failed(two)
        metrics.recovery_failed(reason=three, source=one)
        metrics.sync(height=one, network_height=two, lag_seconds=three)
    for body, parse in (
        (metrics.exposition(None)[0], parse_text),
        (metrics.exposition(OPENMETRICS)[0], parse_openmetrics),
    ):
        families = {family.name: family for family in parse(body.decode())}
        counted = {sample.labels["route"]: sample.value for sample in families["wallet_requests"].samples}
        assert len(counted) <= 5
        assert all(objection(route) is None for route in counted)
    served = [requests(registry, route) for route in counted]
    assert sum(value for value in served if value is not None) == len(calls)
