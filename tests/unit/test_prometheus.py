"""Prometheus objects of environments: what is in them, and what is left out so that the rest works."""

from __future__ import annotations

from typing import Any

import pytest

from tests.environments import MIMIR, THANOS, Document, class_document
from walletmon.api.admission import refusals
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import InvalidMonitor, parse_class
from walletmon.compiler.bundle import Manifest, Part
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.prometheus import prometheus_objects


def made(document: Document, facts: ClusterFacts | None = None) -> Part:
    resource = parse_class(document)
    return prometheus_objects(resource, in_force(resource, MonitorClass()), facts or ClusterFacts())


def one(environment: Document, facts: ClusterFacts | None = None, **spec: Any) -> Manifest:
    part = made(class_document(environments=[environment], **spec), facts)
    assert [each for each in part.diagnostics if each.severity is Severity.ERROR] == []
    (obj,) = part.objects
    return obj


def managed(**fields: Any) -> Document:
    return {"name": "prod", "prometheus": {"namespace": "monitoring", **fields}}


def test_the_least_that_can_be_said_makes_one_that_selects_its_own_and_nothing_else() -> None:
    ours = {"matchLabels": {"walletmon.dev/class": "default", "walletmon.dev/environment": "prod"}}
    assert one(managed()) == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {
            "name": "default-prod",
            "namespace": "monitoring",
            "labels": {
                "app.kubernetes.io/managed-by": "walletmon",
                "walletmon.dev/class": "default",
                "walletmon.dev/environment": "prod",
            },
        },
        "spec": {
            "replicas": 1,
            "serviceAccountName": "prometheus",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "runAsGroup": 2000,
                "fsGroup": 2000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "externalLabels": {"environment": "prod"},
            "evaluationInterval": "30s",
            "serviceDiscoveryRole": "EndpointSlice",
            **{f"{each}Selector": ours for each in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")},
            **{
                f"{each}NamespaceSelector": {}
                for each in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")
            },
            "arbitraryFSAccessThroughSMs": {"deny": True},
        },
    }


def test_all_that_can_be_said_is_there() -> None:
    environment = {
        "name": "prod",
        "labels": {"tier": "gold", "region": "eu-west-1"},
        "retention": "90d",
        "prometheus": {
            "namespace": "monitoring",
            "serviceAccountName": "prometheus-wallets",
            "version": "v3.15.0",
            "replicas": 2,
            "storage": {"size": "200Gi", "storageClassName": "fast"},
            "scrapeClasses": [
                {
                    "name": "mesh",
                    "default": True,
                    "tls": {"ca": {"name": "mesh", "key": "ca"}, "insecureSkipVerify": True},
                    "relabelings": [
                        {
                            "action": "replace",
                            "sourceLabels": ["__meta_kubernetes_pod_node_name"],
                            "targetLabel": "node_name",
                        }
                    ],
                    "metricRelabelings": [{"action": "labeldrop", "regex": "pod_template_hash"}],
                },
                {"name": "plain"},
            ],
        },
        "remoteWrite": [MIMIR, THANOS],
    }
    spec = one(
        environment,
        externalLabels={"cluster": "c1", "tier": "silver"},
        alertmanager={"namespace": "alerting"},
        governance={"limits": {"samples": 50000, "labels": 40, "labelNameLength": 100, "labelValueLength": 300}},
    )["spec"]
    assert (
        spec.items()
        >= {
            "version": "v3.15.0",
            "replicas": 2,
            "serviceAccountName": "prometheus-wallets",
            "retention": "90d",
            "storage": {
                "volumeClaimTemplate": {
                    "spec": {
                        "storageClassName": "fast",
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "200Gi"}},
                    }
                }
            },
            "externalLabels": {"cluster": "c1", "region": "eu-west-1", "tier": "gold", "environment": "prod"},
            "enforcedSampleLimit": 50000,
            "enforcedLabelLimit": 40,
            "enforcedLabelNameLengthLimit": 100,
            "enforcedLabelValueLengthLimit": 300,
            "alerting": {
                "alertmanagers": [{"namespace": "alerting", "name": "alertmanager-operated", "port": "web"}],
            },
        }.items()
    )
    assert spec["scrapeClasses"] == [
        {
            "name": "mesh",
            "default": True,
            "tlsConfig": {"ca": {"secret": {"name": "mesh", "key": "ca"}}, "insecureSkipVerify": True},
            "relabelings": [
                {
                    "action": "replace",
                    "sourceLabels": ["__meta_kubernetes_pod_node_name"],
                    "targetLabel": "node_name",
                }
            ],
            "metricRelabelings": [{"action": "labeldrop", "regex": "pod_template_hash"}],
        },
        {"name": "plain"},
    ]
    assert spec["remoteWrite"] == [
        {
            "name": "mimir",
            "url": "https://mimir.example.org/api/v1/push",
            "headers": {"X-Scope-OrgID": "wallets-prod"},
            "writeRelabelConfigs": [{"action": "drop", "sourceLabels": ["__name__"], "regex": "go_.*"}],
            "basicAuth": {
                "username": {"name": "mimir", "key": "user"},
                "password": {"name": "mimir", "key": "password"},
            },
            "tlsConfig": {
                "ca": {"secret": {"name": "mimir-tls", "key": "ca.crt"}},
                "cert": {"secret": {"name": "mimir-tls", "key": "tls.crt"}},
                "keySecret": {"name": "mimir-tls", "key": "tls.key"},
                "serverName": "mimir.example.org",
                "insecureSkipVerify": False,
            },
        },
        {
            "name": "thanos",
            "url": "http://thanos-receive.monitoring:19291/api/v1/receive",
            "authorization": {"type": "Bearer", "credentials": {"name": "thanos", "key": "token"}},
        },
    ]


