"""Data that stopped, and what only looks so: restarts, deploys, idle wallets, failovers, clocks that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, never, prove, series

CALLS = 'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="success"}'
FAILURES = 'wallet_rpc_requests_total{endpoint="alchemy",method="eth_call",outcome="error"}'
LAST_CALL = 'wallet_rpc_last_success_timestamp_seconds{endpoint="alchemy"}'
WELL = {
    "up": "1",
    "scrape_samples_scraped": "200",
    "process_cpu_seconds_total": "0+0.05x10",
    "wallet_heartbeat_timestamp_seconds": "0+30x10",
    CALLS: "0+20x10",
    FAILURES: "0",
    LAST_CALL: "0+30x10",
}


def _prove(promtool: Path, folder: Path, life: dict[str, str], *expected: Json, minutes: int = 90) -> None:
    inputs = series(A, life, minutes) + series(B, WELL, minutes)
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="staleness"), [test])


def _nothing_is_stale(until: str) -> Json:
    return {
        "expr": f'count by (alertname) (last_over_time(ALERTS{{alertstate="firing",pack="staleness"}}[{until}]))',
        "eval_time": until,
        "exp_samples": [],
    }


def _in_pod(pod: str, described: dict[str, str]) -> dict[str, str]:
    return {
        name.replace("{", f'{{pod="{pod}",') if "{" in name else f'{name}{{pod="{pod}"}}': values
        for name, values in described.items()
    }


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(WELL, id="works"),
        pytest.param({"up": "1"}, id="exposes nothing that we know"),
        pytest.param(
            {"up": "1", "scrape_samples_scraped": "60", "process_cpu_seconds_total": "0+0.01x10"} | {CALLS: "0"},
            id="has nothing to do",
        ),
        pytest.param(
            {"up": "1", "scrape_samples_scraped": "1", "wallet_requests_total": "7"}, id="counts requests alone"
        ),
        pytest.param(
            WELL | {"up": "0", "scrape_samples_scraped": "0"} | dict.fromkeys(list(WELL)[2:], "stale _"), id="is down"
        ),
        pytest.param(
            {
                "up": "1x40 0x20 1",
                "scrape_samples_scraped": "200x40 0x20 30x10 200",
                "process_cpu_seconds_total": "0+0.05x40 stale _x19 0+0.05",
                "wallet_heartbeat_timestamp_seconds": "0+30x40 stale _x19 1830+30",
            },
            id="is away for ten minutes and starts with little to tell",
        ),
        pytest.param(
            _in_pod("old", WELL) | {'up{pod="new"}': "_x60 1", 'scrape_samples_scraped{pod="new"}': "_x60 15x10 200"},
            id="gets a second process that fills its page in five minutes",
        ),
        pytest.param(
            _in_pod("leader", WELL | {"scrape_samples_scraped": "5000"}) | _in_pod("follower", WELL),
            id="has a leader that tells far more than the others",
        ),
        pytest.param(
            WELL
            | {
                CALLS: "0+20x60 1220",
                'wallet_rpc_requests_total{endpoint="infura",method="eth_call",outcome="success"}': "0x60 0+20",
            }
            | {
                LAST_CALL: "0+30x60 1800",
                'wallet_rpc_last_success_timestamp_seconds{endpoint="infura"}': "_x60 1830+30",
            },
            id="changes to another endpoint",
        ),
        pytest.param(
            WELL | {CALLS: "0+20x60 1220", FAILURES: "0x60 0+20", LAST_CALL: "0+30x60 1800"},
            id="calls an endpoint that fails",
        ),
        pytest.param(
            {
                "up": "1",
                'wallet_balance_snapshot_timestamp_seconds{asset="native",source="alchemy"}': "0",
                'wallet_balance_snapshot_timestamp_seconds{asset="native",source="infura"}': "0+30x10",
            },
            id="has its balance from one source of two",
        ),
    ],
)
def test_nothing_is_stale_of_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _nothing_is_stale("90m"))


def test_a_frozen_page_is_told_for_the_wallet_as_a_whole(promtool: Path, tmp_path: Path) -> None:
    frozen = {"process_cpu_seconds_total": "0+0.05x60 3", "wallet_heartbeat_timestamp_seconds": "0+30x60 1800"}
    life = WELL | frozen | {CALLS: "0+20x60 1200", LAST_CALL: "0+30x60 1800"}
    _prove(
        promtool,
        tmp_path,
        life,
        firing("StaleWalletFlatline", "44m"),
        firing("StaleWalletFlatline", "49m", A),
        never("StaleProcessFlatline", "90m"),
    )


def test_one_frozen_process_of_two_is_told_by_its_name(promtool: Path, tmp_path: Path) -> None:
    frozen = {"up": "1", "process_cpu_seconds_total": "3", "wallet_heartbeat_timestamp_seconds": "0"}
    named = {
        "expr": 'count by (pod) (ALERTS{alertname="StaleProcessFlatline",alertstate="firing"})',
        "eval_time": "30m",
        "exp_samples": [{"labels": '{pod="b"}', "value": 1}],
    }
    _prove(promtool, tmp_path, _in_pod("a", WELL) | _in_pod("b", frozen), named, never("StaleWalletFlatline", "90m"))


def test_a_loop_that_hangs_is_no_clock_and_a_slow_clock_is_no_hanging_loop(promtool: Path, tmp_path: Path) -> None:
    hanging = WELL | {"wallet_heartbeat_timestamp_seconds": "0+30x60 1800"}
    _prove(promtool, tmp_path, hanging, never("StaleClockBehind", "90m"), firing("WalletHeartbeatStale", "40m", A))


def test_a_slow_clock_gives_way_at_once_when_the_loop_hangs(promtool: Path, tmp_path: Path) -> None:
    # A minute and a half behind, which no heartbeat's age betrays; then it hangs.
    life = WELL | {"wallet_heartbeat_timestamp_seconds": "-90+30x60 1710"}
    _prove(
        promtool,
        tmp_path,
        life,
        firing("StaleClockBehind", "25m", A),
        firing("WalletHeartbeatStale", "25m"),
        firing("StaleClockBehind", "33m"),
        firing("WalletHeartbeatStale", "33m", A),
    )


def test_a_loop_that_beats_every_two_minutes_is_not_taken_for_a_slow_clock(promtool: Path, tmp_path: Path) -> None:
    beats = " ".join(f"{120 * beat}x3" for beat in range(50))
    life = WELL | {"wallet_heartbeat_timestamp_seconds": beats}
    _prove(promtool, tmp_path, life, never("StaleClockBehind", "90m"), never("StaleClockAhead", "90m"))


def test_a_clock_ahead_is_told_though_no_age_shows_it(promtool: Path, tmp_path: Path) -> None:
    life = WELL | {LAST_CALL: "60+30x10"}
    _prove(promtool, tmp_path, life, firing("StaleClockAhead", "10m", A), never("WalletHeartbeatStale", "90m"))
