"""Environments: how a monitor gets into one, and what it then has on its series, alerts and objects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import minimal, target
from walletmon.api.alerting import Priority
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.alert_labels import AlertLabels
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.compile import compile as compile_monitor
from walletmon.compiler.environment import Surroundings, common_labels, surroundings
from walletmon.compiler.facts import ClusterFacts

MATRIX = [
    {"name": "prod", "namespaceSelector": {"matchLabels": {"env": "prod"}}, "retention": "90d"},
    {"name": "staging", "namespaceSelector": {"matchLabels": {"env": "staging"}}, "retention": "14d"},
    {"name": "test", "namespaceSelector": {"matchLabels": {"env": "test"}}, "retention": "1h"},
]


def class_with(**spec: Any) -> MonitorClass:
    document = {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitorClass",
        "metadata": {"name": "default"},
        "spec": spec,
    }
    return in_force(parse_class(document), MonitorClass())


def located(
    environments: list[dict[str, Any]], labels: dict[str, str] | None = None, environment: str | None = None
) -> Surroundings:
    facts = ClusterFacts(namespaces=None if labels is None else {"wallets": labels})
    named = {} if environment is None else {"environment": environment}
    return surroundings(parse_monitor(minimal(**named)), class_with(environments=environments), facts)


@pytest.mark.parametrize(
    ("labels", "named", "found", "problem"),
    [
        ({"env": "prod"}, None, "prod", None),
        ({"env": "test"}, None, "test", None),
        # What the monitor says wins over what its namespace says.
        ({"env": "prod"}, "test", "test", None),
        (None, "staging", "staging", None),
        ({"env": "other"}, None, None, Code.NO_ENVIRONMENT),
        ({}, None, None, Code.NO_ENVIRONMENT),
        ({"env": "prod"}, "prodd", "prodd", Code.UNKNOWN_ENVIRONMENT),
        # Offline nobody knows the namespace's labels: that is no fault of the monitor.
        (None, None, None, None),
    ],
)
def test_a_monitor_is_in_the_environment_it_names_else_in_that_of_its_namespace(
    labels: dict[str, str] | None, named: str | None, found: str | None, problem: Code | None
) -> None:
    where = located(MATRIX, labels, named)
    assert where.name == found
    assert [each.code for each in where.diagnostics] == ([] if problem is None else [problem])
    expected = found if problem is None else None
    assert (None if where.environment is None else where.environment.name) == expected


def test_the_first_of_several_counts_and_that_is_told() -> None:
    wide = {"name": "all", "namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]}}
    where = located([*MATRIX, wide], {"env": "prod"})
    assert where.name == "prod"
    (problem,) = where.diagnostics
    assert problem.code is Code.AMBIGUOUS_ENVIRONMENT
    assert problem.severity is Severity.WARNING
    assert "prod, all" in problem.message


def test_an_environment_without_selector_is_only_for_those_who_name_it() -> None:
    assert located([{"name": "lab"}], {"env": "prod"}).name is None
    assert located([{"name": "lab"}], {"env": "prod"}, "lab").name == "lab"


def test_a_class_without_environments_lets_monitors_have_names_of_their_own() -> None:
    where = located([], {"env": "prod"}, "prod")
    assert (where.name, where.environment, where.diagnostics) == ("prod", None, ())
    assert located([], {"env": "prod"}) == Surroundings()


def test_the_environments_labels_win_over_the_classs() -> None:
    class_ = class_with(
        externalLabels={"cluster": "c1", "tier": "gold"},
        environments=[{"name": "prod", "labels": {"tier": "platinum", "region": "eu-west-1"}}],
    )
    where = surroundings(parse_monitor(minimal(environment="prod")), class_, ClusterFacts())
    common = common_labels(class_, where)
    assert common.constant == {"cluster": "c1", "tier": "platinum"}
    # Metrics of streams have a region by themselves.
    assert common.fallback == {"region": "eu-west-1"}


def made(kind: str, class_: MonitorClass, **spec: Any) -> Manifest:
    monitor = parse_monitor(minimal(environment="prod", **spec))
    bundle = compile_monitor(monitor, class_, ClusterFacts(namespaces={"wallets": {}}))
    assert bundle.objects is not None
    return next(each for each in bundle.objects if each["kind"] == kind)


CLASS = class_with(
    externalLabels={"cluster": "c1", "region": "eu-west-1"},
    environments=[{"name": "prod", "labels": {"tier": "gold"}}],
)

SERVICE = target()
PODS = target(pods={"selector": {"matchLabels": {"app": "x"}}, "port": "metrics"}, service=None)
STATIC = target(static=["node.example.org:9100"], service=None)
PROBE = target(probe={"prober": "blackbox:9115", "urls": ["https://example.org"]}, service=None)


def steps_of(obj: Manifest) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    spec = obj["spec"]
    if obj["kind"] == "Probe":
        return spec["targets"]["staticConfig"]["relabelingConfigs"], spec.get("metricRelabelings", [])
    if obj["kind"] == "ScrapeConfig":
        return spec["relabelings"], spec.get("metricRelabelings", [])
    (endpoint,) = spec.get("endpoints") or spec["podMetricsEndpoints"]
    return endpoint["relabelings"], endpoint.get("metricRelabelings", [])


@pytest.mark.parametrize(
    ("kind", "scraped"),
    [("ServiceMonitor", SERVICE), ("PodMonitor", PODS), ("ScrapeConfig", STATIC), ("Probe", PROBE)],
)
def test_every_target_gets_the_labels_of_its_surroundings(kind: str, scraped: dict[str, Any]) -> None:
    obj = made(kind, CLASS, targets=[{name: value for name, value in scraped.items() if value is not None}])
    before, after = steps_of(obj)
    written = {each["targetLabel"]: each.get("replacement") for each in before if "targetLabel" in each}
    assert written["environment"] == "prod"
    assert written["cluster"] == "c1"
    assert written["tier"] == "gold"
    # A region that the series has by itself stays.
    assert "region" not in written
    (region,) = [each for each in after if each.get("targetLabel") == "region"]
    assert region == {
        "action": "replace",
        "sourceLabels": ["region"],
        "regex": "^$",
        "targetLabel": "region",
        "replacement": "eu-west-1",
    }
    assert obj["metadata"]["labels"]["walletmon.dev/environment"] == "prod"
    assert obj["metadata"]["labels"]["walletmon.dev/class"] == "default"


def test_a_label_of_the_class_on_alerts_is_a_text_and_no_template() -> None:
    class_ = class_with(externalLabels={"site": "a {{{ query `up` }} {{"})
    labels = AlertLabels(parse_monitor(minimal()), class_, ClusterFacts()).of(Priority.P0, "balance", {})
    assert labels["site"] == 'a {{ "{{" }}{ query `up` }} {{ "{{" }}'


def test_what_the_platform_says_holds_whatever_a_wallet_calls_its_labels() -> None:
    wallet = {"name": "hot-1", "labels": {"tier": "mine"}}
    before, _ = steps_of(made("ServiceMonitor", CLASS, wallets=[wallet], targets=[SERVICE]))
    tiers = [each["replacement"] for each in before if each.get("targetLabel") == "tier"]
    assert tiers[-1] == "gold"


def test_every_alert_carries_the_surroundings() -> None:
    monitor = parse_monitor(minimal(environment="prod"))
    labels = AlertLabels(monitor, CLASS, ClusterFacts()).of(Priority.P1, "signing", {"tier": "mine", "kind": "x"})
    assert labels == {
        "severity": "warning",
        "priority": "P1",
        "pack": "signing",
        "kind": "x",
        "tier": "gold",
        "cluster": "c1",
        "namespace": "wallets",
        "walletmon": "treasury",
        "environment": "prod",
        "walletmon_class": "default",
    }


def test_alerts_of_compiled_rules_carry_them_too() -> None:
    rule = {"name": "Own", "expr": "max by (wallet) (signer_queue) > 1"}
    obj = made("PrometheusRule", CLASS, rules=[rule], targets=[SERVICE])
    alerts = [each for group in obj["spec"]["groups"] for each in group["rules"] if "alert" in each]
    assert alerts
    for each in alerts:
        assert each["labels"].items() >= {"environment": "prod", "cluster": "c1", "tier": "gold"}.items()


def test_without_class_and_environment_nothing_is_added() -> None:
    bundle = compile_monitor(parse_monitor(minimal(targets=[SERVICE])), MonitorClass())
    assert bundle.objects is not None
    for each in bundle.objects:
        assert "walletmon.dev/environment" not in each["metadata"]["labels"]
        assert "walletmon.dev/class" not in each["metadata"]["labels"]
    labels = AlertLabels(parse_monitor(minimal()), MonitorClass(), ClusterFacts()).of(Priority.P0, "own", {})
    assert "environment" not in labels
