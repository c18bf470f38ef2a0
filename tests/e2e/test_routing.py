"""Who is told: by priority, unless it is muted, and nobody while the monitor is suspended."""

from __future__ import annotations

import pytest
import yaml

from demo.stage import Stage
from testbed import Json
from tests.e2e.scenes import (
    add_namespace,
    failing_rules,
    monitor,
    pods_target,
    receiver,
    rules_of,
    wait_for_series,
    wait_for_targets,
    wait_until_ready,
)

DUTY = "wallets-duty"
WORKS = "wallets-works"
AT_ONCE = {"groupWait": "1s", "groupInterval": "1s"}


def dead_wallet(stage: Stage, namespace: str, name: str) -> Json:
    """A pod of the wallet at whose address nothing listens, and the target that finds it."""
    stage.bed.workload(namespace, name, port=stage.port, labels={"app": name}, service=False)
    return pods_target("api", {"app": name}, wallet=name)


def own_rule(name: str, priority: str) -> Json:
    return {"name": name, "expr": "up == 0", "priority": priority, "summary": "{{ $labels.wallet }} does not answer"}


@pytest.fixture(scope="module")
def duty(stage: Stage) -> None:
    """A dead wallet with an alert of each priority: P0 goes to desk, P1 to chat, P2 to mail, which is muted always."""
    add_namespace(stage, DUTY, ("desk", "chat", "mail"))
    target = dead_wallet(stage, DUTY, "dead")
    always = {"name": "always", "times": [{"from": "00:00", "to": "24:00"}]}
    routing = {
        "receivers": [receiver("desk"), receiver("chat"), receiver("mail")],
        "P0": {"receivers": ["desk"], **AT_ONCE},
        "P1": {"receivers": ["chat"], **AT_ONCE},
        "P2": {"receivers": ["mail"], "muteTimeIntervals": ["always"], **AT_ONCE},
        "muteTimeIntervals": [always],
    }
    stage.bed.apply(
        [
            monitor(
                DUTY,
                "duty",
                wallets=[{"name": "dead"}],
                targets=[target],
                packs=[{"name": "golden-signals", "overrides": {"WalletDown": {"for": "1s"}}}],
                rules=[own_rule("Grumble", "P1"), own_rule("Whisper", "P2")],
                routing=routing,
            )
        ]
    )
    wait_until_ready(stage, DUTY, "duty")


@pytest.mark.usefixtures("duty")
def test_each_priority_is_told_to_its_own_receiver_and_a_muted_one_to_nobody(stage: Stage) -> None:
    expected = {("desk", "WalletDown", "P0"), ("chat", "Grumble", "P1")}

    def told() -> set[tuple[str, str, str]]:
        pages = stage.pager.pages(namespace=DUTY)
        return {(p.receiver.removeprefix(f"{DUTY}-"), p.label("alertname"), p.label("priority")) for p in pages}

    stage.wait("both pages", lambda: told() >= expected)
    whispers = stage.wait("the P2 alert to be muted", lambda: stage.alertmanager.muted(alertname="Whisper"))
    assert {name for alert in whispers for name in alert["status"]["mutedBy"]} == {f"{DUTY}/duty/always"}
    assert told() == expected


@pytest.mark.usefixtures("duty")
def test_a_rule_of_the_teams_own_says_whose_it_is(stage: Stage) -> None:
    page = stage.wait("the page", lambda: stage.pager.pages(namespace=DUTY, alertname="Grumble"))[0]
    expected = {"wallet": "dead", "walletmon": "duty", "pack": "rules", "severity": "warning"}
    assert {name: page.label(name) for name in expected} == expected
    assert page.alert["annotations"]["summary"] == "dead does not answer"


@pytest.mark.usefixtures("duty")
def test_every_rule_evaluates_beside_the_teams_own(stage: Stage) -> None:
    assert failing_rules(stage, "duty") == {}
    assert {"WalletDown", "Grumble", "Whisper"} <= {rule["name"] for rule in rules_of(stage, "duty")}


@pytest.mark.usefixtures("duty")
def test_alertmanager_runs_on_the_mute_interval(stage: Stage) -> None:
    def loaded() -> list[Json]:
        config = yaml.safe_load(stage.alertmanager.config())
        return [i for i in config.get("mute_time_intervals", ()) if i["name"] == f"{DUTY}/duty/always"]

    (interval,) = stage.wait("the interval", loaded)
    assert interval["time_intervals"] == [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]


def test_a_suspended_monitor_goes_on_scraping_and_raises_nothing(stage: Stage) -> None:
    add_namespace(stage, WORKS, ("desk",))
    works = monitor(
        WORKS,
        "works",
        suspend=True,
        wallets=[{"name": "asleep"}],
        targets=[dead_wallet(stage, WORKS, "asleep")],
        packs=[{"name": "golden-signals", "overrides": {"WalletDown": {"for": "1s", "keepFiringFor": "1s"}}}],
        rules=[own_rule("Grumble", "P1")],
        routing={"receivers": [receiver("desk")], "P0": {"receivers": ["desk"], **AT_ONCE}},
    )
    stage.bed.apply([works])
    wait_for_targets(stage, 1, "down", walletmon="works", wallet="asleep")
    wait_for_series(stage, 'walletmon:wallet:expected{walletmon="works"}')
    assert {rule["type"] for rule in rules_of(stage, "works")} == {"recording"}
    assert stage.prometheus.alerts(walletmon="works") == []

    # The same dead wallet, no longer suspended, and suspended again.
    works["spec"]["suspend"] = False
    stage.bed.apply([works])
    stage.wait("the page", lambda: stage.pager.pages(firing=True, namespace=WORKS, alertname="WalletDown"))
    works["spec"]["suspend"] = True
    stage.bed.apply([works])
    stage.wait("the alerts to end", lambda: not stage.prometheus.alerts(walletmon="works"))
    assert stage.pager.pages(namespace=WORKS, priority="P1") == []
