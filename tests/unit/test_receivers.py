"""Receivers: what becomes of each kind, and which are left out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.documents import Document, all_receivers, receiver
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.receivers import Means, Receiver
from walletmon.compiler import messages
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.receivers import Receivers, compiled_receivers

HUB = "https://hub.example.org/base"
SHORT = {
    "wecom": {"corpId": "ww1", "agentId": "1", "secret": {"name": "s", "key": "k"}, "toUser": "@all"},
    "wecomRobot": {"robot": "wallets"},
    "dingtalk": {"robot": "wallets"},
    "slack": {"urlSecret": {"name": "s", "key": "k"}},
    "email": {"to": ["a@example.org"], "from": "b@example.org", "smarthost": "mail:25"},
    "pagerduty": {"routingKeySecret": {"name": "s", "key": "k"}},
    "opsgenie": {"apiKeySecret": {"name": "s", "key": "k"}},
    "webhook": {"urlSecret": {"name": "s", "key": "k"}},
    "msteams": {"urlSecret": {"name": "s", "key": "k"}},
    "telegram": {"botTokenSecret": {"name": "s", "key": "k"}, "chatId": 7},
}
"""Each kind with nothing but what it needs."""


def compiled(*documents: Document, hub: str | None = HUB, **facts: Any) -> Receivers:
    models = [Receiver.model_validate(document) for document in documents]
    return compiled_receivers(models, "spec.receivers", "monitoring", hub, ClusterFacts(**facts))


def channel(document: Document, hub: str | None = HUB) -> tuple[str, dict[str, Any]]:
    """The one kind of channel that a receiver has, and its fields."""
    found = compiled(document, hub=hub)
    assert found.diagnostics == ()
    made = dict(found.working[document["name"]])
    assert made.pop("name") == document["name"]
    ((kind, (fields,)),) = made.items()
    return kind, fields


def full(name: str) -> tuple[str, dict[str, Any]]:
    return channel(next(each for each in all_receivers() if each["name"] == name))


def test_every_kind_is_told_of_resolved_alerts_too_unless_it_says_otherwise() -> None:
    assert set(SHORT) == {means.value for means in Means}
    for means, fields in SHORT.items():
        assert channel({"name": "a", means: fields})[1]["sendResolved"] is True
        assert channel({"name": "a", means: {**fields, "sendResolved": False}})[1]["sendResolved"] is False


def test_a_wecom_application_writes_to_people_departments_and_tags() -> None:
    kind, fields = full("wecom")
    assert kind == "wechatConfigs"
    assert {**fields, "message": ""} == {
        "sendResolved": False,
        "corpID": "ww0123456789abcdef",
        "agentID": "1000002",
        "apiSecret": {"name": "wecom", "key": "secret"},
        "toUser": "zhang|li",
        "toParty": "7",
        "toTag": "on-call",
        "apiURL": "https://wecom.example.org/cgi-bin/",
        "message": "",
    }


@pytest.mark.parametrize(("means", "relay"), [("wecomRobot", "wecom"), ("dingtalk", "dingtalk")])
def test_a_robot_is_spoken_to_by_the_hub(means: str, relay: str) -> None:
    robot = {"robot": "wallets", "tokenSecret": {"name": "hub", "key": "token"}}
    assert channel({"name": "a", means: robot}) == (
        "webhookConfigs",
        {
            "sendResolved": True,
            "url": f"{HUB}/relay/{relay}/wallets",
            "httpConfig": {"authorization": {"type": "Bearer", "credentials": {"name": "hub", "key": "token"}}},
        },
    )
    assert "httpConfig" not in channel({"name": "a", means: {"robot": "wallets"}})[1]


@pytest.mark.parametrize("means", ["wecomRobot", "dingtalk"])
def test_a_robot_without_a_hub_is_left_out(means: str) -> None:
    found = compiled({"name": "a", means: {"robot": "wallets"}}, receiver("b"), hub=None)
    assert list(found.working) == ["b"]
    assert [(each.code, each.path) for each in found.diagnostics] == [(Code.NO_HUB, f"spec.receivers[0].{means}")]


def test_mail_goes_to_all_addresses_and_says_in_its_subject_what_is_wrong() -> None:
    kind, fields = full("email")
    assert kind == "emailConfigs"
    assert fields == {
        "sendResolved": True,
        "to": "desk@example.org, on-call@example.org",
        "from": "walletmon@example.org",
        "smarthost": "mail.example.org:587",
        "authUsername": "walletmon",
        "authPassword": {"name": "mail", "key": "password"},
        "requireTLS": True,
        "headers": [{"key": "Subject", "value": messages.SUBJECT}],
    }
    assert channel({"name": "a", "email": {**SHORT["email"], "requireTls": False}})[1]["requireTLS"] is False


def test_phones_are_reached_by_pagerduty_and_opsgenie() -> None:
    kind, pagerduty = full("pagerduty")
    assert kind == "pagerdutyConfigs"
    assert pagerduty["routingKey"] == {"name": "pagerduty", "key": "key"}
    assert pagerduty["url"] == "https://events.eu.pagerduty.com/v2/enqueue"
    kind, opsgenie = full("opsgenie")
    assert kind == "opsgenieConfigs"
    assert opsgenie["apiKey"] == {"name": "opsgenie", "key": "key"}
    assert opsgenie["apiURL"] == "https://api.eu.opsgenie.com/"
    assert opsgenie["responders"] == [{"type": "team", "name": "treasury"}, {"type": "team", "name": "platform"}]
    assert "responders" not in channel({"name": "a", "opsgenie": SHORT["opsgenie"]})[1]


def test_chats() -> None:
    kind, slack = full("slack")
    assert (kind, slack["apiURL"], slack["channel"]) == ("slackConfigs", {"name": "slack", "key": "url"}, "#wallets")
    kind, msteams = full("msteams")
    assert (kind, msteams["webhookURL"]) == ("msteamsv2Configs", {"name": "msteams", "key": "url"})
    kind, telegram = full("telegram")
    assert (kind, telegram["chatID"], telegram["parseMode"]) == ("telegramConfigs", -1001234567890, "HTML")
    assert telegram["botToken"] == {"name": "telegram", "key": "token"}
    assert telegram["apiURL"] == "https://telegram.example.org"


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [value] if isinstance(value, str) else []


def test_no_text_is_taken_for_a_variable_by_the_config_reloader() -> None:
    found = compiled(*all_receivers(), *({"name": f"x{i}", means: SHORT[means]} for i, means in enumerate(SHORT)))
    assert all("$(" not in text for each in found.working.values() for text in texts(each))


def test_a_receiver_whose_secret_is_missing_is_left_out_and_the_others_stay() -> None:
    for means, fields in SHORT.items():
        if not re.search("'key': 'k'", str(fields)):
            continue
        found = compiled(
            {"name": "a", means: fields}, receiver("b"), secrets={("monitoring", "s"): frozenset({"other"})}
        )
        assert list(found.working) == ["b"]
        assert found.named == {"a", "b"}
        (problem,) = found.diagnostics
        assert (problem.code, problem.severity) == (Code.MISSING_SECRET, Severity.ERROR)
        assert problem.path.startswith(f"spec.receivers[0].{means}.")
        assert "monitoring/s has no key 'k'" in problem.message
        assert "create Secret s with the key k in namespace monitoring" in problem.cure


def test_a_missing_token_for_the_hub_leaves_the_robot_out() -> None:
    robot = {"robot": "wallets", "tokenSecret": {"name": "hub", "key": "token"}}
    found = compiled({"name": "a", "dingtalk": robot}, secrets={("monitoring", "hub"): frozenset()})
    assert found.working == {}
    (problem,) = found.diagnostics
    assert problem.path == "spec.receivers[0].dingtalk.tokenSecret"
    assert "monitoring/hub is not there" in problem.message


def test_a_secret_that_nobody_looked_at_counts_as_there() -> None:
    elsewhere = {("wallets", "on-call"): frozenset[str]()}
    assert list(compiled(receiver("a"), secrets=elsewhere).working) == ["a"]


def test_what_only_the_schema_refuses_is_left_out_too() -> None:
    both = {"name": "both", "slack": SHORT["slack"], "webhook": SHORT["webhook"]}
    nowhere = {"name": "nowhere", "telegram": {**SHORT["telegram"], "chatId": 0}}
    found = compiled({"name": "neither"}, both, nowhere, receiver("a"), receiver("a"))
    assert list(found.working) == ["a"]
    assert [(each.code, each.path, each.message) for each in found.diagnostics] == [
        (Code.INVALID_FIELD, "spec.receivers[0]", "nothing says how neither is told"),
        (Code.INVALID_FIELD, "spec.receivers[1]", "slack and webhook are given"),
        (Code.INVALID_FIELD, "spec.receivers[2].telegram.chatId", "no chat has the id 0; receiver nowhere is left out"),
        (
            Code.INVALID_FIELD,
            "spec.receivers[4].name",
            "there is another receiver 'a' before this one, which counts",
        ),
    ]
