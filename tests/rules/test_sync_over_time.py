"""What becomes of heights in ordinary life, and which alerts of the pack sync it deserves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, firing, monitor, prove, series

HOUR = 60

WELL = {
    "wallet_sync_height_blocks": "1000+3x10",
    "wallet_network_height_blocks": "1000+3x10",
    "wallet_sync_lag_blocks": "0",
}
"""A chain with a block in ten seconds, followed closely."""


def _heights(own: str, network: str, lag: str, **labels: str) -> dict[str, str]:
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    suffix = f"{{{inside}}}" if inside else ""
    names = ("wallet_sync_height_blocks", "wallet_network_height_blocks", "wallet_sync_lag_blocks")
    return {name + suffix: values for name, values in zip(names, (own, network, lag), strict=True)}


def _fired(until: int, *names: str, wallet: str = A) -> Json:
    """The expectation that, of the pack's alerts, exactly these have fired within so many minutes, for `wallet`."""
    return {
        "expr": f'count by (alertname, wallet) (last_over_time(ALERTS{{alertstate="firing",pack="sync"}}[{until}m]))',
        "eval_time": f"{until}m",
        "exp_samples": [{"labels": f'{{alertname="{name}",wallet="{wallet}"}}', "value": 1} for name in names],
    }


def _prove(
    promtool: Path,
    folder: Path,
    described: dict[str, str],
    *expected: Json,
    length: int = HOUR,
    preset: str | None = None,
) -> None:
    others = series(B, WELL, length) if preset is None else []
    tests = [
        {
            "interval": "30s",
            "input_series": series(A, described, length) + others,
            "promql_expr_test": list(expected),
            "alert_rule_test": [],
        }
    ]
    prove(promtool, folder, monitor(pack="sync", preset=preset), tests)


# Blocks after 8, 63 and 71 minutes; each is processed half a minute after it is known.
BITCOIN = _heights("800x16 801x109 802x15 803", "800x15 801x109 802x15 803", "0x15 1 0x108 1 0x14 1 0")


@pytest.mark.parametrize(
    ("life", "length"),
    [
        pytest.param(WELL, HOUR, id="keeps up"),
        pytest.param({"up": "1"}, HOUR, id="exposes nothing of ours"),
        pytest.param(BITCOIN, 120, id="is on a chain that makes no block for 55 minutes"),
        pytest.param(
            _heights("800x90 801", "800x81 801", "0x81 1x8 0"),
            HOUR,
            id="works on a block for four minutes, after 41 without one",
        ),
        pytest.param(
            _heights("100000+120x10", "100500+120x10", "500"),
            HOUR,
            id="is 500 blocks behind a chain with four a second",
        ),
        pytest.param(
            _heights("1000+3x40 stale _x5 1141+3x10", "1000+3x40 stale _x5 1141+3x10", "0x40 stale _x5 0"),
            HOUR,
            id="is away for three minutes",
        ),
        pytest.param(
            WELL | _heights("1000+3x20 1060", "1000+3x10", "0x20 3+3x10", pod="second"),
            HOUR,
            id="has a process that follows beside one that stands still",
        ),
        pytest.param(
            _heights("1000+3x40 1110+3x10", "1000+3x40 1110+3x10", "0"),
            HOUR,
            id="loses twelve blocks to a reorganisation",
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], length: int, promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _fired(length), length=length)


def test_a_first_synchronisation_is_one_alert_that_pages_nobody_and_ends(promtool: Path, tmp_path: Path) -> None:
    # Eighty minutes, in batches of four: the lag shrinks in steps.
    lag = " ".join(f"{80_000 - step * 4_000}x7" for step in range(20))
    own = " ".join(f"{20_000 + step * 4_000}x7" for step in range(20))
    life = _heights(f"{own} 100480+3x10", "100000+3x10", f"{lag} 0")
    steady = (firing("SyncCatchingUp", f"{minute}m", A) for minute in range(6, 80, 2))
    _prove(
        promtool,
        tmp_path,
        life,
        _fired(120, "SyncCatchingUp"),
        *steady,
        firing("SyncCatchingUp", "100m"),
        length=120,
    )


def test_a_first_synchronisation_that_gets_stuck_is_told_as_what_it_is(promtool: Path, tmp_path: Path) -> None:
    life = _heights("9000+500x60 39000", "100000+3x10", "91000-497x60 61180+3x10")
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SyncCatchingUp", "25m", A),
        firing("SyncStalled", "25m"),
        firing("SyncStalled", "40m", A),
        firing("SyncCatchingUp", "59m"),
        firing("SyncBlocksBehind", "59m", A),
    )


