"""What a running wallet calls, and what a scraper then sees."""

import asyncio
import functools
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry, Counter, Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from walletmon.instrument import LATENCY_BUCKETS, WalletMetrics
from walletmon.instrument.families import WALLET_FAMILIES

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TRACE = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}


class HsmBusyError(Exception):
    """A failure of this wallet's signer."""


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> WalletMetrics:
    return WalletMetrics(
        registry=registry,
        sign_failure_reasons={HsmBusyError: "hsm_busy"},
        routes=["/v1/sign"],
        rpc_calls={"primary": ["eth_call"]},
    )


def openmetrics(metrics: WalletMetrics) -> dict[str, list[Sample]]:
    parse: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families
    families = parse(metrics.exposition(OPENMETRICS)[0].decode())
    return {family.name: list(family.samples) for family in families}


def signed(registry: CollectorRegistry, algorithm: str = "ecdsa") -> float | None:
    return registry.get_sample_value("tx_sign_latency_seconds_count", {"algorithm": algorithm})


def failures(registry: CollectorRegistry, reason: str, algorithm: str = "ecdsa") -> float | None:
    return registry.get_sample_value("tx_sign_failures_total", {"algorithm": algorithm, "reason": reason})


def rpc(registry: CollectorRegistry, outcome: str) -> float | None:
    labels = {"endpoint": "primary", "method": "eth_call", "outcome": outcome}
    return registry.get_sample_value("wallet_rpc_requests_total", labels)


def rpc_success_time(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("wallet_rpc_last_success_timestamp_seconds", {"endpoint": "primary"})


class TestExposition:
    def test_every_family_comes_out_under_its_documented_name_type_and_labels(self, metrics: WalletMetrics) -> None:
        metrics.heartbeat()
        metrics.sync(height=1, network_height=2, lag_seconds=3)
        metrics.watch_disk("data", "/")
        with metrics.rpc("primary", "eth_call"):
            pass
        found = {family.name: family for family in parse_text(metrics.exposition(None)[0].decode())}
        for family in WALLET_FAMILIES:
            parsed = found[family.name.removesuffix("_total")]
            assert parsed.type == family.type
            assert parsed.documentation
            for sample in parsed.samples:
                assert set(sample.labels) - {"le"} == set(family.labels), sample

    def test_both_formats_say_the_same(self, metrics: WalletMetrics) -> None:
        with metrics.request("/v1/sign"):
            pass

        def requests(samples: list[Sample]) -> list[tuple[str, dict[str, str], float]]:
            return [(sample.name, dict(sample.labels), sample.value) for sample in samples]

        text = {family.name: family.samples for family in parse_text(metrics.exposition(None)[0].decode())}
        for name in ("wallet_requests", "wallet_request_duration_seconds", "tx_sign_failures"):
            assert requests(openmetrics(metrics)[name]) == requests(text[name])

    def test_buckets_double_from_one_millisecond_and_end_at_ten_seconds(self, metrics: WalletMetrics) -> None:
        milliseconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 10_000]
        assert [bound * 1000 for bound in LATENCY_BUCKETS] == milliseconds
        samples = openmetrics(metrics)["tx_sign_latency_seconds"]
        bounds = [float(sample.labels["le"]) for sample in samples if sample.name.endswith("_bucket")]
        assert bounds == [*(value / 1000 for value in milliseconds), float("inf")]

    def test_exemplars_are_in_openmetrics_and_not_in_plain_text(self, metrics: WalletMetrics) -> None:
        with metrics.signing("ecdsa", exemplar=TRACE):
            pass
        with pytest.raises(HsmBusyError), metrics.signing("ecdsa", exemplar=lambda: TRACE):
            raise HsmBusyError
        with metrics.request("/v1/sign", exemplar=TRACE), metrics.rpc("primary", "eth_call", exemplar=TRACE):
            pass
        families = openmetrics(metrics)
        for name in (
            "tx_sign_latency_seconds",
            "tx_sign_failures",
            "wallet_request_duration_seconds",
            "wallet_rpc_request_duration_seconds",
        ):
            exemplars = [sample.exemplar for sample in families[name] if sample.exemplar]
            assert [exemplar.labels for exemplar in exemplars] == [TRACE], name
        assert b"trace_id" not in metrics.exposition(None)[0]

    def test_no_created_series_of_its_own(self, metrics: WalletMetrics) -> None:
        assert b"_created" not in metrics.exposition(OPENMETRICS)[0]

    def test_runtime_metrics_come_along_on_a_registry_of_ones_own(self, metrics: WalletMetrics) -> None:
        families = openmetrics(metrics)
        assert families["process_resident_memory_bytes"][0].value > 1e6
        assert "python_info" in families

    def test_runtime_metrics_already_there_are_not_doubled(self) -> None:
        from prometheus_client import GCCollector, PlatformCollector, ProcessCollector

        registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        metrics = WalletMetrics(registry=registry)
        assert len(openmetrics(metrics)["process_resident_memory_bytes"]) == 1


