"""`SseMetrics`: what a service that streams events to clients holds on to and calls.

The two rules of `WalletMetrics` hold here too: at set-up a mistake raises, and afterwards nothing does. What clients
say (headers, addresses) is never a label value.
"""

import time
from collections.abc import Callable, Iterable

from prometheus_client import REGISTRY, CollectorRegistry

from walletmon.instrument import arrival, families
from walletmon.instrument.arrival import Arrival, Headers
from walletmon.instrument.clients import Client, ClientSample
from walletmon.instrument.collector import Exemplar
from walletmon.instrument.connection import Connection
from walletmon.instrument.deliveries import Deliveries
from walletmon.instrument.gauges import Levels, ReadValues, Samples, WatchedValues
from walletmon.instrument.guard import OVERFLOW, exact, objection
from walletmon.instrument.moments import seconds_since
from walletmon.instrument.process import ProcessMetrics, texts
from walletmon.instrument.sources import SourceNetworks

LONGEST_RECONNECT = 3600.0
"""Seconds a client may have tried to reconnect; what claims more was asleep or has another time."""


class SseMetrics(ProcessMetrics):
    """The metrics of one process that serves server-sent events. Thread-safe; one per registry and process.

    Declare the paths that are known: their counters start at 0, so that `rate()` sees the very first failure. Paths not
    declared work too and start when they are first used.
    """

    def __init__(
        self,
        *,
        registry: CollectorRegistry = REGISTRY,
        paths: Iterable[str] = (),
        drop_reasons: Iterable[str] = ("buffer_full",),
        node: str | None = None,
        region: str | None = None,
        max_label_values: int = 100,
    ) -> None:
        """Register everything with `registry`, along with prometheus-client's process_* and python_* if it lacks them.

        Args:
            registry: where to register; nothing is registered if this raises.
            paths: routes of the streams, as patterns (`/streams/{topic}`), never with a value in them.
            drop_reasons: why events are dropped, as far as it is known.
            node: name of the node on which this process runs.
            region: name of the region in which it runs.
            max_label_values: distinct values admitted per label of a metric.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a value is not fit for a label; the registry already holds one of the metrics, as after a second
                `SseMetrics`; or prometheus-client runs in multi-process mode, which this does not support.
        """
        super().__init__(registry, max_label_values, families.SSE_REFUSALS)
        self._place = _place(node, region)
        self._drop_reasons = texts("drop_reasons", drop_reasons)
        self._clients = ClientSample()
        self._networks = SourceNetworks()
        self._draining = False
        self._known_paths: frozenset[str] = frozenset({OVERFLOW})

        self._active = Levels(families.SSE_ACTIVE, max_label_values, self._refusals)
        self._connections = self._guarded(families.SSE_CONNECTIONS)
        self._disconnects = self._guarded(families.SSE_DISCONNECTS)
        self._reconnects = self._guarded(families.SSE_RECONNECTS)
        self._reconnect_latency = self._guarded(families.SSE_RECONNECT_LATENCY)
        self._durations = self._guarded(families.SSE_CONNECTION_DURATION)
        self._deliveries = Deliveries(self._guarded, self._refusals)
        self._backlog = WatchedValues(families.SSE_BACKLOG, max_label_values, self._refusals)
        for family, label in (
            (families.SSE_DISCONNECTS, "reason"),
            (families.SSE_RECONNECT_LATENCY, "value"),
            (families.SSE_SAMPLE, "value"),
            (families.SSE_SOURCES, "value"),
        ):
            self._refusals.expect(family.name, label)

        self._reconnect_latency.declare()
        for path in texts("paths", paths):
            self._declare(path)
        self._register(
            families.SSE_FAMILIES,
            [
                self._active,
                self._connections,
                self._disconnects,
                self._reconnects,
                self._reconnect_latency,
                self._durations,
                *self._deliveries.sources,
                self._backlog,
                ReadValues(families.SSE_DRAINING, lambda: _sample(self._draining)),
                ReadValues(families.SSE_NODE_INFO, lambda: [] if self._place is None else [(self._place, 1.0)]),
                ReadValues(families.SSE_UA_ENTROPY, lambda: _sample(self._clients.entropy())),
                ReadValues(families.SSE_DURATION_SKEWNESS, lambda: _sample(self._clients.skewness())),
                ReadValues(families.SSE_SESSION_CONSISTENCY, lambda: _sample(self._clients.consistency())),
                ReadValues(families.SSE_SAMPLE, lambda: _sample(self._clients.size())),
                ReadValues(families.SSE_SOURCE_DISPERSION, lambda: _sample(self._networks.dispersion())),
                ReadValues(families.SSE_SOURCES, lambda: _sample(self._networks.distinct())),
            ],
        )

    def connect(
        self,
        path: str,
        *,
        headers: Headers | None = None,
        source: str | None = None,
        reconnect_stamp: str | float | None = None,
    ) -> Connection:
        """A client's stream was accepted. Close what this returns when it is over, or use it in a `with` block.

        Args:
            path: the route's pattern, not the path.
            headers: the request's headers, as the framework has them. Of them `User-Agent`, `Last-Event-ID` and
                `X-Reconnect-Timestamp` are read, in any case, and none is kept.
            source: the client's IP address, as your own proxy tells it; only its network is counted, by a hash.
            reconnect_stamp: when the client began to reconnect (Unix time in milliseconds, number or text), if it says
                so otherwise than by that header: a browser's `EventSource` can send no header, but a query parameter.
        """
        label = self._label(path)
        client = self._arrived(headers, reconnect_stamp)
        self._connections.count(label)
        self._active.add(1, label)
        if client.returns:
            self._reconnects.count(label)
            self._reconnected(client, families.SUCCESS)
        network = None if source is None else self._from(source)
        agent = client.user_agent
        fingerprint = None if agent is None else self._clients.client(agent, network)

        def ended(seconds: float, reason: object) -> None:
            self._disconnected(label, fingerprint, seconds, reason)

        return Connection(label, self._deliveries, ended)

    def reconnect_failed(
        self,
        *,
        headers: Headers | None = None,
        reconnect_stamp: str | float | None = None,
        timed_out: bool = False,
    ) -> None:
        """A client that came back was turned away, or not let in before its time was up. Without a reconnect stamp, in
        `headers` or given as in `connect`, nothing is known to count."""
        self._reconnected(self._arrived(headers, reconnect_stamp), "timeout" if timed_out else "failed")

    def queued(self, path: str, events: float = 1) -> None:
        """Events were handed to the streams of `path`, counted once for each connection that they are for."""
        self._deliveries.queued(self._label(path), events)

    def delivered(self, path: str, generated: float | None = None, *, exemplar: Exemplar = None) -> None:
        """An event was written to a connection of `path`; see `Connection.delivered`."""
        self._deliveries.delivered(self._label(path), generated, exemplar=exemplar)

    def dropped(self, path: str, reason: str, events: float = 1) -> None:
        """Events will never be written to a connection of `path`, counted once for each connection."""
        self._deliveries.dropped(self._label(path), reason, events)

    def backlog(self, path: str, events: float | None) -> None:
        """Say how many events of `path` wait to be delivered; None if that is not known now."""
        self._backlog.set(events, path)

    def watch_backlog(self, path: str, read: Callable[[], float | None]) -> None:
        """Take the backlog of `path` from `read()` at each scrape, in the scraper's thread: it must be quick.

        While `read` gives None, raises, or gives what is no number of at least 0, there is no sample.

        Raises:
            TypeError: `read` is no function.
            ValueError: `path` is not fit for a label, one too many, or watched already.
        """
        self._backlog.watch(read, path)

    def drain(self) -> None:
        """Say that this process lets its connections go and then ends, as in a deploy. From now on connections that
        the server or the client ends count as `drain`."""
        self._draining = True

    def _declare(self, path: str) -> None:
        self._active.declare(path)
        for guarded in (self._connections, self._disconnects, self._reconnects, self._durations):
            guarded.declare(path)
        self._deliveries.declare(path, self._drop_reasons)
        self._known_paths |= {path}

    def _label(self, path: object) -> str:
        """What stands for `path` in every metric; the series of one not seen before start at 0."""
        plain = exact(path)
        if plain is not None and plain in self._known_paths:
            return plain
        (label,) = self._connections.start(path)
        if label not in self._known_paths:
            self._active.add(0, label)
            for guarded in (self._disconnects, self._reconnects, self._durations):
                guarded.start(label)
            self._deliveries.start(label, self._drop_reasons)
            self._known_paths |= {label}
        return label

    def _arrived(self, headers: object, reconnect_stamp: object) -> Arrival:
        found = arrival.read(headers, reconnect_stamp)
        if found is None:
            self._refusals.count(families.SSE_SAMPLE.name, "value")
            found = Arrival(None, reconnect_stamp, reconnect_stamp is not None)
        return found

    def _reconnected(self, client: Arrival, status: str) -> None:
        if client.stamp is None:
            return
        seconds = seconds_since(arrival.stamp_seconds(client.stamp), time.time(), LONGEST_RECONNECT)
        if seconds is None:
            self._refusals.count(families.SSE_RECONNECT_LATENCY.name, "value")
        else:
            self._reconnect_latency.observe(ending=status, seconds=seconds)

    def _from(self, source: object) -> int | None:
        network = self._networks.network(source)
        if network is None or not self._networks.opened(network):
            self._refusals.count(families.SSE_SOURCES.name, "value")
        return network

    def _disconnected(self, label: str, client: Client | None, seconds: float, given: object) -> None:
        reason = exact(given)
        if reason not in families.DISCONNECT_REASONS:
            self._refusals.count(families.SSE_DISCONNECTS.name, "reason")
            reason = OVERFLOW
        elif self._draining and reason in ("client", "server"):
            reason = "drain"
        self._active.add(-1, label)
        self._disconnects.count(label, ending=reason)
        self._durations.observe(label, seconds=seconds)
        if client is not None:
            self._clients.ended(client, seconds)


def _place(node: str | None, region: str | None) -> tuple[str, str] | None:
    for name, value in (("node", node), ("region", region)):
        if value is not None and (reason := objection(value)):
            raise ValueError(f"{value!r} cannot be a value of label {name!r}: it {reason}")
    return None if node is None and region is None else (node or "", region or "")


def _sample(value: float | None) -> Samples:
    return [] if value is None else [((), float(value))]
