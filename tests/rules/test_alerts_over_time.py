"""What happens to wallets in ordinary life, and that alerts say what it deserves and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, prove, series

HOUR = 60

# Everything that the instrumentation library exposes and the pack reads, of a wallet that does its work.
WELL = {
    "up": "1",
    "wallet_heartbeat_timestamp_seconds": "0+30x10",
    "wallet_sync_lag_seconds": "12",
    "process_resident_memory_bytes": "400",
    "wallet_memory_limit_bytes": "1000",
    'wallet_data_disk_free_bytes{volume="data"}': "600",
    'wallet_data_disk_size_bytes{volume="data"}': "1000",
    "go_goroutines": "80",
    'wallet_requests_total{route="/send",outcome="success"}': "0+60x10",
    'wallet_requests_total{route="/send",outcome="error"}': "0",
    'wallet_request_duration_seconds_bucket{route="/send",le="0.064"}': "0+60x10",
    'wallet_request_duration_seconds_bucket{route="/send",le="+Inf"}': "0+60x10",
    'wallet_request_duration_seconds_count{route="/send"}': "0+60x10",
    'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="success"}': "0+20x10",
    'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="error"}': "0",
    'probe_success{host="https://api.example"}': "1",
}
IDLE = {
    name: "0" if "_total" in name or "_bucket" in name or "_count" in name else value for name, value in WELL.items()
}


def _in_pod(pod: str, described: dict[str, str]) -> dict[str, str]:
    def placed(name: str) -> str:
        return name.replace("{", f'{{pod="{pod}",') if "{" in name else f'{name}{{pod="{pod}"}}'

    return {placed(name): values for name, values in described.items()}


def _between(described: dict[str, str], start: int, end: int | None = None) -> dict[str, str]:
    """The same series, of a process that is there from sample `start` to sample `end` alone."""
    made = {}
    for name, values in described.items():
        increment = values.split("+")[1].split("x")[0] if "+" in values else "0"
        first = str(30 * start) if "timestamp" in name else values.split("+")[0].split("x")[0]
        body = f"{first}+{increment}x{(end or 1_000) - start - 1}"
        made[name] = f"_x{start - 1} {body}" if start else body
        if end is not None:
            made[name] += " stale _"
    return made


def _restarted(described: dict[str, str], at: int) -> dict[str, str]:
    """The same series, of a process that is away for a minute from sample `at` and begins anew."""
    made = {}
    for name, values in described.items():
        first, _, increment = values.split("x")[0].partition("+")
        again = str(30 * (at + 2)) if "timestamp" in name else first
        made[name] = f"{first}+{increment or 0}x{at - 1} stale _ {again}+{increment or 0}"
    return made | {"up": f"1x{at - 1} 0x1 1"}


def _nothing_fires(until: str) -> Json:
    return {
        "expr": f'count by (alertname, wallet) (last_over_time(ALERTS{{alertstate="firing"}}[{until}]))',
        "eval_time": until,
        "exp_samples": [],
    }


def _prove(promtool: Path, folder: Path, described: dict[str, str], *expected: Json) -> None:
    inputs = series(A, described, HOUR) + series(B, WELL, HOUR)
    tests = [{"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}]
    prove(promtool, folder, monitor(), tests)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(WELL, id="works"),
        pytest.param(IDLE, id="has nothing to do"),
        pytest.param({"up": "1"}, id="exposes nothing of ours"),
        pytest.param(
            _in_pod("old", _between(WELL, 0, 42)) | _in_pod("new", _between(WELL, 40)),
            id="is deployed anew, with an overlap",
        ),
        pytest.param(
            _in_pod("old", _between(WELL, 0, 40)) | _in_pod("new", _between(WELL, 46)),
            id="is deployed anew, with three minutes between",
        ),
        pytest.param(
            _restarted(WELL, at=20),
            id="restarts in a minute, its counters at zero",
        ),
        pytest.param(
            _in_pod("old", WELL) | _in_pod("new", WELL | {"wallet_sync_lag_seconds": "_x20 90000-4000x22 12"}),
            id="gets a second process that has the chain to catch up with",
        ),
        pytest.param(
            WELL | {'wallet_requests_total{route="/send",outcome="error"}': "0x20 2"},
            id="fails two requests",
        ),
        pytest.param(
            IDLE | {'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="error"}': "0x20 1x10 2"},
            id="makes two RPC calls, which fail",
        ),
        pytest.param(
            IDLE
            | {
                'wallet_request_duration_seconds_bucket{route="/send",le="0.064"}': "0",
                'wallet_request_duration_seconds_bucket{route="/send",le="+Inf"}': "0x20 4",
                'wallet_request_duration_seconds_count{route="/send"}': "0x20 4",
            },
            id="serves four slow requests",
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _nothing_fires("60m"))


def test_a_crash_loop_is_one_alert_that_does_not_come_and_go(promtool: Path, tmp_path: Path) -> None:
    # Down for five minutes, up for one, and again.
    loop = " ".join(["0x9", "1x1"] * 10)
    _prove(
        promtool, tmp_path, {"up": loop}, *(firing("WalletDown", f"{minute}m", A) for minute in range(3, HOUR - 1, 2))
    )


def test_a_target_that_is_down_as_a_whole_is_not_called_one_process_down(promtool: Path, tmp_path: Path) -> None:
    life = {"up": "0", 'up{pod="second"}': "0", 'up{target="signer"}': "1"}
    _prove(promtool, tmp_path, life, firing("WalletDown", "30m", A), firing("WalletReplicaDown", "30m"))


def test_a_process_that_starts_and_never_gets_to_its_main_loop_is_noticed(promtool: Path, tmp_path: Path) -> None:
    life = WELL | {"wallet_heartbeat_timestamp_seconds": "0+30x20 stale _"}
    _prove(promtool, tmp_path, life, firing("WalletHeartbeatLost", "20m", A), firing("WalletHeartbeatStale", "20m"))


def test_one_hanging_process_of_two_is_noticed(promtool: Path, tmp_path: Path) -> None:
    hanging = _in_pod("b", WELL | {"wallet_heartbeat_timestamp_seconds": "600"})
    _prove(
        promtool,
        tmp_path,
        _in_pod("a", WELL) | hanging,
        firing("WalletHeartbeatStale", "20m", A),
        firing("WalletHeartbeatLost", "20m"),
    )


def test_one_unreachable_endpoint_of_two_is_noticed_by_its_name(promtool: Path, tmp_path: Path) -> None:
    failing = {
        'wallet_rpc_requests_total{endpoint="infura",method="eth_call",outcome="success"}': "0+5x20 100",
        'wallet_rpc_requests_total{endpoint="infura",method="eth_call",outcome="error"}': "0x20 0+5",
    }
    named = {
        "expr": 'count by (endpoint) (ALERTS{alertname="WalletRpcUnreachable",alertstate="firing"})',
        "eval_time": "25m",
        "exp_samples": [{"labels": '{endpoint="infura"}', "value": 1}],
    }
    _prove(promtool, tmp_path, WELL | failing, named)


def test_an_rpc_outage_raises_what_it_deserves_and_ends(promtool: Path, tmp_path: Path) -> None:
    # Ten minutes without the chain: the network's height is not known meanwhile, so nor is the lag.
    life = WELL | {
        'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="success"}': "0+20x20 400x20 400+20",
        'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="error"}': "0x20 0+20x20 400",
        "wallet_sync_lag_seconds": "12x20 stale _x18 12",
    }
    names = ("WalletRpcUnreachable", "WalletRpcErrorRateHigh", "WalletSyncLagUnknown")
    fired = {
        "expr": 'count by (alertname, wallet) (last_over_time(ALERTS{alertstate="firing"}[1h]))',
        "eval_time": "60m",
        "exp_samples": [{"labels": f'{{alertname="{name}",wallet="{A}"}}', "value": 1} for name in names],
    }
    _prove(promtool, tmp_path, life, fired, *(firing(name, "45m") for name in names))


def test_a_gap_shorter_than_keep_firing_for_does_not_end_an_alert(promtool: Path, tmp_path: Path) -> None:
    life = WELL | {"process_resident_memory_bytes": "950x20 800x5 950"}
    _prove(promtool, tmp_path, life, *(firing("WalletMemoryHigh", f"{minute}m", A) for minute in range(6, 40)))
