"""What balances do in ordinary life, what fails around them, and that only the money's own trouble is called so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, as_input, firing, interrupted, monitor, prove, series, written_out

DAY = 24 * 120
"""Samples of a day."""


def _told(values: str, read: str = "0+30", *, asset: str = "native", source: str = "alchemy") -> dict[str, str]:
    """The balance of an asset as one source tells it, and when it was read."""
    labels = f'{{asset="{asset}",source="{source}"}}'
    return {f"wallet_balance_coins{labels}": values, f"wallet_balance_snapshot_timestamp_seconds{labels}": read}


WELL = _told("5") | _told("5", source="infura") | _told("100", asset="USDC")


def _ever(until: str, *names: str) -> Json:
    """The expectation that of this pack exactly these alerts have ever fired for the first wallet."""
    firing_ones = f'ALERTS{{alertstate="firing",pack="balance",wallet="{A}"}}'
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
    minutes: int = 60,
    preset: str | None = None,
    thresholds: dict[str, str] | None = None,
    absent: tuple[int, int] | None = None,
) -> None:
    """Prove `expected` for a wallet with this life, of which nothing is known between the samples `absent`."""
    written = written_out(life, minutes)
    if absent is not None:
        written = {name: interrupted(samples, *absent) for name, samples in written.items()}
    inputs = as_input(A, written) + series(B, {}, minutes)
    tests = [{"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}]
    prove(promtool, folder, monitor(thresholds=thresholds, pack="balance", preset=preset), tests)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(WELL, id="pays nothing out"),
        pytest.param({"up": "1"}, id="has no exporter"),
        pytest.param(_told("10x20 6x70 3.1"), id="pays out less than half in half an hour"),
        pytest.param(_told("0x8 50"), id="is funded for the first time within minutes"),
        pytest.param(_told("1.05x20 0.99x4 1.05"), id="is below the figure for two minutes"),
        pytest.param(_told("5", "0+30x20 600x14 1050+30"), id="is not read for seven minutes, as the RPC is out"),
        pytest.param(WELL | _told("5x20 0x4 5", source="infura"), id="has a source that answers 0 for two minutes"),
        pytest.param(
            _told("5x40 2.6") | _told("5x44 2.6", source="infura"), id="has a source that sees a payout after the other"
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _ever("60m"))


@pytest.mark.parametrize(
    "absent",
    [pytest.param((40, 44), id="restarts for two minutes"), pytest.param((40, 55), id="is away for seven minutes")],
)
def test_nothing_fires_while_the_exporter(absent: tuple[int, int], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, WELL, _ever("60m"), absent=absent)


def test_a_balance_that_is_no_longer_read_is_unknown_and_never_empty(promtool: Path, tmp_path: Path) -> None:
    # As an exporter would that takes a failed read for 0: the figure is there, and was not read.
    life = _told("5x41 0", "0+30x20 600")
    _prove(promtool, tmp_path, life, _ever("60m", "BalanceUnknown"))


def test_a_critical_balance_that_gets_unknown_is_handed_over_without_a_hole(promtool: Path, tmp_path: Path) -> None:
    life = _told("5x10 0.05", "0+30x40 1200")
    either = {
        "expr": f'min_over_time(count(ALERTS{{alertname=~"BalanceCritical|BalanceUnknown",alertstate="firing",'
        f'wallet="{A}"}})[50m:30s])',
        "eval_time": "59m",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    handed = (firing("BalanceCritical", "59m"), firing("BalanceUnknown", "59m", A))
    _prove(promtool, tmp_path, life, either, firing("BalanceCritical", "25m", A), *handed)


def test_a_wallet_that_was_always_low_calls_nobody_but_is_told_of_once(promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, _told("0.05"), _ever("60m", "BalanceLow"))


def test_a_figure_raised_above_the_balance_calls_nobody(promtool: Path, tmp_path: Path) -> None:
    raised = {"low": "20 ETH", "critical": "10 ETH"}
    _prove(promtool, tmp_path, _told("5"), _ever("60m", "BalanceLow"), thresholds=raised)


def test_a_balance_around_the_figure_is_one_call(promtool: Path, tmp_path: Path) -> None:
    life = _told("0.101x10 " + " ".join(["0.099x5 0.101x9"] * 8))
    lasting = (firing("BalanceCritical", f"{minute}m", A) for minute in range(8, 60, 2))
    _prove(promtool, tmp_path, life, *lasting)


def test_one_source_of_three_is_outvoted_and_two_are_believed(promtool: Path, tmp_path: Path) -> None:
    well = _told("5") | _told("5", source="infura") | _told("5x20 0.01", source="own")
    _prove(promtool, tmp_path, well, _ever("60m", "BalanceSourcesDisagree"))
    ill = _told("5") | _told("5x20 0.01", source="infura") | _told("5x20 0.01", source="own")
    expected = ("BalanceCritical", "BalanceLow", "BalanceSourcesDisagree", "BalanceSuddenDrop")
    _prove(promtool, tmp_path, ill, _ever("60m", *expected))


def test_a_source_that_stops_takes_no_money_with_it(promtool: Path, tmp_path: Path) -> None:
    # The higher of two figures goes, first because it is not read, then altogether: what is left was always there.
    life = _told("100", "0+30x20 600") | _told("30", source="infura")
    _prove(promtool, tmp_path, life, _ever("60m", "BalanceSourceStale", "BalanceSourcesDisagree"))
    life = _told("100x20 stale _", "0+30x20 stale _") | _told("30", source="infura")
    _prove(promtool, tmp_path, life, _ever("60m"))


def test_money_that_went_while_nobody_could_look_is_missed_afterwards(promtool: Path, tmp_path: Path) -> None:
    found = (firing("BalanceSuddenDrop", "118m"), firing("BalanceSuddenDrop", "125m", A))
    life = _told("100x40 20")
    _prove(promtool, tmp_path, life, *found, minutes=140, absent=(40, 240))


def test_money_that_came_and_went_within_the_window_is_missed_too(promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, _told("5x40 50x20 5"), firing("BalanceSuddenDrop", "35m", A))


def test_dust_that_is_spent_is_no_theft(promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, _told("0.08x20 0.01"), _ever("60m", "BalanceLow"))


def test_a_swept_wallet_can_be_left_out(promtool: Path, tmp_path: Path) -> None:
    life = _told("50x20 0", asset="USDC")
    _prove(promtool, tmp_path, life, _ever("60m", "BalanceSuddenDrop"))
    _prove(promtool, tmp_path, life, _ever("60m"), thresholds={"drop": "100%"})


def test_a_wallet_that_was_taken_out_of_the_monitor_is_not_unknown(promtool: Path, tmp_path: Path) -> None:
    life = {f'{name[:-1]},wallet="gone"}}': values for name, values in _told("5x10 stale _", "0+30x10 stale _").items()}
    nobody = {"expr": 'ALERTS{alertname="BalanceUnknown"}', "eval_time": "50m", "exp_samples": []}
    _prove(promtool, tmp_path, life, nobody)


def test_time_to_empty_is_told_of_trends_and_of_nothing_else(promtool: Path, tmp_path: Path) -> None:
    def falling(start: float, step: float) -> str:
        return f"{start:g}-{step:g}"

    sawtooth = " ".join(["5-0.004x959", *["10-0.004x1999"] * 2])
    payouts = " ".join(["8x1439 6x1439 4x1439 2x1439"])
    with_deposits = " ".join(f"{70 - hour * 1.5:g}-0.02x99 {69 - hour * 1.5:g}x19" for hour in range(40))
    life = (
        _told(falling(70, 0.0125), asset="falls")
        | _told(with_deposits, asset="falls with deposits")
        | _told("1+0.001", asset="rises")
        | _told("5", asset="rests")
        | _told(sawtooth, asset="filled up daily")
        | _told(payouts, asset="paid out twice a day")
        | _told(f"0x{DAY - 2} 50-0.05", asset="young")
        | _told(falling(5000, 0.0125), asset="lasts")
    )
    named = {
        "expr": 'group by (asset) (last_over_time(ALERTS{alertname="BalanceRunwayShort",alertstate="firing"}[30h]))',
        "eval_time": "30h",
        "exp_samples": [{"labels": f'{{asset="{asset}"}}', "value": 1} for asset in ("falls", "falls with deposits")],
    }
    _prove(promtool, tmp_path, life, named, minutes=30 * 60)


def test_a_lnd_payment_whose_change_is_unconfirmed_is_no_loss(promtool: Path, tmp_path: Path) -> None:
    life = {
        "lnd_wallet_balance_confirmed_sat": "500000000x20 0x20 490000000",
        "lnd_wallet_balance_unconfirmed_sat": "0x20 490000000x20 0",
        "lnd_chain_synced": "1",
    }
    _prove(promtool, tmp_path, life, _ever("60m"), preset="lnd")


def test_an_lnd_that_does_not_follow_its_chain_is_unknown_and_never_empty(promtool: Path, tmp_path: Path) -> None:
    life = {
        "lnd_wallet_balance_confirmed_sat": "500000000x20 0",
        "lnd_wallet_balance_unconfirmed_sat": "0",
        "lnd_chain_synced": "1x20 0",
    }
    _prove(promtool, tmp_path, life, _ever("60m", "BalanceUnknown"), preset="lnd")


def test_an_empty_key_of_a_chainlink_node_is_told_by_its_name(promtool: Path, tmp_path: Path) -> None:
    life = {
        'eth_balance{account="0xa1",evmChainID="1"}': "5",
        'eth_balance{account="0xb2",evmChainID="1"}': "0.5",
        'eth_balance{account="0xb2",evmChainID="10"}': "5",
        'head_tracker_current_head{evmChainID="1"}': "100+2",
        'head_tracker_current_head{evmChainID="10"}': "100+15",
    }
    named = {
        "expr": 'count by (chain, account) (ALERTS{alertname="BalanceLow",alertstate="firing"})',
        "eval_time": "30m",
        "exp_samples": [{"labels": '{account="0xb2",chain="1"}', "value": 1}],
    }
    _prove(promtool, tmp_path, life, named, preset="chainlink")


def test_a_chainlink_node_that_loses_its_endpoint_is_unknown_and_not_empty(promtool: Path, tmp_path: Path) -> None:
    life = {
        'eth_balance{account="0xa1",evmChainID="1"}': "5x40 0",
        'head_tracker_current_head{evmChainID="1"}': "100+2x20 140",
    }
    _prove(promtool, tmp_path, life, _ever("60m", "BalanceUnknown"), preset="chainlink")


def test_reads_that_fail_now_and_then_leave_the_address_exporters_balance_known(promtool: Path, tmp_path: Path) -> None:
    flaky = " ".join(f"{error}x7" for error in range(1, 20))
    life = {
        'eth_address_account_balance{name="hot",address="0xa1"}': "500000000000000000",
        'eth_address_account_errors_total{name="hot",address="0xa1"}': flaky,
    }
    _prove(promtool, tmp_path, life, _ever("60m", "BalanceLow"), preset="address-exporter")
