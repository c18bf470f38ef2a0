"""Routing: whom an AlertmanagerConfig tells of which alert."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.documents import Document, maximal, minimal, receiver, routing
from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.routing import routing_objects

HUB = MonitorClass(hub_url="https://hub.example.org")
"""A class with a hub, which the document with all receivers needs."""


def routed(document: Document, **facts: Any) -> Part:
    return routing_objects(parse_monitor(document), HUB, ClusterFacts(**facts))


def spec(document: Document, **facts: Any) -> dict[str, Any]:
    part = routed(document, **facts)
    assert part.diagnostics == []
    return content(part)


def content(part: Part) -> dict[str, Any]:
    (obj,) = part.objects
    assert (obj["kind"], obj["metadata"]["name"]) == ("AlertmanagerConfig", "treasury")
    found: dict[str, Any] = obj["spec"]
    return found


def told(document: Document, alert: dict[str, str]) -> list[str]:
    return told_by(spec(document), alert)


def told_by(config: dict[str, Any], alert: dict[str, str]) -> list[str]:
    """The receivers that Alertmanager tells of an alert: children in order while they say continue, else the parent."""

    def matching(route: dict[str, Any]) -> list[str]:
        if not all(holds(each, alert) for each in route.get("matchers", ())):
            return []
        found: list[str] = []
        for child in route.get("routes", ()):
            below = matching(child)
            found += below
            if below and not child.get("continue"):
                break
        return found or [route["receiver"]]

    has_means = {each["name"] for each in config["receivers"] if len(each) > 1}
    return [name for name in matching(config["route"]) if name in has_means]


def holds(matcher: dict[str, str], labels: dict[str, str]) -> bool:
    """Whether Alertmanager's matcher holds for these labels; one that is missing counts as empty."""
    value = labels.get(matcher["name"], "")
    return {
        "=": value == matcher["value"],
        "!=": value != matcher["value"],
        "=~": re.fullmatch(matcher["value"], value) is not None,
        "!~": re.fullmatch(matcher["value"], value) is None,
    }[matcher["matchType"]]


def alert(priority: str, monitor: str = "treasury", namespace: str = "wallets") -> dict[str, str]:
    return {"walletmon": monitor, "namespace": namespace, "priority": priority}


TWO = [receiver("on-call"), receiver("desk")]


def test_a_monitor_that_neither_routes_nor_silences_has_no_object() -> None:
    assert routed(minimal(packs=[])) == Part()


def test_a_monitor_without_routing_silences_and_takes_no_part_in_routing() -> None:
    assert set(spec(minimal())) == {"inhibitRules"}


def test_a_single_receiver_gets_every_alert_of_its_monitor_and_of_no_other() -> None:
    for priority in ("P0", "P1", "P2"):
        assert told(routing(), alert(priority)) == ["on-call"]
    assert told(routing(), alert("P0", monitor="other")) == []
    assert told(routing(), alert("P0", namespace="other")) == []


def test_several_receivers_without_routes_all_get_every_alert() -> None:
    document = minimal(routing={"receivers": TWO})
    assert told(document, alert("P1")) == ["on-call", "desk"]


def test_a_priority_goes_to_its_receivers_and_an_unrouted_one_to_nobody() -> None:
    document = minimal(
        routing={"receivers": TWO, "P0": {"receivers": ["desk", "on-call"]}, "P2": {"receivers": ["desk"]}}
    )
    assert told(document, alert("P0")) == ["desk", "on-call"]
    assert told(document, alert("P1")) == []
    assert told(document, alert("P2")) == ["desk"]


def test_a_receiver_may_be_called_nobody() -> None:
    """Two receivers of one name would make prometheus-operator refuse the object, and nobody at all be told."""
    document = minimal(routing={"receivers": [receiver("nobody")], "P0": {"receivers": ["nobody"]}})
    names = [each["name"] for each in spec(document)["receivers"]]
    assert len(names) == len(set(names)) == 2
    assert told(document, alert("P0")) == ["nobody"]
    assert told(document, alert("P1")) == []


def test_timings_and_mute_intervals_belong_to_the_priority() -> None:
    timings = {"groupWait": "0s", "groupInterval": "1m", "repeatInterval": "30m", "muteTimeIntervals": ["nights"]}
    nights = {"name": "nights", "times": [{"from": "22:00", "to": "24:00"}], "weekdays": ["saturday", "sunday"]}
    document = routing(
        P0={"receivers": ["on-call"]}, P2={"receivers": ["on-call"], **timings}, muteTimeIntervals=[nights]
    )
    config = spec(document)
    urgent, idle = config["route"]["routes"]
    assert set(urgent) == {"receiver", "matchers", "continue"}
    assert {name: idle[name] for name in timings} == timings
    assert config["muteTimeIntervals"] == [
        {
            "name": "nights",
            "timeIntervals": [
                {"times": [{"startTime": "22:00", "endTime": "24:00"}], "weekdays": ["saturday", "sunday"]}
            ],
        }
    ]


def test_alerts_are_bundled_by_name_and_wallet_unless_told_otherwise() -> None:
    assert spec(routing())["route"]["groupBy"] == ["alertname", "wallet"]
    assert spec(routing(groupBy=["priority"]))["route"]["groupBy"] == ["priority"]


def test_the_url_stays_in_its_secret() -> None:
    webhook = {"urlSecret": {"name": "s", "key": "k"}, "sendResolved": False, "maxAlerts": 3}
    document = minimal(routing={"receivers": [{"name": "a", "webhook": webhook}]})
    assert spec(document)["receivers"] == [{"name": "a", "webhookConfigs": [webhook]}]


