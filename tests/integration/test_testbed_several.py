"""Several Prometheuses and Alertmanagers run side by side, also on objects that the bed did not write."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import urllib3
import yaml

from testbed import BedError, Follower, Testbed
from testbed.process import free_port
from testbed.waiting import wait_for
from tests.e2e.sinks import CHANNELS, EMAIL, Message, Sinks

_SOON_S = 60.0
_V1 = "monitoring.coreos.com/v1"
_ALPHA = "monitoring.coreos.com/v1alpha1"
_AT_ONCE = {"groupWait": "1s", "groupInterval": "1s"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Testbed]:
    """A bed of our own: two Prometheuses that select by label, and an Alertmanager in each of two namespaces."""
    with Testbed() as bed:
        bed.install_prometheus_operator_crds()
        bed.start_prometheus_operator()
        bed.start_alertmanager("monitoring", "main")
        bed.start_alertmanager(
            "paging", "main", spec={"alertmanagerConfigSelector": {"matchLabels": {"for": "paging"}}}
        )
        for name in ("first", "second"):
            selector = {"matchLabels": {"prometheus": name}}
            bed.start_prometheus(
                "monitoring", name, spec={"podMonitorSelector": selector, "externalLabels": {"cluster": name}}
            )
        bed.apply([namespace_object("wallets")])
        yield bed
        bed.check()


@pytest.fixture(scope="module")
def wallet(stack: Testbed) -> Iterator[str]:
    """A pod of app `wallet` whose metrics say `healthy 1`; its name."""
    port = free_port()
    address = stack.workload("wallets", "hot", port=port, labels={"app": "wallet"}, service=False)
    server = ThreadingHTTPServer((address, port), Exposition)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield "hot"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    with Sinks() as sinks:
        yield sinks


class Exposition(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"healthy 1\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


def namespace_object(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod_monitor(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": _V1,
        "kind": "PodMonitor",
        "metadata": {"name": name, "namespace": "wallets", "labels": labels},
        "spec": {"selector": {"matchLabels": {"app": "wallet"}}, "podMetricsEndpoints": [{"port": "metrics"}]},
    }


def foreign_prometheus(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A Prometheus as a person or an operator would write it, knowing nothing of the bed."""
    return {
        "apiVersion": _V1,
        "kind": "Prometheus",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"serviceAccountName": "prometheus", "scrapeInterval": "1s", "evaluationInterval": "1s", **spec},
    }


def ask(follower: Follower, path: str) -> Any:
    return urllib3.request("GET", f"{follower.url}/api/v1/{path}", timeout=10.0).json()["data"]


def pools(follower: Follower) -> set[str]:
    """Scrape pools that have a healthy target."""
    targets = ask(follower, "targets?state=active")["activeTargets"]
    return {target["scrapePool"] for target in targets if target["health"] == "up"}


def alertmanagers(follower: Follower) -> set[str]:
    return {
        each["url"].removesuffix("/api/v2/alerts") for each in ask(follower, "alertmanagers")["activeAlertmanagers"]
    }


def post_alert(alertmanager: Follower, labels: Mapping[str, str], *, over: bool = False) -> None:
    """What a Prometheus would send."""
    now = datetime.now(UTC)
    times = {"startsAt": now - timedelta(minutes=1), "endsAt": now if over else now + timedelta(minutes=5)}
    alert = {
        "labels": dict(labels),
        "annotations": {"summary": "it does not answer"},
        **{name: time.isoformat() for name, time in times.items()},
    }
    answer = urllib3.request("POST", f"{alertmanager.url}/api/v2/alerts", json=[alert], timeout=10.0)
    assert answer.status == 200, answer.data


def webhook_config(namespace: str, name: str, url: str, **labels: str) -> list[dict[str, Any]]:
    """An AlertmanagerConfig that sends everything to `url`."""
    meta = {"name": name, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"url": url}},
        {
            "apiVersion": _ALPHA,
            "kind": "AlertmanagerConfig",
            "metadata": {**meta, "labels": labels},
            "spec": {
                "route": {"receiver": "hook", "groupBy": ["alertname"], **_AT_ONCE},
                "receivers": [{"name": "hook", "webhookConfigs": [{"urlSecret": {"name": name, "key": "url"}}]}],
            },
        },
    ]


def receivers_of(alertmanager: Follower) -> set[str]:
    answer = urllib3.request("GET", f"{alertmanager.url}/api/v2/receivers", timeout=10.0)
    return {receiver["name"] for receiver in answer.json()}


