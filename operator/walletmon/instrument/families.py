"""What wallet and SSE services expose: every metric family with its type, labels and meaning, as data.

The alert packs compare these names; `docs/metrics.md` is the same table for people and a test keeps the two equal. No
family has a label named wallet, instance or namespace: the operator adds those when it scrapes, so a process can
neither forget nor forge them.
"""

from dataclasses import dataclass
from typing import Literal

# Powers of two from 1 ms up to 8.192 s, closed by 10 s. Half an octave of error at most in any quantile, and the usual
# thresholds (1.2 s, 2.5 s) fall inside a bucket that ends within a factor of two of them.
LATENCY_BUCKETS: tuple[float, ...] = (*(2**power / 1000 for power in range(14)), 10.0)
"""Upper bounds of every latency histogram but that of reconnects, in seconds; `+Inf` follows."""

# A browser waits about 3 s before it comes back, and longer each time it fails: 8 ms up to about two minutes.
RECONNECT_BUCKETS: tuple[float, ...] = tuple(2**power / 1000 for power in range(3, 18))
"""Upper bounds of the histogram of reconnect latencies, in seconds; `+Inf` follows."""

# From what a scanner needs to look and leave (0.1 s) up to a stream that stays open for a day.
DURATION_BUCKETS: tuple[float, ...] = (
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0),
    *(300.0, 600.0, 1800.0, 3600.0, 14_400.0, 86_400.0),
)
"""Upper bounds of the histogram of connection durations, in seconds; `+Inf` follows."""

SUCCESS, ERROR = "success", "error"
OUTCOMES = (SUCCESS, ERROR)
"""The values of the label `outcome`."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family.

    `name` is the sample name without a histogram's suffix; `labels` are in the order of use; `exemplars` says whether
    its samples may carry them; `buckets` are a histogram's upper bounds; `endings` are all values of the last label
    where those are fixed, and then its series start together.
    """

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    exemplars: bool = False
    buckets: tuple[float, ...] = ()
    endings: tuple[str, ...] = ()


SIGN_LATENCY = Family(
    "tx_sign_latency_seconds",
    "histogram",
    "Time to produce a signature. Failed signings are not in it; tx_sign_failures_total counts those.",
    ("algorithm",),
    exemplars=True,
    buckets=LATENCY_BUCKETS,
)
SIGN_FAILURES = Family(
    "tx_sign_failures_total", "counter", "Signatures that failed.", ("algorithm", "reason"), exemplars=True
)
RECOVERY_FAILURES = Family(
    "mnemonic_recovery_failures_total", "counter", "Mnemonic recoveries that ended for good.", ("reason", "source")
)
REQUESTS = Family("wallet_requests_total", "counter", "API requests served.", ("route", "outcome"), endings=OUTCOMES)
REQUEST_DURATION = Family(
    "wallet_request_duration_seconds",
    "histogram",
    "Time to serve an API request, whatever its outcome.",
    ("route",),
    exemplars=True,
    buckets=LATENCY_BUCKETS,
)
RPC_REQUESTS = Family(
    "wallet_rpc_requests_total",
    "counter",
    "Calls to a chain's RPC endpoint.",
    ("endpoint", "method", "outcome"),
    endings=OUTCOMES,
)
RPC_DURATION = Family(
    "wallet_rpc_request_duration_seconds",
    "histogram",
    "Time an RPC call took, whatever its outcome.",
    ("endpoint", "method"),
    exemplars=True,
    buckets=LATENCY_BUCKETS,
)
RPC_LAST_SUCCESS = Family(
    "wallet_rpc_last_success_timestamp_seconds",
    "gauge",
    "Unix time of the last RPC call that succeeded; absent before the first.",
    ("endpoint",),
)
HEARTBEAT = Family(
    "wallet_heartbeat_timestamp_seconds",
    "gauge",
    "Unix time of the last beat of the service's main loop; absent before the first.",
)
SYNC_HEIGHT = Family(
    "wallet_sync_height_blocks", "gauge", "Height this wallet has processed; absent while it is not known."
)
NETWORK_HEIGHT = Family(
    "wallet_network_height_blocks", "gauge", "Height of the network as the wallet knows it; absent while it is not."
)
SYNC_LAG_BLOCKS = Family(
    "wallet_sync_lag_blocks", "gauge", "Network height minus own height, at least 0; absent unless both are known."
)
SYNC_LAG_SECONDS = Family(
    "wallet_sync_lag_seconds",
    "gauge",
    "How much older the processed head is than the network's head; absent while it is not known.",
)
MEMORY_LIMIT = Family(
    "wallet_memory_limit_bytes",
    "gauge",
    "Memory the process may use: the limit of its cgroup, else the machine's memory; absent if it cannot be read.",
)
DISK_FREE = Family(
    "wallet_data_disk_free_bytes",
    "gauge",
    "Space left for the wallet on the file system of its data; absent if it cannot be read.",
    ("volume",),
)
DISK_SIZE = Family(
    "wallet_data_disk_size_bytes",
    "gauge",
    "Size of the file system of the wallet's data; absent if it cannot be read.",
    ("volume",),
)
_REFUSED = "Values not taken as given: a label value folded into `overflow`, a figure or an exemplar left out."
REFUSALS = Family("wallet_instrument_refusals_total", "counter", _REFUSED, ("metric", "label"))