@pytest.mark.parametrize(
    ("route", "code", "path", "cure"),
    [
        (
            {"receivers": ["on-call", "boss"]},
            Code.UNKNOWN_RECEIVER,
            "spec.routing.P1.receivers[1]",
            "name one of: on-call",
        ),
        (
            {"receivers": ["on-call"], "muteTimeIntervals": ["nights"]},
            Code.UNKNOWN_MUTE_INTERVAL,
            "spec.routing.P1.muteTimeIntervals[0]",
            "define a mute interval of that name",
        ),
    ],
)
def test_an_unknown_name_past_the_schema_is_left_out_and_the_others_are_told(
    route: Document, code: Code, path: str, cure: str
) -> None:
    """prometheus-operator would refuse the whole object, and say so in an Event of its own only."""
    part = routed(routing(P1=route))
    assert [(found.code, found.path, found.cure) for found in part.diagnostics] == [(code, path, cure)]
    assert told_by(content(part), alert("P1")) == ["on-call"]
    assert "muteTimeIntervals" not in content(part)["route"]["routes"][0]


GONE = {("wallets", "on-call"): frozenset[str]()}
"""The Secret of the receivers that `receiver` makes is not there."""
DESK = {"name": "desk", "webhook": {"urlSecret": {"name": "desk", "key": "url"}}}


def test_a_receiver_without_its_secret_is_left_out_and_the_others_are_told() -> None:
    document = minimal(routing={"receivers": [receiver(), DESK], "P0": {"receivers": ["on-call", "desk"]}})
    part = routed(document, secrets=GONE)
    assert [(found.code, found.path) for found in part.diagnostics] == [
        (Code.MISSING_SECRET, "spec.routing.receivers[0].webhook.urlSecret")
    ]
    assert told_by(content(part), alert("P0")) == ["desk"]
    assert [each["name"] for each in content(part)["receivers"]] == ["desk", "_nobody"]


def test_a_priority_that_nobody_is_left_for_is_said_and_goes_nowhere() -> None:
    document = minimal(
        routing={"receivers": [receiver(), DESK], "P0": {"receivers": ["on-call"]}, "P1": {"receivers": ["desk"]}}
    )
    part = routed(document, secrets=GONE)
    assert [(found.code, found.path) for found in part.diagnostics][1:] == [
        (Code.TOLD_TO_NOBODY, "spec.routing.P0.receivers")
    ]
    assert told_by(content(part), alert("P0")) == []
    assert told_by(content(part), alert("P1")) == ["desk"]


def test_a_monitor_without_priority_routes_that_nobody_is_left_for_is_said_too() -> None:
    part = routed(routing(), secrets=GONE)
    assert [(found.code, found.path) for found in part.diagnostics][1:] == [
        (Code.TOLD_TO_NOBODY, "spec.routing.receivers")
    ]
    assert told_by(content(part), alert("P0")) == []
    with_desk = minimal(routing={"receivers": [receiver(), DESK]})
    assert told_by(content(routed(with_desk, secrets=GONE)), alert("P0")) == ["desk"]


def test_an_interval_in_a_zone_that_is_not_there_mutes_nothing() -> None:
    nights = {"name": "nights", "timeZone": "Europe/Atlantis", "weekdays": ["sunday"]}
    part = routed(routing(P1={"receivers": ["on-call"], "muteTimeIntervals": ["nights"]}, muteTimeIntervals=[nights]))
    assert [found.code for found in part.diagnostics] == [Code.UNKNOWN_TIME_ZONE]
    assert "muteTimeIntervals" not in content(part)
    assert "muteTimeIntervals" not in content(part)["route"]["routes"][0]


def test_mute_intervals_that_mute_always_or_never_are_warned_of() -> None:
    week = {
        "name": "week",
        "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    }
    never = {"name": "never", "weekdays": ["sunday"]}
    part = routed(
        routing(P1={"receivers": ["on-call"], "muteTimeIntervals": ["week"]}, muteTimeIntervals=[week, never])
    )
    assert [(found.code, found.path, found.severity.value) for found in part.diagnostics] == [
        (Code.ALWAYS_MUTED, "spec.routing.P1.muteTimeIntervals", "warning"),
        (Code.IDLE_MUTE_INTERVAL, "spec.routing.muteTimeIntervals[1]", "warning"),
    ]
    assert [each["name"] for each in content(part)["muteTimeIntervals"]] == ["week"]


def test_the_hours_of_a_zone_are_those_of_the_present_year() -> None:
    noon = {"name": "noon", "timeZone": "Europe/Berlin", "times": [{"from": "12:00", "to": "14:00"}]}
    document = routing(P1={"receivers": ["on-call"], "muteTimeIntervals": ["noon"]}, muteTimeIntervals=[noon])
    (known,) = spec(document, year=2031)["muteTimeIntervals"]
    assert {year for entry in known["timeIntervals"] for year in entry["years"]} == {"2031", "2032"}
    (unknown,) = spec(document)["muteTimeIntervals"]
    assert unknown["timeIntervals"] == [{"times": [{"startTime": "11:00", "endTime": "12:00"}]}]


def test_every_reference_in_the_maximal_document_is_defined() -> None:
    config = spec(maximal())
    receivers = {each["name"] for each in config["receivers"]}
    intervals = {each["name"] for each in config["muteTimeIntervals"]}
    for route in config["route"]["routes"]:
        assert route["receiver"] in receivers
        assert set(route.get("muteTimeIntervals", ())) <= intervals
