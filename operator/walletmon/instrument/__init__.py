"""Metrics for wallet and SSE services: the names, units and labels that walletmon's alert packs read.

Needs prometheus-client and the standard library alone: no Kubernetes, nothing else of walletmon. `docs/instrument.md`
shows its use and `docs/metrics.md` lists every metric.
"""

from walletmon.instrument.connection import Connection
from walletmon.instrument.decisions import DecisionMetrics
from walletmon.instrument.exposition import MetricsServer
from walletmon.instrument.families import LATENCY_BUCKETS
from walletmon.instrument.guard import OVERFLOW
from walletmon.instrument.measured import Measured, Signing
from walletmon.instrument.metrics import WalletMetrics
from walletmon.instrument.sse import SseMetrics

__all__ = [
    "LATENCY_BUCKETS",
    "OVERFLOW",
    "Connection",
    "DecisionMetrics",
    "Measured",
    "MetricsServer",
    "Signing",
    "SseMetrics",
    "WalletMetrics",
]