# -- Prometheus -------------------------------------------------------------------------------------------------------


def test_each_prometheus_sees_what_its_own_selectors_select(stack: Testbed, wallet: str) -> None:
    first, second = (stack.prometheus("monitoring", name) for name in ("first", "second"))
    stack.apply([pod_monitor("of-first", prometheus="first"), pod_monitor("of-second", prometheus="second")])
    wait_for("the first to scrape", lambda: pools(first) == {"podMonitor/wallets/of-first/0"}, _SOON_S)
    wait_for("the second to scrape", lambda: pools(second) == {"podMonitor/wallets/of-second/0"}, _SOON_S)
    for follower in (first, second):
        labels = yaml.safe_load(ask(follower, "status/config")["yaml"])["global"]["external_labels"]
        assert labels["cluster"] == follower.name


def test_the_first_is_the_one_meant_when_none_is_named(stack: Testbed) -> None:
    assert stack.prometheus_url == stack.prometheus("monitoring", "first").url
    assert stack.prometheus_config == stack.prometheus("monitoring", "first").config
    assert stack.alertmanager_url == stack.alertmanager("monitoring", "main").url
    assert stack.prometheus("monitoring", "first").component == "prometheus"
    assert stack.pid(stack.prometheus("monitoring", "second").component) != stack.pid("prometheus")


def test_one_that_the_bed_wrote_reports_to_every_alertmanager(stack: Testbed) -> None:
    both = {stack.alertmanager(namespace, "main").url for namespace in ("monitoring", "paging")}
    for name in ("first", "second"):
        follower = stack.prometheus("monitoring", name)
        wait_for(f"{name} to know both", lambda follower=follower: alertmanagers(follower) == both, _SOON_S)  # type: ignore[misc]


def test_a_prometheus_that_somebody_else_wrote_discovers_scrapes_and_keeps_to_its_retention(
    stack: Testbed, wallet: str
) -> None:
    stack.discovery_account("elsewhere")
    foreign = foreign_prometheus(
        "elsewhere",
        "foreign",
        podMonitorSelector={"matchLabels": {"prometheus": "foreign"}},
        podMonitorNamespaceSelector={},
        retention="90d",
    )
    stack.apply([foreign, pod_monitor("of-foreign", prometheus="foreign")])
    follower = stack.follow_prometheus("elsewhere", "foreign")
    wait_for("the pod to be scraped", lambda: pools(follower) == {"podMonitor/wallets/of-foreign/0"}, _SOON_S)
    (series,) = wait_for("its series", lambda: ask(follower, "query?query=healthy")["result"], _SOON_S)
    assert series["metric"]["pod"] == wallet
    assert "--storage.tsdb.retention.time=90d" in stack.prometheus_arguments("elsewhere", "foreign")
    assert ask(follower, "status/flags")["storage.tsdb.retention.time"] == "90d"
    assert stack.api.get(_V1, "Prometheus", "elsewhere", "foreign")["spec"].get("apiserverConfig") is None


def test_its_arguments_are_those_of_the_object_as_it_is_now(stack: Testbed) -> None:
    stack.discovery_account("lasting")
    stack.apply([foreign_prometheus("lasting", "main", retention="90d")])
    assert "--storage.tsdb.retention.time=90d" in stack.prometheus_arguments("lasting", "main")
    stack.apply([foreign_prometheus("lasting", "main", retention="400d")])
    wait_for(
        "the longer retention",
        lambda: "--storage.tsdb.retention.time=400d" in stack.prometheus_arguments("lasting", "main"),
        _SOON_S,
    )


def test_it_reports_to_the_alertmanagers_of_the_namespaces_that_it_names_and_otherwise_to_none(stack: Testbed) -> None:
    stack.discovery_account("reporting")
    there = {"namespace": "paging", "name": "alertmanager-operated", "port": "web"}
    silent = foreign_prometheus("reporting", "main", podMonitorSelector={})
    stack.apply([silent])
    follower = stack.follow_prometheus("reporting", "main")
    assert alertmanagers(follower) == set()
    speaking = foreign_prometheus("reporting", "main", podMonitorSelector={}, alerting={"alertmanagers": [there]})
    stack.apply([speaking])
    paging = stack.alertmanager("paging", "main").url
    wait_for("it to know the one", lambda: alertmanagers(follower) == {paging}, _SOON_S)
    stack.apply([silent])
    wait_for("it to know none", lambda: alertmanagers(follower) == set(), _SOON_S)


