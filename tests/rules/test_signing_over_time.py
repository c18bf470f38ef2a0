"""Signing in ordinary life: histograms of each kind, thin traffic, bursts, deploys, and an upgrade of Web3Signer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rules.proofs import A, B, Json, as_input, firing, monitor, never, prove, series

LATENCY = "tx_sign_latency_seconds"
FAST = {
    f'{LATENCY}_bucket{{algorithm="ecdsa",le="0.064"}}': "0+100x10",
    f'{LATENCY}_bucket{{algorithm="ecdsa",le="+Inf"}}': "0+100x10",
    f'{LATENCY}_count{{algorithm="ecdsa"}}': "0+100x10",
    'tx_sign_failures_total{algorithm="ecdsa",reason="error"}': "0",
}
SIGNING = (
    "TxSignLatencyRootCause",
    "TxSignLatencyP99Critical",
    "TxSignStalled",
    "TxSignLatencyP95High",
    "TxSignFailureRatioHigh",
    "TxSignKeysLost",
    "TxSignLatencyUnknown",
    "TxSignFailuresByReason",
)


def _slow(algorithm: str, each: int, *, labels: str = "") -> dict[str, str]:
    """`each` signatures a sample: 90 % within 1.024 s, all within 2.048 s."""
    return {
        f'{LATENCY}_bucket{{algorithm="{algorithm}",le="1.024"{labels}}}': f"0+{each * 0.9:g}x10",
        f'{LATENCY}_bucket{{algorithm="{algorithm}",le="2.048"{labels}}}': f"0+{each}x10",
        f'{LATENCY}_bucket{{algorithm="{algorithm}",le="+Inf"{labels}}}': f"0+{each}x10",
        f'{LATENCY}_count{{algorithm="{algorithm}"{labels}}}': f"0+{each}x10",
    }


def _until(sample: int, values: str) -> str:
    """Samples of a series of one item that ends after `sample`."""
    return f"{values.partition('x')[0]}x{sample} stale _"


def _prove(promtool: Path, folder: Path, inputs: list[Json], *expected: Json, preset: str | None = None) -> None:
    test = {"interval": "30s", "input_series": inputs, "promql_expr_test": list(expected), "alert_rule_test": []}
    prove(promtool, folder, monitor(pack="signing", preset=preset), [test])


def _by_algorithm(alert: str, at: str, *algorithms: str) -> Json:
    return {
        "expr": f'count by (wallet, algorithm) (ALERTS{{alertname="{alert}",alertstate="firing"}})',
        "eval_time": at,
        "exp_samples": [{"labels": f'{{wallet="{A}",algorithm="{each}"}}', "value": 1} for each in algorithms],
    }


NATIVE = "{{schema:0 count:0 sum:0 buckets:[0 0]}}+{{schema:0 count:100 sum:85 buckets:[90 10]}}x60"
CONVERTED = (
    "{{schema:-53 count:0 sum:0 custom_values:[1.024 2.048] buckets:[0 0 0]}}"
    "+{{schema:-53 count:100 sum:85 custom_values:[1.024 2.048] buckets:[90 10 0]}}x60"
)


@pytest.mark.parametrize(
    ("classic", "native"),
    [
        pytest.param(True, None, id="classic"),
        pytest.param(False, NATIVE, id="native"),
        pytest.param(False, CONVERTED, id="converted to native while scraping"),
        pytest.param(True, NATIVE, id="both at once"),
    ],
)
def test_each_kind_of_histogram_is_judged_and_once(
    classic: bool, native: str | None, promtool: Path, tmp_path: Path
) -> None:
    inputs = series(A, _slow("ecdsa", 100) if classic else {}, 30) + series(B, FAST, 30)
    if native is not None:
        inputs += as_input(A, {f'{LATENCY}{{algorithm="ecdsa"}}': [native]})
    _prove(
        promtool,
        tmp_path,
        inputs,
        _by_algorithm("TxSignLatencyP95High", "20m", "ecdsa"),
        firing("TxSignLatencyP99Critical", "20m"),
    )


def test_a_slow_algorithm_does_not_hide_behind_a_fast_one(promtool: Path, tmp_path: Path) -> None:
    inputs = series(A, FAST | _slow("ed25519", 4), 30)
    _prove(promtool, tmp_path, inputs, _by_algorithm("TxSignLatencyP95High", "20m", "ed25519"))


def test_processes_of_a_wallet_are_judged_together(promtool: Path, tmp_path: Path) -> None:
    # One has too few signatures by itself.
    inputs = series(A, _slow("ecdsa", 1), 40)
    _prove(promtool, tmp_path, inputs, _by_algorithm("TxSignLatencyP95High", "30m"))
    inputs = series(A, _slow("ecdsa", 1) | _slow("ecdsa", 1, labels=',pod="second"'), 40)
    _prove(promtool, tmp_path, inputs, _by_algorithm("TxSignLatencyP95High", "30m", "ecdsa"))


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(FAST, id="signs"),
        pytest.param(dict.fromkeys(FAST, "0"), id="has nothing to sign"),
        pytest.param({}, id="does not sign"),
        pytest.param(
            {
                f'{LATENCY}_bucket{{algorithm="ecdsa",le="8.192"}}': "0x20 4",
                f'{LATENCY}_bucket{{algorithm="ecdsa",le="+Inf"}}': "0x20 4",
                f'{LATENCY}_count{{algorithm="ecdsa"}}': "0x20 4",
            },
            id="makes four slow signatures",
        ),
        pytest.param(
            {f'{LATENCY}_count{{algorithm="ecdsa"}}': "0x10 1x20 2x10 stale _"},
            id="signs seldom, restarts, and shows nothing before its next signature",
        ),
        pytest.param(
            {
                name.replace("{", '{pod="old",'): f"{values}x40 stale _".replace("x10x", "x")
                for name, values in FAST.items()
            }
            | {name.replace("{", '{pod="new",'): f"_x46 {values}" for name, values in FAST.items()},
            id="is deployed anew, with three minutes between",
        ),
    ],
)
def test_nothing_fires_for_a_wallet_that(life: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    _prove(promtool, tmp_path, series(A, life, 90) + series(B, FAST, 90), *(never(name, "90m") for name in SIGNING))


def test_a_burst_of_failures_in_an_idle_wallet_calls_nobody(promtool: Path, tmp_path: Path) -> None:
    life = {
        f'{LATENCY}_count{{algorithm="ecdsa"}}': "5",
        'tx_sign_failures_total{algorithm="ecdsa",reason="error"}': "0x20 4 8",
    }
    _prove(
        promtool,
        tmp_path,
        series(A, life, 60),
        never("TxSignStalled", "60m"),
        firing("TxSignFailureRatioHigh", "14m30s", A),
        firing("TxSignFailureRatioHigh", "30m"),
    )


def test_a_signer_that_is_down_is_not_called_silent(promtool: Path, tmp_path: Path) -> None:
    life = {name: _until(40, values) for name, values in FAST.items()} | {"up": "1x40 0"}
    _prove(
        promtool, tmp_path, series(A, life, 90), never("TxSignLatencyUnknown", "90m"), firing("WalletDown", "40m", A)
    )


def test_the_cause_is_asked_for_only_while_both_percentiles_are_beyond_their_limits(
    promtool: Path, tmp_path: Path
) -> None:
    # From 20 minutes on, the slow tenth becomes a slow thirtieth: the 95th percentile is well, the 99th is not.
    life = {
        f'{LATENCY}_bucket{{algorithm="ecdsa",le="1.024"}}': "0+900x40 36900+970",
        f'{LATENCY}_bucket{{algorithm="ecdsa",le="2.048"}}': "0+900x40 36900+970",
        f'{LATENCY}_bucket{{algorithm="ecdsa",le="4.096"}}': "0+1000x40 41000+1000",
        f'{LATENCY}_bucket{{algorithm="ecdsa",le="+Inf"}}': "0+1000x40 41000+1000",
        f'{LATENCY}_count{{algorithm="ecdsa"}}': "0+1000x40 41000+1000",
    }
    _prove(
        promtool,
        tmp_path,
        series(A, life, 60),
        _by_algorithm("TxSignLatencyRootCause", "20m", "ecdsa"),
        _by_algorithm("TxSignLatencyRootCause", "40m"),
        _by_algorithm("TxSignLatencyP95High", "40m"),
        _by_algorithm("TxSignLatencyP99Critical", "40m", "ecdsa"),
    )


def test_web3signer_may_be_upgraded_in_place_to_counters_of_other_names(promtool: Path, tmp_path: Path) -> None:
    old = {
        "signing_bls_missing_identifier_count": "0+4x30 stale _",
        "http_bls_malformed_request_count": "0x30 stale _",
    }
    new = {
        "signing_bls_missing_identifier_count_total": "_x30 0+4",
        "http_bls_malformed_request_count_total": "_x30 0",
    }
    life = {"signing_bls_signing_duration_count": "0+40x30 0+40", **old, **new}
    expected = (_by_algorithm("TxSignFailureRatioHigh", f"{minute}m", "bls") for minute in range(10, 30))
    _prove(promtool, tmp_path, series(A, life, 40), *expected, preset="web3signer")


def test_web3signer_that_refuses_everything_is_stalled_though_its_timer_counts_refusals(
    promtool: Path, tmp_path: Path
) -> None:
    life = {
        "signing_bls_signing_duration_count": "0+5x10",
        "signing_bls_missing_identifier_count_total": "0+2x10",
        "http_bls_malformed_request_count_total": "0+3x10",
        "signing_secp256k1_signing_duration_count": "0+5x10",
    }
    _prove(promtool, tmp_path, series(A, life, 30), _by_algorithm("TxSignStalled", "20m", "bls"), preset="web3signer")
