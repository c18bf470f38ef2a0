"""Federation: ScrapeConfigs that take over what other clusters' walletmon recorded and alerts."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.documents import minimal, target
from tests.environments import Document, class_document
from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.bundle import Manifest, Part
from walletmon.compiler.compile import compile as compile_monitor
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.federation import MATCHES, federation_objects
from walletmon.packs.catalogue import Catalogue

EU = {"name": "eu", "targets": ["prometheus.eu.example.org:9090"]}
GLOBAL = {"namespace": "monitoring", "name": "global"}


def federated(entries: list[Document], facts: ClusterFacts | None = None, **spec: Any) -> Part:
    resource = parse_class(class_document(federation=entries, **spec))
    return federation_objects(resource, in_force(resource, MonitorClass()), facts or ClusterFacts())


def one(entry: Document, facts: ClusterFacts | None = None, **spec: Any) -> Manifest:
    part = federated([entry], facts, **{"prometheusRef": GLOBAL, **spec})
    assert part.diagnostics == []
    (obj,) = part.objects
    return obj


def test_the_least_that_can_be_said() -> None:
    assert one(EU) == {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "ScrapeConfig",
        "metadata": {
            "name": "walletmon.default.eu",
            "namespace": "monitoring",
            "labels": {"app.kubernetes.io/managed-by": "walletmon", "walletmon.dev/class": "default"},
        },
        "spec": {
            "jobName": "federation/default/eu",
            "staticConfigs": [{"targets": ["prometheus.eu.example.org:9090"]}],
            "metricsPath": "/federate",
            "params": {"match[]": list(MATCHES)},
            "honorLabels": True,
            "scrapeInterval": "30s",
            "metricRelabelings": [
                {
                    "action": "replace",
                    "sourceLabels": ["job"],
                    "regex": "federation/default/eu",
                    "targetLabel": "job",
                    "replacement": "",
                }
            ],
        },
    }


def test_all_that_can_be_said_is_there() -> None:
    spec = one(
        {
            **EU,
            "targets": ["a.example.org:443", "b.example.org:443"],
            "scheme": "https",
            "path": "/prometheus/federate",
            "interval": "1m",
            "labels": {"region": "eu-west-1", "cluster": "eu"},
            "basicAuth": {"username": {"name": "eu", "key": "user"}, "password": {"name": "eu", "key": "password"}},
            "tls": {"ca": {"name": "eu", "key": "ca.crt"}, "serverName": "prometheus.example.org"},
        }
    )["spec"]
    assert spec["staticConfigs"] == [
        {
            "targets": ["a.example.org:443", "b.example.org:443"],
            "labels": {"cluster": "eu", "region": "eu-west-1"},
        }
    ]
    assert spec["scheme"] == "HTTPS"
    assert spec["metricsPath"] == "/prometheus/federate"
    assert spec["scrapeInterval"] == "1m"
    assert spec["basicAuth"] == {
        "username": {"name": "eu", "key": "user"},
        "password": {"name": "eu", "key": "password"},
    }
    assert spec["tlsConfig"] == {
        "ca": {"secret": {"name": "eu", "key": "ca.crt"}},
        "serverName": "prometheus.example.org",
    }
    token = {**EU, "authorization": {"credentials": {"name": "eu", "key": "token"}}}
    assert one(token)["spec"]["authorization"] == {
        "type": "Bearer",
        "credentials": {"name": "eu", "key": "token"},
    }


@pytest.mark.parametrize(
    ("entry", "spec", "namespace"),
    [
        (
            {"namespace": "federation"},
            {"prometheusRef": GLOBAL, "alertmanager": {"namespace": "alerting"}},
            "federation",
        ),
        ({}, {"prometheusRef": GLOBAL, "alertmanager": {"namespace": "alerting"}}, "monitoring"),
        ({}, {"alertmanager": {"namespace": "alerting"}}, "alerting"),
    ],
)
def test_it_is_put_where_the_class_says(entry: Document, spec: Document, namespace: str) -> None:
    (obj,) = federated([{**EU, **entry}], **spec).objects
    assert obj["metadata"]["namespace"] == namespace


def test_one_that_nobody_says_a_place_for_is_left_out_and_the_others_are_made() -> None:
    part = federated([EU, {**EU, "name": "us", "namespace": "monitoring"}])
    assert [each["metadata"]["name"] for each in part.objects] == ["walletmon.default.us"]
    (found,) = part.diagnostics
    assert (found.code, found.path) == (Code.INVALID_FIELD, "spec.federation[0].namespace")


def test_one_whose_secret_is_missing_is_left_out_and_the_others_are_made() -> None:
    locked = {**EU, "name": "us", "authorization": {"credentials": {"name": "us", "key": "token"}}}
    facts = ClusterFacts(secrets={("monitoring", "us"): frozenset({"other"})})
    part = federated([locked, EU], facts, prometheusRef=GLOBAL)
    assert [each["metadata"]["name"] for each in part.objects] == ["walletmon.default.eu"]
    (found,) = part.diagnostics
    assert (found.code, found.path) == (Code.MISSING_SECRET, "spec.federation[0].authorization.credentials")
    assert federated([locked, EU], ClusterFacts(), prometheusRef=GLOBAL).diagnostics == []


def prometheus(name: str, selector: Document, labels: Document | None = None) -> Manifest:
    spec = {"scrapeConfigSelector": selector, "scrapeConfigNamespaceSelector": {}}
    return {"metadata": {"name": name, "namespace": "monitoring", "labels": labels or {}}, "spec": spec}


RELEASE = {"matchLabels": {"release": "stack"}}
MADE = {"app.kubernetes.io/managed-by": "walletmon", "walletmon.dev/class": "default"}


@pytest.mark.parametrize(
    ("known", "spec", "labels"),
    [
        ((), {}, {}),
        ((prometheus("stack", RELEASE),), {}, {"release": "stack"}),
        ((prometheus("all", {}), prometheus("stack", RELEASE)), {}, {}),
        # The class names the one that takes over.
        (
            (prometheus("all", {}), prometheus("global", {"matchLabels": {"role": "global"}})),
            {"prometheusRef": GLOBAL},
            {"role": "global"},
        ),
        ((prometheus("stack", RELEASE),), {"objectLabels": {"role": "mine"}}, {"role": "mine"}),
        # One that is made for an environment takes over nothing.
        ((prometheus("default-prod", {"matchLabels": {"walletmon.dev/environment": "prod"}}, MADE),), {}, {}),
    ],
)
def test_it_has_the_labels_that_the_prometheus_selects_by(
    known: tuple[Manifest, ...], spec: Document, labels: dict[str, str]
) -> None:
    facts = ClusterFacts(prometheuses=known, namespaces={"monitoring": {}})
    (obj,) = federated([{**EU, "namespace": "monitoring"}], facts, **spec).objects
    assert {key: value for key, value in obj["metadata"]["labels"].items() if key not in MADE} == labels


def recorded() -> set[str]:
    """Everything that a monitor with all packs records."""
    packs = [{"name": name} for name in Catalogue().packs]
    # A threshold that differs between wallets is recorded too.
    wallets = [
        {"name": "hot-1", "thresholds": {"golden-signals.heartbeatAge": "10s"}},
        {"name": "hot-2", "thresholds": {"golden-signals.heartbeatAge": "1h"}},
    ]
    bundle = compile_monitor(parse_monitor(minimal(wallets=wallets, packs=packs, targets=[target()])), MonitorClass())
    assert bundle.objects is not None
    return {
        rule["record"]
        for obj in bundle.objects
        if obj["kind"] == "PrometheusRule"
        for group in obj["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


def test_everything_that_walletmon_records_is_taken_over() -> None:
    names = re.search(r'__name__=~"(.*?)"', MATCHES[0])
    assert names is not None
    found = recorded()
    assert {name.partition(":")[0] for name in found} == {"wallet", "sse", "walletmon"}
    assert [name for name in found if re.fullmatch(names[1], name) is None] == []


@pytest.mark.parametrize(
    "raw", ["wallet_balance_eth", "up", "sse_connections", "ALERTS_FOR_STATE", "walletmon_monitors"]
)
def test_raw_series_are_not(raw: str) -> None:
    names = re.search(r'__name__=~"(.*?)"', MATCHES[0])
    assert names is not None
    assert re.fullmatch(names[1], raw) is None


def test_it_is_part_of_what_a_class_compiles_to() -> None:
    bundle = compile_class(parse_class(class_document(federation=[EU], prometheusRef=GLOBAL)))
    assert bundle.objects is not None
    assert [each["kind"] for each in bundle.objects] == ["ScrapeConfig"]
