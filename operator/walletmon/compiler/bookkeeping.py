"""What a monitor expects, as series: no scraped series tells of what is not there.

The group `<monitor>.walletmon` records `walletmon:wallet:expected{wallet}` for each wallet that some target's metrics
should tell about, `walletmon:target:expected{target}` for each target, and the thresholds that differ between wallets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import promql_parser as promql

from walletmon.api.monitor import WalletMonitor
from walletmon.compiler.scraping import watched_wallets
from walletmon.compiler.thresholds import PackUses, metric_of
from walletmon.language.quantity import plain

LOOKBACK_SECONDS = 300
"""How long Prometheus takes the last sample of a series for its present value (its default)."""

Record = dict[str, Any]


def expectations(monitor: WalletMonitor) -> Iterator[Record]:
    """The rules that record which wallets and targets there should be."""
    for name in watched_wallets(monitor):
        yield _constant(monitor, "walletmon:wallet:expected", "1", wallet=name)
    for target in monitor.spec.targets or ():
        wallet = {} if target.wallet is None else {"wallet": target.wallet}
        yield _constant(monitor, "walletmon:target:expected", "1", target=target.name, **wallet)


def threshold_series(monitor: WalletMonitor, uses: PackUses) -> Iterator[Record]:
    """The rules that record the thresholds which differ between wallets; the others stand in expressions as numbers."""
    wallets = monitor.spec.wallets
    common = uses.common(wallet.name for wallet in wallets)
    shared = any(target.wallet is None and target.wallet_from is None for target in monitor.spec.targets or ())
    for name, figure in uses.figures.items():
        if common[name] is not None:
            continue
        for wallet in wallets:
            yield _constant(monitor, metric_of(name), plain(figure.of(wallet.name)), wallet=wallet.name)
        if shared:
            # Series of a target that belongs to no wallet are judged by the monitor's own figure.
            yield _constant(monitor, metric_of(name), plain(figure.default))


def bookkeeping_interval(interval: str) -> str:
    """As `interval`, but often enough that what is recorded never falls out of Prometheus' lookback in between."""
    return "2m" if promql.parse_duration(interval).total_seconds() > LOOKBACK_SECONDS / 2 else interval


def _constant(monitor: WalletMonitor, record: str, value: str, **labels: str) -> Record:
    own = {"namespace": monitor.metadata.namespace, "walletmon": monitor.metadata.name}
    return {"record": record, "expr": f"vector({value})", "labels": {**own, **labels}}