def test_a_wallet_that_was_there_and_catches_up_is_behind_until_it_is_there(promtool: Path, tmp_path: Path) -> None:
    # Away for twenty minutes (up, but without heights), then 120 blocks behind, and ten minutes to come back.
    life = _heights(
        "1000+3x40 stale _x39 1123+9x20 1306+3x10",
        "1000+3x40 stale _x39 1243+3x10",
        "0x40 stale _x39 120-6x20 0",
    )
    _prove(
        promtool,
        tmp_path,
        life,
        firing("SyncBlocksBehind", "48m", A),
        firing("SyncBlocksBehind", "59m"),
        # Twenty minutes without a height are told as that.
        _fired(60, "SyncBlocksBehind", "SyncHeightUnknown", "SyncNetworkHeightUnknown"),
    )


def test_an_rpc_outage_is_told_as_not_knowing_and_never_as_a_stall(promtool: Path, tmp_path: Path) -> None:
    # For fifteen minutes no block comes and the network's height is withdrawn.
    life = _heights(
        "1000+3x40 1120x29 1213+3x10",
        "1000+3x40 stale _x28 1213+3x10",
        "1x40 stale _x28 0",
    )
    _prove(
        promtool, tmp_path, life, _fired(60, "SyncNetworkHeightUnknown", "SyncHeadOld"), firing("SyncHeadOld", "50m")
    )


def test_a_halt_of_the_chain_does_not_become_usual(promtool: Path, tmp_path: Path) -> None:
    # Two hours of blocks, eight of quiet: longer than the pack's memory of what is usual.
    life = _heights("1000+3x240 1720", "1000+3x240 1720", "0")
    every = (firing("SyncNetworkStalled", f"{minute}m", A) for minute in range(160, 600, 20))
    _prove(promtool, tmp_path, life, *every, _fired(600, "SyncNetworkStalled"), length=600)


def test_a_young_chain_history_is_no_reason_to_be_silent(promtool: Path, tmp_path: Path) -> None:
    life = _heights("1000+3x20 1060", "1000+3x20 1060", "0")
    _prove(promtool, tmp_path, life, firing("SyncNetworkStalled", "30m", A))


def test_headers_loaded_at_once_do_not_make_a_slow_chain_fast(promtool: Path, tmp_path: Path) -> None:
    # A Bitcoin node: 800,000 headers in three minutes, then blocks after 30, 55 and 60 minutes.
    life = {"wallet_network_height_blocks": "0+100000x6 700000x54 700001x50 700002x10 700003"}
    _prove(promtool, tmp_path, life, _fired(80), length=80)


def test_geth_without_a_state_is_not_known_rather_than_stalled(promtool: Path, tmp_path: Path) -> None:
    life = {"chain_head_block": "0", "chain_head_header": "0+50000x10", "p2p_peers": "20"}
    _prove(promtool, tmp_path, life, _fired(60), preset="geth")


def test_a_node_of_no_wallet_is_told_by_its_target(promtool: Path, tmp_path: Path) -> None:
    node = {"ethereum_blockchain_height": "1000", "ethereum_best_known_block_number": "1000+3x10"}
    labels = {"namespace": "wallets-prod", "walletmon": "treasury", "environment": "prod", "target": "db"}
    test = {
        "interval": "30s",
        "input_series": series(None, node, 30),
        "promql_expr_test": [],
        "alert_rule_test": [
            {
                "eval_time": "10m",
                "alertname": "SyncStalled",
                "exp_alerts": [
                    {
                        "exp_labels": {**labels, "pack": "sync", "priority": "P0", "severity": "critical"},
                        "exp_annotations": {
                            "summary": "Target db stands still while its chain goes on",
                            "description": "The own height of target db has not risen for 10m 0s, and the network has "
                            "been ahead of it for 5 minutes or more.",
                            "runbook_url": "https://walletmon.dev/runbooks/SyncStalled",
                        },
                    }
                ],
            }
        ],
    }
    prove(promtool, tmp_path, monitor(pack="sync", preset="besu"), [test])


def test_figures_that_the_bitcoin_exporter_only_repeats_are_not_taken_for_a_quiet_chain(
    promtool: Path, tmp_path: Path
) -> None:
    life = {
        "bitcoin_blocks": "800000",
        "bitcoin_peers": "8x18 0",
        'bitcoin_exporter_errors_total{type="ConnectionError"}': "0x20 1+1x10",
    }
    _prove(
        promtool,
        tmp_path,
        life,
        _fired(180, "SyncHeightUnknown"),
        length=180,
        preset="bitcoin-exporter",
    )
