"""A platform team's class, end to end: wallets of two environments, a Prometheus for each, and who is told of what.

The operator makes everything from one class and two monitors. Three alerts fire in each environment, one of each
priority, and every receiver there is a kind of writes down what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, TypeVar

import pytest

from demo.reading import Alertmanager, Prometheus
from demo.stage import API_VERSION, Stage
from demo.wallet import Wallet
from testbed import Json
from tests.e2e.scenes import conditions, monitor, pods_target, values, wait_until_ready
from tests.e2e.sinks import Message, Sinks

MONITORING = "monitoring"
CENTRAL = "central"
CLASS = "platform"
RUNBOOKS = "https://runbooks.example.com"

ENVIRONMENTS: Final = {"prod": "payments", "test": "sandbox"}
"""The namespace of each environment's monitor, which has the same name as the namespace."""
RETENTION: Final = {"prod": "90d", "test": "1h"}

ALERTS: Final = {"P0": "WalletDown", "P1": "WalletFrozen", "P2": "WalletIdle"}
"""The alert of each priority that fires, in each environment for a wallet of its own: see `wallet_of`."""

TOLD: Final = {
    "P0": {"relay/wecom/night-shift", "wecom", "pagerduty", "opsgenie", "webhook"},
    "P1": {"relay/dingtalk/office", "office@example.com", "webhook"},
    "P2": {"slack", "msteams", "telegram", "office@example.com"},
}
"""Whom the class tells of each priority, as `teller` names them: all ten kinds of receivers."""

T = TypeVar("T")


def wallet_of(environment: str, priority: str) -> str:
    """P0 is about one that does not answer, P1 about one whose heart stands still, P2 about one in good health."""
    return {"P0": "cold", "P1": "warm", "P2": "hot"}[priority] + f"-{environment}"


