"""`WalletMetrics`: what a wallet service holds on to and calls.

Two rules shape it. At set-up a mistake raises, with a sentence that says what is wrong. At run time nothing raises,
whatever it is given: a bad label value is folded, a bad number or exemplar is left out, and
`wallet_instrument_refusals_total` counts it.
"""

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from prometheus_client import REGISTRY, CollectorRegistry

from walletmon.instrument import families
from walletmon.instrument.collector import Exemplar
from walletmon.instrument.gauges import ReadValues, Samples
from walletmon.instrument.guard import objection
from walletmon.instrument.host import Disk, MemoryLimit
from walletmon.instrument.measured import Measured, Signing
from walletmon.instrument.process import ProcessMetrics, texts


class WalletMetrics(ProcessMetrics):
    """The metrics of one wallet process. Thread-safe; one per registry and process.

    Declare what is known (algorithms, sources, routes, RPC calls): their counters start at 0, so that `rate()` sees
    the very first failure. Values not declared work too and start when first used.
    """

    def __init__(
        self,
        *,
        registry: CollectorRegistry = REGISTRY,
        algorithms: Iterable[str] = ("ecdsa",),
        sign_failure_reasons: Mapping[type[Exception], str] = MappingProxyType({}),
        recovery_sources: Iterable[str] = ("api", "cli", "import_ui"),
        routes: Iterable[str] = (),
        rpc_calls: Mapping[str, Iterable[str]] = MappingProxyType({}),
        max_label_values: int = 100,
    ) -> None:
        """Register everything with `registry`, along with prometheus-client's process_* and python_* if it lacks them.

        Args:
            registry: where to register; nothing is registered if this raises.
            algorithms: signature algorithms in use.
            sign_failure_reasons: the `reason` an exception stands for when it ends a signing, first match in order;
                `TimeoutError` is "timeout" and any other "error" unless named here.
            recovery_sources: ways by which a mnemonic can come in.
            routes: API routes, as patterns (`/v1/wallets/{id}`), never with a value in them.
            rpc_calls: for each RPC endpoint, by its configured name and never its URL, the methods called on it.
            max_label_values: distinct values admitted per label of a metric.

        Raises:
            TypeError: an argument is of the wrong type.
            ValueError: a declared value is not fit for a label; the registry already holds one of the metrics, as after
                a second `WalletMetrics`; or prometheus-client runs in multi-process mode, which this does not support.
        """
        super().__init__(registry, max_label_values, families.REFUSALS)
        self._reasons = _reasons(sign_failure_reasons)
        self._known_reasons = tuple(dict.fromkeys((*families.SIGN_FAILURE_REASONS, *self._reasons.values())))
        self._disks: dict[str, Disk] = {}
        self._memory_limit = MemoryLimit()

        self._sign_latency = self._guarded(families.SIGN_LATENCY)
        self._sign_failures = self._guarded(families.SIGN_FAILURES)
        self._recovery_failures = self._guarded(families.RECOVERY_FAILURES)
        self._requests = self._guarded(families.REQUESTS)
        self._request_duration = self._guarded(families.REQUEST_DURATION)
        self._rpc_requests = self._guarded(families.RPC_REQUESTS)
        self._rpc_duration = self._guarded(families.RPC_DURATION)
        self._rpc_last_success = self._known(families.RPC_LAST_SUCCESS)
        self._heartbeat = self._known(families.HEARTBEAT)
        self._sync_height = self._known(families.SYNC_HEIGHT)
        self._network_height = self._known(families.NETWORK_HEIGHT)
        self._sync_lag_blocks = self._known(families.SYNC_LAG_BLOCKS)
        self._sync_lag_seconds = self._known(families.SYNC_LAG_SECONDS)

        self._declare(algorithms, recovery_sources, routes, rpc_calls)
        self._register(
            families.WALLET_FAMILIES,
            [
                self._sign_latency,
                self._sign_failures,
                self._recovery_failures,
                self._requests,
                self._request_duration,
                self._rpc_requests,
                self._rpc_duration,
                self._rpc_last_success,
                self._heartbeat,
                self._sync_height,
                self._network_height,
                self._sync_lag_blocks,
                self._sync_lag_seconds,
                ReadValues(families.MEMORY_LIMIT, self._read_memory_limit),
                ReadValues(families.DISK_FREE, lambda: self._read_disks(free=True)),
                ReadValues(families.DISK_SIZE, lambda: self._read_disks(free=False)),
            ],
        )

    def signing(self, algorithm: str, *, exemplar: Exemplar = None) -> Signing:
        """Measure the production of one signature, as a block or a decorator.

        A success enters `tx_sign_latency_seconds`; a failure only `tx_sign_failures_total`, with the reason given to
        `Signing.failed` or else the one the exception stands for. `exemplar` goes with either.
        """
        (label,) = self._sign_latency.start(algorithm)
        for reason in self._known_reasons:
            self._sign_failures.start(label, reason)

        def settle(seconds: float, failure: str | None) -> None:
            if failure is None:
                self._sign_latency.observe(label, seconds=seconds, exemplar=exemplar)
            else:
                self._sign_failures.count(label, failure, exemplar=exemplar)

        return Signing(settle, self._reason_of)

    def request(self, route: str, *, exemplar: Exemplar = None) -> Measured:
        """Measure the serving of one API request, as a block or a decorator. `route` is the pattern, not the path."""
        labels = self._requests.start(route)

        def settle(seconds: float, failure: str | None) -> None:
            self._requests.count(*labels, ending=families.SUCCESS if failure is None else families.ERROR)
            self._request_duration.observe(*labels, seconds=seconds, exemplar=exemplar)

        return Measured(settle, self._reason_of)

    def rpc(self, endpoint: str, method: str, *, exemplar: Exemplar = None) -> Measured:
        """Measure one call to a chain's RPC, as a block or a decorator. `endpoint` is a configured name, never a URL.

        A JSON-RPC error answer raises nothing by itself: call `Measured.failed` then.
        """
        labels = self._rpc_requests.start(endpoint, method)

        def settle(seconds: float, failure: str | None) -> None:
            self._rpc_requests.count(*labels, ending=families.SUCCESS if failure is None else families.ERROR)
            self._rpc_duration.observe(*labels, seconds=seconds, exemplar=exemplar)
            if failure is None:
                self._rpc_last_success.set(time.time(), endpoint)

        return Measured(settle, self._reason_of)

    def recovery_failed(self, *, reason: str, source: str) -> None:
        """Count a mnemonic recovery that ended for good. `reason` is one of `derivation`, `entropy_mismatch`,
        `invalid_checksum`, `invalid_word`; a retry the user still has is none."""
        self._recovery_failures.count(reason, source)

    def heartbeat(self) -> None:
        """Say that the service's main loop has come round. Call it from that loop and nowhere else."""
        self._heartbeat.set(time.time())

    def sync(
        self,
        *,
        height: float | None = None,
        network_height: float | None = None,
        lag_seconds: float | None = None,
    ) -> None:
        """Say where the wallet stands on its chain. Every call replaces all of it: what is not given is not known now
        and disappears, so that an unreachable network cannot pass for one that stopped growing.

        Args:
            height: last block processed.
            network_height: last block of the network.
            lag_seconds: how much older the block processed is than the network's, in seconds, at least 0.
        """
        own = self._sync_height.set(height)
        network = self._network_height.set(network_height)
        self._sync_lag_blocks.set(None if own is None or network is None else max(0.0, network - own))
        self._sync_lag_seconds.set(lag_seconds)

    def watch_disk(self, volume: str, path: str | os.PathLike[str]) -> None:
        """Expose size and free space of the file system that holds `path`, read at each scrape.

        The path may appear later; until it can be read, there is no sample and the log says so once.

        Raises:
            TypeError: `path` is not a path.
            ValueError: `path` cannot be one, or `volume` is not fit for a label or already watched.
        """
        if reason := objection(volume):
            raise ValueError(f"{volume!r} cannot be a value of label 'volume': it {reason}")
        if volume in self._disks:
            raise ValueError(f"volume {volume!r} is already watched")
        if b"\0" in os.fsencode(path):
            raise ValueError(f"path {path!r} contains a null character")
        self._disks = {**self._disks, volume: Disk(volume, Path(path))}

    def _declare(
        self,
        algorithms: Iterable[str],
        recovery_sources: Iterable[str],
        routes: Iterable[str],
        rpc_calls: Mapping[str, Iterable[str]],
    ) -> None:
        for algorithm in texts("algorithms", algorithms):
            self._sign_latency.declare(algorithm)
            for reason in self._known_reasons:
                self._sign_failures.declare(algorithm, reason)
        for source in texts("recovery_sources", recovery_sources):
            for reason in families.RECOVERY_FAILURE_REASONS:
                self._recovery_failures.declare(reason, source)
        for route in texts("routes", routes):
            self._requests.declare(route)
            self._request_duration.declare(route)
        if not isinstance(rpc_calls, Mapping):
            raise TypeError(f"rpc_calls must map endpoint names to methods, not be a {type(rpc_calls).__name__}")
        for endpoint, methods in rpc_calls.items():
            for method in texts(f"rpc_calls[{endpoint!r}]", methods):
                self._rpc_requests.declare(endpoint, method)
                self._rpc_duration.declare(endpoint, method)

    def _reason_of(self, error: Exception) -> str:
        return next((reason for kind, reason in self._reasons.items() if isinstance(error, kind)), "error")

    def _read_memory_limit(self) -> Samples:
        limit = self._memory_limit.read()
        return [] if limit is None else [((), limit)]

    def _read_disks(self, *, free: bool) -> Samples:
        for disk in self._disks.values():
            if (space := disk.read()) is not None:
                yield (disk.volume,), space[0] if free else space[1]


def _reasons(given: Mapping[type[Exception], str]) -> dict[type[Exception], str]:
    if not isinstance(given, Mapping):
        raise TypeError(f"sign_failure_reasons must map exception classes to reasons, not be a {type(given).__name__}")
    for kind in given:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"sign_failure_reasons must map exception classes to reasons; {kind!r} is not one")
    for reason in texts("sign_failure_reasons", given.values()):
        if why := objection(reason):
            raise ValueError(f"{reason!r} cannot be a reason why signing failed: it {why}")
    return {**given, **({} if TimeoutError in given else {TimeoutError: "timeout"})}
