"""The class's routes: whom one AlertmanagerConfig in the Alertmanager's namespace tells, of whose alerts, and when."""

from __future__ import annotations

from typing import Any

from tests.documents import all_receivers, receiver
from tests.unit.test_routing import told_by
from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass, in_force
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.objects import CLASS_LABEL

Document = dict[str, Any]
ALERTMANAGER = {"namespace": "monitoring"}


def resource(**spec: Any) -> WalletMonitorClass:
    spec = {"alertmanager": ALERTMANAGER, "hubUrl": "https://hub.example.org/", **spec}
    return WalletMonitorClass.model_validate({"metadata": {"name": "default", "uid": "u"}, "spec": spec})


def compiled(built_in: MonitorClass | None = None, facts: ClusterFacts | None = None, **spec: Any) -> Bundle:
    return compile_class(resource(**spec), built_in, facts)


def config(bundle: Bundle) -> Document:
    (obj,) = (each for each in bundle.objects or () if each["kind"] == "AlertmanagerConfig")
    return obj


def told(bundle: Bundle, priority: str, **labels: str) -> list[str]:
    return told_by(config(bundle)["spec"], {**alert(priority), **labels})


def alert(priority: str) -> dict[str, str]:
    return {"walletmon_class": "default", "walletmon": "treasury", "namespace": "wallets", "priority": priority}


def test_a_class_without_receivers_has_no_object() -> None:
    assert compiled().objects == ()
    assert compiled(receivers=[]).objects == ()


def test_one_object_in_the_alertmanagers_namespace_holds_all_receivers() -> None:
    (obj,) = compiled(receivers=[receiver("a"), *all_receivers()]).objects or ()
    assert (obj["metadata"]["namespace"], obj["metadata"]["name"]) == ("monitoring", "walletmon.default")
    assert [owner["name"] for owner in obj["metadata"]["ownerReferences"]] == ["default"]
    assert len(obj["spec"]["receivers"]) == 11
    assert obj["spec"]["route"]["matchers"] == [
        {"name": "walletmon_class", "value": "default", "matchType": "="},
        {"name": "walletmon", "value": "", "matchType": "!="},
    ]
    assert obj["spec"]["route"]["groupBy"] == ["alertname", "namespace", "wallet"]


def test_each_priority_has_its_means_unless_the_class_says_otherwise() -> None:
    bundle = compiled(receivers=[receiver("hook"), *all_receivers()])
    assert bundle.diagnostics == ()
    assert told(bundle, "P0") == ["wecom", "wecom-robot", "pagerduty", "opsgenie"]
    assert told(bundle, "P1") == ["dingtalk", "email"]
    assert told(bundle, "P2") == ["slack", "email"]
    assert told(bundle, "P0", walletmon_class="other") == []
    assert told(bundle, "P0", walletmon="") == []
    said = compiled(receivers=[receiver("hook"), *all_receivers()], priorities={"P0": {"receivers": ["hook"]}})
    assert told(said, "P0") == ["hook"]
    assert told(said, "P1") == ["dingtalk", "email"]


def test_where_nobody_has_the_means_everybody_is_told() -> None:
    bundle = compiled(receivers=[receiver("a"), receiver("b")])
    assert bundle.diagnostics == ()
    for priority in ("P0", "P1", "P2"):
        assert told(bundle, priority) == ["a", "b"]


def test_a_priority_without_any_receiver_on_purpose_is_told_to_nobody() -> None:
    bundle = compiled(receivers=[receiver("a")], priorities={"P2": {"receivers": []}})
    assert bundle.diagnostics == ()
    assert told(bundle, "P1") == ["a"]
    assert told(bundle, "P2") == []


def routes(bundle: Bundle) -> dict[str, Document]:
    return {each["matchers"][0]["value"]: each for each in config(bundle)["spec"]["route"]["routes"]}


def test_each_priority_has_its_timings_and_the_class_may_set_others() -> None:
    timings = {
        "P0": {"groupWait": "10s", "groupInterval": "1m", "repeatInterval": "1h"},
        "P1": {"groupWait": "30s", "groupInterval": "5m", "repeatInterval": "4h"},
        "P2": {"groupWait": "1m", "groupInterval": "10m", "repeatInterval": "1d"},
    }
    found = routes(compiled(receivers=[receiver("a")]))
    assert {priority: {name: route[name] for name in timings[priority]} for priority, route in found.items()} == timings
    own = routes(compiled(receivers=[receiver("a")], priorities={"P0": {"groupWait": "0s", "repeatInterval": "5m"}}))
    assert (own["P0"]["groupWait"], own["P0"]["groupInterval"], own["P0"]["repeatInterval"]) == ("0s", "1m", "5m")