@dataclass(frozen=True)
class Scene:
    stage: Stage
    sinks: Sinks
    alertmanager: Alertmanager
    prometheuses: Mapping[str, Prometheus]
    """By environment, and `CENTRAL`."""
    wallets: Mapping[str, Wallet]
    apply_class: Callable[..., None]
    """Applies the class; `mute` says by which interval P2 is muted, None by none."""


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A stage of its own: an Alertmanager with another strategy, and no Prometheus that takes everything."""
    with Stage() as stage, Sinks() as sinks:
        stage.start_control_plane()
        stage.bed.install_prometheus_operator_crds()
        stage.bed.start_prometheus_operator()
        strategy = "OnNamespaceExceptForAlertmanagerNamespace"
        alertmanager = stage.bed.start_alertmanager(MONITORING, "main", matcher_strategy=strategy)
        # Selects by a label, as that of kube-prometheus-stack does, and nothing but what it is to collect.
        nothing: dict[str, Any] = dict.fromkeys(f"{kind}Selector" for kind in ("serviceMonitor", "podMonitor", "rule"))
        collects = {**nothing, "scrapeConfigSelector": {"matchLabels": {"release": CENTRAL}}, "alerting": None}
        central = stage.bed.start_prometheus(CENTRAL, CENTRAL, spec=collects)
        stage.bed.discovery_account(MONITORING)
        stage.install_chart()
        stage.start_operator()

        targets: dict[str, str] = {}

        def apply_class(mute: str | None = "tokyo") -> None:
            stage.bed.apply([class_object(sinks, targets, mute)])

        stage.bed.apply([secret(sinks)])
        wallets = {
            wallet: each for environment in ENVIRONMENTS for wallet, each in add_wallets(stage, environment).items()
        }
        apply_class()
        found = {}
        for environment in ENVIRONMENTS:
            name = f"{CLASS}-{environment}"
            stage.wait(f"Prometheus {name}", lambda name=name: find_prometheus(stage, name))  # type: ignore[misc]
            found[environment] = stage.bed.follow_prometheus(MONITORING, name)
        # Where the one of production listens is known only now.
        targets["prod"] = found["prod"].address
        apply_class()
        stage.bed.apply(monitor_object(environment) for environment in ENVIRONMENTS)
        for namespace in ENVIRONMENTS.values():
            wait_until_ready(stage, namespace, namespace)
        prometheuses = {name: Prometheus(each.url) for name, each in {**found, CENTRAL: central}.items()}
        yield Scene(stage, sinks, Alertmanager(alertmanager.url), prometheuses, wallets, apply_class)
        stage.check()


def add_wallets(stage: Stage, environment: str) -> dict[str, Wallet]:
    """The namespace of an environment with its three wallets, in the state that their alerts are about."""
    namespace = ENVIRONMENTS[environment]
    meta = {"name": namespace, "labels": {"tier": environment}}
    stage.bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": meta}])
    wallets = {}
    for priority in ALERTS:
        name = wallet_of(environment, priority)
        labels = {"app": "wallet", "example.com/wallet": name}
        wallets[name] = stage.add_wallet(namespace, name, labels, traffic=1)
    wallets[wallet_of(environment, "P0")].stop()
    wallets[wallet_of(environment, "P1")].switch(freeze_heartbeat=True)
    return wallets


def monitor_object(environment: str) -> Json:
    namespace = ENVIRONMENTS[environment]
    return monitor(
        namespace,
        namespace,
        # One names the class, the other one gets it as the default.
        **({"className": CLASS} if environment == "prod" else {}),
        wallets=[{"name": wallet_of(environment, priority)} for priority in ALERTS],
        targets=[pods_target("api", {"app": "wallet"}, walletFrom={"label": "example.com/wallet"})],
        packs=[{"name": "golden-signals", "overrides": {"WalletDown": {"for": "1s", "keepFiringFor": "1s"}}}],
        rules=[
            {
                "name": ALERTS["P1"],
                "expr": "time() - wallet_heartbeat_timestamp_seconds > 5",
                "priority": "P1",
                "summary": "Wallet {{ $labels.wallet }} stands still",
                "runbookUrl": f"{RUNBOOKS}/{ALERTS['P1']}",
            },
            {
                "name": ALERTS["P2"],
                "expr": f'up{{wallet="{wallet_of(environment, "P2")}"}} == 1',
                "priority": "P2",
                "summary": "Wallet {{ $labels.wallet }} has nothing to do",
                "runbookUrl": f"{RUNBOOKS}/{ALERTS['P2']}",
            },
        ],
    )


def summary_of(alert: str, wallet: str) -> str:
    return {
        ALERTS["P0"]: f"Wallet {wallet} is down: no process of target api answers",
        ALERTS["P1"]: f"Wallet {wallet} stands still",
        ALERTS["P2"]: f"Wallet {wallet} has nothing to do",
    }[alert]


def class_object(sinks: Sinks, targets: Mapping[str, str], mute: str | None) -> Json:
    """The class: everything it can say of receivers, two environments, and what is to be collected from `targets`."""
    at_once = {"groupWait": "1s", "groupInterval": "1s"}
    priorities: dict[str, Any] = {
        "P0": {"receivers": ["app", "robot", "pager", "genie", "hook"], **at_once},
        "P1": {"receivers": ["ding", "mail", "hook"], "muteTimeIntervals": ["utc"], **at_once},
        "P2": {"receivers": ["slack", "teams", "telegram", "mail"], **at_once},
    }
    if mute is not None:
        priorities["P2"]["muteTimeIntervals"] = [mute]
    return {
        "apiVersion": API_VERSION,
        "kind": "WalletMonitorClass",
        "metadata": {"name": CLASS, "annotations": {"walletmon.dev/is-default-class": "true"}},
        "spec": {
            "alertmanager": {"namespace": MONITORING, "name": "main"},
            "externalLabels": {"cluster": "blue"},
            "runbookBaseUrl": RUNBOOKS,
            "environments": [
                {
                    "name": environment,
                    "namespaceSelector": {"matchLabels": {"tier": environment}},
                    "labels": {"stage": f"{environment}-stage"},
                    "retention": RETENTION[environment],
                    "prometheus": {"namespace": MONITORING},
                }
                for environment in ENVIRONMENTS
            ],
            "federation": [
                {"name": name, "targets": [target], "namespace": CENTRAL, "interval": "1s", "labels": {"from": name}}
                for name, target in targets.items()
            ],
            "hubUrl": sinks.url("webhook", "hub"),
            "receivers": receivers(sinks),
            "priorities": priorities,
            "muteTimeIntervals": mute_intervals(datetime.now(UTC)),
        },
    }


def key(name: str) -> Json:
    return {"name": "receivers", "key": name}


def receivers(sinks: Sinks) -> list[Json]:
    """One receiver of each kind."""
    wecom = {"corpId": "corp", "agentId": "7", "secret": key("word"), "toUser": "@all"}
    return [
        {"name": "app", "wecom": {**wecom, "apiUrl": sinks.url("wecom", "wecom")}},
        {"name": "robot", "wecomRobot": {"robot": "night-shift", "tokenSecret": key("word")}},
        {"name": "ding", "dingtalk": {"robot": "office"}},
        {"name": "slack", "slack": {"urlSecret": key("slack"), "channel": "#wallets"}},
        {
            "name": "mail",
            "email": {
                "to": ["office@example.com"],
                "from": "alerts@example.com",
                "smarthost": sinks.smarthost,
                "requireTls": False,
                "username": "alerts",
                "passwordSecret": key("word"),
            },
        },
        {"name": "pager", "pagerduty": {"routingKeySecret": key("word"), "url": sinks.url("pagerduty", "pagerduty")}},
        {"name": "genie", "opsgenie": {"apiKeySecret": key("word"), "apiUrl": sinks.url("opsgenie", "opsgenie")}},
        {"name": "hook", "webhook": {"urlSecret": key("webhook")}},
        {"name": "teams", "msteams": {"urlSecret": key("msteams")}},
        {
            "name": "telegram",
            "telegram": {"botTokenSecret": key("bot"), "chatId": -100, "apiUrl": sinks.url("telegram", "telegram")},
        },
    ]


def secret(sinks: Sinks) -> Json:
    """What the receivers refer to, in the Alertmanager's namespace."""
    urls = {channel: sinks.url(channel, channel) for channel in ("slack", "webhook", "msteams")}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "receivers", "namespace": MONITORING},
        "stringData": {"word": "letmein", "bot": "7:bot", **urls},
    }


