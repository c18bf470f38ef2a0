"""What users' own expressions mean once they are scoped, on the real Prometheus engine, with strangers around.

Beside the monitor's two wallets there live a monitor of the same namespace and one of the same name elsewhere, whose
series have the same wallets' names and would make every rule fire.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.rules.proofs import API, A, B, Json, firing, identity, prove
from walletmon.api.monitor import WalletMonitor

DB = {"name": "db", "role": "db", "static": ["db.example:9100"]}


def _monitor(expr: str) -> WalletMonitor:
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {
                "environment": "prod",
                "wallets": [{"name": A, "thresholds": {"golden-signals.syncLag": "10m"}}, {"name": B}],
                "targets": [API, DB],
                "rules": [{"name": "Own", "expr": expr, "summary": "own"}],
            },
        }
    )


def _one(name: str, labels: dict[str, str], values: str) -> Json:
    printed = ",".join(f"{label}={json.dumps(value)}" for label, value in labels.items())
    return {"series": f"{name}{{{printed}}}", "values": f"{values}x40"}


def _world(described: dict[tuple[str, str | None, str], str]) -> list[Json]:
    """Series by (metric, wallet, further labels), and the same of two strangers, a thousandfold."""
    made = []
    for (name, wallet, more), values in described.items():
        labels = identity(wallet) | dict(part.split("=") for part in more.split(",") if part)
        made.append(_one(name, labels, values))
        for stranger in ({"namespace": "elsewhere"}, {"walletmon": "other"}):
            made.append(_one(name, labels | stranger, f"{float(values) * 1000:g}"))
    return made


PLAIN: dict[tuple[str, str | None, str], str] = {("x", A, ""): "6", ("x", B, ""): "1"}
PODS = PLAIN | {("x", A, "pod=second"): "6", ("x", B, "pod=second"): "1"}
LIMITS = PODS | {
    ("limit", A, ""): "5",
    ("limit", A, "pod=second"): "7",
    ("limit", B, ""): "5",
    ("limit", B, "pod=second"): "5",
}
BROKEN_DB = PLAIN | {("up", None, ""): "0", ("up", A, ""): "1", ("up", B, ""): "1"}
WELL_DB = BROKEN_DB | {("up", None, ""): "1"}


@pytest.mark.parametrize(
    ("expr", "world", "wallets"),
    [
        pytest.param("x > 5", PLAIN, [A], id="a comparison"),
        pytest.param("x > 6", PLAIN, [], id="a comparison that does not hold"),
        pytest.param("sum(x) > 6", PODS, [A], id="a sum is one for each wallet"),
        pytest.param("sum by () (x) > 13", PODS, [], id="and never one over wallets"),
        pytest.param("sum by (pod) (x) > 6", PODS, [], id="a sum by a label is within the wallet"),
        pytest.param("topk(1, x) > 0", PODS, [A, B], id="the top one of each wallet"),
        pytest.param("count_values('v', x) > 1", PODS, [A, B], id="values are counted in each wallet"),
        pytest.param("sum(x) > vector(6)", PODS, [A], id="against a vector without labels"),
        pytest.param("vector(6) < sum(x)", PODS, [A], id="the other way round"),
        pytest.param("sum(x) > on () vector(6)", PODS, [A], id="with an explicit on"),
        pytest.param("sum(x) > scalar(sum(nothing)) or sum(x) > 6", PODS, [A], id="against a missing scalar"),
        pytest.param("sum(x) and on () absent(nothing)", PLAIN, [A, B], id="while something is absent"),
        pytest.param("sum(x) and absent(sum(nothing))", PLAIN, [A, B], id="while an aggregation is absent"),
        pytest.param("sum(x) and on () absent(x)", PLAIN, [], id="not while it is there"),
        pytest.param("x > limit", LIMITS, [A], id="two metrics of one process"),
        pytest.param("sum(x) > sum(limit)", LIMITS, [], id="two sums of one wallet"),
        pytest.param("x > on (pod) limit", LIMITS, [A], id="on keeps to the wallet"),
        pytest.param("x > ignoring (wallet, namespace) limit", LIMITS, [A], id="ignoring cannot leave it"),
        pytest.param("x > on (pod) group_left (wallet) limit", LIMITS, [A], id="group_left cannot rename it"),
        pytest.param('x and on () up{target="db", wallet=""} == 0', BROKEN_DB, [A, B], id="a shared workload is down"),
        pytest.param('x and on () up{target="db", wallet=""} == 0', WELL_DB, [], id="a shared workload is up"),
        pytest.param("max_over_time(sum(x)[5m:1m]) > 6", PODS, [A], id="a subquery"),
        pytest.param("{__name__=~'x|y'} > 5", PLAIN, [A], id="a pattern of names"),
        pytest.param('label_replace(x, "owner", "$1", "wallet", "(.*)") > 5', PLAIN, [A], id="a label made up"),
        pytest.param(
            "x * 100 > walletmon:threshold:golden_signals_sync_lag", PLAIN, [], id="a threshold of the wallet"
        ),
        pytest.param("x * 101 > walletmon:threshold:golden_signals_sync_lag", PLAIN, [A], id="a threshold passed"),
        pytest.param("x * 50 + 260 > walletmon:threshold:golden_signals_sync_lag", PLAIN, [B], id="by the other one"),
        pytest.param("x * 30 > 0.25 * walletmon:threshold:golden_signals_sync_lag", PLAIN, [A], id="a part of it"),
        pytest.param("x * 900 > walletmon:threshold:golden_signals_goroutines", PLAIN, [A], id="one figure for both"),
    ],
)
def test_an_expression_is_about_each_wallet_of_the_monitor(
    expr: str, world: dict[tuple[str, str | None, str], str], wallets: list[str], promtool: Path, tmp_path: Path
) -> None:
    expected = {
        "expr": 'group by (wallet) (ALERTS{alertname="Own",alertstate="firing"})',
        "eval_time": "15m",
        "exp_samples": [{"labels": f'{{wallet="{wallet}"}}', "value": 1} for wallet in wallets],
    }
    tests = [
        {"interval": "30s", "input_series": _world(world), "promql_expr_test": [expected], "alert_rule_test": []},
    ]
    prove(promtool, tmp_path, _monitor(expr), tests)


def test_absence_for_one_wallet_says_which(promtool: Path, tmp_path: Path) -> None:
    tests = [
        {
            "interval": "30s",
            "input_series": _world({("x", B, ""): "1"}),
            "promql_expr_test": [firing("Own", "15m", A)],
            "alert_rule_test": [],
        }
    ]
    prove(promtool, tmp_path, _monitor(f'absent(x{{wallet="{A}"}})'), tests)
