"""What the overview's queries show, evaluated by Prometheus' own engine together with the monitor's compiled rules.

Three wallets: hot-1 is well, hot-2 is down, of hot-3 no workload is found. Another monitor's wallets of the same names
are in the same Prometheus, well and sick the other way round; nothing of them may be seen.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.dashboards import dashboard_objects
from walletmon.compiler.rules import rule_objects

NAMES = 'namespace="wallets-prod",walletmon="treasury",instance="i",job="wallet-api",target="api",role="wallet"'
FOREIGN = NAMES.replace("treasury", "other")

Samples = Mapping[str, float]
"""Value by labels, as Prometheus prints them."""


def monitor(**thresholds: str) -> WalletMonitor:
    own = {f"golden-signals.{name}": figure for name, figure in thresholds.items()}
    api = {
        "name": "api",
        "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
        "walletFrom": {"label": "walletmon.dev/wallet"},
    }
    wallets = [{"name": "hot-1", "thresholds": own}, {"name": "hot-2"}, {"name": "hot-3"}]
    spec = {"wallets": wallets, "targets": [api], "packs": [{"name": "golden-signals"}]}
    return WalletMonitor.model_validate({"metadata": {"name": "treasury", "namespace": "wallets-prod"}, "spec": spec})


WELL = {
    f'up{{{NAMES},wallet="hot-1",pod="a"}}': "1x40",
    f'up{{{NAMES},wallet="hot-2",pod="b"}}': "0x40",
    f'up{{{FOREIGN},wallet="hot-1",pod="c"}}': "0x40",
    f'up{{{FOREIGN},wallet="hot-2",pod="d"}}': "1x40",
    f'up{{{FOREIGN},wallet="hot-3",pod="e"}}': "1x40",
}


def queries(of: WalletMonitor, wallet: str = ".+", job: str = ".+") -> dict[str, str]:
    """The overview's queries by `<panel> <refId>`, with what Grafana puts in."""
    (config_map,) = dashboard_objects(of, MonitorClass()).objects
    (text,) = config_map["data"].values()
    choice = {"$wallet": wallet, "$job": job, "$instance": ".+", "$__rate_interval": "2m"}
    found = {}
    for panel in json.loads(text)["panels"]:
        for target in panel.get("targets", ()):
            expr = target["expr"]
            for variable, value in choice.items():
                expr = expr.replace(variable, value)
            found[f"{panel['title']} {target['refId']}"] = expr
    return found


def groups(of: WalletMonitor) -> list[dict[str, Any]]:
    return [group for made in rule_objects(of, MonitorClass()).objects for group in made["spec"]["groups"]]