def mute_intervals(now: datetime) -> list[Json]:
    """The present hours in Tokyo, and the hours that clocks show there taken for UTC, in which nothing happens now."""
    times = hours_around(now.astimezone(timezone(timedelta(hours=9))).hour)
    return [{"name": "tokyo", "timeZone": "Asia/Tokyo", "times": times}, {"name": "utc", "times": times}]


def hours_around(hour: int) -> list[Json]:
    """From two hours before `hour` to three after it, in parts where it goes past midnight."""
    hours = sorted((hour + offset) % 24 for offset in range(-2, 3))
    return [{"from": f"{each:02}:00", "to": f"{each + 1:02}:00"} for each in hours]


def find_prometheus(stage: Stage, name: str) -> Json | None:
    return stage.bed.api.find("monitoring.coreos.com/v1", "Prometheus", MONITORING, name)


# -- what was told ----------------------------------------------------------------------------------------------------


def teller(message: Message) -> str:
    """Who wrote a message down; of the hub, the robot that it is for."""
    return message.path if message.path.startswith("relay/") else message.receiver


def subjects(scene: Scene, message: Message) -> set[tuple[str, str]]:
    """Priority and wallet of the alerts that a message is about, by what it says first of all: their summaries."""
    if message.channel == "opsgenie" and not message.firing:
        # It names nothing but the alert that it closes.
        alias = message.path.split("/")[2]
        message = next(m for m in scene.sinks.messages("opsgenie", firing=True) if m.body["alias"] == alias)
    return {
        (priority, wallet)
        for environment in ENVIRONMENTS
        for priority, alert in ALERTS.items()
        if summary_of(alert, wallet := wallet_of(environment, priority)) in message.text
    }


def told_of(scene: Scene, priority: str, environment: str, *, firing: bool) -> set[str]:
    """Who has been told of an environment's alert of a priority."""
    subject = (priority, wallet_of(environment, priority))
    return {teller(message) for message in scene.sinks.messages(firing=firing) if subject in subjects(scene, message)}


def wait_until_told(scene: Scene, priority: str, *, firing: bool = True) -> None:
    """Until everybody whom it concerns has been told, in both environments."""
    for environment in ENVIRONMENTS:
        scene.stage.wait(
            f"all to be told of {priority} in {environment}",
            lambda environment=environment: (  # type: ignore[misc]
                told_of(scene, priority, environment, firing=firing) >= TOLD[priority]
            ),
        )


def one_message(scene: Scene, who: str, priority: str, environment: str) -> Message:
    """The first message by which `who` was told that it fires."""
    wait_until_told(scene, priority)
    subject = {(priority, wallet_of(environment, priority))}
    return next(m for m in scene.sinks.messages(firing=True) if teller(m) == who and subjects(scene, m) == subject)


