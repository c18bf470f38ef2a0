"""The demo's path: two wallets are watched, one of them fails, its page arrives and is taken back."""

from __future__ import annotations

import pytest

from demo.stage import Stage
from demo.wallet import Wallet
from tests.e2e.scenes import TREASURY, failing_rules, rules_of, values, wait_for_series, wait_for_targets

ALERT = "WalletHeartbeatStale"

EVERYWHERE = {
    "namespace": TREASURY,
    "walletmon": "treasury",
    "environment": "prod",
    "wallet_type": "custodial",
    "chain_id": "1",
    "team": "treasury",
    "target": "api",
    "role": "wallet",
}


@pytest.fixture(autouse=True)
def _scraped(stage: Stage, treasury: dict[str, Wallet]) -> None:
    wait_for_targets(stage, len(treasury), walletmon="treasury")


@pytest.mark.parametrize(("wallet", "instance"), [("hot-1", "wallet-7f3a"), ("hot-2", "hot-2")])
def test_a_wallet_is_scraped_under_the_labels_that_say_whose_it_is(stage: Stage, wallet: str, instance: str) -> None:
    (target,) = stage.prometheus.targets(walletmon="treasury", wallet=wallet)
    expected = {**EVERYWHERE, "wallet": wallet, "instance": instance, "pod": f"wallet-api-{wallet}"}
    assert {name: target["labels"].get(name) for name in expected} == expected


def test_no_label_of_the_wallets_own_is_renamed(stage: Stage) -> None:
    series = wait_for_series(stage, '{walletmon="treasury"}')
    assert {name for each in series for name in each["metric"] if name.startswith("exported_")} == set()


def test_which_rpc_endpoint_was_called_stays_visible(stage: Stage) -> None:
    calls = wait_for_series(stage, 'wallet_rpc_requests_total{walletmon="treasury"}')
    assert {each["metric"]["endpoint"] for each in calls} == {"primary"}


def test_a_pod_of_a_wallet_that_the_monitor_does_not_know_is_not_scraped(stage: Stage) -> None:
    pods = {target["labels"].get("pod") for target in stage.prometheus.targets(namespace=TREASURY)}
    assert pods == {"wallet-api-hot-1", "wallet-api-hot-2"}


def test_every_rule_is_loaded_and_evaluates(stage: Stage) -> None:
    assert failing_rules(stage, "treasury") == {}
    assert ALERT in {rule["name"] for rule in rules_of(stage, "treasury")}


def test_every_recording_rule_gives_each_wallet_a_figure(stage: Stage) -> None:
    recorded = {rule["name"] for rule in rules_of(stage, "treasury") if rule["type"] == "recording"}
    assert {"wallet:requests:rate5m", "wallet:request_duration_seconds:p95_5m"} < recorded
    for name in sorted(recorded - {"walletmon:target:expected"}):  # that one is about the target, not about a wallet
        series = wait_for_series(stage, f'{name}{{walletmon="treasury"}}', lambda found: len(found) >= 2)
        assert set(values(series)) == {"hot-1", "hot-2"}, name


def test_a_failing_wallet_is_paged_alone_and_the_page_is_taken_back(stage: Stage, treasury: dict[str, Wallet]) -> None:
    treasury["hot-1"].switch(freeze_heartbeat=True)
    try:
        stage.wait("the alert to fire", lambda: stage.prometheus.alerts(firing=True, alertname=ALERT, wallet="hot-1"))
        page = stage.wait("the page", lambda: stage.pager.pages(firing=True, alertname=ALERT, wallet="hot-1"))[0]
        assert stage.prometheus.alerts(wallet="hot-2") == []
        (routed,) = stage.alertmanager.alerts(walletmon="treasury")
        assert [receiver["name"] for receiver in routed["receivers"]] == [f"{TREASURY}/treasury/on-call"]
    finally:
        treasury["hot-1"].switch(freeze_heartbeat=False)
    expected = {
        **EVERYWHERE,
        "alertname": ALERT,
        "wallet": "hot-1",
        "instance": "wallet-7f3a",
        "severity": "critical",
        "priority": "P0",
        "pack": "golden-signals",
    }
    assert {name: page.label(name) for name in expected} == expected
    annotations = page.alert["annotations"]
    assert annotations["summary"] == "Wallet hot-1 hangs: its main loop has stopped"
    assert "hot-1 (target api, pod wallet-api-hot-1) last came round" in annotations["description"]
    assert annotations["runbook_url"].endswith(f"/{ALERT}")
    stage.wait("the all-clear", lambda: stage.pager.pages(firing=False, alertname=ALERT, wallet="hot-1"))
    assert stage.prometheus.alerts(walletmon="treasury") == []
    assert stage.pager.pages(wallet="hot-2") == []
