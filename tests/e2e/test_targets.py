"""Every kind of target becomes a working scrape, and each wallet is judged by its own figures."""

from __future__ import annotations

import pytest

from demo.stage import Stage
from demo.wallet import Wallet
from tests.e2e.prober import Prober
from tests.e2e.scenes import COLD, failing_rules, values, wait_for_series, wait_for_targets

OURS = {"namespace": COLD, "walletmon": "cold"}
ALERT = "WalletHeartbeatStale"

pytestmark = pytest.mark.usefixtures("cold")


def test_pods_are_scraped_without_a_service(stage: Stage) -> None:
    targets = wait_for_targets(stage, 2, **OURS, target="pods")
    found = {(t["labels"]["wallet"], t["labels"]["pod"], t["labels"]["instance"]) for t in targets}
    assert found == {("cold-1", "cold-1", "cold-1"), ("cold-2", "cold-2", "cold-2")}


def test_two_addresses_of_one_wallet_stay_apart(stage: Stage, cold: dict[str, Wallet]) -> None:
    targets = wait_for_targets(stage, 2, **OURS, target="fixed", wallet="cold-1", instance="cold-1", role="node")
    addresses = {wallet.address for wallet in cold.values()}
    assert {target["labels"]["host"] for target in targets} == addresses
    beats = wait_for_series(
        stage, f'wallet_heartbeat_timestamp_seconds{{namespace="{COLD}",target="fixed"}}', lambda found: len(found) == 2
    )
    assert {each["metric"]["host"] for each in beats} == addresses


def test_a_prober_is_asked_for_each_url_and_its_answer_belongs_to_the_wallet(stage: Stage, prober: Prober) -> None:
    wait_for_targets(stage, 2, **OURS, target="site", wallet="cold-2", instance="cold-2")
    answers = wait_for_series(
        stage, f'probe_success{{namespace="{COLD}",wallet="cold-2"}}', lambda found: len(found) == 2
    )
    good, broken = "https://wallet.example.com/healthz", "https://wallet.example.com/broken"
    assert values(answers, "host") == {good: 1, broken: 0}
    assert prober.asked == {("http_2xx", good), ("http_2xx", broken)}


def test_a_series_with_a_denied_label_does_not_get_in_and_the_others_of_the_scrape_do(stage: Stage) -> None:
    wait_for_targets(stage, 1, **OURS, target="exposed")
    of_it = f'{{namespace="{COLD}",target="exposed"}}'
    found = wait_for_series(stage, f"seen{of_it}", lambda found: len(found) == 2)
    assert {each["metric"].get("users") for each in found} == {"7", None}
    assert not any(name.startswith("__walletmon") for each in found for name in each["metric"])
    (lost,) = stage.prometheus.query(f"scrape_samples_scraped{of_it} - scrape_samples_post_metric_relabeling{of_it}")
    assert lost["value"][1] == "3"


def test_nothing_that_is_scraped_is_renamed(stage: Stage) -> None:
    series = wait_for_series(stage, f'{{namespace="{COLD}"}}')
    assert {name for each in series for name in each["metric"] if name.startswith("exported_")} == set()


def test_every_rule_evaluates_where_thresholds_differ(stage: Stage) -> None:
    assert failing_rules(stage, "cold") == {}


def test_each_wallet_is_judged_by_its_own_threshold(stage: Stage, cold: dict[str, Wallet]) -> None:
    wait_for_targets(stage, 2, **OURS, target="pods")
    figures = wait_for_series(stage, f'walletmon:threshold:golden_signals_heartbeat_age{{namespace="{COLD}"}}')
    assert values(figures) == {"cold-1": 10, "cold-2": 3600}
    for wallet in cold.values():
        wallet.switch(freeze_heartbeat=True)
    try:
        # Both are past 10 s, for longer than the alert waits; one of them may be.
        wait_for_series(
            stage,
            f'min by (wallet) (time() - wallet_heartbeat_timestamp_seconds{{namespace="{COLD}",target="pods"}}) > 13',
            lambda found: len(found) == 2,
        )
        firing = stage.wait(
            "the alert of cold-1",
            lambda: stage.prometheus.alerts(firing=True, walletmon="cold", alertname=ALERT, target="pods"),
        )
        assert {alert["labels"]["wallet"] for alert in firing} == {"cold-1"}
        assert stage.prometheus.alerts(walletmon="cold", alertname=ALERT, wallet="cold-2") == []
    finally:
        for wallet in cold.values():
            wallet.switch(freeze_heartbeat=False)
