"""Why a wallet is in trouble: a row of graphs for each kind of cause, over the metrics of `walletmon.instrument`."""

from __future__ import annotations

from walletmon.compiler.dashboards.board import PROCESS, Board, error_ratio, quantile, rate
from walletmon.compiler.dashboards.panels import Panel

PER_PROCESS = "wallet, pod, host"
"""What tells two processes of one wallet apart: the Pod, or without one the address."""
PROCESS_NAME = "{{wallet}} {{pod}}{{host}}"


def rpc(board: Board) -> list[Panel]:
    """Whether the chain can be reached, and how fast it answers."""
    last_success = f"max by (wallet, endpoint) (wallet_rpc_last_success_timestamp_seconds{{{PROCESS}}})"
    return [
        board.graph(
            "RPC errors",
            "Share of the calls to each chain RPC endpoint that failed.",
            [board.query(error_ratio("wallet_rpc_requests_total", "wallet, endpoint"), "{{wallet}} {{endpoint}}")],
            unit="percentunit",
            threshold="golden-signals.rpcErrorRatio",
            ceiling=1,
        ),
        board.graph(
            "RPC latency, p95",
            "95 % of the calls to each endpoint took less than this.",
            [
                board.query(
                    quantile(0.95, "wallet_rpc_request_duration_seconds", "wallet, endpoint"),
                    "{{wallet}} {{endpoint}}",
                    exemplars=True,
                )
            ],
            unit="s",
        ),
        board.graph(
            "Since the last RPC success",
            "Age of the last call to each endpoint that succeeded. It grows while the chain cannot be reached.",
            [board.query(f"time() - {last_success}", "{{wallet}} {{endpoint}}")],
            unit="s",
        ),
    ]


def api(board: Board) -> list[Panel]:
    """How the wallet serves its own users."""
    return [
        board.graph(
            "API requests",
            "Requests that the wallet's API served, a second.",
            [board.query(rate("wallet_requests_total", "wallet"), "{{wallet}}")],
            unit="reqps",
        ),
        board.graph(
            "API errors",
            "Share of the wallet's API requests that ended in an error.",
            [board.query(error_ratio("wallet_requests_total", "wallet"), "{{wallet}}")],
            unit="percentunit",
            threshold="golden-signals.errorRatio",
            ceiling=1,
        ),
        board.graph(
            "API latency, p95",
            "95 % of the wallet's API requests took less than this.",
            [board.query(quantile(0.95, "wallet_request_duration_seconds", "wallet"), "{{wallet}}", exemplars=True)],
            unit="s",
            threshold="golden-signals.latencyP95",
        ),
    ]


def signing(board: Board) -> list[Panel]:
    """How long signatures take, and which fail."""
    latency = "tx_sign_latency_seconds"
    return [
        board.graph(
            "Signatures",
            "Signatures made, a second, by algorithm.",
            [board.query(rate(f"{latency}_count", "wallet, algorithm"), "{{wallet}} {{algorithm}}")],
            unit="ops",
            width=6,
        ),
        board.graph(
            "Signing latency, p95",
            "95 % of the signatures took less than this.",
            [board.query(quantile(0.95, latency, "wallet"), "{{wallet}}", exemplars=True)],
            unit="s",
            width=6,
        ),
        board.graph(
            "Signing latency, p99",
            "99 % of the signatures took less than this.",
            [board.query(quantile(0.99, latency, "wallet"), "{{wallet}}", exemplars=True)],
            unit="s",
            width=6,
        ),
        board.graph(
            "Failed signatures",
            "Signatures that failed, a second, by reason.",
            [board.query(rate("tx_sign_failures_total", "wallet, reason"), "{{wallet}} {{reason}}")],
            unit="ops",
            width=6,
        ),
    ]


def sync(board: Board) -> list[Panel]:
    """Where the wallet stands on its chain."""
    return [
        board.graph(
            "Block height",
            "Height each wallet has processed, and the network's as the wallet knows it.",
            [
                board.query(f"max by (wallet) (wallet_sync_height_blocks{{{PROCESS}}})", "{{wallet}}"),
                board.query(f"max by (wallet) (wallet_network_height_blocks{{{PROCESS}}})", "{{wallet}} network"),
            ],
            unit="locale",
        ),
        board.graph(
            "Sync lag in blocks",
            "Blocks that the wallet has still to process. A gap: the wallet does not know the network's height.",
            [board.query(f"max by (wallet) (wallet_sync_lag_blocks{{{PROCESS}}})", "{{wallet}}")],
            unit="locale",
        ),
        board.graph(
            "Sync lag in time",
            "How much older the wallet's processed head is than the network's head.",
            [board.query(f"max by (wallet) (wallet_sync_lag_seconds{{{PROCESS}}})", "{{wallet}}")],
            unit="s",
            threshold="golden-signals.syncLag",
        ),
    ]


def resources(board: Board) -> list[Panel]:
    """What each process uses of what it may."""
    resident, limit = (
        f"{name}{{{PROCESS}}}" for name in ("process_resident_memory_bytes", "wallet_memory_limit_bytes")
    )
    free, size = (f"{name}{{{PROCESS}}}" for name in ("wallet_data_disk_free_bytes", "wallet_data_disk_size_bytes"))
    return [
        board.graph(
            "Memory",
            "Resident memory of each process as a share of what it may use.",
            [board.query(f"max by ({PER_PROCESS}) ({resident} / {limit})", PROCESS_NAME)],
            unit="percentunit",
            threshold="golden-signals.memory",
            ceiling=1,
        ),
        board.graph(
            "Memory in bytes",
            "Resident memory of each process.",
            [board.query(f"max by ({PER_PROCESS}) ({resident})", PROCESS_NAME)],
            unit="bytes",
        ),
        board.graph(
            "CPU",
            "Processor cores that each process uses.",
            [board.query(rate("process_cpu_seconds_total", PER_PROCESS), PROCESS_NAME)],
            unit="short",
        ),
        board.graph(
            "Disk free",
            "Free share of the file system that holds the wallet's data.",
            [board.query(f"min by ({PER_PROCESS}, volume) ({free} / {size})", f"{PROCESS_NAME} {{{{volume}}}}")],
            unit="percentunit",
            threshold="golden-signals.diskFree",
            limit_below=True,
            ceiling=1,
        ),
        board.graph(
            "Goroutines",
            "Goroutines of each process. Wallets in Go alone expose them.",
            [board.query(f"max by ({PER_PROCESS}) (go_goroutines{{{PROCESS}}})", PROCESS_NAME)],
            unit="short",
            threshold="golden-signals.goroutines",
        ),
        board.graph(
            "Refused label values",
            "Values the instrumentation did not take as given, a second: something puts ids into labels.",
            [
                board.query(
                    rate("wallet_instrument_refusals_total", "wallet, metric, label"), "{{wallet}} {{metric}} {{label}}"
                )
            ],
            unit="cps",
        ),
    ]


def recovery(board: Board) -> list[Panel]:
    """Mnemonic recoveries that failed."""
    return [
        board.graph(
            "Failed mnemonic recoveries",
            "Recoveries that ended for good, in each interval of the graph, by reason and source.",
            [
                board.query(
                    "sum by (wallet, reason, source) "
                    f"(increase(mnemonic_recovery_failures_total{{{PROCESS}}}[$__rate_interval]))",
                    "{{wallet}} {{reason}} {{source}}",
                )
            ],
            unit="short",
            width=24,
        )
    ]