def test_only_an_object_with_an_account_is_followed_and_each_once(stack: Testbed) -> None:
    with pytest.raises(BedError, match="there is no Prometheus wallets/nobody"):
        stack.follow_prometheus("wallets", "nobody")
    stack.apply([namespace_object("homeless"), foreign_prometheus("homeless", "main")])
    with pytest.raises(BedError, match="service account prometheus of Prometheus homeless/main does not exist"):
        stack.follow_prometheus("homeless", "main")
    with pytest.raises(BedError, match="has been started before"):
        stack.follow_prometheus("monitoring", "second")
    with pytest.raises(BedError, match="has not been started"):
        stack.prometheus("homeless", "main")


# -- Alertmanager -----------------------------------------------------------------------------------------------------


def test_each_alertmanager_takes_the_configuration_that_it_selects(stack: Testbed, sinks: Sinks) -> None:
    main, paging = (stack.alertmanager(namespace, "main") for namespace in ("monitoring", "paging"))
    plain = webhook_config("wallets", "plain", sinks.url("webhook", "plain"))
    labelled = webhook_config("wallets", "labelled", sinks.url("webhook", "labelled"), **{"for": "paging"})
    stack.apply([*plain, *labelled])
    expected = {"wallets/plain/hook", "wallets/labelled/hook"}
    wait_for("one to take both", lambda: receivers_of(main) >= expected, _SOON_S)
    wait_for("the other to take its own", lambda: "wallets/labelled/hook" in receivers_of(paging), _SOON_S)
    assert "wallets/plain/hook" not in receivers_of(paging)
    post_alert(paging, {"alertname": "Sick", "namespace": "wallets"})
    wait_for("the page", lambda: sinks.messages("webhook", "labelled", alertname="Sick"), _SOON_S)
    assert sinks.messages("webhook", "plain") == []


def test_a_running_alertmanager_follows_a_change_of_its_matcher_strategy(stack: Testbed, sinks: Sinks) -> None:
    selector = {"matchLabels": {"for": "strategist"}}
    strategist = stack.start_alertmanager(
        "strategy", "main", matcher_strategy="OnNamespace", spec={"alertmanagerConfigSelector": selector}
    )
    catch_all = webhook_config("tenants", "catch-all", sinks.url("webhook", "catch-all"), **{"for": "strategist"})
    stack.apply([namespace_object("tenants"), *catch_all])

    def matchers() -> list[str]:
        routes = yaml.safe_load(strategist.config.read_text())["route"].get("routes", [])
        (route,) = [each for each in routes if each["receiver"] == "tenants/catch-all/hook"] or [{}]
        return list(route.get("matchers", ()))

    wait_for("its own namespace alone", lambda: matchers() == ['namespace="tenants"'], _SOON_S)
    path = stack.api.path(_V1, "Alertmanager", "strategy", "main")
    patch = {"spec": {"alertmanagerConfigMatcherStrategy": {"type": "None"}}}
    stack.api.request("PATCH", path, patch, content_type="application/merge-patch+json")
    wait_for("everything", lambda: receivers_of(strategist) and not matchers(), _SOON_S)

    def stray() -> list[Message]:
        post_alert(strategist, {"alertname": "Stray", "namespace": "nobody"})
        return sinks.messages("webhook", "catch-all", alertname="Stray")

    wait_for("an alert of another namespace", stray, _SOON_S)


# -- sinks ------------------------------------------------------------------------------------------------------------