def test_an_environment_without_prometheus_has_none() -> None:
    assert made(class_document(environments=[{"name": "prod"}])).objects == []
    assert made(class_document()).objects == []


def test_the_class_owns_what_is_made_for_it() -> None:
    part = made(class_document(uid="u-1", environments=[managed()]))
    (owner,) = part.objects[0]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("WalletMonitorClass", "default", "u-1")


def alertmanager(name: str = "main", **spec: Any) -> Manifest:
    return {"metadata": {"name": name, "namespace": "alerting"}, "spec": spec}


@pytest.mark.parametrize(
    ("ref", "known", "endpoint"),
    [
        ({}, (), {"name": "alertmanager-operated", "port": "web"}),
        ({}, (alertmanager(),), {"name": "alertmanager-operated", "port": "web"}),
        (
            {},
            (alertmanager(serviceName="alerts", portName="http", routePrefix="/am"),),
            {"name": "alerts", "port": "http", "pathPrefix": "/am"},
        ),
        # Nobody can say whose settings count.
        (
            {},
            (alertmanager(routePrefix="/am"), alertmanager("other")),
            {"name": "alertmanager-operated", "port": "web"},
        ),
        # The Service is for all Alertmanagers of the namespace.
        (
            {"name": "a.b"},
            (alertmanager("a.b"), alertmanager("other")),
            {
                "name": "alertmanager-operated",
                "port": "web",
                "relabelings": [
                    {"action": "keep", "sourceLabels": ["__meta_kubernetes_pod_label_alertmanager"], "regex": r"a\.b"}
                ],
            },
        ),
    ],
)
def test_alerts_go_to_the_alertmanager_of_the_class(
    ref: Document, known: tuple[Manifest, ...], endpoint: Document
) -> None:
    facts = ClusterFacts(alertmanagers=known)
    spec = one(managed(), facts, alertmanager={"namespace": "alerting", **ref})["spec"]
    assert spec["alerting"] == {"alertmanagers": [{"namespace": "alerting", **endpoint}]}


# -- what is left out -------------------------------------------------------------------------------------------------


def secrets(**keys: set[str]) -> ClusterFacts:
    return ClusterFacts(secrets={("monitoring", name.replace("_", "-")): frozenset(has) for name, has in keys.items()})


