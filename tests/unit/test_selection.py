"""The condition Selected: whether a Prometheus and an Alertmanager take up what was made, and what is said if not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from walletmon.compiler.facts import ClusterFacts
from walletmon.controller.selected import judge
from walletmon.controller.selection import Selection, bindings_said, matcher_strategy

Json = dict[str, Any]

NAMESPACES = {"wallets": {"env": "prod"}, "monitoring": {}}
EVERYTHING: Json = {
    f"{kind}{part}": {}
    for kind in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")
    for part in ("Selector", "NamespaceSelector")
}
ALERTING: Json = {"alerting": {"alertmanagers": [{"namespace": "monitoring", "name": "am", "port": "web"}]}}


def made(kind: str, *, labels: Json | None = None, spec: Json | None = None, namespace: str = "wallets") -> Json:
    metadata = {"name": "treasury", "namespace": namespace, "labels": labels or {}}
    return {"kind": kind, "metadata": metadata, "spec": spec or {}}


def prometheus(name: str = "main", namespace: str = "monitoring", **spec: Any) -> Json:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {**EVERYTHING, **ALERTING, **spec}}


def alertmanager(strategy: str | None = None, **spec: Any) -> Json:
    everything: Json = {"alertmanagerConfigSelector": {}, "alertmanagerConfigNamespaceSelector": {}}
    if strategy is not None:
        everything["alertmanagerConfigMatcherStrategy"] = {"type": strategy}
    return {"metadata": {"name": "main", "namespace": "monitoring"}, "spec": {**everything, **spec}}


WATCHED = (made("ServiceMonitor"), made("PrometheusRule"))
ROUTED = made("AlertmanagerConfig", spec={"route": {"receiver": "x"}})
SILENCES = made("AlertmanagerConfig", spec={"inhibitRules": []})
BY_CLASS = made("AlertmanagerConfig", spec={"route": {"receiver": "x"}}, namespace="monitoring")


def seen(
    *objects: Json,
    prometheuses: tuple[Json, ...] = (prometheus(),),
    alertmanagers: tuple[Json, ...] = (alertmanager(),),
    **fields: Any,
) -> Selection:
    facts = ClusterFacts(namespaces=NAMESPACES, prometheuses=prometheuses, alertmanagers=alertmanagers)
    return Selection(
        objects or WATCHED,
        facts,
        prometheuses=prometheuses,
        alertmanagers=alertmanagers,
        namespace="wallets",
        **fields,
    )


RELEASE = {"matchLabels": {"release": "kps"}}
CASES: dict[str, tuple[Selection, str, str, str]] = {
    "both select everything": (
        seen(*WATCHED, ROUTED),
        "True",
        "Selected",
        "Prometheus monitoring/main and Alertmanager",
    ),
    "the spec is not understood": (replace(seen(), objects=None), "Unknown", "SpecNotAccepted", ""),
    "nothing was made": (replace(seen(), objects=()), "True", "NothingToSelect", ""),
    "namespaces are not known": (
        replace(seen(), facts=ClusterFacts(prometheuses=(), alertmanagers=())),
        "Unknown",
        "CannotLook",
        "namespaces cannot be listed",
    ),
    "nothing is known": (
        replace(seen(), facts=ClusterFacts()),
        "Unknown",
        "CannotLook",
        "Prometheus objects, Alertmanager objects, namespaces",
    ),
    "no Prometheus": (seen(prometheuses=()), "Unknown", "NoPrometheus", "create a Prometheus"),
    "the class names a Prometheus that is not there": (
        seen(prometheuses=(), prometheus_named="monitoring/kps"),
        "False",
        "PrometheusMissing",
        "there is no Prometheus monitoring/kps",
    ),
    "a label is missing": (
        seen(prometheuses=(prometheus(serviceMonitorSelector=RELEASE),)),
        "False",
        "NotSelected",
        "ServiceMonitor treasury: Prometheus monitoring/main wants the label release=kps (serviceMonitorSelector)",
    ),
    "the namespace has another label": (
        seen(prometheuses=(prometheus(ruleNamespaceSelector={"matchLabels": {"env": "test"}}),)),
        "False",
        "NotSelected",
        "wants the label env=test on namespace wallets (ruleNamespaceSelector)",
    ),
    "no selector at all": (
        seen(prometheuses=(prometheus(ruleSelector=None),)),
        "False",
        "NotSelected",
        "has no ruleSelector, and so selects none",
    ),
    "its own namespace alone": (
        seen(prometheuses=(prometheus(serviceMonitorNamespaceSelector=None),)),
        "False",
        "NotSelected",
        "looks into its own namespace alone (no serviceMonitorNamespaceSelector), not into wallets",
    ),
    "one of two is enough": (
        seen(prometheuses=(prometheus(serviceMonitorSelector=RELEASE), prometheus("second"))),
        "True",
        "Selected",
        "monitoring/second",
    ),
    "one takes the targets and another the rules": (
        seen(prometheuses=(prometheus(serviceMonitorSelector=None), prometheus("second", ruleSelector=None))),
        "Unknown",
        "SelectedApart",
        "make one select both",
    ),
    "paused": (
        seen(prometheuses=(prometheus(paused=True),)),
        "False",
        "Paused",
        "Prometheus monitoring/main is paused",
    ),
    "paused Alertmanager": (
        seen(*WATCHED, ROUTED, alertmanagers=(alertmanager(paused=True),)),
        "False",
        "Paused",
        "Alertmanager monitoring/main is paused",
    ),
    "one of our labels is enforced": (
        seen(prometheuses=(prometheus(enforcedNamespaceLabel="wallet"),)),
        "False",
        "LabelEnforced",
        "the label wallet",
    ),
    "the namespace is enforced": (
        seen(prometheuses=(prometheus(enforcedNamespaceLabel="namespace"),)),
        "True",
        "Selected",
        "",
    ),
    "a lower limit is enforced": (
        seen(made("ServiceMonitor", spec={"sampleLimit": 1000}), prometheuses=(prometheus(enforcedSampleLimit=500),)),
        "False",
        "LimitEnforced",
        "enforces 500",
    ),
    "a higher limit is enforced": (
        seen(made("ServiceMonitor", spec={"sampleLimit": 1000}), prometheuses=(prometheus(enforcedSampleLimit=5000),)),
        "True",
        "Selected",
        "",
    ),
    "alerts go nowhere": (
        seen(prometheuses=(prometheus(alerting=None),)),
        "False",
        "NoAlerting",
        "sends alerts to no Alertmanager",
    ),
    "alerts go by a Secret": (
        seen(prometheuses=(prometheus(alerting=None, additionalAlertManagerConfigs={"name": "x", "key": "y"}),)),
        "True",
        "Selected",
        "",
    ),
    "alerts go to the Alertmanager beside it": (
        seen(*WATCHED, ROUTED, prometheuses=(prometheus(alerting={"alertmanagers": [{"name": "am", "port": "web"}]}),)),
        "True",
        "Selected",
        "",
    ),
    "alerts go to an Alertmanager elsewhere": (
        seen(
            *WATCHED,
            ROUTED,
            prometheuses=(
                prometheus(alerting={"alertmanagers": [{"namespace": "other", "name": "am", "port": "web"}]}),
            ),
        ),
        "False",
        "AlertsGoElsewhere",
        "sends alerts to Alertmanagers in namespace other",
    ),
    "one that only takes over what others raised sends its alerts elsewhere": (
        seen(
            made("ScrapeConfig"),
            ROUTED,
            prometheuses=(
                prometheus(alerting={"alertmanagers": [{"namespace": "other", "name": "am", "port": "web"}]}),
            ),
        ),
        "True",
        "Selected",
        "",
    ),
    "no Alertmanager": (
        seen(*WATCHED, ROUTED, alertmanagers=()),
        "Unknown",
        "NoAlertmanager",
        "create an Alertmanager",
    ),
    "no Alertmanager, and none is needed": (seen(alertmanagers=()), "True", "Selected", "Prometheus monitoring/main"),
    "the class names an Alertmanager that is not there": (
        seen(*WATCHED, ROUTED, alertmanagers=(), alertmanager_named="monitoring/main"),
        "False",
        "AlertmanagerMissing",
        "there is no Alertmanager monitoring/main",
    ),
    "the routes are not selected": (
        seen(*WATCHED, ROUTED, alertmanagers=(alertmanager(alertmanagerConfigSelector=RELEASE),)),
        "False",
        "RoutingNotSelected",
        "wants the label release=kps (alertmanagerConfigSelector)",
    ),
    "the silences are not selected": (
        seen(*WATCHED, SILENCES, alertmanagers=(alertmanager(alertmanagerConfigSelector=None),)),
        "True",
        "SelectedWithoutSilences",
        "an alert that says nothing new is told as well",
    ),
    "the class's routes are not selected": (
        seen(alertmanagers=(alertmanager(alertmanagerConfigSelector=RELEASE),), told_by_class=BY_CLASS),
        "False",
        "ClassRoutingNotSelected",
        "release=kps",
    ),
    "the class cannot tell of other namespaces": (
        seen(told_by_class=BY_CLASS),
        "False",
        "MatcherStrategy",
        "to OnNamespaceExceptForAlertmanagerNamespace (or None)",
    ),
    "the class tells of its own namespace": (
        replace(seen(told_by_class=BY_CLASS), namespace="monitoring"),
        "True",
        "Selected",
        "",
    ),
    "the class tells of all namespaces but its own": (
        seen(alertmanagers=(alertmanager("OnNamespaceExceptForAlertmanagerNamespace"),), told_by_class=BY_CLASS),
        "True",
        "Selected",
        "",
    ),
    "the class tells of all": (
        seen(alertmanagers=(alertmanager("None"),), told_by_class=BY_CLASS),
        "True",
        "Selected",
        "",
    ),
    "a dependency elsewhere": (
        seen(*WATCHED, SILENCES, across=("wallet-db",)),
        "False",
        "MatcherStrategy",
        "dependency wallet-db is to silence across namespaces",
    ),
    "a dependency elsewhere, from another namespace than Alertmanager's": (
        seen(
            *WATCHED,
            SILENCES,
            across=("wallet-db",),
            alertmanagers=(alertmanager("OnNamespaceExceptForAlertmanagerNamespace"),),
        ),
        "False",
        "MatcherStrategy",
        "to None, or put namespace into",
    ),
    "a dependency elsewhere, from Alertmanager's namespace": (
        replace(
            seen(
                *WATCHED,
                SILENCES,
                across=("wallet-db",),
                alertmanagers=(alertmanager("OnNamespaceExceptForAlertmanagerNamespace"),),
            ),
            namespace="monitoring",
        ),
        "True",
        "Selected",
        "",
    ),
    "a dependency elsewhere, nothing enforced": (
        seen(*WATCHED, SILENCES, across=("wallet-db",), alertmanagers=(alertmanager("None"),)),
        "True",
        "Selected",
        "",
    ),
    "prometheus-operator does not take it": (
        seen(rejected=(("PrometheusRule treasury", "invalid rule"),)),
        "False",
        "Rejected",
        "prometheus-operator does not take PrometheusRule treasury: invalid rule",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_who_selects(case: str) -> None:
    selection, status, reason, words = CASES[case]
    found = judge(selection)
    assert (found.status, found.reason) == (status, reason)
    assert words in found.message


@pytest.mark.parametrize("case", CASES)
def test_what_is_certainly_wrong_names_the_cure_and_stalls(case: str) -> None:
    found = judge(CASES[case][0])
    assert found.stalled == (found.status == "False")
    assert found.message


def test_the_strategy_is_on_namespace_unless_said_otherwise() -> None:
    assert matcher_strategy(alertmanager()) == "OnNamespace"
    assert matcher_strategy(alertmanager("None")) == "None"


def test_prometheus_operators_own_word_counts_while_it_is_about_the_object_as_it_is() -> None:
    condition = {"type": "Accepted", "status": "False", "message": "secret x is missing", "observedGeneration": 3}
    live = {"metadata": {"generation": 3}, "status": {"bindings": [{"conditions": [condition]}]}}
    assert bindings_said(live) == "secret x is missing"
    assert bindings_said({**live, "metadata": {"generation": 4}}) is None
    assert bindings_said({"metadata": {}}) is None
