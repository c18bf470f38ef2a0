"""PrometheusRules of a monitor: what is in them, what a monitor can change, and what is said about mistakes."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.links import overview_uid
from walletmon.compiler.rules import rule_objects
from walletmon.compiler.thresholds import common_figures
from walletmon.language.promql import threshold_metric
from walletmon.language.quantity import plain
from walletmon.packs.catalogue import Catalogue, default_packs, packs

GOLDEN = Path(__file__).parent / "golden" / "rules"
Json = dict[str, Any]

API = {
    "name": "api",
    "service": {"selector": {"matchLabels": {"app": "wallet-api"}}, "port": "metrics"},
    "walletFrom": {"label": "walletmon.dev/wallet"},
}
OWN = {"name": "Own", "expr": "x > 1", "summary": "own"}


def monitor(**spec: Any) -> WalletMonitor:
    wallets = [{"name": "hot-1"}, {"name": "hot-2"}]
    return WalletMonitor.model_validate(
        {
            "metadata": {"name": "treasury", "namespace": "wallets-prod"},
            "spec": {"wallets": wallets, "targets": [API], **spec},
        }
    )


def compiled(class_: MonitorClass | None = None, **spec: Any) -> Part:
    return rule_objects(monitor(**spec), class_ or MonitorClass())


def groups(part: Part) -> dict[str, list[Json]]:
    return {group["name"]: group["rules"] for made in part.objects for group in made["spec"]["groups"]}


def alerts(part: Part) -> dict[str, Json]:
    return {rule["alert"]: rule for rules in groups(part).values() for rule in rules if "alert" in rule}


def records(part: Part, name: str) -> list[Json]:
    return [rule for rules in groups(part).values() for rule in rules if rule.get("record") == name]


def golden_specs() -> dict[str, tuple[MonitorClass, Json]]:
    return {
        "defaults": (MonitorClass(), {}),
        "tuned": (
            MonitorClass({"release": "prometheus"}, "https://runbooks.example/wallets", "https://grafana.example/"),
            {
                "environment": "prod",
                "evaluationInterval": "1m",
                "wallets": [
                    {
                        "name": "hot-1",
                        "thresholds": {"golden-signals.syncLag": "1m", "golden-signals.errorRatio": "1%"},
                    },
                    {"name": "hot-2"},
                ],
                "targets": [
                    {**API, "walletFrom": None, "wallet": "hot-1"},
                    {"name": "db", "role": "db", "static": ["db.example:9100"]},
                ],
                "packs": [
                    {
                        "name": "golden-signals",
                        "thresholds": {"memory": "80%", "errorRatio": "1%"},
                        "disable": ["WalletGoroutinesHigh"],
                        "overrides": {
                            "WalletDown": {"for": "5m", "keepFiringFor": "10m", "priority": "P1"},
                            "WalletMissing": {"priority": "P2"},
                        },
                    }
                ],
                "rules": [
                    {
                        "name": "PayoutsStuck",
                        "expr": "sum(payouts_waiting) > 10",
                        "for": "10m",
                        "keepFiringFor": "5m",
                        "priority": "P0",
                        "summary": "Payouts of {{ $labels.wallet }} wait",
                        "description": '{{ printf "%.0f" $value }} payouts wait.',
                        "runbookUrl": "https://runbooks.example/payouts",
                        "labels": {"team": "payments"},
                    }
                ],
            },
        ),
        "suspended": (MonitorClass(), {"suspend": True, "rules": [OWN]}),
    }


@pytest.mark.parametrize("name", golden_specs())
def test_the_golden_file_is_what_is_compiled(name: str) -> None:
    class_, spec = golden_specs()[name]
    part = compiled(class_, **spec)
    assert part.diagnostics == []
    text = yaml.safe_dump_all(part.objects, sort_keys=False, width=120)
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), "run with WALLETMON_GOLDEN=write if this is intended"


def test_the_same_monitor_gives_the_same_bytes_and_leaves_the_packs_alone() -> None:
    before = copy.deepcopy(packs()["golden-signals"])
    class_, spec = golden_specs()["tuned"]
    first = compiled(class_, **spec)
    made = json.dumps(first.objects)
    first.objects[0]["spec"]["groups"][1]["rules"].clear()
    assert json.dumps(compiled(class_, **spec).objects) == made
    assert packs()["golden-signals"] == before


def test_every_alert_says_whose_it_is_and_what_to_do() -> None:
    for name, alert in alerts(compiled(environment="prod", rules=[OWN])).items():
        assert alert["labels"].keys() >= {"severity", "priority", "pack", "namespace", "walletmon", "environment"}, name
        assert alert["annotations"]["summary"]
        if name != "Own":
            assert alert["annotations"]["runbook_url"] == f"https://walletmon.dev/runbooks/{name}"
            assert alert["for"]


def test_severity_follows_priority() -> None:
    pairs = {(a["labels"]["priority"], a["labels"]["severity"]) for a in alerts(compiled()).values()}
    assert pairs == {("P0", "critical"), ("P1", "warning"), ("P2", "info")}


def test_the_link_to_grafana_is_that_of_the_overview() -> None:
    alert = alerts(compiled(MonitorClass(grafana_url="https://grafana.example")))["WalletDown"]
    expected = f"https://grafana.example/d/{overview_uid('wallets-prod', 'treasury')}"
    assert alert["annotations"]["dashboard_url"].startswith(expected)
    assert len(overview_uid("n" * 63, "m" * 63)) <= 40


def test_every_selector_is_within_the_monitor() -> None:
    for rules in groups(compiled(rules=[OWN])).values():
        for rule in rules:
            for selector in re.findall(r"[a-z_:0-9]+(\{[^}]*\})", rule["expr"]):
                assert 'namespace="wallets-prod"' in selector
                assert 'walletmon="treasury"' in selector


def test_each_wallet_that_a_target_covers_is_expected_once() -> None:
    by_pod = compiled()
    assert [rule["labels"]["wallet"] for rule in records(by_pod, "walletmon:wallet:expected")] == ["hot-1", "hot-2"]
    named = compiled(targets=[{**API, "walletFrom": None, "wallet": "hot-2"}])
    assert [rule["labels"]["wallet"] for rule in records(named, "walletmon:wallet:expected")] == ["hot-2"]


def test_each_target_is_expected_and_says_its_wallet_if_it_has_one() -> None:
    part = compiled(targets=[API, {"name": "signer", "static": ["signer:9000"], "wallet": "hot-2"}])
    labels = [rule["labels"] for rule in records(part, "walletmon:target:expected")]
    frame = {"namespace": "wallets-prod", "walletmon": "treasury"}
    assert labels == [{**frame, "target": "api"}, {**frame, "target": "signer", "wallet": "hot-2"}]


def test_what_is_expected_stays_in_prometheus_lookback_however_seldom_rules_are_evaluated() -> None:
    def intervals(**spec: Any) -> dict[str, str]:
        return {g["name"]: g["interval"] for made in compiled(**spec).objects for g in made["spec"]["groups"]}

    assert intervals(evaluationInterval="10m") == {
        "treasury.walletmon": "2m",
        **{f"treasury.{pack}": "10m" for pack in default_packs()},
    }
    assert intervals()["treasury.walletmon"] == "30s"


def test_without_targets_packs_and_rules_there_is_no_object() -> None:
    assert compiled(targets=[], packs=[]).objects == []


def test_a_suspended_monitor_records_and_raises_nothing() -> None:
    part = compiled(suspend=True, rules=[OWN])
    assert alerts(part) == {}
    assert records(part, "wallet:requests:rate5m")
    assert records(part, "walletmon:wallet:expected")


def test_rules_of_a_suspended_monitor_are_still_judged() -> None:
    assert [d.code for d in compiled(suspend=True, rules=[{**OWN, "expr": "x >"}]).diagnostics] == [Code.INVALID_PROMQL]


def test_no_packs_means_the_default_set_and_an_empty_list_means_none() -> None:
    assert "treasury.golden-signals" in groups(compiled())
    assert "treasury.golden-signals" not in groups(compiled(packs=[]))


def test_an_alert_can_be_disabled_and_changed() -> None:
    part = compiled(
        packs=[
            {
                "name": "golden-signals",
                "disable": ["WalletMissing"],
                "overrides": {"WalletDown": {"for": "10s", "priority": "P2"}},
            }
        ]
    )
    assert part.diagnostics == []
    found = alerts(part)
    assert "WalletMissing" not in found
    assert found["WalletDown"]["for"] == "10s"
    assert found["WalletDown"]["keep_firing_for"] == "2m"
    assert found["WalletDown"]["labels"]["severity"] == "info"


def test_one_figure_is_a_number_in_the_rule() -> None:
    part = compiled(packs=[{"name": "golden-signals", "thresholds": {"syncLag": "90s"}}])
    assert alerts(part)["WalletSyncLagging"]["expr"].split()[-2:] == [">", "90"]
    assert records(part, "walletmon:threshold:golden_signals_sync_lag") == []
    assert common_figures(monitor(), Catalogue())["golden-signals.syncLag"] == 300


def test_figures_that_differ_are_series_for_each_wallet() -> None:
    wallets = [{"name": "hot-1", "thresholds": {"golden-signals.syncLag": "1m30s"}}, {"name": "hot-2"}]
    part = compiled(wallets=wallets)
    made = records(part, "walletmon:threshold:golden_signals_sync_lag")
    assert [(rule["labels"]["wallet"], rule["expr"]) for rule in made] == [
        ("hot-1", "vector(90)"),
        ("hot-2", "vector(300)"),
    ]
    assert "walletmon:threshold:golden_signals_sync_lag" in alerts(part)["WalletSyncLagging"]["expr"]
    assert common_figures(monitor(wallets=wallets), Catalogue())["golden-signals.syncLag"] is None


def figures(part: Part, threshold: str) -> dict[str | None, str]:
    """The recorded figures of a threshold by wallet."""
    made = records(part, threshold_metric(*threshold.split(".")))
    return {rule["labels"].get("wallet"): rule["expr"] for rule in made}


BOTH_CHAINS = [
    {"name": "hot-1", "chain": {"family": "evm", "id": 1}},
    {"name": "vault", "chain": {"family": "bitcoin"}},
    {"name": "other", "chain": {"family": "other"}},
]


def test_each_chain_has_its_own_default_for_an_amount() -> None:
    low = packs()["balance"].thresholds["low"]
    eth, btc = low.read(low.bounds("ETH").default).value, low.read(low.bounds("BTC").default).value
    assert eth != btc
    assert figures(compiled(wallets=BOTH_CHAINS), "balance.low") == {
        "hot-1": f"vector({plain(eth)})",
        "vault": f"vector({plain(btc)})",
        "other": f"vector({plain(eth)})",
    }


def test_the_monitors_amount_is_for_the_wallets_that_count_in_it() -> None:
    part = compiled(wallets=BOTH_CHAINS, packs=[{"name": "balance", "thresholds": {"low": "2.5 BTC"}}])
    assert part.diagnostics == []
    assert figures(part, "balance.low")["vault"] == "vector(2.5)"
    part = compiled(wallets=BOTH_CHAINS, packs=[{"name": "balance", "thresholds": {"low": "3000000000 gwei"}}])
    assert figures(part, "balance.low")["hot-1"] == "vector(3)"


def test_figures_that_contradict_each_other_are_not_taken() -> None:
    wallets = [
        {"name": "hot-1", "thresholds": {"signing.p95": "2s"}},
        {"name": "hot-2", "thresholds": {"signing.p95": "4s"}},
        {"name": "hot-3", "thresholds": {"signing.p95": "4s", "signing.p99": "5s"}},
    ]
    part = compiled(wallets=wallets, packs=[{"name": "signing"}])
    assert [d.path for d in part.diagnostics] == ["spec.wallets[1].thresholds.signing.p95"]
    assert figures(part, "signing.p95") == {"hot-1": "vector(2)", "hot-2": "vector(1.2)", "hot-3": "vector(4)"}


def test_a_preset_gives_the_signals_of_other_software_and_the_alerts_it_can_serve() -> None:
    part = compiled(packs=[{"name": "signing", "preset": "web3signer"}])
    assert part.diagnostics == []
    pack = packs()["signing"]
    assert alerts(part).keys() == {alert.name for alert in pack.served("web3signer")}
    expressions = " ".join(rule["expr"] for rule in records(part, "wallet:tx_sign_latency_seconds:p95_5m"))
    assert "signing_secp256k1_signing_duration" in expressions
    assert "tx_sign_latency_seconds_bucket" not in expressions


def test_an_alert_that_asks_for_something_says_so_in_a_label() -> None:
    found = alerts(compiled(packs=[{"name": "signing"}]))
    assert found["TxSignLatencyRootCause"]["labels"]["action"] == "root-cause"
    assert "action" not in found["TxSignLatencyP95High"]["labels"]


def test_wallets_that_agree_on_another_figure_need_no_series() -> None:
    wallets = [{"name": name, "thresholds": {"golden-signals.syncLag": "90s"}} for name in ("hot-1", "hot-2")]
    part = compiled(wallets=wallets)
    assert records(part, "walletmon:threshold:golden_signals_sync_lag") == []
    assert alerts(part)["WalletSyncLagging"]["expr"].split()[-1] == "90"


def test_series_of_no_wallet_are_judged_by_the_monitors_figure() -> None:
    wallets = [{"name": "hot-1", "thresholds": {"golden-signals.memory": "50%"}}, {"name": "hot-2"}]
    part = compiled(wallets=wallets, targets=[API, {"name": "db", "role": "db", "static": ["db:9100"]}])
    made = records(part, "walletmon:threshold:golden_signals_memory")
    assert [(rule["labels"].get("wallet"), rule["expr"]) for rule in made] == [
        ("hot-1", "vector(0.5)"),
        ("hot-2", "vector(0.9)"),
        (None, "vector(0.9)"),
    ]


@pytest.mark.parametrize(("interval", "warned"), [("30s", False), ("2m", False), ("5m", True), ("1h", True)])
def test_a_target_scraped_too_seldom_for_the_rates_is_a_warning(interval: str, warned: bool) -> None:
    part = compiled(targets=[{**API, "interval": interval}])
    found = [(d.code, d.path, d.severity) for d in part.diagnostics]
    assert found == ([(Code.SPARSE_SAMPLES, "spec.targets[0].interval", Severity.WARNING)] if warned else [])


def test_a_thousand_wallets_with_figures_of_their_own_are_spread_over_objects() -> None:
    wallets = [
        {
            "name": f"w{index}",
            "thresholds": {f"golden-signals.{name}": f"{index + 60}s" for name in ("syncLag", "heartbeatAge")},
        }
        for index in range(1000)
    ]
    part = compiled(wallets=wallets)
    names = [made["metadata"]["name"] for made in part.objects]
    assert names == ["treasury", *(f"treasury.{index}" for index in range(2, len(names) + 1))]
    assert len(names) > 1
    every = [
        (group["name"], rule) for made in part.objects for group in made["spec"]["groups"] for rule in group["rules"]
    ]
    assert len([rule for _, rule in every if rule.get("record", "").startswith("walletmon:threshold:")]) == 2000
    group_names = [group["name"] for made in part.objects for group in made["spec"]["groups"]]
    assert len(group_names) == len(set(group_names))


@pytest.mark.parametrize(
    ("expr", "description"),
    [
        pytest.param(
            " or ".join(f'metric_{index}{{a="{"y" * 50}"}} > 0' for index in range(40)), "x" * 1000, id="wide"
        ),
        pytest.param("(" * 40 + "+".join("abcdefghij") + ")" * 40 + " > 0", "é金" * 400, id="deep"),
        pytest.param("x > 0", "x", id="small"),
    ],
)
def test_no_object_outgrows_the_file_it_is_put_in(expr: str, description: str) -> None:
    rules = [{**OWN, "expr": expr, "description": description, "name": f"Own{index}"} for index in range(200)]
    part = compiled(rules=rules)
    assert part.diagnostics == []
    assert len(alerts(part)) == len(alerts(compiled())) + 200
    for made in part.objects:
        assert len(yaml.safe_dump(made["spec"], allow_unicode=True).encode()) <= 512 * 1024
