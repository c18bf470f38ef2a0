"""What a service that streams events calls, and what a scraper then sees."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from walletmon.instrument import OVERFLOW, DecisionMetrics, SseMetrics, WalletMetrics
from walletmon.instrument.families import SSE_FAMILIES

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
PATH = "/v1/alerts"
parse_openmetrics: Callable[[str], Any] = openmetrics_parser.text_string_to_metric_families


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def sse(registry: CollectorRegistry) -> SseMetrics:
    return SseMetrics(registry=registry, paths=[PATH], node="node-1", region="eu-west-1")


@pytest.fixture
def value(registry: CollectorRegistry) -> Callable[..., float | None]:
    def read(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    return read


Value = Callable[..., float | None]


def ended(value: Value) -> dict[str, float]:
    """How connections of the path ended, those that did."""
    reasons = ("client", "server", "error", "timeout", "drain", OVERFLOW)
    counts = {reason: value("sse_disconnect_total", path=PATH, reason=reason) for reason in reasons}
    return {reason: count for reason, count in counts.items() if count}


def refused(value: Value, metric: str, label: str) -> float | None:
    return value("sse_instrument_refusals_total", metric=metric, label=label)


def milliseconds(ago: float) -> str:
    """A reconnect stamp of `ago` seconds ago."""
    return str(int((time.time() - ago) * 1000))


class TestExposition:
    def test_every_family_comes_out_under_its_documented_name_type_and_labels(self, sse: SseMetrics) -> None:
        for number in range(4):
            with sse.connect(PATH, headers={"User-Agent": "a"}, source="192.0.2.1"):
                time.sleep(0.001 * number)
        sse.backlog(PATH, 3)
        found = {family.name: family for family in parse_text(sse.exposition(None)[0].decode())}
        for family in SSE_FAMILIES:
            parsed = found[family.name.removesuffix("_total")]
            assert parsed.type == family.type
            assert parsed.documentation == family.help
            for sample in parsed.samples:
                assert set(sample.labels) - {"le"} == set(family.labels), sample

    def test_a_declared_path_starts_at_zero_and_claims_nothing_unknown(self, sse: SseMetrics, value: Value) -> None:
        assert value("sse_active_connections", path=PATH) == 0
        assert value("sse_events_dropped_total", path=PATH, reason="buffer_full") == 0
        assert value("sse_disconnect_total", path=PATH, reason="error") == 0
        assert value("sse_reconnect_latency_seconds_count", status="failed") == 0
        assert value("sse_connection_duration_seconds_count", path=PATH) == 0
        assert value("sse_client_sample_connections") == 0
        unknown = ("sse_sources", "sse_source_dispersion", "sse_client_ua_entropy_bits", "sse_client_duration_skewness")
        assert [value(name) for name in unknown] == [None] * 4
        assert value("sse_backlog_events", path=PATH) is None

    def test_a_path_that_was_not_declared_starts_at_zero_when_first_used(self, sse: SseMetrics, value: Value) -> None:
        sse.queued("/v2")
        assert value("sse_events_total", path="/v2") == 1
        assert value("sse_events_dropped_total", path="/v2", reason="buffer_full") == 0
        assert value("sse_disconnect_total", path="/v2", reason="error") == 0
        assert value("sse_active_connections", path="/v2") == 0

    def test_the_three_kinds_of_metrics_share_a_registry(self, sse: SseMetrics, registry: CollectorRegistry) -> None:
        WalletMetrics(registry=registry)
        DecisionMetrics(registry=registry)
        names = [family.name for family in parse_openmetrics(sse.exposition(OPENMETRICS)[0].decode())]
        assert len(names) == len(set(names))

    @pytest.mark.parametrize(
        ("node", "region", "labels"),
        [
            ("n1", "r1", {"node": "n1", "region": "r1"}),
            ("n1", None, {"node": "n1", "region": ""}),
            (None, "r1", {"node": "", "region": "r1"}),
        ],
    )
    def test_the_node_is_told_as_far_as_it_is_known(
        self, registry: CollectorRegistry, value: Value, node: str | None, region: str | None, labels: dict[str, str]
    ) -> None:
        SseMetrics(registry=registry, node=node, region=region)
        assert value("sse_node_info", **labels) == 1

    def test_a_process_that_knows_no_node_says_none(self, registry: CollectorRegistry) -> None:
        SseMetrics(registry=registry)
        assert "sse_node_info" not in {metric.name for metric in registry.collect()}

    def test_buckets_are_those_of_the_page(self, sse: SseMetrics) -> None:
        found = {family.name: family for family in parse_text(sse.exposition(None)[0].decode())}

        def bounds(name: str, **labels: str) -> list[float]:
            samples = (each for each in found[name].samples if each.name.endswith("_bucket"))
            return [float(each.labels["le"]) for each in samples if labels.items() <= each.labels.items()][:-1]

        assert bounds("sse_reconnect_latency_seconds", status="success") == [0.008 * 2**power for power in range(15)]
        seconds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400]
        assert bounds("sse_connection_duration_seconds", path=PATH) == seconds


class TestConnections:
    def test_a_connection_counts_while_it_is_open(self, sse: SseMetrics, value: Value) -> None:
        with sse.connect(PATH), sse.connect(PATH):
            assert value("sse_active_connections", path=PATH) == 2
            assert value("sse_connections_total", path=PATH) == 2
        assert value("sse_active_connections", path=PATH) == 0
        assert ended(value) == {"server": 2}
        assert value("sse_connection_duration_seconds_count", path=PATH) == 2

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (BrokenPipeError(), "client"),
            (ConnectionResetError(), "client"),
            (GeneratorExit(), "client"),
            (asyncio.CancelledError(), "client"),
            (TimeoutError(), "timeout"),
            (ConnectionRefusedError(), "error"),
            (KeyError("k"), "error"),
            (KeyboardInterrupt(), "server"),
            (SystemExit(), "server"),
        ],
    )
    def test_the_end_of_the_block_tells_what_ended_it(
        self, sse: SseMetrics, value: Value, error: BaseException, reason: str
    ) -> None:
        with pytest.raises(type(error)) as raised, sse.connect(PATH):
            raise error
        assert raised.value is error
        assert ended(value) == {reason: 1}
        assert value("sse_active_connections", path=PATH) == 0

    def test_a_reason_given_goes_before_that_of_the_end(self, sse: SseMetrics, value: Value) -> None:
        with pytest.raises(OSError, match="gone"), sse.connect(PATH) as connection:  # noqa: PT012
            connection.close("timeout")
            raise OSError("gone")
        connection.close("error")
        assert ended(value) == {"timeout": 1}
        assert value("sse_active_connections", path=PATH) == 0

    @pytest.mark.parametrize("reason", ["bored", "", None, 7, b"client", ["client"]])
    def test_a_reason_that_is_none_is_folded_and_counted(self, sse: SseMetrics, value: Value, reason: Any) -> None:
        sse.connect(PATH).close(reason)
        assert ended(value) == {OVERFLOW: 1}
        assert refused(value, "sse_disconnect_total", "reason") == 1

    def test_a_generator_that_is_closed_lost_its_client(self, sse: SseMetrics, value: Value) -> None:
        def stream() -> Iterator[bytes]:
            with sse.connect(PATH):
                yield b"data: 1\n\n"
                yield b"data: 2\n\n"

        response = stream()
        next(response)
        response.close()  # type: ignore[attr-defined]  # what a WSGI server does when the client has gone
        assert ended(value) == {"client": 1}

    def test_a_handler_that_is_cancelled_lost_its_client(self, sse: SseMetrics, value: Value) -> None:
        async def serve() -> None:
            entered = asyncio.Event()

            async def handler() -> None:
                with sse.connect(PATH):
                    entered.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(handler())
            await entered.wait()
            assert value("sse_active_connections", path=PATH) == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(serve())
        assert ended(value) == {"client": 1}

    def test_while_draining_connections_end_by_it_unless_something_broke(self, sse: SseMetrics, value: Value) -> None:
        assert value("sse_draining") == 0
        sse.drain()
        assert value("sse_draining") == 1
        for reason in ("client", "server", "drain", "error", "timeout"):
            sse.connect(PATH).close(reason)
        assert ended(value) == {"drain": 3, "error": 1, "timeout": 1}


class TestReconnects:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Last-Event-ID": "17"},
            {"last-event-id": "17"},
            {"LAST-EVENT-ID": "17"},
            {"X-Reconnect-Timestamp": milliseconds(0)},
        ],
    )
    def test_a_client_that_was_here_before_is_a_reconnect(
        self, sse: SseMetrics, value: Value, headers: dict[str, str]
    ) -> None:
        with sse.connect(PATH, headers=headers):
            assert value("sse_reconnects_total", path=PATH) == 1

    @pytest.mark.parametrize("headers", [None, {}, {"Last-Event-ID": ""}, {"X-Reconnect-Timestamp": ""}])
    def test_a_first_connection_is_none(self, sse: SseMetrics, value: Value, headers: dict[str, str] | None) -> None:
        sse.connect(PATH, headers=headers).close()
        assert value("sse_reconnects_total", path=PATH) == 0
        assert refused(value, "sse_reconnect_latency_seconds", "value") == 0

    def test_headers_of_the_standard_library_are_read(self, sse: SseMetrics, value: Value) -> None:
        headers = Message()
        headers["Last-Event-ID"] = "17"
        sse.connect(PATH, headers=headers).close()
        assert value("sse_reconnects_total", path=PATH) == 1

    @pytest.mark.parametrize("as_number", [True, False])
    def test_the_stamp_tells_how_long_it_took(self, sse: SseMetrics, value: Value, as_number: bool) -> None:
        stamp = milliseconds(20)
        sse.connect(PATH, reconnect_stamp=int(stamp) if as_number else stamp).close()
        total = value("sse_reconnect_latency_seconds_sum", status="success")
        assert value("sse_reconnect_latency_seconds_count", status="success") == 1
        assert total is not None
        assert 20 <= total < 30

    def test_a_stamp_given_goes_before_the_header(self, sse: SseMetrics, value: Value) -> None:
        headers = {"X-Reconnect-Timestamp": milliseconds(2000)}
        sse.connect(PATH, headers=headers, reconnect_stamp=milliseconds(1)).close()
        assert value("sse_reconnect_latency_seconds_bucket", status="success", le="16.384") == 1

    def test_a_clock_a_little_ahead_means_just_now(self, sse: SseMetrics, value: Value) -> None:
        sse.connect(PATH, reconnect_stamp=milliseconds(-0.5)).close()
        assert value("sse_reconnect_latency_seconds_sum", status="success") == 0

    @pytest.mark.parametrize(
        "stamp",
        ["yesterday", "-1", "1e400", "９" * 13, "1" * 17, 10**400, float("nan")],
    )
    def test_a_stamp_that_cannot_be_is_refused_and_the_connection_counts(
        self, sse: SseMetrics, value: Value, stamp: Any
    ) -> None:
        self._refused(sse, value, stamp)

    @pytest.mark.parametrize("seconds_ago", [-60, 7200])
    def test_a_stamp_of_another_time_is_refused_and_the_connection_counts(
        self, sse: SseMetrics, value: Value, seconds_ago: float
    ) -> None:
        self._refused(sse, value, milliseconds(seconds_ago))

    @staticmethod
    def _refused(sse: SseMetrics, value: Value, stamp: Any) -> None:
        sse.connect(PATH, reconnect_stamp=stamp).close()
        assert value("sse_reconnect_latency_seconds_count", status="success") == 0
        assert value("sse_reconnects_total", path=PATH) == 1
        assert refused(value, "sse_reconnect_latency_seconds", "value") == 1

    @pytest.mark.parametrize(("timed_out", "status"), [(True, "timeout"), (False, "failed")])
    def test_a_client_turned_away_counts_by_why(
        self, sse: SseMetrics, value: Value, timed_out: bool, status: str
    ) -> None:
        sse.reconnect_failed(headers={"X-Reconnect-Timestamp": milliseconds(3)}, timed_out=timed_out)
        assert value("sse_reconnect_latency_seconds_count", status=status) == 1
        assert value("sse_connections_total", path=PATH) == 0

    def test_nothing_is_known_of_one_turned_away_without_a_stamp(self, sse: SseMetrics, value: Value) -> None:
        sse.reconnect_failed(headers={"Last-Event-ID": "17"})
        assert value("sse_reconnect_latency_seconds_count", status="failed") == 0


class TestEvents:
    def test_events_are_followed_from_the_stream_to_the_client(self, sse: SseMetrics, value: Value) -> None:
        sse.queued(PATH, 3)
        with sse.connect(PATH) as connection:
            connection.queued()
            connection.delivered(time.time() - 2)
            connection.delivered()
            connection.dropped("buffer_full")
        sse.delivered(PATH)
        sse.dropped(PATH, "too_old", 2)
        assert value("sse_events_total", path=PATH) == 4
        assert value("sse_events_delivered_total", path=PATH) == 3
        assert value("sse_events_dropped_total", path=PATH, reason="buffer_full") == 1
        assert value("sse_events_dropped_total", path=PATH, reason="too_old") == 2
        assert value("sse_event_delivery_seconds_bucket", path=PATH, le="2.048") == 1
        assert value("sse_event_delivery_seconds_bucket", path=PATH, le="1.024") == 0

    @pytest.mark.parametrize("generated", [time.time() * 1000, time.time() - 10**6, -1.0, float("nan"), "now", True])
    def test_a_time_of_generation_that_cannot_be_is_left_out_and_the_event_counts(
        self, sse: SseMetrics, value: Value, generated: Any
    ) -> None:
        sse.delivered(PATH, generated)
        assert value("sse_events_delivered_total", path=PATH) == 1
        assert value("sse_event_delivery_seconds_count", path=PATH) == 0
        assert refused(value, "sse_event_delivery_seconds", "value") == 1

    @pytest.mark.parametrize("events", [-1, float("nan"), float("inf"), "3", None, True])
    def test_an_amount_that_is_none_is_left_out(self, sse: SseMetrics, value: Value, events: Any) -> None:
        sse.queued(PATH, events)
        assert value("sse_events_total", path=PATH) == 0
        assert refused(value, "sse_events_total", "value") == 1

    def test_a_slow_delivery_carries_its_trace(self, sse: SseMetrics) -> None:
        sse.delivered(PATH, time.time() - 1, exemplar={"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"})
        found = {family.name: family for family in parse_openmetrics(sse.exposition(OPENMETRICS)[0].decode())}
        exemplars = [each.exemplar for each in found["sse_event_delivery_seconds"].samples if each.exemplar]
        assert [each.labels for each in exemplars] == [{"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}]


class TestBacklog:
    def test_it_is_set_and_goes_when_it_is_not_known(self, sse: SseMetrics, value: Value) -> None:
        sse.backlog(PATH, 7)
        assert value("sse_backlog_events", path=PATH) == 7
        sse.backlog(PATH, None)
        assert value("sse_backlog_events", path=PATH) is None

    def test_it_is_read_at_each_scrape(self, sse: SseMetrics, value: Value) -> None:
        queue = [1, 2]
        sse.watch_backlog(PATH, lambda: len(queue))
        assert value("sse_backlog_events", path=PATH) == 2
        queue.append(3)
        assert value("sse_backlog_events", path=PATH) == 3

    @pytest.mark.parametrize(("answer", "counted"), [(None, 0), (-1, 1), ("many", 1), (RuntimeError(), 1)])
    def test_what_cannot_be_read_is_absent(self, sse: SseMetrics, value: Value, answer: Any, counted: int) -> None:
        answers = iter([5, answer])

        def read() -> Any:
            given = next(answers)
            if isinstance(given, Exception):
                raise given
            return given

        sse.watch_backlog(PATH, read)
        assert value("sse_backlog_events", path=PATH) == 5
        body = sse.exposition(None)[0].decode()
        assert "\nsse_backlog_events{" not in body
        assert f'sse_instrument_refusals_total{{label="value",metric="sse_backlog_events"}} {counted}.0\n' in body

    def test_a_mistake_at_set_up_raises(self, sse: SseMetrics) -> None:
        with pytest.raises(TypeError, match="must be read by a function, not 3"):
            sse.watch_backlog(PATH, 3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="looks like an address"):
            sse.watch_backlog("/0x52908400098527886E0F7030069857D2E4169EE7", lambda: 1)
        sse.watch_backlog(PATH, lambda: 1)
        with pytest.raises(ValueError, match="already watched"):
            sse.watch_backlog(PATH, lambda: 2)


class TestSetUp:
    def test_a_second_one_on_a_registry_is_refused(self, sse: SseMetrics, registry: CollectorRegistry) -> None:
        with pytest.raises(ValueError, match="one SseMetrics per registry"):
            SseMetrics(registry=registry)

    @pytest.mark.parametrize(
        ("arguments", "error", "sentence"),
        [
            ({"registry": object()}, TypeError, "must be a prometheus_client.CollectorRegistry"),
            ({"paths": PATH}, TypeError, "paths must be a collection of strings"),
            ({"paths": [7]}, TypeError, "paths must contain strings, not 7"),
            ({"paths": [""]}, ValueError, "cannot be a value of label 'path'.*it is empty"),
            ({"paths": ["/a"], "drop_reasons": ["a\x00"]}, ValueError, "contains a control character"),
            ({"drop_reasons": "full"}, TypeError, "drop_reasons must be a collection of strings"),
            ({"node": "https://node"}, ValueError, "label 'node'.*is a URL"),
            ({"node": 7}, ValueError, "label 'node'.*is of type int, not str"),
            ({"region": ""}, ValueError, "label 'region'.*is empty"),
            ({"max_label_values": 0}, ValueError, "must be a whole number of at least 1"),
            ({"paths": ["/a", "/b"], "max_label_values": 1}, ValueError, "more label values than max_label_values=1"),
        ],
    )
    def test_a_mistake_raises_and_nothing_is_registered(
        self, registry: CollectorRegistry, arguments: dict[str, Any], error: type[Exception], sentence: str
    ) -> None:
        with pytest.raises(error, match=sentence):
            SseMetrics(**{"registry": registry, **arguments})
        assert list(registry.collect()) == []


class Hostile:
    """Raises whatever is asked of it."""

    def _refuse(self, *_: object) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = __hash__ = __eq__ = __float__ = __len__ = __iter__ = __bool__ = items = _refuse


values = st.one_of(
    st.text(st.characters(codec=None), max_size=200),
    st.from_regex(r"[0-9a-fA-F:.x-]{3,70}"),
    st.none() | st.integers() | st.floats() | st.binary() | st.lists(st.text()) | st.builds(Hostile),
)
headers = values | st.dictionaries(
    st.sampled_from(["User-Agent", "Last-Event-ID", "X-Reconnect-Timestamp"]) | st.text(), values, max_size=4
)


class TestHostile:
    @given(st.lists(st.tuples(values, headers, values, values), max_size=6))
    def test_whatever_it_is_given_it_goes_on_and_both_formats_can_be_read_back(self, calls: list[Any]) -> None:
        registry = CollectorRegistry()
        sse = SseMetrics(registry=registry, max_label_values=4)
        for path, sent, one, other in calls:
            with sse.connect(path, headers=sent, source=one, reconnect_stamp=other) as connection:
                connection.queued(one)
                connection.delivered(other, exemplar=one)
                connection.dropped(other, one)
                connection.close(one)
            sse.reconnect_failed(headers=sent, reconnect_stamp=one, timed_out=other is None)
            sse.queued(path, other)
            sse.delivered(path, one)
            sse.dropped(path, one, other)
            sse.backlog(path, one)
        opened = {}
        for body, parse in (
            (sse.exposition(None)[0], parse_text),
            (sse.exposition(OPENMETRICS)[0], parse_openmetrics),
        ):
            families = {family.name: family for family in parse(body.decode())}
            samples = families["sse_connections"].samples
            opened = {sample.labels["path"]: sample.value for sample in samples}
            assert len(opened) <= 5
        assert sum(opened.values()) == len(calls)
        assert all(level == 0 for _, level in self.levels(registry))

    def levels(self, registry: CollectorRegistry) -> list[tuple[str, float]]:
        found = [metric for metric in registry.collect() if metric.name == "sse_active_connections"]
        return [(sample.labels["path"], sample.value) for metric in found for sample in metric.samples]

    def test_attacked_on_every_label_at_once_the_process_stays_scrapeable(self, registry: CollectorRegistry) -> None:
        sse = SseMetrics(registry=registry)
        for path in (f"/{number}" for number in range(105)):
            for reason in (f"r{number}" for number in range(105)):
                sse.dropped(path, reason)
            sse.delivered(path, time.time())
            sse.connect(path, headers={"User-Agent": path}, source=f"10.0.{path[1:]}.1").close()
        assert sum(len(metric.samples) for metric in registry.collect()) < 20_000
        assert refused_total(registry, "sse_connections_total", "path") > 0
        assert refused_total(registry, "sse_events_dropped_total", "reason") > 0

    def test_nothing_of_a_client_is_exposed(self, sse: SseMetrics) -> None:
        sent = {"User-Agent": "Secret/1.0", "Last-Event-ID": "event-9", "Authorization": "Bearer t0ken"}
        for _ in range(4):
            sse.connect(PATH, headers=sent, source="198.51.100.77").close()
        sse.connect(PATH, source="not an address").close()
        body = sse.exposition(OPENMETRICS)[0]
        for secret in (b"Secret", b"event-9", b"t0ken", b"198.51", b"not an address"):
            assert secret not in body

    def test_a_source_that_is_no_address_is_counted_as_refused(self, sse: SseMetrics, value: Value) -> None:
        sse.connect(PATH, source="localhost:80").close()
        assert refused(value, "sse_sources", "value") == 1
        assert value("sse_sources") is None


def refused_total(registry: CollectorRegistry, metric: str, label: str) -> float:
    return registry.get_sample_value("sse_instrument_refusals_total", {"metric": metric, "label": label}) or 0.0


def test_threads_lose_nothing(sse: SseMetrics, value: Value) -> None:
    threads, rounds = 8, 200
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        start.wait()
        for turn in range(rounds):
            with sse.connect(PATH, headers={"User-Agent": f"a{turn % 5}"}, source=f"10.0.{number}.1") as connection:
                connection.queued()
                connection.delivered(time.time())
            if turn % 50 == 0:
                sse.exposition(OPENMETRICS)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()
    total = threads * rounds
    assert value("sse_connections_total", path=PATH) == total
    assert ended(value) == {"server": total}
    assert value("sse_active_connections", path=PATH) == 0
    assert value("sse_events_delivered_total", path=PATH) == total
    assert value("sse_client_sample_connections") == total
    assert (value("sse_sources"), value("sse_source_dispersion")) == (threads, 0)


def test_connections_hold_on_to_nothing(sse: SseMetrics) -> None:
    class Request(dict[str, str]):
        pass

    for _ in range(50):
        with sse.connect(PATH, headers=Request({"User-Agent": "a"})):
            pass
    gc.collect()
    assert not [found for found in gc.get_objects() if isinstance(found, Request)]