WALLET_FAMILIES: tuple[Family, ...] = (
    SIGN_LATENCY,
    SIGN_FAILURES,
    RECOVERY_FAILURES,
    REQUESTS,
    REQUEST_DURATION,
    RPC_REQUESTS,
    RPC_DURATION,
    RPC_LAST_SUCCESS,
    HEARTBEAT,
    SYNC_HEIGHT,
    NETWORK_HEIGHT,
    SYNC_LAG_BLOCKS,
    SYNC_LAG_SECONDS,
    MEMORY_LIMIT,
    DISK_FREE,
    DISK_SIZE,
    REFUSALS,
)
"""Everything `WalletMetrics` exposes of its own, in order of exposition."""

SIGN_FAILURE_REASONS = ("error", "timeout")
"""Values of `reason` in `tx_sign_failures_total` that the library gives by itself."""

RECOVERY_FAILURE_REASONS = ("derivation", "entropy_mismatch", "invalid_checksum", "invalid_word")
"""Values of `reason` in `mnemonic_recovery_failures_total` that the alert packs know."""

DISCONNECT_REASONS = ("client", "server", "error", "timeout", "drain")
"""Values of `reason` in `sse_disconnect_total`."""

RECONNECT_STATUSES = (SUCCESS, "timeout", "failed")
"""Values of `status` in `sse_reconnect_latency_seconds`."""

