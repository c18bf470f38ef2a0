"""What a chain exporter is to expose of wallets by `docs/metrics.md`, read from a real chain."""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from wallet.chain import RpcUnavailableError

from tests.recordings.healthy_hour.chain import Rpc

WEI = 10**18


class ChainExporter:
    """One process of the exporter."""

    def __init__(self, addresses: Mapping[str, str], sources: Mapping[str, Mapping[str, Rpc]]) -> None:
        """`addresses` by wallet; `sources`: by wallet, the endpoints by their configured names."""
        self._addresses = addresses
        self._sources = sources
        self._pending_since: dict[tuple[str, str], float] = {}
        self._registry = CollectorRegistry()
        balance, nonce, head = ("wallet", "asset", "source"), ("wallet", "source"), ("wallet", "endpoint")
        self._coins = self._gauge("wallet_balance_coins", balance)
        self._smallest = self._gauge("wallet_balance_smallest_units", balance)
        self._balance_read = self._gauge("wallet_balance_snapshot_timestamp_seconds", balance)
        self._failures = Counter(
            "wallet_balance_read_failures_total", "see docs/metrics.md", balance, registry=self._registry
        )
        self._latest = self._gauge("wallet_nonce_latest", nonce)
        self._pending = self._gauge("wallet_nonce_pending", nonce)
        self._nonce_read = self._gauge("wallet_nonce_snapshot_timestamp_seconds", nonce)
        self._oldest = self._gauge("wallet_tx_oldest_pending_timestamp_seconds", nonce)
        self._height = self._gauge("wallet_endpoint_height_blocks", head)
        self._height_read = self._gauge("wallet_endpoint_snapshot_timestamp_seconds", head)
        for wallet, endpoints in sources.items():
            for source in endpoints:
                self._failures.labels(wallet, "native", source)

    async def read(self) -> None:
        """Read everything once from every source; what cannot be read stays as it was."""
        for wallet, endpoints in self._sources.items():
            for source, rpc in endpoints.items():
                try:
                    await self._read_from(wallet, source, rpc)
                except RpcUnavailableError:
                    self._failures.labels(wallet, "native", source).inc()

    async def _read_from(self, wallet: str, source: str, rpc: Rpc) -> None:
        address = self._addresses[wallet]
        height = await rpc.quantity("eth_blockNumber")
        self._height.labels(wallet, source).set(height)
        self._height_read.labels(wallet, source).set(time.time())

        wei = await rpc.quantity("eth_getBalance", address, hex(height))
        self._coins.labels(wallet, "native", source).set(wei / WEI)
        self._smallest.labels(wallet, "native", source).set(wei)
        self._balance_read.labels(wallet, "native", source).set(time.time())

        latest = await rpc.quantity("eth_getTransactionCount", address, "latest")
        pending = await rpc.quantity("eth_getTransactionCount", address, "pending")
        self._latest.labels(wallet, source).set(latest)
        self._pending.labels(wallet, source).set(pending)
        self._nonce_read.labels(wallet, source).set(time.time())
        if pending > latest:
            since = self._pending_since.setdefault((wallet, source), time.time())
            self._oldest.labels(wallet, source).set(since)
        elif self._pending_since.pop((wallet, source), None) is not None:
            self._oldest.remove(wallet, source)

    def exposition(self) -> str:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry).decode()

    def _gauge(self, name: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, "see docs/metrics.md", labels, registry=self._registry)