class TestUnknownIsAbsent:
    NAMES = (
        "wallet_heartbeat_timestamp_seconds",
        "wallet_sync_height_blocks",
        "wallet_network_height_blocks",
        "wallet_sync_lag_blocks",
        "wallet_sync_lag_seconds",
        "wallet_rpc_last_success_timestamp_seconds",
        "wallet_data_disk_free_bytes",
        "wallet_data_disk_size_bytes",
    )

    def test_nothing_is_said_before_it_is_known(self, metrics: WalletMetrics) -> None:
        assert not set(self.NAMES) & set(openmetrics(metrics))

    def test_a_beat_is_the_time_of_now(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        before = time.time()
        metrics.heartbeat()
        beat = registry.get_sample_value("wallet_heartbeat_timestamp_seconds")
        assert beat is not None
        assert before <= beat <= time.time()

    def test_lag_in_blocks_follows_from_both_heights(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        metrics.sync(height=90, network_height=100, lag_seconds=120)
        assert registry.get_sample_value("wallet_sync_lag_blocks") == 10
        assert registry.get_sample_value("wallet_sync_lag_seconds") == 120

    def test_a_wallet_ahead_of_what_it_knows_of_the_network_does_not_lag(
        self, metrics: WalletMetrics, registry: CollectorRegistry
    ) -> None:
        metrics.sync(height=101, network_height=100)
        assert registry.get_sample_value("wallet_sync_lag_blocks") == 0

    def test_what_a_sync_leaves_out_is_unknown_again(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        metrics.sync(height=90, network_height=100, lag_seconds=120)
        metrics.sync(height=91)
        assert registry.get_sample_value("wallet_sync_height_blocks") == 91
        for name in ("wallet_network_height_blocks", "wallet_sync_lag_blocks", "wallet_sync_lag_seconds"):
            assert registry.get_sample_value(name) is None

    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), -1, "17", b"17", True, 10**400, object(), [1], Decimal("NaN"), 1j]
    )
    def test_a_value_that_is_no_quantity_is_unknown_and_counted(
        self, metrics: WalletMetrics, registry: CollectorRegistry, value: float
    ) -> None:
        metrics.sync(height=90, network_height=100)
        metrics.sync(height=value, network_height=100)
        assert registry.get_sample_value("wallet_sync_height_blocks") is None
        assert registry.get_sample_value("wallet_sync_lag_blocks") is None
        assert registry.get_sample_value("wallet_network_height_blocks") == 100
        refused = {"metric": "wallet_sync_height_blocks", "label": "value"}
        assert registry.get_sample_value("wallet_instrument_refusals_total", refused) == 1

    def test_other_kinds_of_number_are_taken(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        metrics.sync(height=Decimal(90))  # type: ignore[arg-type]
        assert registry.get_sample_value("wallet_sync_height_blocks") == 90


class TestDeclared:
    def test_the_first_failure_is_an_increase(self, registry: CollectorRegistry, metrics: WalletMetrics) -> None:
        assert [failures(registry, reason) for reason in ("error", "timeout", "hsm_busy")] == [0, 0, 0]
        assert (rpc(registry, "success"), rpc(registry, "error")) == (0, 0)
        for outcome in ("success", "error"):
            labels = {"route": "/v1/sign", "outcome": outcome}
            assert registry.get_sample_value("wallet_requests_total", labels) == 0
        assert registry.get_sample_value("wallet_request_duration_seconds_count", {"route": "/v1/sign"}) == 0
        call = {"endpoint": "primary", "method": "eth_call"}
        assert registry.get_sample_value("wallet_rpc_request_duration_seconds_count", call) == 0
        for source in ("api", "cli", "import_ui"):
            for reason in ("invalid_checksum", "invalid_word", "entropy_mismatch", "derivation"):
                labels = {"reason": reason, "source": source}
                assert registry.get_sample_value("mnemonic_recovery_failures_total", labels) == 0

    def test_what_was_not_declared_starts_at_zero_when_first_entered(
        self, registry: CollectorRegistry, metrics: WalletMetrics
    ) -> None:
        with metrics.signing("ed25519"):
            assert failures(registry, "hsm_busy", "ed25519") == 0
            assert signed(registry, "ed25519") == 0


class TestSigning:
    def test_a_signature_enters_the_histogram(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        with metrics.signing("ecdsa"):
            time.sleep(0.005)
        total = registry.get_sample_value("tx_sign_latency_seconds_sum", {"algorithm": "ecdsa"})
        assert signed(registry) == 1
        assert total is not None
        assert total >= 0.005

    @pytest.mark.parametrize(
        ("error", "reason"), [(HsmBusyError(), "hsm_busy"), (TimeoutError(), "timeout"), (KeyError("k"), "error")]
    )
    def test_a_failure_is_counted_by_its_reason_and_not_timed(
        self, metrics: WalletMetrics, registry: CollectorRegistry, error: Exception, reason: str
    ) -> None:
        with pytest.raises(type(error)) as raised, metrics.signing("ecdsa"):
            raise error
        assert raised.value is error
        assert failures(registry, reason) == 1
        assert signed(registry) == 0

    def test_a_failure_without_an_exception(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        with metrics.signing("ecdsa") as signing:
            signing.failed("hsm_busy")
        assert failures(registry, "hsm_busy") == 1
        assert signed(registry) == 0

    def test_a_reason_given_goes_before_that_of_the_exception(
        self, metrics: WalletMetrics, registry: CollectorRegistry
    ) -> None:
        with pytest.raises(OSError, match="gone"), metrics.signing("ecdsa") as signing:  # noqa: PT012
            signing.failed("hsm_busy")
            raise OSError("gone")
        assert failures(registry, "hsm_busy") == 1
        assert failures(registry, "error") == 0


class TestCalls:
    def test_success_and_error_of_an_rpc_call(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        with pytest.raises(ConnectionError), metrics.rpc("primary", "eth_call"):
            raise ConnectionError
        assert (rpc(registry, "success"), rpc(registry, "error")) == (0, 1)
        assert rpc_success_time(registry) is None
        before = time.time()
        with metrics.rpc("primary", "eth_call"):
            pass
        assert (rpc(registry, "success"), rpc(registry, "error")) == (1, 1)
        succeeded = rpc_success_time(registry)
        assert succeeded is not None
        assert succeeded >= before

    def test_an_error_answer_is_no_success(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        with metrics.rpc("primary", "eth_call") as call:
            call.failed()
        assert (rpc(registry, "success"), rpc(registry, "error")) == (0, 1)
        assert rpc_success_time(registry) is None

    def test_latency_holds_errors_too(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        for error in (True, False):
            with metrics.request("/v1/sign") as call:
                if error:
                    call.failed()
        assert registry.get_sample_value("wallet_request_duration_seconds_count", {"route": "/v1/sign"}) == 2

    def test_recoveries_are_counted_by_reason_and_source(
        self, metrics: WalletMetrics, registry: CollectorRegistry
    ) -> None:
        metrics.recovery_failed(reason="invalid_word", source="cli")
        labels = {"reason": "invalid_word", "source": "cli"}
        assert registry.get_sample_value("mnemonic_recovery_failures_total", labels) == 1

    def test_a_cancelled_call_is_neither_success_nor_error(
        self, metrics: WalletMetrics, registry: CollectorRegistry
    ) -> None:
        async def hedged() -> None:
            entered = asyncio.Event()

            async def call() -> None:
                with metrics.rpc("primary", "eth_call"):
                    entered.set()
                    await asyncio.Event().wait()

            loser = asyncio.create_task(call())
            await entered.wait()
            loser.cancel()
            with pytest.raises(asyncio.CancelledError):
                await loser

        asyncio.run(hedged())
        assert (rpc(registry, "success"), rpc(registry, "error")) == (0, 0)
        labels = {"endpoint": "primary", "method": "eth_call"}
        assert registry.get_sample_value("wallet_rpc_request_duration_seconds_count", labels) == 0

    def test_a_deadline_inside_the_block_is_an_error(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        async def call() -> None:
            with metrics.rpc("primary", "eth_call"):
                async with asyncio.timeout(0.01):
                    await asyncio.Event().wait()

        with pytest.raises(TimeoutError):
            asyncio.run(call())
        assert rpc(registry, "error") == 1


class TestDecorators:
    def test_each_call_of_a_function_is_measured(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        @metrics.signing("ecdsa")
        def sign(payload: bytes, *, fail: bool = False) -> bytes:
            """Signs."""
            if fail:
                raise HsmBusyError
            return payload[::-1]

        assert sign(b"ab") == b"ba"
        assert sign(b"cd") == b"dc"
        with pytest.raises(HsmBusyError):
            sign(b"", fail=True)
        assert (signed(registry), failures(registry, "hsm_busy")) == (2, 1)
        assert (sign.__name__, sign.__doc__) == ("sign", "Signs.")

    def test_an_async_function_is_measured_until_it_is_done(
        self, metrics: WalletMetrics, registry: CollectorRegistry
    ) -> None:
        @metrics.rpc("primary", "eth_call")
        async def call(fail: bool) -> int:
            await asyncio.sleep(0.005)
            if fail:
                raise ConnectionError
            return 7

        async def both() -> tuple[int | BaseException, int | BaseException]:
            return await asyncio.gather(call(False), call(True), return_exceptions=True)

        value, error = asyncio.run(both())
        assert value == 7
        assert isinstance(error, ConnectionError)
        assert (rpc(registry, "success"), rpc(registry, "error")) == (1, 1)
        labels = {"endpoint": "primary", "method": "eth_call"}
        total = registry.get_sample_value("wallet_rpc_request_duration_seconds_sum", labels)
        assert total is not None
        assert total >= 0.01

    def test_a_partial_of_an_async_function_is_async(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        async def call(answer: int) -> int:
            await asyncio.sleep(0)
            raise ConnectionError(answer)

        measured: Callable[[], Awaitable[int]] = metrics.rpc("primary", "eth_call")(functools.partial(call, 1))

        async def wait() -> None:
            await measured()

        with pytest.raises(ConnectionError):
            asyncio.run(wait())
        assert (rpc(registry, "success"), rpc(registry, "error")) == (0, 1)

    def test_recursion_measures_every_level(self, metrics: WalletMetrics, registry: CollectorRegistry) -> None:
        @metrics.signing("ecdsa")
        def sign(depth: int) -> None:
            time.sleep(0.005)
            if depth:
                sign(depth - 1)

        sign(3)
        assert signed(registry) == 4
        total = registry.get_sample_value("tx_sign_latency_seconds_sum", {"algorithm": "ecdsa"})
        assert total is not None
        assert total >= (1 + 2 + 3 + 4) * 0.005

    def test_a_generator_function_is_refused(self, metrics: WalletMetrics) -> None:
        def stream() -> Iterator[int]:
            yield 1

        with pytest.raises(TypeError, match="generator function: use `with`"):
            metrics.signing("ecdsa")(stream)


class TestSetUp:
    def test_a_second_one_on_a_registry_is_refused_and_leaves_the_first_alone(
        self, metrics: WalletMetrics, registry: CollectorRegistry
    ) -> None:
        before = set(openmetrics(metrics))
        with pytest.raises(ValueError, match="one WalletMetrics per registry"):
            WalletMetrics(registry=registry)
        assert set(openmetrics(metrics)) == before

    def test_a_metric_of_the_same_name_is_a_conflict_and_nothing_is_registered(self) -> None:
        registry = CollectorRegistry()
        Counter("wallet_requests_total", "The service's own.", registry=registry)
        with pytest.raises(ValueError, match="wallet_requests"):
            WalletMetrics(registry=registry)
        assert [metric.name for metric in registry.collect()] == ["wallet_requests"]

    @pytest.mark.parametrize(
        ("arguments", "error", "sentence"),
        [
            ({"registry": object()}, TypeError, "must be a prometheus_client.CollectorRegistry, not object"),
            ({"routes": "/v1/sign"}, TypeError, "routes must be a collection of strings, not '/v1/sign'"),
            ({"routes": [7]}, TypeError, "routes must contain strings, not 7"),
            ({"routes": 7}, TypeError, "routes must be a collection of strings, not 7"),
            ({"routes": ["/" + "x" * 128]}, ValueError, "has 129 characters, more than 128"),
            ({"routes": [""]}, ValueError, "cannot be a value of label 'route'.*it is empty"),
            ({"algorithms": ["a\x00b"]}, ValueError, "contains a control character"),
            ({"algorithms": ["\ud800"]}, ValueError, "is not valid Unicode text"),
            ({"rpc_calls": ["primary"]}, TypeError, "rpc_calls must map endpoint names to methods, not be a list"),
            ({"rpc_calls": {"primary": "eth_call"}}, TypeError, r"rpc_calls\['primary'\] must be a collection"),
            ({"rpc_calls": {"https://rpc.example/KEY": ["eth_call"]}}, ValueError, "is a URL, which may hold a key"),
            (
                {"sign_failure_reasons": [HsmBusyError]},
                TypeError,
                "must map exception classes to reasons, not be a list",
            ),
            ({"sign_failure_reasons": {"HsmBusy": "busy"}}, TypeError, "'HsmBusy' is not one"),
            ({"sign_failure_reasons": {HsmBusyError: 1}}, TypeError, "must contain strings, not 1"),
            (
                {"sign_failure_reasons": {HsmBusyError: ""}},
                ValueError,
                "cannot be a reason why signing failed: it is empty",
            ),
            ({"max_label_values": 0}, ValueError, "must be a whole number of at least 1, not 0"),
            ({"max_label_values": "5"}, ValueError, "must be a whole number of at least 1, not '5'"),
            ({"routes": ["/a", "/b"], "max_label_values": 1}, ValueError, "more label values than max_label_values=1"),
        ],
    )
    def test_a_mistake_raises_and_says_what_is_wrong(
        self, arguments: dict[str, object], error: type[Exception], sentence: str
    ) -> None:
        registry = CollectorRegistry()
        with pytest.raises(error, match=sentence):
            WalletMetrics(**{"registry": registry, **arguments})  # type: ignore[arg-type]
        assert list(registry.collect()) == []


def test_threads_lose_nothing(metrics: WalletMetrics, registry: CollectorRegistry) -> None:
    threads, rounds = 8, 300
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        start.wait()
        for turn in range(rounds):
            with metrics.signing("ecdsa"), metrics.request(f"/v{turn % 150}"):
                metrics.recovery_failed(reason="invalid_word", source="cli")
            metrics.heartbeat()
            metrics.sync(height=turn, network_height=turn + number)
            if turn % 100 == 0:
                metrics.exposition(OPENMETRICS)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()
    assert signed(registry) == threads * rounds
    labels = {"reason": "invalid_word", "source": "cli"}
    assert registry.get_sample_value("mnemonic_recovery_failures_total", labels) == threads * rounds
    requests = [sample for sample in openmetrics(metrics)["wallet_requests"] if sample.labels["outcome"] == "success"]
    assert sum(sample.value for sample in requests) == threads * rounds
    assert len(requests) == 101  # a hundred routes, and the overflow


def test_blocks_hold_on_to_nothing(metrics: WalletMetrics) -> None:
    class Payload:
        pass

    def use() -> None:
        payload = Payload()
        with metrics.signing("ecdsa", exemplar=lambda: {"size": str(len(repr(payload)))}):
            pass

    for _ in range(50):
        use()
    gc.collect()
    assert not [found for found in gc.get_objects() if isinstance(found, Payload)]
