"""Who is told: by priority, unless it is muted, and nobody while the monitor is suspended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.stage import Stage
from testbed import Json
from tests.e2e.exposition import Exposition
from tests.e2e.scenes import (
    add_namespace,
    failing_rules,
    monitor,
    pods_target,
    receiver,
    rules_of,
    static_target,
    wait_for_series,
    wait_for_targets,
    wait_until_ready,
)

DUTY = "wallets-duty"
WORKS = "wallets-works"
AT_ONCE = {"groupWait": "1s", "groupInterval": "1s"}
RULES = {"Grumble": "P1", "Whisper": "P2"}
"""The team's own rules of the first scene."""


def dead_wallet(stage: Stage, namespace: str, name: str) -> Json:
    """A pod of the wallet at whose address nothing listens, and the target that finds it."""
    stage.bed.workload(namespace, name, port=stage.port, labels={"app": name}, service=False)
    return pods_target("api", {"app": name}, wallet=name)


def own_rule(name: str, priority: str, **fields: Any) -> Json:
    """A rule about every wallet, dead or alive."""
    return {"name": name, "expr": "up < 2", "priority": priority, "summary": "{{ $labels.wallet }} is noisy", **fields}


@pytest.fixture(scope="module")
def duty(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Alerts of each priority: P0 goes to desk, P1 to chat, P2 to mail, which is muted always.

    P0 is about a dead wallet. The others are about that and about one that is alive, and so late that the first is
    known to be dead before.
    """
    metrics: Path = tmp_path_factory.mktemp("alive") / "metrics"
    metrics.write_text("healthy 1\n")
    with Exposition(metrics) as alive:
        start_duty(stage, alive.address)
        yield


def start_duty(stage: Stage, alive: str) -> None:
    """The monitor, and its dead wallet; `alive` is the address of the other one."""
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
                wallets=[{"name": "dead"}, {"name": "alive"}],
                targets=[target, static_target("fixed", [alive], wallet="alive")],
                packs=[{"name": "golden-signals", "overrides": {"WalletDown": {"for": "1s"}}}],
                rules=[own_rule(name, priority, **{"for": "5s"}) for name, priority in RULES.items()],
                routing=routing,
            )
        ]
    )
    wait_until_ready(stage, DUTY, "duty")


@pytest.mark.usefixtures("duty")
def test_each_priority_is_told_to_its_own_receiver_and_a_muted_one_to_nobody(stage: Stage) -> None:
    expected = {("desk", "WalletDown", "P0", "dead"), ("chat", "Grumble", "P1", "alive")}

    def told() -> set[tuple[str, ...]]:
        pages = stage.pager.pages(namespace=DUTY)
        labels = ("alertname", "priority", "wallet")
        return {(page.receiver.removeprefix(f"{DUTY}-"), *map(page.label, labels)) for page in pages}

    stage.wait("both pages", lambda: told() >= expected)
    whispers = stage.wait("the P2 alert to be muted", lambda: stage.alertmanager.muted(alertname="Whisper"))
    assert {name for alert in whispers for name in alert["status"]["mutedBy"]} == {f"{DUTY}/duty/always"}
    assert told() == expected


@pytest.mark.usefixtures("duty")
def test_of_a_dead_wallet_nothing_else_is_told_but_that_it_is_dead(stage: Stage) -> None:
    (cause,) = stage.wait("the cause", lambda: stage.alertmanager.alerts(namespace=DUTY, alertname="WalletDown"))

    def silenced() -> set[str]:
        found = stage.alertmanager.alerts(namespace=DUTY, wallet="dead")
        return {
            each["labels"]["alertname"] for each in found if each["status"]["inhibitedBy"] == [cause["fingerprint"]]
        }

    stage.wait("the rest to be silenced", lambda: silenced() == {*RULES})
    assert cause["status"]["state"] == "active"
    assert stage.pager.pages(namespace=DUTY, wallet="dead", priority="P1") == []


@pytest.mark.usefixtures("duty")
def test_a_rule_of_the_teams_own_says_whose_it_is(stage: Stage) -> None:
    page = stage.wait("the page", lambda: stage.pager.pages(namespace=DUTY, alertname="Grumble"))[0]
    expected = {"wallet": "alive", "walletmon": "duty", "pack": "rules", "severity": "warning"}
    assert {name: page.label(name) for name in expected} == expected
    assert page.alert["annotations"]["summary"] == "alive is noisy"


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