# -- tests ------------------------------------------------------------------------------------------------------------


def test_class_and_monitors_say_that_all_is_well(scene: Scene) -> None:
    live = scene.stage.bed.api.get(API_VERSION, "WalletMonitorClass", None, CLASS)
    # No kubelet starts the Pods of the two Prometheus objects: what they are to keep, they do not keep yet.
    assert {name: status for name, (status, _) in conditions(live).items()} == {
        **dict.fromkeys(("Accepted", "Applied", "Selected", "Ready"), "True"),
        "Enforced": "Unknown",
    }
    assert f"no Pod is ready of Prometheus {MONITORING}/{CLASS}-prod" in conditions(live)["Enforced"][1]
    assert live["status"]["monitors"] == len(ENVIRONMENTS)
    for environment, namespace in ENVIRONMENTS.items():
        found = scene.stage.monitor(namespace, namespace)
        assert {name: status for name, (status, _) in conditions(found).items()} == dict.fromkeys(
            ("Accepted", "Applied", "Selected", "Ready"), "True"
        )
        assert (found["status"]["class"], found["status"]["environment"]) == (CLASS, environment)
        said = conditions(found)["Selected"][1]
        assert f"Prometheus {MONITORING}/{CLASS}-{environment}" in said
        assert f"Alertmanager {MONITORING}/main" in said


@pytest.mark.parametrize("priority", ["P0", "P1"])
def test_each_priority_is_told_to_its_own_receivers_and_to_nobody_else(scene: Scene, priority: str) -> None:
    wait_until_told(scene, priority)
    for environment in ENVIRONMENTS:
        assert told_of(scene, priority, environment, firing=True) == TOLD[priority]


def test_nobody_is_told_of_anything_else(scene: Scene) -> None:
    for priority in ("P0", "P1"):
        wait_until_told(scene, priority)
    for message in scene.sinks.messages():
        about = subjects(scene, message)
        assert len(about) == 1, message
        ((priority, _),) = about
        assert teller(message) in TOLD[priority], message


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(("priority", "who"), [(p, who) for p in ("P0", "P1") for who in sorted(TOLD[p])])
def test_a_message_says_what_is_wrong_how_urgent_it_is_and_what_to_do(
    scene: Scene, environment: str, priority: str, who: str
) -> None:
    message = one_message(scene, who, priority, environment)
    wallet = wallet_of(environment, priority)
    for said in (wallet, priority, summary_of(ALERTS[priority], wallet), f"{RUNBOOKS}/{ALERTS[priority]}"):
        assert said in message.text


def test_credentials_arrive_where_they_belong(scene: Scene) -> None:
    def of(who: str, priority: str) -> Message:
        return one_message(scene, who, priority, "prod")

    assert "access_token=wecom-access-token-corp-letmein" in of("wecom", "P0").path
    assert of("pagerduty", "P0").body["routing_key"] == "letmein"
    assert of("opsgenie", "P0").headers["authorization"] == "GenieKey letmein"
    assert of("relay/wecom/night-shift", "P0").headers["authorization"] == "Bearer letmein"
    mail = of("office@example.com", "P1").body
    assert (mail["username"], mail["password"], mail["sender"]) == ("alerts", "letmein", "alerts@example.com")


@pytest.mark.parametrize(("environment", "namespace"), ENVIRONMENTS.items())
def test_alerts_carry_the_labels_of_cluster_and_environment(scene: Scene, environment: str, namespace: str) -> None:
    for priority, severity in (("P0", "critical"), ("P1", "warning")):
        (alert,) = one_message(scene, "webhook", priority, environment).body["alerts"]
        expected = {
            "alertname": ALERTS[priority],
            "priority": priority,
            "severity": severity,
            "wallet": wallet_of(environment, priority),
            "namespace": namespace,
            "walletmon": namespace,
            "walletmon_class": CLASS,
            "environment": environment,
            "cluster": "blue",
            "stage": f"{environment}-stage",
        }
        assert {name: alert["labels"].get(name) for name in expected} == expected


