"""What each construct of the rule language means on the real Prometheus: where it fires and where it does not."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.proofs import API, A, B, Json, identity, prove, rule_groups
from walletmon.api.monitor import WalletMonitor

CASES: list[Json] = yaml.load(
    (Path(__file__).parent / "language_cases" / "meaning.yaml").read_text("utf-8"), yaml.BaseLoader
)
IDS = [case.get("name", case["rule"]) for case in CASES]
DB = {"name": "db", "role": "db", "static": ["db.example:9100"]}
STRANGERS: tuple[dict[str, str], ...] = ({"namespace": "elsewhere"}, {"walletmon": "other"})


def monitor(when: str, **fields: Any) -> WalletMonitor:
    """Two wallets, a workload that serves both, and one rule called Own."""
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {
                "environment": "prod",
                "wallets": [{"name": A}, {"name": B}],
                "targets": [API, DB],
                "packs": [{"name": "golden-signals"}] if "wallet:" in when else [],
                "rules": [{"name": "Own", "when": when, **fields}],
            },
        }
    )


def made(wallet: str | None, described: dict[str, str], **labels: str) -> list[Json]:
    """Input series of one process of `wallet`; `labels` replace some of its own."""
    printed = ",".join(f'{name}="{value}"' for name, value in (identity(wallet) | labels).items())
    found = []
    for selector, values in described.items():
        name, brace, own = selector.partition("{")
        found.append({"series": f"{name}{{{own.removesuffix('}') + ',' if brace else ''}{printed}}}", "values": values})
    return found


def alerts(at: str, *firing: tuple[str, int]) -> Json:
    """The expectation that Own fires at `at` for exactly these wallets, so many alerts each."""
    return {
        "expr": 'count by (wallet) (ALERTS{alertname="Own",alertstate="firing"})',
        "eval_time": at,
        "exp_samples": [{"labels": f'{{wallet="{wallet}"}}', "value": count} for wallet, count in firing],
    }


def world(case: Json, first: dict[str, str], second: dict[str, str]) -> list[Json]:
    series = made(A, first) + made(B, second)
    for stranger in STRANGERS:
        series += made(A, case["fires"], **stranger) + made(B, case["fires"], **stranger)
    return series + made(None, case.get("shared", {}))


def proof(case: Json) -> Json:
    at, other = case.get("at", "20m"), case.get("unlike", case["silent"])
    worlds = ((case["fires"], [(A, int(case.get("count", 1)))]), (case["silent"], []))
    return {
        "evaluation_interval": "30s",
        "tests": [
            {
                "interval": "30s",
                "input_series": world(case, first, other),
                "promql_expr_test": [alerts(at, *expected)],
            }
            for first, expected in worlds
        ],
    }


@pytest.fixture(scope="module")
def verdicts(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What promtool says of each case. One run judges all: starting it takes longer than judging a case."""
    folder = tmp_path_factory.mktemp("meaning")
    for index, case in enumerate(CASES):
        groups = rule_groups(monitor(f"{case['rule']} THEN ALERT 'own'"))
        (folder / f"rules{index}.yaml").write_text(json.dumps({"groups": groups}), "utf-8")
        order = [group["name"] for group in groups]
        document = {"rule_files": [f"rules{index}.yaml"], "group_eval_order": order, **proof(case)}
        (folder / f"test{index}.yaml").write_text(json.dumps(document), "utf-8")
    run = subprocess.run(
        [promtool, "test", "rules", *(folder / f"test{index}.yaml" for index in range(len(CASES)))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    found = re.split(r"^  (?=SUCCESS|FAILED)", run.stdout, flags=re.MULTILINE)[1:]
    assert len(found) == len(CASES), run.stdout
    return found


@pytest.mark.parametrize("index", range(len(CASES)), ids=IDS)
def test_a_construct_fires_where_it_should_and_nowhere_else(index: int, verdicts: list[str]) -> None:
    assert verdicts[index].strip() == "SUCCESS", verdicts[index]


def test_the_alert_has_the_sentences_words_and_figure(promtool: Path, tmp_path: Path) -> None:
    rule = """
        WHEN wallet_balance_total{asset="eth"} < 1 ETH FOR 5m
        THEN ALERT "Balance of {{ $labels.wallet }} is low" AS P0
    """
    labels = identity(A) | {"asset": "eth", "pack": "rules", "priority": "P0", "severity": "critical", "team": "x"}
    series = {'wallet_balance_total{asset="eth"}': "250000000000000000x60"}
    expected = {
        "summary": "Balance of hot-1 is low",
        "description": 'wallet_balance_total{asset="eth"} of wallet hot-1 in wallets-prod is 2.5e+17 wei. '
        'The rule: wallet_balance_total{asset="eth"} < 1 ETH.',
        "runbook_url": "https://example.com/balance",
    }
    fired = {"exp_labels": labels, "exp_annotations": expected}
    test = {
        "interval": "30s",
        "input_series": made(A, series),
        "promql_expr_test": [],
        "alert_rule_test": [
            {"eval_time": "4m30s", "alertname": "Own", "exp_alerts": []},
            {"eval_time": "5m", "alertname": "Own", "exp_alerts": [fired]},
        ],
    }
    own = monitor(rule, runbookUrl="https://example.com/balance", labels={"team": "x"})
    prove(promtool, tmp_path, own, [test])
