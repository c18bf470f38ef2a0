"""What prometheus-operator, Prometheus and Alertmanager make of what the compiler makes: one that any of them refuses
would be watched by nobody, or stop the configuration of the whole cluster.

A control plane of its own, because prometheus-operator takes in whatever it finds.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from testbed import Json, Testbed
from testbed.waiting import wait_for
from tests.documents import Document, all_receivers, maximal, minimal, receiver
from tests.strategies import valid
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.api.receivers import Means
from walletmon.compiler.compile import compile
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts

NAMESPACE = "wallets"
MONITORS = 40
SETTLES_WITHIN = 60.0
JOBS = {
    "ServiceMonitor": "serviceMonitor/{}/{}/0",
    "PodMonitor": "podMonitor/{}/{}/0",
    "Probe": "probe/{}/{}",
    "ScrapeConfig": "scrapeConfig/{}/{}",
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Testbed]:
    """A control plane with prometheus-operator, Prometheus and Alertmanager."""
    with Testbed() as bed:
        bed.install_prometheus_operator_crds()
        bed.start_prometheus_operator()
        named = {target.get("scrapeClass") for each in documents() for target in each["spec"].get("targets", ())}
        bed.start_prometheus(spec={"scrapeClasses": [{"name": name} for name in sorted(named - {None})]})
        bed.start_alertmanager()
        bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        yield bed


def documents() -> list[Document]:
    """Some monitors over all fields, the same each time, and the one that uses every field."""
    found: list[Document] = [maximal(NAMESPACE)]

    @seed(1)
    @settings(
        max_examples=MONITORS,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(valid(NAMESPACE))
    def collect(document: Document) -> None:
        found.append(document)

    collect()
    for number, document in enumerate(found):
        document["metadata"] = {"name": f"m{number}", "namespace": NAMESPACE}
    return found


def with_secrets(value: Any, at: str = "") -> Any:
    """The same document with references to the one Secret that exists: without it nothing is taken."""
    if isinstance(value, dict):
        if set(value) == {"name", "key"} and all(isinstance(each, str) for each in value.values()):
            return {"name": "secret", "key": at if at in ("ca", "cert", "key", "urlSecret") else "text"}
        return {name: with_secrets(each, name) for name, each in value.items()}
    return [with_secrets(each, at) for each in value] if isinstance(value, list) else value


def secret(bed: Testbed) -> Json:
    """A Secret with a certificate, its key (the apiserver's own), a URL and a text."""
    cert, key = bed.ca.read_bytes(), bed.ca.with_suffix(".key").read_bytes()
    values = {"ca": cert, "cert": cert, "key": key, "urlSecret": b"http://127.0.0.1:1/", "text": b"x"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "secret", "namespace": NAMESPACE},
        "data": {name: base64.b64encode(value).decode() for name, value in values.items()},
    }


def refusals(bed: Testbed) -> list[str]:
    """What prometheus-operator said of objects it did not take."""
    return [
        f"{event['regarding']['kind']} {event['regarding']['name']}: {event['note']}"
        for event in bed.api.items("events.k8s.io/v1", "Event", NAMESPACE)
        if event["type"] == "Warning"
    ]


def test_every_valid_monitor_is_taken_by_the_whole_stack(stack: Testbed) -> None:
    stack.apply([secret(stack)])
    class_ = MonitorClass(grafana_url="https://grafana.example.org", hub_url="https://hub.example.org")
    facts = ClusterFacts(year=2026)
    jobs, receivers, groups = set(), set(), set()
    for document in documents():
        bundle = compile(parse_monitor(with_secrets(document)), class_, facts)
        for obj in bundle.objects or ():
            stack.apply([obj])
            kind, name = obj["kind"], obj["metadata"]["name"]
            if kind in JOBS:
                jobs.add(JOBS[kind].format(NAMESPACE, name))
            elif kind == "AlertmanagerConfig":
                receivers |= {f"{NAMESPACE}/{name}/{each['name']}" for each in obj["spec"].get("receivers", ())}
            elif kind == "PrometheusRule":
                groups |= {group["name"] for group in obj["spec"]["groups"]}

    def missing() -> list[str]:
        stack.check()
        found = stack.prometheus_config.read_text() + stack.alertmanager_config.read_text()
        rules = "".join(path.read_text() for path in stack.prometheus_config.parent.rglob("*.yaml"))
        names = [f"job_name: {job}\n" for job in jobs] + [f"name: {receiver}\n" for receiver in receivers]
        return [name for name in names if name not in found] + [
            name for name in groups if f"name: {name}\n" not in rules
        ]

    try:
        wait_for("everything to be configured", lambda: not missing(), SETTLES_WITHIN)
    except Exception:
        print("\n".join(refusals(stack)), missing())
        raise
    assert refusals(stack) == []
    assert {job.partition("/")[0] for job in jobs} == {"serviceMonitor", "podMonitor", "probe", "scrapeConfig"}
    assert receivers


def class_document() -> WalletMonitorClass:
    """A class with every kind of receiver, whose Secrets are there."""
    interval = {"name": "nights", "timeZone": "Europe/Berlin", "times": [{"from": "22:00", "to": "24:00"}]}
    spec = {
        "alertmanager": {"namespace": NAMESPACE},
        "receivers": with_secrets([receiver("hook"), *all_receivers()]),
        "muteTimeIntervals": [interval],
        "priorities": {"P2": {"muteTimeIntervals": ["nights"]}},
        "hubUrl": "https://hub.example.org",
    }
    return WalletMonitorClass.model_validate({"metadata": {"name": "default"}, "spec": spec})


def test_a_class_with_every_kind_of_receiver_is_taken_by_the_whole_stack(stack: Testbed) -> None:
    stack.apply([secret(stack)])
    (obj,) = compile_class(class_document(), facts=ClusterFacts(year=2026)).objects or ()
    stack.apply([obj])
    names = [f"{NAMESPACE}/walletmon.default/{each['name']}" for each in obj["spec"]["receivers"]]

    def missing() -> list[str]:
        stack.check()
        found = stack.alertmanager_config.read_text()
        return [name for name in names if f"name: {name}\n" not in found]

    wait_for("the class's routes to be configured", lambda: not missing(), SETTLES_WITHIN)
    assert refusals(stack) == []
    assert f"name: {NAMESPACE}/walletmon.default/nights\n" in stack.alertmanager_config.read_text()


@pytest.mark.parametrize("kind", [means.value for means in Means])
def test_the_admission_webhook_takes_each_kind_of_receiver(stack: Testbed, kind: str) -> None:
    if "admission-webhook" not in stack.components:
        stack.start_admission_webhook()
    (told,) = (each for each in [receiver("hook"), *all_receivers()] if kind in each)
    document = minimal(NAMESPACE, "one", routing={"receivers": [told]})
    bundle = compile(parse_monitor(document), MonitorClass(hub_url="https://hub.example.org"))
    (obj,) = (each for each in bundle.objects or () if each["kind"] == "AlertmanagerConfig")
    assert [each["name"] for each in obj["spec"]["receivers"]] == [told["name"]]
    response = stack.review(obj)
    assert response["allowed"], response


def test_the_admission_webhook_takes_silences_without_a_route(stack: Testbed) -> None:
    if "admission-webhook" not in stack.components:
        stack.start_admission_webhook()
    bundle = compile(parse_monitor(minimal(NAMESPACE, "one")), MonitorClass())
    (obj,) = (each for each in bundle.objects or () if each["kind"] == "AlertmanagerConfig")
    assert set(obj["spec"]) == {"inhibitRules"}
    response = stack.review(obj)
    assert response["allowed"], response
