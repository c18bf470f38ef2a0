"""What transactions and chains do in ordinary life, and that only a transaction that is stuck is called so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, as_input, interrupted, monitor, prove, series, written_out


def _endpoint(
    latest: str,
    pending: str,
    *,
    name: str = "alchemy",
    height: str = "100+3",
    read: str = "0+30",
    oldest: str | None = None,
) -> dict[str, str]:
    """A wallet's counts as one endpoint tells them, its head, and when they were read."""
    life = {
        f'wallet_nonce_latest{{source="{name}"}}': latest,
        f'wallet_nonce_pending{{source="{name}"}}': pending,
        f'wallet_nonce_snapshot_timestamp_seconds{{source="{name}"}}': read,
        f'wallet_endpoint_height_blocks{{endpoint="{name}"}}': height,
    }
    if oldest is not None:
        life[f'wallet_tx_oldest_pending_timestamp_seconds{{source="{name}"}}'] = oldest
    return life


STUCK = _endpoint("7", "9", oldest="0")
BUSY = _endpoint("7+2", "9+2", oldest="0+30")


def _ever(until: str, *names: str) -> Json:
    """The expectation that of this pack exactly these alerts have ever fired for the first wallet."""
    firing_ones = f'ALERTS{{alertstate="firing",pack="nonce",wallet="{A}"}}'
    return {
        "expr": f"group by (alertname) (last_over_time({firing_ones}[{until}]))",
        "eval_time": until,
        "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in names],
    }


def _prove(
    promtool: Path,
    folder: Path,
    life: dict[str, str],
    *expected: Json,
    preset: str | None = None,
    absent: tuple[int, int] | None = None,
) -> None:
    """Prove `expected` for a wallet with this life, of which nothing is known between the samples `absent`."""
    written = written_out(life, 60)
    if absent is not None:
        written = {name: interrupted(samples, *absent) for name, samples in written.items()}
    inputs = as_input(A, written) + series(B, {}, 60)
    tests = [{"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}]
    prove(promtool, folder, monitor(pack="nonce", preset=preset), tests)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(BUSY, id="sends all the time"),
        pytest.param(_endpoint("7", "7"), id="sends nothing"),
        pytest.param({"up": "1"}, id="has no exporter"),
        pytest.param(
            _endpoint("7x60 8", "7x40 8", oldest="_x39 1200x19 stale _"), id="waits ten minutes for one transaction"
        ),
        pytest.param(
            _endpoint("7", "9", oldest="0", height="100"), id="has transactions waiting on a chain that stands still"
        ),
        pytest.param(
            _endpoint("7", "7x19 9", oldest="_x18 570", height="100+3x20 160"),
            id="sent transactions just before its chain stood still",
        ),
        pytest.param(
            _endpoint("7+2x60 127", "9+2x60 129", height="100+3x60 280", name="frozen") | BUSY,
            id="has an endpoint that froze with transactions in its mempool",
        ),
        pytest.param(
            _endpoint("7x20 8", "8", oldest="0x20 stale _", name="alchemy")
            | _endpoint("7x20 7x3 8", "8", name="lagging", height="97+3"),
            id="has an endpoint that lags by some blocks",
        ),
        pytest.param(
            BUSY | {'wallet_nonce_snapshot_timestamp_seconds{source="alchemy"}': "0+30x40 1200x9 1500+30"},
            id="is not read for five minutes",
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _ever("60m"))


@pytest.mark.parametrize(
    "absent",
    [pytest.param((40, 44), id="restarts for two minutes"), pytest.param((40, 58), id="is away for nine minutes")],
)
def test_nothing_fires_while_the_exporter(absent: tuple[int, int], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, BUSY, _ever("60m"), absent=absent)


def test_an_rpc_outage_makes_the_counts_unknown_and_nothing_stuck(promtool: Path, tmp_path: Path) -> None:
    # What was last read stays: two transactions in the mempool, and a head that moves no more.
    life = _endpoint("7+2x20 47", "9+2x20 49", oldest="0+30x20 600", read="0+30x20 600", height="100+3x20 160")
    _prove(promtool, tmp_path, life, _ever("60m", "NonceUnknown"))


def test_an_endpoint_that_is_lost_does_not_hide_a_stuck_transaction(promtool: Path, tmp_path: Path) -> None:
    lost = _endpoint("7", "9", name="infura", read="0+30x10 300", height="100+3x10 130")
    _prove(promtool, tmp_path, STUCK | lost, _ever("60m", "NonceStuck", "TxPendingAgeHigh"))


def test_a_stuck_transaction_is_noticed_where_the_age_begins_anew(promtool: Path, tmp_path: Path) -> None:
    # The exporter restarts every ten minutes and forgets since when the transaction waits.
    ages = " ".join(f"{600 * start}x19" for start in range(6))
    _prove(promtool, tmp_path, _endpoint("7", "9", oldest=ages), _ever("60m", "NonceStuck"))


def test_a_chainlink_node_is_not_stuck_for_want_of_an_endpoint(promtool: Path, tmp_path: Path) -> None:
    life = {
        'head_tracker_current_head{evmChainID="1"}': "100+3x20 160",
        'unconfirmed_transactions{evmChainID="1"}': "2",
        'max_unconfirmed_tx_age{evmChainID="1"}': "0+30x10 300",
        'tx_manager_num_confirmed_transactions{evmChainID="1"}': "0+1x20 20",
    }
    _prove(promtool, tmp_path, life, _ever("60m", "NonceUnknown"), preset="chainlink")


def test_a_chainlink_node_that_restarts_with_its_counters_is_not_stuck(promtool: Path, tmp_path: Path) -> None:
    life = {
        "up": "1x40 0x1 1",
        'head_tracker_current_head{evmChainID="1"}': "100+3x40 stale _ 229+3",
        'unconfirmed_transactions{evmChainID="1"}': "2x40 stale _ 2",
        'tx_manager_num_confirmed_transactions_total{chainID="1"}': "0+1x40 stale _x10 1+1",
    }
    _prove(promtool, tmp_path, life, _ever("60m"), preset="chainlink")