SSE_ACTIVE = Family("sse_active_connections", "gauge", "Connections open now.", ("path",))
SSE_CONNECTIONS = Family("sse_connections_total", "counter", "Connections opened.", ("path",))
SSE_DISCONNECTS = Family(
    "sse_disconnect_total",
    "counter",
    "Connections ended, by what ended them.",
    ("path", "reason"),
    endings=DISCONNECT_REASONS,
)
SSE_RECONNECTS = Family(
    "sse_reconnects_total",
    "counter",
    "Connections opened by a client that was here before: it came with a Last-Event-ID or a reconnect stamp.",
    ("path",),
)
SSE_RECONNECT_LATENCY = Family(
    "sse_reconnect_latency_seconds",
    "histogram",
    "Time from when a client began to reconnect, by its reconnect stamp, until it was connected or turned away.",
    ("status",),
    buckets=RECONNECT_BUCKETS,
    endings=RECONNECT_STATUSES,
)
SSE_CONNECTION_DURATION = Family(
    "sse_connection_duration_seconds",
    "histogram",
    "How long connections that have ended were open.",
    ("path",),
    buckets=DURATION_BUCKETS,
)
SSE_DRAINING = Family(
    "sse_draining", "gauge", "1 while this process lets its connections go, as in a deploy, before it ends; else 0."
)
SSE_EVENTS = Family(
    "sse_events_total",
    "counter",
    "Events handed to the streams, each once for every connection that it is for.",
    ("path",),
)
SSE_DELIVERED = Family(
    "sse_events_delivered_total", "counter", "Events written to a connection, once for each connection.", ("path",)
)
SSE_DROPPED = Family(
    "sse_events_dropped_total",
    "counter",
    "Events that a connection will never get, once for each connection.",
    ("path", "reason"),
)
SSE_BACKLOG = Family(
    "sse_backlog_events", "gauge", "Events that wait to be delivered; absent while it is not known.", ("path",)
)
SSE_DELIVERY = Family(
    "sse_event_delivery_seconds",
    "histogram",
    "Time from an event's generation until it was written to a connection.",
    ("path",),
    exemplars=True,
    buckets=LATENCY_BUCKETS,
)
SSE_NODE_INFO = Family(
    "sse_node_info",
    "gauge",
    "Always 1; its labels say on which node and in which region this process runs.",
    ("node", "region"),
)
SSE_UA_ENTROPY = Family(
    "sse_client_ua_entropy_bits",
    "gauge",
    "Shannon entropy of the user agents of the sample, hashed to 256 buckets; absent while the sample is empty.",
)
SSE_DURATION_SKEWNESS = Family(
    "sse_client_duration_skewness",
    "gauge",
    "Skewness of the durations of the sample; absent below three connections or while all are equally long.",
)
SSE_SESSION_CONSISTENCY = Family(
    "sse_client_session_consistency",
    "gauge",
    "How much three successive durations of one client differ, averaged over the clients of the sample, 0 (not at all) "
    "to 1; absent while no client has three.",
)
SSE_SAMPLE = Family(
    "sse_client_sample_connections",
    "gauge",
    "The sample: connections with known headers that ended in the last 5 minutes, at most the 8192 latest.",
)
SSE_SOURCE_DISPERSION = Family(
    "sse_source_dispersion",
    "gauge",
    "Standard deviation over mean of the connections opened in the last 5 minutes by source network; absent while "
    "there are none.",
)
SSE_SOURCES = Family(
    "sse_sources",
    "gauge",
    "Distinct source networks (/24, /48) of the connections opened in the last 5 minutes, at most 8192; absent until a "
    "source was told.",
)
SSE_REFUSALS = Family("sse_instrument_refusals_total", "counter", _REFUSED, ("metric", "label"))

SSE_FAMILIES: tuple[Family, ...] = (
    SSE_ACTIVE,
    SSE_CONNECTIONS,
    SSE_DISCONNECTS,
    SSE_RECONNECTS,
    SSE_RECONNECT_LATENCY,
    SSE_CONNECTION_DURATION,
    SSE_DRAINING,
    SSE_EVENTS,
    SSE_DELIVERED,
    SSE_DROPPED,
    SSE_BACKLOG,
    SSE_DELIVERY,
    SSE_NODE_INFO,
    SSE_UA_ENTROPY,
    SSE_DURATION_SKEWNESS,
    SSE_SESSION_CONSISTENCY,
    SSE_SAMPLE,
    SSE_SOURCE_DISPERSION,
    SSE_SOURCES,
    SSE_REFUSALS,
)
"""Everything `SseMetrics` exposes of its own, in order of exposition."""

DECISION_LATENCY = Family(
    "risk_decision_latency_seconds",
    "histogram",
    "Time from a risk decision's generation to its delivery. What was never delivered is not in it.",
    ("scene", "channel", "decision_type"),
    exemplars=True,
    buckets=LATENCY_BUCKETS,
)
DECISIONS = Family(
    "risk_decisions_total",
    "counter",
    "Risk decisions that were delivered (success) or will never be (error).",
    ("scene", "channel", "decision_type", "outcome"),
    endings=OUTCOMES,
)
DECISION_FAILURES = Family(
    "risk_decision_failures_total",
    "counter",
    "Risk decisions that were not delivered, by where and why.",
    ("stage", "cause", "biz_code"),
)
DECISION_REFUSALS = Family("risk_instrument_refusals_total", "counter", _REFUSED, ("metric", "label"))

DECISION_FAMILIES: tuple[Family, ...] = (DECISION_LATENCY, DECISIONS, DECISION_FAILURES, DECISION_REFUSALS)
"""Everything `DecisionMetrics` exposes of its own, in order of exposition."""

FAMILIES: tuple[Family, ...] = (*WALLET_FAMILIES, *SSE_FAMILIES, *DECISION_FAMILIES)
"""Everything this library can expose of its own."""