@pytest.mark.parametrize(
    ("facts", "sent", "paths"),
    [
        # Nobody has looked: then they are taken to be there.
        (ClusterFacts(), ["mimir", "thanos"], []),
        (
            secrets(mimir={"user", "password"}, mimir_tls={"ca.crt", "tls.crt", "tls.key"}, thanos={"token"}),
            ["mimir", "thanos"],
            [],
        ),
        (secrets(mimir={"user"}), ["thanos"], ["remoteWrite[0].basicAuth.password"]),
        (secrets(mimir_tls={"tls.crt", "tls.key"}), ["thanos"], ["remoteWrite[0].tls.ca"]),
        (secrets(thanos=set()), ["mimir"], ["remoteWrite[1].authorization.credentials"]),
        (
            secrets(mimir=set(), thanos=set()),
            [],
            [
                "remoteWrite[0].basicAuth.username",
                "remoteWrite[0].basicAuth.password",
                "remoteWrite[1].authorization.credentials",
            ],
        ),
    ],
)
def test_a_remote_write_whose_secret_is_missing_is_left_out_and_the_rest_goes_on(
    facts: ClusterFacts, sent: list[str], paths: list[str]
) -> None:
    part = made(class_document(environments=[{**managed(), "retention": "90d", "remoteWrite": [MIMIR, THANOS]}]), facts)
    (obj,) = part.objects
    assert [each["name"] for each in obj["spec"].get("remoteWrite", [])] == sent
    assert obj["spec"]["retention"] == "90d"
    missing = [each for each in part.diagnostics if each.code is Code.MISSING_SECRET]
    assert [each.path for each in missing] == [f"spec.environments[0].{path}" for path in paths]
    # Said once: that nothing is sent there is the finding about the Secret.
    assert [each.code for each in part.diagnostics if each not in missing] == []


def test_secrets_are_those_of_the_namespace_that_the_prometheus_is_in() -> None:
    elsewhere = ClusterFacts(secrets={("wallets", "thanos"): frozenset()})
    assert one({**managed(), "remoteWrite": [THANOS]}, elsewhere)["spec"]["remoteWrite"]


def test_a_scrape_class_whose_secret_is_missing_is_there_without_tls() -> None:
    mesh = {"name": "mesh", "tls": {"ca": {"name": "mesh", "key": "ca"}}, "default": True}
    part = made(class_document(environments=[managed(scrapeClasses=[mesh])]), secrets(mesh=set()))
    assert part.objects[0]["spec"]["scrapeClasses"] == [{"name": "mesh", "default": True}]
    (found,) = part.diagnostics
    assert (found.code, found.path) == (
        Code.MISSING_SECRET,
        "spec.environments[0].prometheus.scrapeClasses[0].tls.ca",
    )


def test_of_two_default_scrape_classes_the_first_is_the_default() -> None:
    classes = [{"name": "a", "default": True}, {"name": "b", "default": True}, {"name": "c"}]
    document = class_document(environments=[managed(scrapeClasses=classes)])
    part = made(document)
    assert part.objects[0]["spec"]["scrapeClasses"] == [{"name": "a", "default": True}, {"name": "b"}, {"name": "c"}]
    (found,) = part.diagnostics
    assert (found.code, found.path) == (Code.INVALID_FIELD, "spec.environments[0].prometheus.scrapeClasses[1].default")
    # The apiserver says so before.
    (refused,) = refusals(document)
    assert "only one scrape class" in refused.message
    assert refusals(class_document(environments=[managed(scrapeClasses=classes[1:])])) == []


WRONG_STEPS = [
    {"action": "replace", "sourceLabels": ["a"]},
    {"action": "hashmod", "sourceLabels": ["a"], "targetLabel": "b"},
    {"action": "hashmod", "sourceLabels": ["a"], "modulus": 3},
    {"action": "labeldrop", "regex": "a", "sourceLabels": ["a"]},
    {"action": "labelkeep", "regex": "a", "replacement": "x"},
    {"action": "labelmap", "regex": "a_(.+)", "replacement": "-$1"},
]
RIGHT_STEPS = [
    {"action": "replace", "sourceLabels": ["a"], "targetLabel": "b"},
    {"action": "replace", "targetLabel": "b", "replacement": "${1}_total"},
    {"action": "replace", "targetLabel": "b", "replacement": "$1-$2/$1$2"},
    {"action": "replace", "targetLabel": "b", "replacement": ""},
    {"action": "hashmod", "sourceLabels": ["a"], "targetLabel": "b", "modulus": 3},
    {"action": "keep", "sourceLabels": ["a", "b"], "separator": "/", "regex": "(?i)x|y[0-9]{1,3}"},
    {"action": "labeldrop", "regex": "a.*"},
    {"action": "labelmap", "regex": "a_(.+)"},
    {"action": "labelmap", "regex": "a_(.+)", "replacement": "b_$1"},
    {"action": "labelmap", "regex": "a_(.+)", "replacement": "b_${1}_c"},
]


