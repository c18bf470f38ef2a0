"""Discovery: which labels objects need so that the cluster's Prometheus and Alertmanager take them up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.documents import minimal, target
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.compile import compile as compile_monitor
from walletmon.compiler.discovery import (
    ALERTMANAGER_FIELDS,
    MAX_MANAGED_NAME,
    PROMETHEUS_FIELDS,
    alertmanagers_for,
    class_prometheuses,
    discovered_labels,
    managed_name_problem,
    prometheuses_for,
)
from walletmon.compiler.facts import ClusterFacts

NAMESPACES = {"wallets": {"team": "treasury"}, "monitoring": {}}
RELEASE = {"matchLabels": {"release": "stack"}}
FIELDS = tuple(PROMETHEUS_FIELDS.values())
KINDS = tuple(PROMETHEUS_FIELDS)


def prometheus(
    selector: dict[str, Any] | None,
    namespaces: dict[str, Any] | None = None,
    *,
    name: str = "stack",
    namespace: str = "monitoring",
    fields: tuple[str, ...] = FIELDS,
    labels: dict[str, str] | None = None,
) -> Manifest:
    spec: dict[str, Any] = {}
    for field in fields:
        spec |= {} if selector is None else {f"{field}Selector": selector}
        spec |= {} if namespaces is None else {f"{field}NamespaceSelector": namespaces}
    metadata = {"name": name, "namespace": namespace, **({} if labels is None else {"labels": labels})}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": metadata, "spec": spec}


def facts(*prometheuses: Manifest, alertmanagers: tuple[Manifest, ...] = ()) -> ClusterFacts:
    return ClusterFacts(namespaces=NAMESPACES, prometheuses=prometheuses, alertmanagers=alertmanagers)


def class_with(**spec: Any) -> MonitorClass:
    document = {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitorClass",
        "metadata": {"name": "default"},
        "spec": spec,
    }
    return in_force(parse_class(document), MonitorClass())


def discovered(known: ClusterFacts, class_: MonitorClass | None = None, **spec: Any) -> dict[str, dict[str, str]]:
    return discovered_labels(parse_monitor(minimal(**spec)), class_ or MonitorClass(), known)


@pytest.mark.parametrize(
    ("known", "labels"),
    [
        # kube-prometheus-stack as it comes: everything that has the label of its release, in any namespace.
        (prometheus(RELEASE, {}), {"release": "stack"}),
        # With `*SelectorNilUsesHelmValues: false`: everything.
        (prometheus({}, {}), {}),
        # No selector selects nothing, and no label helps.
        (prometheus(None, {}), {}),
        # No namespace selector: only its own namespace.
        (prometheus(RELEASE), {}),
        (prometheus(RELEASE, namespace="wallets"), {"release": "stack"}),
        (prometheus(RELEASE, {"matchLabels": {"team": "treasury"}}), {"release": "stack"}),
        (prometheus(RELEASE, {"matchLabels": {"team": "other"}}), {}),
        (prometheus({"matchExpressions": [{"key": "watched", "operator": "Exists"}]}, {}), {"watched": "true"}),
        (
            prometheus({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}]}, {}),
            {"tier": "a"},
        ),
        # What our objects have already cannot be had otherwise.
        (prometheus({"matchLabels": {"app.kubernetes.io/managed-by": "Helm"}}, {}), {}),
        (prometheus({"matchLabels": {"app.kubernetes.io/managed-by": "walletmon"}}, {}), {}),
        (
            prometheus({"matchLabels": {"walletmon.dev/monitor": "treasury", "release": "stack"}}, {}),
            {"release": "stack"},
        ),
        # A label that says that an object is in an environment is not put on one that is in none.
        (prometheus({"matchLabels": {"walletmon.dev/environment": "prod"}}, {}), {}),
    ],
)
def test_objects_get_the_labels_that_the_prometheus_selects_by(known: Manifest, labels: dict[str, str]) -> None:
    assert discovered(facts(known)) == (dict.fromkeys(KINDS, labels) if labels else {})


def test_each_kind_gets_the_labels_of_its_own_selector() -> None:
    known = prometheus(RELEASE, {})
    known["spec"] |= {"ruleSelector": {"matchLabels": {"role": "alert-rules"}}, "probeSelector": {}}
    assert discovered(facts(known)) == {
        "ServiceMonitor": {"release": "stack"},
        "PodMonitor": {"release": "stack"},
        "ScrapeConfig": {"release": "stack"},
        "PrometheusRule": {"role": "alert-rules"},
    }


def test_an_alertmanager_is_asked_for_its_own_kind() -> None:
    chosen = {"alertmanagerConfigSelector": RELEASE, "alertmanagerConfigNamespaceSelector": {}}
    alertmanager = {"kind": "Alertmanager", "metadata": {"name": "main", "namespace": "monitoring"}, "spec": chosen}
    assert discovered(facts(alertmanagers=(alertmanager,))) == {
        kind: {"release": "stack"} for kind in ALERTMANAGER_FIELDS
    }


def test_one_that_selects_without_labels_is_enough() -> None:
    assert discovered(facts(prometheus(RELEASE, {}), prometheus({}, {}, name="all"))) == {}


def test_where_several_would_do_the_first_by_name_is_taken() -> None:
    one, other = prometheus(RELEASE, {}, name="b"), prometheus({"matchLabels": {"role": "x"}}, {}, name="a")
    assert discovered(facts(one, other))["PrometheusRule"] == {"role": "x"}
    assert discovered(facts(other, one)) == discovered(facts(one, other))


@pytest.mark.parametrize(
    "known", [ClusterFacts(), ClusterFacts(prometheuses=(), alertmanagers=()), ClusterFacts(namespaces=NAMESPACES)]
)
def test_nothing_is_made_up_where_nothing_is_known(known: ClusterFacts) -> None:
    assert discovered(known) == {}


def test_labels_that_the_class_says_are_taken_and_none_are_looked_for() -> None:
    class_ = class_with(objectLabels={"role": "mine"})
    assert discovered(facts(prometheus(RELEASE, {})), class_) == {}
    bundle = compile_monitor(parse_monitor(minimal(targets=[target()])), class_, facts(prometheus(RELEASE, {})))
    assert bundle.objects is not None
    assert {each["metadata"]["labels"]["role"] for each in bundle.objects} == {"mine"}


def test_objects_that_are_made_carry_what_was_found() -> None:
    bundle = compile_monitor(parse_monitor(minimal(targets=[target()])), MonitorClass(), facts(prometheus(RELEASE, {})))
    assert bundle.objects is not None
    labels = {each["kind"]: each["metadata"]["labels"] for each in bundle.objects}
    assert labels["ServiceMonitor"]["release"] == labels["PrometheusRule"]["release"] == "stack"
    assert "release" not in labels["ConfigMap"]


MANAGED = {"app.kubernetes.io/managed-by": "walletmon", "walletmon.dev/class": "default"}


def managed(environment: str) -> Manifest:
    selector = {"matchLabels": {"walletmon.dev/class": "default", "walletmon.dev/environment": environment}}
    labels = {**MANAGED, "walletmon.dev/environment": environment}
    return prometheus(selector, {}, name=f"default-{environment}", labels=labels)


ENVIRONMENTS = [
    {"name": "prod", "prometheus": {"namespace": "monitoring"}},
    {"name": "staging", "prometheusRef": {"namespace": "monitoring", "name": "stack"}},
    {"name": "test"},
]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ("prod", ["default-prod"]),
        ("staging", ["stack"]),
        # One that was made for another environment is not for this one.
        ("test", ["other", "stack"]),
        (None, ["other", "stack"]),
    ],
)
def test_a_monitor_is_for_the_prometheus_of_its_environment(environment: str | None, named: list[str]) -> None:
    known = facts(managed("prod"), managed("gone"), prometheus(RELEASE, {}), prometheus({}, {}, name="other"))
    monitor = parse_monitor(minimal(**({} if environment is None else {"environment": environment})))
    class_ = class_with(environments=ENVIRONMENTS)
    assert [each["metadata"]["name"] for each in prometheuses_for(monitor, class_, known)] == named


def test_the_one_that_the_class_names_is_for_all_without_their_own() -> None:
    known = facts(managed("prod"), prometheus(RELEASE, {}), prometheus({}, {}, name="other"))
    ref = {"namespace": "monitoring", "name": "other"}
    class_ = class_with(environments=ENVIRONMENTS, prometheusRef=ref)
    assert [each["metadata"]["name"] for each in class_prometheuses(class_, known)] == ["other"]
    monitor = parse_monitor(minimal(environment="test"))
    assert [each["metadata"]["name"] for each in prometheuses_for(monitor, class_, known)] == ["other"]


def test_objects_of_a_managed_environment_need_no_further_labels() -> None:
    class_ = class_with(environments=ENVIRONMENTS)
    known = facts(managed("prod"), prometheus(RELEASE, {}))
    assert discovered(known, class_, environment="prod") == {}


def test_a_monitor_without_environment_is_not_put_into_one_by_a_label() -> None:
    class_ = class_with(environments=[{"name": "prod", "prometheus": {"namespace": "monitoring"}}])
    assert discovered(facts(managed("prod")), class_) == {}
    assert discovered(facts(managed("prod"), prometheus(RELEASE, {})), class_)["PrometheusRule"] == {"release": "stack"}


@pytest.mark.parametrize(
    ("ref", "named"),
    [
        (None, ["backup", "main", "main"]),
        ({"namespace": "monitoring"}, ["backup", "main"]),
        ({"namespace": "monitoring", "name": "main"}, ["main"]),
        ({"namespace": "elsewhere"}, []),
    ],
)
def test_alerts_go_to_the_alertmanager_that_the_class_names(ref: dict[str, str] | None, named: list[str]) -> None:
    known = tuple(
        {"metadata": {"name": name, "namespace": namespace}, "spec": {}}
        for namespace, name in (("other", "main"), ("monitoring", "main"), ("monitoring", "backup"))
    )
    class_ = class_with(**({} if ref is None else {"alertmanager": ref}))
    found = alertmanagers_for(class_, facts(alertmanagers=known))
    assert [each["metadata"]["name"] for each in found] == named


def test_a_name_that_no_pod_could_be_made_of_is_told() -> None:
    assert managed_name_problem("a" * 20, "b" * 20) is None
    problem = managed_name_problem("a" * 20, "b" * 21)
    assert problem is not None
    assert "42 characters" in problem[0]
    assert str(MAX_MANAGED_NAME - 1) in problem[1]
    # The label that bounds it: `controller-revision-hash`.
    assert len(f"prometheus-{'x' * MAX_MANAGED_NAME}-") + 10 == 63


def test_discovery_is_the_same_whatever_the_order_of_what_is_known() -> None:
    all_of_them = [prometheus(RELEASE, {}, name=name) for name in ("c", "a", "b")]
    class_ = class_with()
    monitor = parse_monitor(minimal())
    known = facts(*all_of_them)
    turned = replace(known, prometheuses=tuple(reversed(all_of_them)))
    assert prometheuses_for(monitor, class_, known) == prometheuses_for(monitor, class_, turned)
