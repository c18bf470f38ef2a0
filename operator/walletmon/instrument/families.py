"""What a wallet service exposes: every metric family with its type, labels and meaning, as data.

The alert packs compare these names; `docs/metrics.md` is the same table for people and a test keeps the two equal. No
family has a label named wallet, instance or namespace: the operator adds those when it scrapes, so a process can
neither forget nor forge them.
"""

from dataclasses import dataclass
from typing import Literal

# Powers of two from 1 ms up to 8.192 s, closed by 10 s. Half an octave of error at most in any quantile, and the usual
# thresholds (1.2 s, 2.5 s) fall inside a bucket that ends within a factor of two of them.
LATENCY_BUCKETS: tuple[float, ...] = (*(2**power / 1000 for power in range(14)), 10.0)
"""Upper bounds of every latency histogram, in seconds; `+Inf` follows."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family. `name` is the sample name without a histogram's suffix; `labels` are in the order of use;
    `exemplars` says whether its samples may carry them."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    exemplars: bool = False


SIGN_LATENCY = Family(
    "tx_sign_latency_seconds",
    "histogram",
    "Time to produce a signature. Failed signings are not in it; tx_sign_failures_total counts those.",
    ("algorithm",),
    exemplars=True,
)
SIGN_FAILURES = Family(
    "tx_sign_failures_total", "counter", "Signatures that failed.", ("algorithm", "reason"), exemplars=True
)
RECOVERY_FAILURES = Family(
    "mnemonic_recovery_failures_total", "counter", "Mnemonic recoveries that ended for good.", ("reason", "source")
)
REQUESTS = Family("wallet_requests_total", "counter", "API requests served.", ("route", "outcome"))
REQUEST_DURATION = Family(
    "wallet_request_duration_seconds",
    "histogram",
    "Time to serve an API request, whatever its outcome.",
    ("route",),
    exemplars=True,
)
RPC_REQUESTS = Family(
    "wallet_rpc_requests_total", "counter", "Calls to a chain's RPC endpoint.", ("endpoint", "method", "outcome")
)
RPC_DURATION = Family(
    "wallet_rpc_request_duration_seconds",
    "histogram",
    "Time an RPC call took, whatever its outcome.",
    ("endpoint", "method"),
    exemplars=True,
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
REFUSALS = Family(
    "wallet_instrument_refusals_total",
    "counter",
    "Values not taken as given: a label value folded into `overflow`, a gauge value or an exemplar left out.",
    ("metric", "label"),
)

FAMILIES: tuple[Family, ...] = (
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

SUCCESS, ERROR = "success", "error"
"""The values of the label `outcome`."""

SIGN_FAILURE_REASONS = ("error", "timeout")
"""Values of `reason` in `tx_sign_failures_total` that the library gives by itself."""

RECOVERY_FAILURE_REASONS = ("derivation", "entropy_mismatch", "invalid_checksum", "invalid_word")
"""Values of `reason` in `mnemonic_recovery_failures_total` that the alert packs know."""