@pytest.mark.parametrize("step", WRONG_STEPS)
def test_what_has_a_step_that_prometheus_refuses_is_left_out(step: Document) -> None:
    write = {**THANOS, "writeRelabelings": [step]}
    scrape_class = {"name": "mesh", "metricRelabelings": [RIGHT_STEPS[0], step]}
    document = class_document(
        environments=[{**managed(scrapeClasses=[scrape_class, {"name": "plain"}]), "remoteWrite": [MIMIR, write]}]
    )
    part = made(document)
    assert [each["name"] for each in part.objects[0]["spec"]["remoteWrite"]] == ["mimir"]
    assert [each["name"] for each in part.objects[0]["spec"]["scrapeClasses"]] == ["plain"]
    assert {(each.code, each.path) for each in part.diagnostics} == {
        (Code.INVALID_FIELD, "spec.environments[0].remoteWrite[1].writeRelabelings[0]"),
        (Code.INVALID_FIELD, "spec.environments[0].prometheus.scrapeClasses[0].metricRelabelings[1]"),
    }
    # The CRD has the same rules.
    assert len(refusals(document)) == 2


@pytest.mark.parametrize("step", RIGHT_STEPS)
def test_a_step_that_prometheus_takes_is_passed_on_as_it_is(step: Document) -> None:
    environment = {**managed(), "remoteWrite": [{**THANOS, "writeRelabelings": [step]}]}
    assert one(environment)["spec"]["remoteWrite"][0]["writeRelabelConfigs"] == [step]
    assert refusals(class_document(environments=[environment])) == []


def test_a_pattern_that_go_cannot_read_is_found_before_prometheus_does() -> None:
    step = {"action": "drop", "sourceLabels": ["a"], "regex": "(?!x)"}
    part = made(class_document(environments=[{**managed(), "remoteWrite": [{**THANOS, "writeRelabelings": [step]}]}]))
    assert "remoteWrite" not in part.objects[0]["spec"]
    assert [each.code for each in part.diagnostics] == [Code.INVALID_FIELD]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        # prometheus-operator's reloader would look for an environment variable.
        ("replacement", "$$(HOME)"),
        ("replacement", "$(HOME)"),
        ("separator", "$(HOME)"),
        # Prometheus would look for a group called `1_total`.
        ("replacement", "$1_total"),
    ],
)
def test_texts_that_would_be_taken_for_something_else_are_refused(field: str, value: str) -> None:
    step = {"action": "replace", "sourceLabels": ["a"], "targetLabel": "b", field: value}
    document = class_document(environments=[{**managed(), "remoteWrite": [{**THANOS, "writeRelabelings": [step]}]}])
    with pytest.raises(InvalidMonitor):
        parse_class(document)


def test_a_name_that_no_pod_can_be_made_of_is_told_and_the_others_are_made() -> None:
    long = {"name": "p" * 40, "prometheus": {"namespace": "monitoring"}, "retention": "1h"}
    part = made(class_document(environments=[long, managed()]))
    assert [each["metadata"]["name"] for each in part.objects] == ["default-prod"]
    (found,) = part.diagnostics
    assert (found.code, found.path, found.severity) == (Code.INVALID_FIELD, "spec.environments[0]", Severity.ERROR)


def test_a_retention_that_nothing_enforces_is_a_warning_of_the_class() -> None:
    part = made(class_document(environments=[{"name": "test", "retention": "1h"}, {"name": "lab"}]))
    (found,) = part.diagnostics
    assert (found.code, found.path, found.severity) == (
        Code.UNENFORCED_RETENTION,
        "spec.environments[0]",
        Severity.WARNING,
    )


def test_it_is_part_of_what_a_class_compiles_to() -> None:
    bundle = compile_class(parse_class(class_document(environments=[managed()])))
    assert bundle.objects is not None
    assert [(each["kind"], each["metadata"]["name"]) for each in bundle.objects] == [("Prometheus", "default-prod")]