def test_a_muted_priority_is_told_when_it_is_no_longer_muted(scene: Scene) -> None:
    """It is muted by the hours of a time zone; another priority is not, by the same hours in UTC."""

    def muted() -> list[Json] | None:
        found = scene.alertmanager.muted(alertname=ALERTS["P2"])
        return found if {each["labels"]["environment"] for each in found} == set(ENVIRONMENTS) else None

    by = {name for each in wait(scene, "P2 to be muted", muted) for name in each["status"]["mutedBy"]}
    assert by == {f"{MONITORING}/walletmon.{CLASS}/tokyo"}
    wait_until_told(scene, "P1")
    for environment in ENVIRONMENTS:
        assert told_of(scene, "P2", environment, firing=True) == set()
    scene.apply_class(mute=None)
    try:
        for environment in ENVIRONMENTS:
            for who in TOLD["P2"]:
                message = one_message(scene, who, "P2", environment)
                assert f"{RUNBOOKS}/{ALERTS['P2']}" in message.text
            assert told_of(scene, "P2", environment, firing=True) == TOLD["P2"]
    finally:
        scene.apply_class()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_prometheus_scrapes_and_judges_its_own_environment_alone(scene: Scene, environment: str) -> None:
    prometheus = scene.prometheuses[environment]
    own = {wallet_of(environment, priority) for priority in ALERTS}

    def scraped() -> list[Json] | None:
        found = prometheus.targets(target="api")
        return found if len(found) >= len(own) and all(each["health"] != "unknown" for each in found) else None

    targets = wait(scene, "its targets", scraped)
    assert {each["labels"]["wallet"] for each in targets} == own
    down = {each["labels"]["wallet"] for each in targets if each["health"] == "down"}
    assert down == {wallet_of(environment, "P0")}
    assert set(values(prometheus.query("up"))) == own
    alerting = [rule for group in prometheus.rule_groups() for rule in group["rules"] if rule["type"] == "alerting"]
    assert {rule["labels"]["environment"] for rule in alerting} == {environment}


@pytest.mark.parametrize(("environment", "retention"), RETENTION.items())
def test_each_prometheus_keeps_series_for_as_long_as_its_environment_says(
    scene: Scene, environment: str, retention: str
) -> None:
    arguments = scene.stage.bed.prometheus_arguments(MONITORING, f"{CLASS}-{environment}")
    assert f"--storage.tsdb.retention.time={retention}" in arguments


def test_recordings_and_alerts_of_production_are_taken_over_and_nothing_else(scene: Scene) -> None:
    prod, central = scene.prometheuses["prod"], scene.prometheuses[CENTRAL]
    wanted = '{__name__=~"(wallet|sse|walletmon):.+|ALERTS"}'

    def named(prometheus: Prometheus) -> set[str]:
        return {each["metric"]["__name__"] for each in prometheus.query(f"count by (__name__) ({wanted})")}

    wait(scene, "the alert", lambda: central.query(f'ALERTS{{alertstate="firing",alertname="{ALERTS["P0"]}"}}'))
    wait(scene, "all of them", lambda: named(central) == named(prod))
    taken = central.query(wanted)
    assert "walletmon:wallet:expected" in named(central)
    labels = {"environment": "prod", "cluster": "blue", "stage": "prod-stage", "from": "prod", "walletmon": "payments"}
    for each in taken:
        assert {name: each["metric"].get(name) for name in labels} == labels
    # Expected targets belong to no wallet.
    wallets = {each["metric"]["wallet"] for each in taken if "wallet" in each["metric"]}
    assert wallets == {wallet_of("prod", priority) for priority in ALERTS}
    # What is left is what a Prometheus says of its own scrapes.
    others = central.query('{__name__!~"(wallet|sse|walletmon):.+|ALERTS",__name__!=""}')
    assert {each["metric"]["job"] for each in others} == {f"federation/{CLASS}/prod"}


def test_all_are_told_when_it_is_over(scene: Scene) -> None:
    for priority in ("P0", "P1"):
        wait_until_told(scene, priority)
    for environment in ENVIRONMENTS:
        scene.wallets[wallet_of(environment, "P0")].start()
        scene.wallets[wallet_of(environment, "P1")].switch(freeze_heartbeat=False)
    try:
        for priority in ("P0", "P1"):
            wait_until_told(scene, priority, firing=False)
            for environment in ENVIRONMENTS:
                assert told_of(scene, priority, environment, firing=False) == TOLD[priority]
    finally:
        for environment in ENVIRONMENTS:
            scene.wallets[wallet_of(environment, "P0")].stop()
            scene.wallets[wallet_of(environment, "P1")].switch(freeze_heartbeat=True)


def wait(scene: Scene, what: str, probe: Callable[[], T | None]) -> T:
    return scene.stage.wait(what, probe)
