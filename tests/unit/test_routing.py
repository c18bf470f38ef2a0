"""Routing: whom an AlertmanagerConfig tells of which alert."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import Document, maximal, minimal, receiver, routing
from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.bundle import Part
from walletmon.compiler.routing import routing_objects


def routed(document: Document) -> Part:
    return routing_objects(parse_monitor(document), MonitorClass())


def spec(document: Document) -> dict[str, Any]:
    part = routed(document)
    assert part.diagnostics == []
    (obj,) = part.objects
    assert (obj["kind"], obj["metadata"]["name"]) == ("AlertmanagerConfig", "treasury")
    found: dict[str, Any] = obj["spec"]
    return found


def told(document: Document, alert: dict[str, str]) -> list[str]:
    """The receivers that Alertmanager tells of an alert: children in order while they say continue, else the parent."""

    def matching(route: dict[str, Any]) -> list[str]:
        if any(alert.get(each["name"], "") != each["value"] for each in route.get("matchers", ())):
            return []
        found: list[str] = []
        for child in route.get("routes", ()):
            below = matching(child)
            found += below
            if below and not child.get("continue"):
                break
        return found or [route["receiver"]]

    config = spec(document)
    has_means = {each["name"] for each in config["receivers"] if len(each) > 1}
    return [name for name in matching(config["route"]) if name in has_means]


def alert(priority: str, monitor: str = "treasury") -> dict[str, str]:
    return {"walletmon": monitor, "priority": priority}


TWO = [receiver("on-call"), receiver("desk")]


def test_a_monitor_without_routing_has_no_object() -> None:
    assert routed(minimal()) == Part()


def test_a_single_receiver_gets_every_alert_of_its_monitor_and_of_no_other() -> None:
    for priority in ("P0", "P1", "P2"):
        assert told(routing(), alert(priority)) == ["on-call"]
    assert told(routing(), alert("P0", monitor="other")) == []


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
def test_an_unknown_name_past_the_schema_leaves_the_object_out(
    route: Document, code: Code, path: str, cure: str
) -> None:
    """prometheus-operator would refuse the whole of it anyway, and say so in an Event of its own only."""
    part = routed(routing(P1=route))
    assert part.objects == []
    assert [(found.code, found.path, found.cure) for found in part.diagnostics] == [(code, path, cure)]


def test_every_reference_in_the_maximal_document_is_defined() -> None:
    config = spec(maximal())
    receivers = {each["name"] for each in config["receivers"]}
    intervals = {each["name"] for each in config["muteTimeIntervals"]}
    for route in config["route"]["routes"]:
        assert route["receiver"] in receivers
        assert set(route.get("muteTimeIntervals", ())) <= intervals
