"""What RPC endpoints do in ordinary life and in outages, and that it is told as trouble of endpoints alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rules.proofs import API, A, B, Json, firing, prove, series
from walletmon.api.monitor import WalletMonitor

HOUR = 60


def _calls(endpoint: str, success: str, error: str = "0", method: str = "eth_call", **labels: str) -> dict[str, str]:
    inside = "".join(f',{name}="{value}"' for name, value in labels.items())
    name = f'wallet_rpc_requests_total{{endpoint="{endpoint}",method="{method}"{inside},outcome='
    return {f'{name}"success"}}': success, f'{name}"error"}}': error}


def _tells(endpoint: str, height: str, read: str = "0+30x10") -> dict[str, str]:
    return {
        f'wallet_endpoint_height_blocks{{endpoint="{endpoint}"}}': height,
        f'wallet_endpoint_snapshot_timestamp_seconds{{endpoint="{endpoint}"}}': read,
    }


def _slow(count: str) -> dict[str, str]:
    name = 'wallet_rpc_request_duration_seconds_bucket{endpoint="alchemy",method="eth_call",le='
    return {
        f'{name}"4.096"}}': "0",
        f'{name}"8.192"}}': count,
        f'{name}"+Inf"}}': count,
        'wallet_rpc_request_duration_seconds_count{endpoint="alchemy",method="eth_call"}': count,
    }


WELL = _calls("alchemy", "0+20x10") | _calls("infura", "0+20x10") | _tells("alchemy", "1000") | _tells("infura", "1000")


def _monitor(thresholds: Mapping[str, str] | None = None, preset: str | None = None) -> WalletMonitor:
    rpc: Json = {"name": "rpc", "thresholds": dict(thresholds or {})} | ({} if preset is None else {"preset": preset})
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {
                "environment": "prod",
                "wallets": [{"name": A}, {"name": B}],
                "targets": [API],
                "packs": [{"name": "golden-signals"}, {"name": "sync"}, rpc],
            },
        }
    )


def _fired(until: int, *names: str) -> Json:
    """The expectation that, of the packs rpc and sync, exactly these alerts of A have fired within so many minutes."""
    return {
        "expr": "count by (alertname, wallet) (max by (alertname, wallet) (last_over_time("
        f'ALERTS{{alertstate="firing",pack=~"rpc|sync"}}[{until}m])))',
        "eval_time": f"{until}m",
        "exp_samples": [{"labels": f'{{alertname="{name}",wallet="{A}"}}', "value": 1} for name in names],
    }


def _at(alert: str, time: str, **labels: str) -> Json:
    """The expectation that `alert` fires at `time` once, with these labels."""
    made = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return {
        "expr": f'count by ({",".join(sorted(labels))}) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
        "eval_time": time,
        "exp_samples": [{"labels": f"{{{made}}}", "value": 1}],
    }


def _prove(
    promtool: Path,
    folder: Path,
    described: dict[str, str],
    *expected: Json,
    of: WalletMonitor | None = None,
) -> None:
    inputs = series(A, described, HOUR) + series(B, WELL if of is None else {}, HOUR)
    tests = [{"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}]
    prove(promtool, folder, of or _monitor(), tests)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(WELL, id="works"),
        pytest.param({"up": "1"}, id="exposes nothing of ours"),
        pytest.param(_calls("alchemy", "0") | _calls("infura", "0"), id="calls nobody"),
        pytest.param(
            _calls("alchemy", "0+20x10") | _calls("spare", "0"), id="has a spare endpoint that it never calls"
        ),
        pytest.param(_calls("alchemy", "0+20x10"), id="has one endpoint, which works"),
        pytest.param(_calls("alchemy", "0", "0x20 1x10 2"), id="makes two calls, which fail"),
        pytest.param(
            _calls("alchemy", "0+20x10", "0x40 2x10 4x10 6x10 8"), id="loses two calls of two hundred, again and again"
        ),
        pytest.param(
            _calls("alchemy", "0+20x40 stale _", pod="old") | _calls("alchemy", "_x45 0+20x10", pod="new"),
            id="is deployed anew",
        ),
        pytest.param(_slow("0x30 20"), id="makes twenty slow calls"),
        pytest.param(
            _tells("alchemy", "98800+120x10", "-300+30x10") | _tells("infura", "100000+120x10"),
            id="reads heights of a fast chain at different moments",
        ),
        pytest.param(
            _tells("alchemy", "800x35 801x50 802") | _tells("infura", "800x30 801x52 802"),
            id="has an endpoint to which blocks come late",
        ),
        pytest.param(
            _tells("alchemy", "1000+3x40 stale _", "0+30x40 stale _")
            | _tells("infura", "1000+3x40 stale _", "0+30x40 stale _"),
            id="loses its exporter",
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, life, _fired(60))


def test_an_outage_of_all_endpoints_is_no_trouble_of_the_wallet(promtool: Path, tmp_path: Path) -> None:
    # Ten minutes in which every call fails: no new block comes, and the network's height is withdrawn.
    life = {
        **_calls("alchemy", "0+20x40 800x19 820+20x10", "0x40 20+20x19 400"),
        **_calls("infura", "0+20x40 800x19 820+20x10", "0x40 20+20x19 400"),
        "wallet_sync_height_blocks": "1000+3x40 1120x19 1183+3x10",
        "wallet_network_height_blocks": "1000+3x40 stale _x18 1183+3x10",
        "wallet_sync_lag_blocks": "1x40 stale _x18 0",
    }
    _prove(
        promtool,
        tmp_path,
        life,
        _fired(60, "RpcQuorumLost", "RpcErrorRateVeryHigh", "SyncHeadOld", "SyncNetworkHeightUnknown"),
        firing("RpcQuorumLost", "25m", A),
        *(firing(name, "55m") for name in ("RpcQuorumLost", "RpcErrorRateVeryHigh", "SyncNetworkHeightUnknown")),
    )


def test_one_endpoint_of_two_that_fails_is_named_and_leaves_nothing_to_spare(promtool: Path, tmp_path: Path) -> None:
    life = _calls("alchemy", "0+20x40 800", "0x40 20+20x10") | _calls("infura", "0+20x10")
    _prove(
        promtool,
        tmp_path,
        life,
        _fired(60, "RpcErrorRateVeryHigh", "RpcQuorumAtLimit"),
        _at("RpcErrorRateVeryHigh", "30m", endpoint="alchemy", wallet=A),
        _at("RpcQuorumAtLimit", "35m", wallet=A),
    )


def test_an_endpoint_grows_worse_and_only_the_level_it_has_reached_speaks(promtool: Path, tmp_path: Path) -> None:
    # Five calls in a hundred fail for twenty minutes, then thirty.
    life = _calls("alchemy", "0+95x40 3870+70x10", "0+5x40 230+30x10")
    _prove(
        promtool,
        tmp_path,
        life,
        firing("RpcErrorRateHigh", "15m", A),
        firing("RpcErrorRateVeryHigh", "15m"),
        firing("RpcErrorRateHigh", "40m"),
        firing("RpcErrorRateVeryHigh", "40m", A),
    )


def test_a_method_that_is_not_offered_is_no_illness_of_the_endpoint(promtool: Path, tmp_path: Path) -> None:
    # A quarter of the calls, and none of them works here; at the other endpoint they do.
    life = {
        **_calls("alchemy", "0+15x10"),
        **_calls("alchemy", "0", "0+5x10", method="debug_traceCall"),
        **_calls("infura", "0+5x10", method="debug_traceCall"),
    }
    named = _at("RpcMethodFailing", "30m", endpoint="alchemy", method="debug_traceCall", wallet=A)
    _prove(promtool, tmp_path, life, _fired(60, "RpcMethodFailing"), named)


def test_an_endpoint_at_which_every_method_fails_is_not_called_a_matter_of_methods(
    promtool: Path, tmp_path: Path
) -> None:
    life = {
        **_calls("alchemy", "0", "0+5x10"),
        **_calls("alchemy", "0", "0+5x10", method="eth_blockNumber"),
        **_calls("infura", "0+5x10"),
    }
    _prove(promtool, tmp_path, life, _fired(60, "RpcErrorRateVeryHigh", "RpcQuorumAtLimit"))


def test_a_wallet_that_compares_answers_needs_more_than_one(promtool: Path, tmp_path: Path) -> None:
    life = _calls("alchemy", "0+20x10") | _calls("infura", "0+20x40 800", "0x40 20+20x10") | _calls("own", "0+20x10")
    two = _monitor({"quorum": "2"})
    _prove(promtool, tmp_path, life, _fired(60, "RpcErrorRateVeryHigh", "RpcQuorumAtLimit"), of=two)
    three = _monitor({"quorum": "3"})
    _prove(promtool, tmp_path, life, firing("RpcQuorumLost", "10m"), firing("RpcQuorumLost", "30m", A), of=three)


def test_an_old_height_is_told_as_not_known_and_not_as_being_behind(promtool: Path, tmp_path: Path) -> None:
    life = _tells("alchemy", "1000+3x40 1120", "0+30x40 1200") | _tells("infura", "1000+3x10")
    _prove(
        promtool,
        tmp_path,
        life,
        # Five minutes long the height was still taken for the present one.
        _at("RpcHeightUnknown", "35m", endpoint="alchemy", wallet=A),
        firing("RpcEndpointBehind", "40m"),
    )


def test_an_endpoint_on_a_wrong_chain_makes_all_others_look_behind(promtool: Path, tmp_path: Path) -> None:
    life = _tells("alchemy", "1000+3x10") | _tells("infura", "1000+3x10") | _tells("wrong", "900000+3x10")
    both = {
        "expr": 'count by (endpoint) (ALERTS{alertname="RpcEndpointBehind",alertstate="firing"})',
        "eval_time": "10m",
        "exp_samples": [{"labels": f'{{endpoint="{name}"}}', "value": 1} for name in ("alchemy", "infura")],
    }
    _prove(promtool, tmp_path, life, both)


def test_a_latency_that_an_idle_geth_goes_on_telling_is_not_taken_for_its_present_one(
    promtool: Path, tmp_path: Path
) -> None:
    life = {
        'rpc_duration_all{quantile="0.99"}': "3000000000",
        "rpc_duration_all_count": "0x20 500",
        "rpc_requests": "0x20 500",
        "rpc_failure": "0",
    }
    _prove(promtool, tmp_path, life, _fired(60), of=_monitor(preset="geth"))
