"""Classes on a real apiserver: which is in force, what follows from a change, what is said when something is wrong.

A class is there for the whole cluster, and so are Prometheus and Alertmanager objects: each test takes its own away.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from testbed import Testbed
from testbed.waiting import wait_for
from tests.integration.classes import (
    DEFAULT,
    Cluster,
    alert_labels,
    label,
    routing,
    run,
    wait_for_class,
    wait_for_label,
    wait_for_no_words,
    wait_for_words,
    wait_for_words_of_class,
)
from tests.integration.monitors import (
    COREOS,
    SETTLES_WITHIN,
    Json,
    children,
    condition,
    get_monitor,
    monitor,
    service_target,
    wait_for_condition,
    wait_until_ready,
)

pytestmark = pytest.mark.usefixtures("operator")


# -- which class is in force


def test_a_monitor_has_what_its_class_decides(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.class_(
        namespace,
        objectLabels={"release": "kps"},
        externalLabels={"cluster": "eu-1"},
        dashboards={"labels": {"dashboards": "yes"}, "folder": "Wallets"},
        priorities={"P0": {"severity": "page"}},
    )
    bed.apply([monitor(namespace, className=namespace)])
    stored = wait_until_ready(bed, namespace)
    assert stored["status"]["class"] == namespace
    found = children(bed, namespace)
    assert {each["metadata"]["labels"].get("release") for each in found.values()} == {"kps"}
    assert {each["metadata"]["labels"].get("walletmon.dev/class") for each in found.values()} == {namespace}
    dashboard = found["ConfigMap treasury.overview"]["metadata"]
    assert dashboard["labels"]["dashboards"] == "yes"
    assert dashboard["annotations"] == {"grafana_folder": "Wallets"}
    labels = alert_labels(bed, namespace)
    assert (labels["cluster"], labels["walletmon_class"]) == ("eu-1", namespace)
    assert wait_for_class(bed, namespace, "Ready", "True")["status"]["monitors"] == 1


def test_a_class_that_changes_has_its_monitors_visited_and_no_others(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    cluster.class_(namespace, objectLabels={"release": "one"})
    bed.apply([monitor(namespace, className=namespace), monitor(namespace, "stranger")])
    wait_until_ready(bed, namespace)
    before = wait_until_ready(bed, namespace, "stranger")
    wait_for_class(bed, namespace, "Ready", "True")
    mark = bed.audit_mark()
    cluster.class_(namespace, objectLabels={"release": "two"})
    wait_for_label(bed, namespace, "PrometheusRule treasury", "release", "two")
    wait_for_class(bed, namespace, "Ready", "True")
    written = {
        event["objectRef"]["name"]
        for event in bed.audit(mark)
        if event["verb"] == "patch" and event["objectRef"].get("namespace") == namespace
    }
    assert {name for name in written if name.startswith("stranger")} == set()
    assert get_monitor(bed, namespace, "stranger") == before


def test_a_class_that_is_not_there_is_waited_for(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    bed.apply([monitor(namespace, className=namespace)])
    stored = wait_for_condition(bed, namespace, "Accepted", "False", "UnknownClass")
    accepted = condition(stored, "Accepted")
    assert accepted is not None
    assert namespace in accepted["message"]
    assert children(bed, namespace) == {}
    cluster.class_(namespace)
    wait_until_ready(bed, namespace)


def test_a_class_that_goes_leaves_everything_as_it_was(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    made = cluster.class_(namespace, objectLabels={"release": "kps"})
    bed.apply([monitor(namespace, className=namespace)])
    wait_until_ready(bed, namespace)
    before = children(bed, namespace)
    cluster.remove(made)
    wait_for_condition(bed, namespace, "Accepted", "False", "UnknownClass")
    assert children(bed, namespace) == before
    stored = get_monitor(bed, namespace)
    assert stored["status"]["resources"]
    cluster.class_(namespace, objectLabels={"release": "kps"})
    wait_until_ready(bed, namespace)
    assert children(bed, namespace) == before


def test_the_default_class_is_for_those_that_name_none(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    bed.apply([monitor(namespace)])
    wait_until_ready(bed, namespace)
    made = cluster.class_(namespace, DEFAULT, objectLabels={"release": "default"})
    wait_for_label(bed, namespace, "ServiceMonitor treasury.api", "release", "default")
    wait_for(
        "the monitor to say its class",
        lambda: get_monitor(bed, namespace)["status"].get("class") == namespace,
        SETTLES_WITHIN,
    )
    cluster.remove(made)
    wait_for_label(bed, namespace, "ServiceMonitor treasury.api", "release", None)
    wait_for(
        "the monitor to say no class", lambda: "class" not in get_monitor(bed, namespace)["status"], SETTLES_WITHIN
    )


def test_of_two_default_classes_the_oldest_counts_and_both_say_so(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    older, younger = f"{namespace}-b", f"{namespace}-a"
    first = cluster.class_(older, DEFAULT, objectLabels={"release": "older"})
    # Times of creation are whole seconds.
    created = datetime.fromisoformat(first["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
    wait_for("the next second", lambda: datetime.now(UTC) >= created + timedelta(seconds=1), SETTLES_WITHIN)
    second = cluster.class_(younger, DEFAULT, objectLabels={"release": "younger"})
    bed.apply([monitor(namespace)])
    wait_for_words(bed, namespace, "Accepted", "AmbiguousClass", f"{older} counts")
    wait_for_label(bed, namespace, "ServiceMonitor treasury.api", "release", "older")
    for name in (older, younger):
        wait_for_class(bed, name, "Accepted", "True", "AcceptedWithWarnings")
    cluster.remove(second)
    wait_for_no_words(bed, namespace, "Accepted", "AmbiguousClass")
    wait_for_class(bed, older, "Accepted", "True", "Accepted")


# -- environments


def environments(*names: str) -> list[Json]:
    return [{"name": name, "namespaceSelector": {"matchLabels": {"walletmon-env": name}}} for name in names]


def test_a_namespaces_labels_choose_the_environment(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    prod, test = environments("prod", "test")
    cluster.class_(namespace, environments=[{**prod, "labels": {"tier": "gold"}}, test])
    bed.apply([monitor(namespace, className=namespace)])
    wait_for_words(bed, namespace, "Accepted", "NoEnvironment", "set spec.environment to one of: prod, test")
    label(bed, namespace, **{"walletmon-env": "prod"})
    wait_for_no_words(bed, namespace, "Accepted", "NoEnvironment")
    stored = wait_until_ready(bed, namespace)
    assert stored["status"]["environment"] == "prod"
    labels = alert_labels(bed, namespace)
    assert (labels["environment"], labels["tier"]) == ("prod", "gold")
    wait_for_words_of_class(bed, namespace, "IdleEnvironment: spec.environments[1]")
    label(bed, namespace, **{"walletmon-env": "test"})
    wait_for(
        "the other environment", lambda: get_monitor(bed, namespace)["status"]["environment"] == "test", SETTLES_WITHIN
    )


def test_an_environment_that_matches_twice_is_told_and_the_first_counts(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    label(bed, namespace, **{"walletmon-env": "prod"})
    (prod,) = environments("prod")
    cluster.class_(namespace, environments=[prod, {**prod, "name": "production"}])
    bed.apply([monitor(namespace, className=namespace)])
    stored = wait_for_words(bed, namespace, "Accepted", "AmbiguousEnvironment", "prod counts")
    assert stored["status"]["environment"] == "prod"
    bed.apply([monitor(namespace, className=namespace, environment="production")])
    wait_for_no_words(bed, namespace, "Accepted", "AmbiguousEnvironment")
    assert wait_until_ready(bed, namespace)["status"]["environment"] == "production"


def test_an_environment_that_the_class_has_not_is_an_error(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.class_(namespace, environments=environments("prod"))
    bed.apply([monitor(namespace, className=namespace, environment="prdo")])
    wait_for_condition(bed, namespace, "Accepted", "False", "UnknownEnvironment")
    assert "ServiceMonitor treasury.api" in children(bed, namespace)


def test_a_prometheus_is_made_for_an_environment_kept_right_and_taken_away(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    (prod,) = environments("prod")
    managed = {**prod, "retention": "90d", "prometheus": {"namespace": namespace}}
    made = cluster.class_(namespace, environments=[managed])
    wait_for_class(bed, namespace, "Enforced", "Unknown", "NotKnown")
    name = f"{namespace}-prod"

    def found() -> Json | None:
        return bed.api.find(COREOS, "Prometheus", namespace, name)

    stored = wait_for("the Prometheus", found, SETTLES_WITHIN)
    assert stored["spec"]["retention"] == "90d"
    run(bed, stored)
    wait_for_class(bed, namespace, "Enforced", "True")
    bed.kubectl("-n", namespace, "patch", "prometheus", name, "--type=merge", "-p", '{"spec": {"retention": "1h"}}')
    wait_for("its retention", lambda: (found() or {"spec": {}})["spec"].get("retention") == "90d", SETTLES_WITHIN)
    cluster.class_(namespace, environments=[{**prod, "retention": "90d"}])
    wait_for("it to go", lambda: found() is None, SETTLES_WITHIN)
    stored = wait_for_class(bed, namespace, "Enforced", "False", "NothingEnforces")
    assert "resources" not in stored["status"]
    cluster.class_(namespace, environments=[managed])
    wait_for("it to be back", found, SETTLES_WITHIN)
    cluster.remove(made)
    wait_for("garbage collection", lambda: found() is None, 60.0)


def test_a_retention_is_compared_with_that_of_an_existing_prometheus(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    (prod,) = environments("prod")
    ref = {"namespace": namespace, "name": "kps"}
    cluster.class_(namespace, environments=[{**prod, "retention": "90d", "prometheusRef": ref}])
    wait_for_class(bed, namespace, "Enforced", "False", "NothingEnforces")
    cluster.prometheus(namespace, "kps", retention="24h")
    stored = wait_for_class(bed, namespace, "Enforced", "False", "NothingEnforces")
    cluster.prometheus(namespace, "kps", retention="90d")
    wait_for_class(bed, namespace, "Enforced", "Unknown", "NotKnown")
    run(bed, bed.api.get(COREOS, "Prometheus", namespace, "kps"))
    stored = wait_for_class(bed, namespace, "Enforced", "True")
    assert condition(stored, "Ready")


# -- what is asked for and cannot be


def test_an_interval_that_always_mutes_is_a_warning(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.secret(namespace, "chat", url="https://chat.example.org/x")
    always = {"name": "always", "times": [{"from": "00:00", "to": "24:00"}]}
    muted = {"P2": {"receivers": ["chat"], "muteTimeIntervals": ["always"]}, "muteTimeIntervals": [always]}
    bed.apply([monitor(namespace, routing={**routing("chat"), **muted})])
    wait_for_words(bed, namespace, "Accepted", "AlwaysMuted")
    nights = {"name": "nights", "times": [{"from": "00:00", "to": "06:00"}], "timeZone": "Europe/Berlin"}
    slept = {"P2": {"receivers": ["chat"], "muteTimeIntervals": ["nights"]}, "muteTimeIntervals": [nights]}
    bed.apply([monitor(namespace, routing={**routing("chat"), **slept})])
    wait_for_no_words(bed, namespace, "Accepted", "AlwaysMuted")
    wait_until_ready(bed, namespace)


def test_a_dependency_on_a_job_that_is_not_there_is_a_warning_until_it_comes(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    bed.apply([monitor(namespace, dependencies=[{"name": "db", "match": {"job": "wallet-db"}}])])
    wait_for_words(bed, namespace, "Accepted", "UnknownDependency", "wallet-db")
    service = {"ports": [{"name": "metrics", "port": 9187}], "selector": {"app": "db"}}
    metadata = {"name": "wallet-db", "namespace": namespace}
    cluster.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service})
    wait_for_no_words(bed, namespace, "Accepted", "UnknownDependency")


def test_a_label_that_governance_denies_is_left_out_and_the_rest_is_in_force(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    cluster.class_(namespace, governance={"deniedLabels": ["desk"], "requiredLabels": ["team"]})
    wallets = [{"name": "hot-1", "labels": {"desk": "12", "team": "treasury"}}]
    bed.apply([monitor(namespace, className=namespace, wallets=wallets)])
    wait_for_condition(bed, namespace, "Accepted", "False", "DeniedLabel")
    steps = children(bed, namespace)["ServiceMonitor treasury.api"]["spec"]["endpoints"][0]["relabelings"]
    written = {each.get("targetLabel") for each in steps}
    assert "team" in written
    assert "desk" not in written
    cluster.class_(namespace, governance={"requiredLabels": ["team"]})
    wait_until_ready(bed, namespace)


def test_a_class_that_changes_its_mind_is_no_drift(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.class_(namespace, objectLabels={"release": "one"})
    bed.apply([monitor(namespace, className=namespace, targets=[service_target()])])
    wait_until_ready(bed, namespace)
    cluster.class_(namespace, objectLabels={"release": "two"})
    wait_for_label(bed, namespace, "PrometheusRule treasury", "release", "two")
    wait_for_label(bed, namespace, "ServiceMonitor treasury.api", "release", "two")
    events = bed.api.items("events.k8s.io/v1", "Event", namespace)
    assert [each["note"] for each in events if each["reason"] == "DriftRepaired"] == []
