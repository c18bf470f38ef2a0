"""Metrics for wallet services: the names, units and labels that walletmon's alert packs read.

Needs prometheus-client and the standard library alone: no Kubernetes, nothing else of walletmon. `docs/instrument.md`
shows its use and `docs/metrics.md` lists every metric.
"""

from walletmon.instrument.exposition import MetricsServer
from walletmon.instrument.families import LATENCY_BUCKETS
from walletmon.instrument.guard import OVERFLOW
from walletmon.instrument.measured import Measured, Signing
from walletmon.instrument.metrics import WalletMetrics

__all__ = ["LATENCY_BUCKETS", "OVERFLOW", "Measured", "MetricsServer", "Signing", "WalletMetrics"]