def test_mute_intervals_belong_to_priorities() -> None:
    nights = {"name": "nights", "timeZone": "Asia/Shanghai", "times": [{"from": "22:00", "to": "24:00"}]}
    bundle = compiled(
        receivers=[receiver("a")],
        muteTimeIntervals=[nights, {"name": "idle", "weekdays": ["sunday"]}],
        priorities={"P2": {"muteTimeIntervals": ["nights", "absent"]}},
    )
    found = routes(bundle)
    assert found["P2"]["muteTimeIntervals"] == ["nights"]
    assert "muteTimeIntervals" not in found["P0"]
    assert config(bundle)["spec"]["muteTimeIntervals"] == [
        {"name": "nights", "timeIntervals": [{"times": [{"startTime": "14:00", "endTime": "16:00"}]}]}
    ]
    assert [(each.code, each.path, each.cure) for each in bundle.diagnostics] == [
        (Code.UNKNOWN_MUTE_INTERVAL, "spec.priorities.P2.muteTimeIntervals[1]", "name one of: idle, nights"),
        (
            Code.IDLE_MUTE_INTERVAL,
            "spec.muteTimeIntervals[1]",
            "name it in muteTimeIntervals of a priority, or take it out",
        ),
    ]


def test_an_unknown_receiver_is_said_and_the_others_are_told() -> None:
    bundle = compiled(receivers=[receiver("a")], priorities={"P0": {"receivers": ["boss", "a"]}})
    assert [(each.code, each.path) for each in bundle.diagnostics] == [
        (Code.UNKNOWN_RECEIVER, "spec.priorities.P0.receivers[0]")
    ]
    assert told(bundle, "P0") == ["a"]


def test_a_receiver_without_its_secret_is_left_out_and_the_other_routes_go_on() -> None:
    facts = ClusterFacts(secrets={("monitoring", "pagerduty"): frozenset[str]()})
    bundle = compiled(None, facts, receivers=all_receivers(), priorities={"P1": {"receivers": ["pagerduty"]}})
    assert [(each.code, each.path) for each in bundle.diagnostics] == [
        (Code.MISSING_SECRET, "spec.receivers[5].pagerduty.routingKeySecret"),
        (Code.TOLD_TO_NOBODY, "spec.priorities.P1.receivers"),
    ]
    assert told(bundle, "P0") == ["wecom", "wecom-robot", "opsgenie"]
    assert told(bundle, "P1") == []
    assert told(bundle, "P2") == ["slack", "email"]


def test_if_all_who_have_the_means_are_left_out_those_who_are_left_are_told() -> None:
    facts = ClusterFacts(secrets={("monitoring", "pagerduty"): frozenset[str]()})
    pagerduty = next(each for each in all_receivers() if each["name"] == "pagerduty")
    bundle = compiled(None, facts, receivers=[pagerduty, receiver("a")])
    assert [each.code for each in bundle.diagnostics] == [Code.MISSING_SECRET]
    assert told(bundle, "P0") == ["a"]


def test_if_nobody_is_left_every_priority_says_so() -> None:
    facts = ClusterFacts(secrets={("monitoring", "on-call"): frozenset[str]()})
    bundle = compiled(None, facts, receivers=[receiver("a")])
    assert [(each.code, each.path) for each in bundle.diagnostics][1:] == [
        (Code.TOLD_TO_NOBODY, f"spec.priorities.{priority}.receivers") for priority in ("P0", "P1", "P2")
    ]
    assert told(bundle, "P0") == []


def test_receivers_need_an_alertmanager() -> None:
    bundle = compiled(receivers=[receiver("a")], alertmanager=None)
    assert bundle.objects == ()
    assert [(each.code, each.path) for each in bundle.diagnostics] == [(Code.INVALID_FIELD, "spec.receivers")]


def test_the_hub_may_be_that_of_the_operator() -> None:
    robot = {"name": "r", "dingtalk": {"robot": "wallets"}}
    built_in = MonitorClass(hub_url="http://hub.walletmon:8080")
    bundle = compiled(built_in, receivers=[robot], hubUrl=None)
    (made,) = (each for each in config(bundle)["spec"]["receivers"] if each["name"] == "r")
    assert made["webhookConfigs"][0]["url"] == "http://hub.walletmon:8080/relay/dingtalk/wallets"


def alertmanager(**spec: Any) -> Document:
    return {"kind": "Alertmanager", "metadata": {"namespace": "monitoring", "name": "main"}, "spec": spec}


def test_it_has_the_labels_that_the_alertmanager_selects() -> None:
    wanted = alertmanager(alertmanagerConfigSelector={"matchLabels": {"route": "yes"}})
    facts = ClusterFacts(alertmanagers=(wanted,), namespaces={"monitoring": {}})
    assert config(compiled(None, facts, receivers=[receiver("a")]))["metadata"]["labels"]["route"] == "yes"
    said = config(compiled(None, facts, receivers=[receiver("a")], objectLabels={"release": "r"}))["metadata"]["labels"]
    assert (said.get("route"), said["release"], said[CLASS_LABEL]) == (None, "r", "default")
    everything = ClusterFacts(
        alertmanagers=(alertmanager(alertmanagerConfigSelector={}),), namespaces={"monitoring": {}}
    )
    plain = config(compiled(None, everything, receivers=[receiver("a")]))["metadata"]["labels"]
    assert set(plain) == {"app.kubernetes.io/managed-by", CLASS_LABEL}


def test_the_class_in_force_is_what_counts() -> None:
    assert in_force(resource(), MonitorClass()).hub_url == "https://hub.example.org"