def check(
    promtool: Path,
    folder: Path,
    exprs: Mapping[str, str],
    expected: Mapping[str, Samples],
    series: Mapping[str, str],
    rules: list[dict[str, Any]],
) -> None:
    """promtool evaluates `exprs` ten minutes in; they must give `expected`, exactly."""
    (folder / "rules.yaml").write_text(json.dumps({"groups": rules}))
    test = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "30s",
        "group_eval_order": [group["name"] for group in rules],
        "fuzzy_compare": True,  # the last bit of a quotient is nobody's concern
        "tests": [
            {
                "interval": "30s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": exprs[name],
                        "eval_time": "10m",
                        "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
                    }
                    for name, samples in expected.items()
                ],
            }
        ],
    }
    (folder / "test.yaml").write_text(json.dumps(test))
    done = subprocess.run(
        [str(promtool), "test", "rules", str(folder / "test.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_every_query(promtool: Path, tmp_path: Path) -> None:
    for index, of in enumerate((monitor(), monitor(syncLag="1m", memory="50%", diskFree="20%"))):
        rules = [{"record": f"query:{number}", "expr": expr} for number, expr in enumerate(queries(of).values())]
        path = tmp_path / f"{index}.yaml"
        path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
        done = subprocess.run([str(promtool), "check", "rules", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_says_who_is_watched_down_and_missing(promtool: Path, tmp_path: Path) -> None:
    of = monitor()
    expected = {
        "Wallets expected A": {"{}": 3},
        "Wallets watched A": {"{}": 1},
        "Wallets down A": {"{}": 2},
        "State of each wallet A": {'{wallet="hot-1"}': 1, '{wallet="hot-2"}': 0, '{wallet="hot-3"}': -1},
        "Alerts firing A": {"{}": 2},
        "Alerts firing now A": {
            '{priority="P0",alertname="WalletDown",wallet="hot-2",pack="golden-signals"}': 600,
            '{priority="P0",alertname="WalletMissing",wallet="hot-3",pack="golden-signals"}': 600,
        },
        "Wallets now F": {'{wallet="hot-2"}': 1, '{wallet="hot-3"}': 1},
    }
    check(promtool, tmp_path, queries(of), expected, WELL, groups(of))


def test_all_well_shows_as_zeros_and_not_as_unknown(promtool: Path, tmp_path: Path) -> None:
    of = monitor()
    series = {f'up{{{NAMES},wallet="{wallet}",pod="{wallet}"}}': "1x40" for wallet in ("hot-1", "hot-2", "hot-3")}
    expected = {
        "Wallets watched A": {"{}": 3},
        "Wallets down A": {"{}": 0},
        "Alerts firing A": {"{}": 0},
        "Alerts firing now A": {},
    }
    check(promtool, tmp_path, queries(of), expected, series, groups(of))


def test_without_rules_it_is_unknown_who_is_watched(promtool: Path, tmp_path: Path) -> None:
    expected = {f"{title} A": {} for title in ("Wallets expected", "Wallets watched", "Wallets down", "Alerts firing")}
    check(promtool, tmp_path, queries(monitor()), expected, WELL, [{"name": "none", "rules": []}])


def test_choosing_wallets_narrows_and_choosing_a_job_changes_nothing_about_who_is_watched(
    promtool: Path, tmp_path: Path
) -> None:
    of = monitor()
    chosen = {
        "Wallets expected A": {"{}": 1},
        "Wallets watched A": {"{}": 0},
        "Wallets down A": {"{}": 1},
        "State of each wallet A": {'{wallet="hot-2"}': 0},
        "Alerts firing A": {"{}": 1},
    }
    check(promtool, tmp_path, queries(of, wallet="hot-2"), chosen, WELL, groups(of))
    states = {'{wallet="hot-1"}': 1, '{wallet="hot-2"}': 0, '{wallet="hot-3"}': -1}
    everything = {"Wallets watched A": {"{}": 1}, "State of each wallet A": states}
    check(promtool, tmp_path, queries(of, job="another"), everything, WELL, groups(of))


def test_a_wallet_is_partly_up_while_one_of_its_targets_or_probed_addresses_does_not_answer(
    promtool: Path, tmp_path: Path
) -> None:
    of = monitor()
    probe = NAMES.replace('target="api"', 'target="site",host="https://example.com"')
    series = {
        f'up{{{NAMES},wallet="hot-1",pod="a"}}': "1x40",
        f'up{{{NAMES},wallet="hot-1",pod="b"}}': "0x40",
        # The prober answers, and says that the address does not.
        f'up{{{probe},wallet="hot-2"}}': "1x40",
        f'probe_success{{{probe},wallet="hot-2"}}': "0x40",
        f'up{{{NAMES},wallet="hot-2",pod="c"}}': "1x40",
        f'up{{{probe},wallet="hot-3"}}': "1x40",
        f'probe_success{{{probe},wallet="hot-3"}}': "0x40",
    }
    expected = {
        "State of each wallet A": {'{wallet="hot-1"}': 0.5, '{wallet="hot-2"}': 0.5, '{wallet="hot-3"}': 0},
        "Wallets watched A": {"{}": 3},
        "Wallets down A": {"{}": 1},
    }
    check(promtool, tmp_path, queries(of), expected, series, groups(of))


def test_figures_of_a_wallet_come_from_its_own_series(promtool: Path, tmp_path: Path) -> None:
    of = monitor()
    own, foreign = f'{NAMES},wallet="hot-1",pod="a"', f'{FOREIGN},wallet="hot-1",pod="c"'
    bucket, rpc = "wallet_request_duration_seconds_bucket", "wallet_rpc_last_success_timestamp_seconds"
    series = {
        **WELL,
        f'wallet_requests_total{{{own},route="/sign",outcome="success"}}': "0+54x40",
        f'wallet_requests_total{{{own},route="/sign",outcome="error"}}': "0+6x40",
        f'wallet_requests_total{{{foreign},route="/sign",outcome="error"}}': "0+60x40",
        # Calls that never failed have no series of failures: a ratio of 0, not an unknown one.
        f'wallet_rpc_requests_total{{{own},endpoint="main",method="m",outcome="success"}}': "0+30x40",
        f'{bucket}{{{own},route="/sign",le="0.1"}}': "0+95x40",
        f'{bucket}{{{own},route="/sign",le="0.2"}}': "0+100x40",
        f'{bucket}{{{own},route="/sign",le="+Inf"}}': "0+100x40",
        f"wallet_heartbeat_timestamp_seconds{{{own}}}": "0+30x16 480x24",
        f'{rpc}{{{own},endpoint="main"}}': "0+30x40",
        f"wallet_sync_lag_seconds{{{own}}}": "12x40",
        f"process_resident_memory_bytes{{{own}}}": "25x40",
        f"wallet_memory_limit_bytes{{{own}}}": "100x40",
    }
    one = '{wallet="hot-1"}'
    endpoint = '{wallet="hot-1",endpoint="main"}'
    expected: dict[str, Samples] = {
        "API errors A": {one: 0.1},
        "Wallets now D": {one: 0.1},
        "API requests A": {one: 2},
        "RPC errors A": {endpoint: 0},
        "API latency, p95 A": {one: 0.1},
        "Oldest heartbeat A": {"{}": 120},
        "Wallets now B": {one: 120},
        "Since the last RPC success A": {endpoint: 0},
        "Longest sync lag A": {"{}": 12},
        "Memory A": {'{wallet="hot-1",pod="a"}': 0.25},
    }
    check(promtool, tmp_path, queries(of), expected, series, groups(of))


def test_where_wallets_differ_the_recorded_thresholds_are_there_to_be_drawn(promtool: Path, tmp_path: Path) -> None:
    of = monitor(syncLag="1m")
    labels = 'namespace="wallets-prod",walletmon="treasury"'
    name = "walletmon:threshold:golden_signals_sync_lag"
    figures = {"hot-1": 60, "hot-2": 300, "hot-3": 300}
    drawn = {f'{name}{{{labels},wallet="{wallet}"}}': figure for wallet, figure in figures.items()}
    check(promtool, tmp_path, queries(of), {"Sync lag in time B": drawn}, WELL, groups(of))


@pytest.mark.parametrize("ref", ["A", "B"])
def test_the_list_of_targets_has_those_of_no_wallet_too(promtool: Path, tmp_path: Path, ref: str) -> None:
    of = monitor()
    shared = (
        'namespace="wallets-prod",walletmon="treasury",target="db",role="db",job="db",instance="10.0.0.7",pod="db-0"'
    )
    metric = {"A": "up", "B": "scrape_duration_seconds"}[ref]
    expected = {f"Targets now {ref}": {'{target="db",role="db",pod="db-0"}': 1}}
    check(promtool, tmp_path, queries(of), expected, {f"{metric}{{{shared}}}": "1x40"}, groups(of))