def all_means(sinks: Sinks) -> list[dict[str, Any]]:
    """A Secret and an AlertmanagerConfig whose one receiver tells by every means."""
    data = {
        "login": "letmein",
        "token": "7:bot",
        "workflow": sinks.url("msteams", "workflow"),
        **{channel: sinks.url(channel, "ops") for channel in ("webhook", "slack", "msteams")},
    }
    meta = {"name": "means", "namespace": "told"}

    def key(name: str) -> dict[str, str]:
        return {"name": "means", "key": name}

    mail = {"from": "alerts@example.com", "smarthost": sinks.smarthost, "requireTLS": False, "sendResolved": True}
    login = {"authUsername": "alerts", "authPassword": key("login")}
    receiver = {
        "name": "all",
        "webhookConfigs": [{"urlSecret": key("webhook")}],
        "slackConfigs": [{"apiURL": key("slack"), "channel": "#ops", "sendResolved": True}],
        "wechatConfigs": [
            {
                "apiURL": sinks.url("wecom", "ops"),
                "apiSecret": key("login"),
                "corpID": "corp",
                "agentID": "1",
                "toUser": "@all",
                "sendResolved": True,
            }
        ],
        "pagerdutyConfigs": [{"url": sinks.url("pagerduty", "ops"), "routingKey": key("login"), "sendResolved": True}],
        "opsgenieConfigs": [{"apiURL": sinks.url("opsgenie", "ops"), "apiKey": key("login"), "sendResolved": True}],
        "telegramConfigs": [
            {"apiURL": sinks.url("telegram", "ops"), "botToken": key("token"), "chatID": -100, "sendResolved": True}
        ],
        "msteamsConfigs": [{"webhookUrl": key("msteams"), "sendResolved": True}],
        "msteamsv2Configs": [{"webhookURL": key("workflow"), "sendResolved": True}],
        "emailConfigs": [{"to": "plain@example.com", **mail}, {"to": "login@example.com", **mail, **login}],
    }
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data},
        {
            "apiVersion": _ALPHA,
            "kind": "AlertmanagerConfig",
            "metadata": meta,
            "spec": {"route": {"receiver": "all", "groupBy": ["alertname"], **_AT_ONCE}, "receivers": [receiver]},
        },
    ]


@pytest.fixture(scope="module")
def told(stack: Testbed) -> dict[tuple[str, bool], list[Message]]:
    """What each channel was told of an alert that fires, and of its end; by channel and whether it fires."""
    main = stack.alertmanager("monitoring", "main")
    labels = {"alertname": "Sleepy", "namespace": "told", "wallet": "hot-1"}
    with Sinks() as sinks:
        stack.apply([namespace_object("told"), *all_means(sinks)])
        wait_for("the receiver", lambda: "told/means/all" in receivers_of(main), _SOON_S)
        post_alert(main, labels)

        everybody = {(channel, "ops") for channel in CHANNELS}
        everybody |= {("msteams", "workflow"), (EMAIL, "plain@example.com"), (EMAIL, "login@example.com")}

        def told_nothing(firing: bool) -> set[tuple[str, str]]:
            return everybody - {(each.channel, each.receiver) for each in sinks.messages(firing=firing)}

        wait_for("all to be told that it fires", lambda: not told_nothing(True), _SOON_S)
        post_alert(main, labels, over=True)
        wait_for("all to be told that it is over", lambda: not told_nothing(False), _SOON_S)
        arrived = sinks.messages()
    found: dict[tuple[str, bool], list[Message]] = {}
    for message in arrived:
        assert message.firing is not None, message
        found.setdefault((message.channel, message.firing), []).append(message)
    return found


@pytest.mark.parametrize("channel", [*CHANNELS, EMAIL])
def test_each_channel_is_told_of_the_alert_and_of_its_end(
    told: dict[tuple[str, bool], list[Message]], channel: str
) -> None:
    for message in told[channel, True]:
        assert "hot-1" in message.text
        if channel != "slack":  # its text names values alone
            assert message.alertnames == {"Sleepy"}
            assert message.wallets == {"hot-1"}
    assert told[channel, False]


def test_credentials_arrive_where_the_channel_has_them(told: dict[tuple[str, bool], list[Message]]) -> None:
    assert "access_token=wecom-access-token-corp-letmein" in told["wecom", True][0].path
    assert told["pagerduty", True][0].body["routing_key"] == "letmein"
    assert told["opsgenie", True][0].headers["authorization"] == "GenieKey letmein"
    assert told["telegram", True][0].path == "bot7:bot/sendMessage"
    mails = {message.receiver: message.body for message in told[EMAIL, True]}
    assert mails["login@example.com"]["username"] == "alerts"
    assert mails["login@example.com"]["password"] == "letmein"
    assert "username" not in mails["plain@example.com"]
    assert mails["plain@example.com"]["sender"] == "alerts@example.com"
    assert mails["plain@example.com"]["subject"].startswith("[FIRING:1] Sleepy")


def test_sinks_leave_no_thread_behind_and_refuse_what_the_service_would_refuse() -> None:
    before = set(threading.enumerate())
    with Sinks() as sinks:
        for url, status in ((sinks.url("slack", "ops") + "/typo", 404), (sinks.url("telegram", "ops"), 404)):
            assert urllib3.request("POST", url, json={"text": "x"}, timeout=10.0).status == status
        stranger = urllib3.request("POST", sinks.url("wecom", "ops") + "message/send?access_token=x", json={})
        assert stranger.json()["errcode"] == 40014
        assert sinks.messages() == []
    assert set(threading.enumerate()) - before == set()
