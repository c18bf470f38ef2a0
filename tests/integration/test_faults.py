"""Missing kinds, missing rights, an apiserver and an etcd that go away: told truthfully, and put right by itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import urllib3.exceptions

from testbed import Testbed
from testbed.api import ApiError
from testbed.installation import Operator, install
from testbed.waiting import wait_for
from tests.integration.monitors import (
    Json,
    children,
    condition,
    monitor,
    service_target,
    wait_for_condition,
    wait_until_ready,
)

CONVERGES_WITHIN = 120.0
ETCD_AWAY_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Testbed]:
    """A control plane of our own to break: without prometheus-operator's kinds, at first."""
    with Testbed() as bed:
        yield bed


@pytest.fixture(scope="module")
def walletmon(cluster: Testbed) -> Iterator[Operator]:
    """The operator on it."""
    operator = Operator(cluster, install(cluster), name="walletmon-faults")
    operator.start()
    yield operator
    operator.check()
    operator.stop()
    print(operator.log.read_text()[-20_000:])


def new_namespace(bed: Testbed, name: str) -> str:
    bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    return name


def test_missing_kinds_are_told_and_put_right_when_they_come(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "no-crds")
    cluster.apply([monitor(namespace)])
    stored = wait_for_condition(cluster, namespace, "Applied", "False", "CRDMissing")
    said = condition(stored, "Applied")
    assert said is not None
    assert "PrometheusRule, ServiceMonitor" in said["message"]
    assert condition(stored, "Stalled") is not None
    assert condition(stored, "Ready")["reason"] == "CRDMissing"  # type: ignore[index]
    assert stored["status"]["resources"] == [{"kind": "ConfigMap", "name": "treasury.overview"}]
    cluster.install_prometheus_operator_crds()
    stored = wait_until_ready(cluster, namespace)
    assert condition(stored, "Stalled") is None
    assert "ServiceMonitor treasury.api" in children(cluster, namespace)
    # The kinds are watched from now on, not only written.
    cluster.kubectl("delete", "servicemonitor", "treasury.api", "-n", namespace)
    wait_for(
        "the deleted object to come back",
        lambda: cluster.api.find("monitoring.coreos.com/v1", "ServiceMonitor", namespace, "treasury.api"),
        CONVERGES_WITHIN,
    )


def test_a_missing_right_is_named_and_its_return_is_enough(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "no-rights")
    role = cluster.api.get("rbac.authorization.k8s.io/v1", "ClusterRole", None, "walletmon")
    without = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "patch"]}
        if "prometheusrules" in rule.get("resources", ())
        else rule
        for rule in role["rules"]
    ]
    cluster.api.request("PUT", cluster.api.path_of(role), {**role, "rules": without})
    cluster.apply([monitor(namespace)])
    stored = wait_for_condition(cluster, namespace, "Applied", "False", "Forbidden")
    said = condition(stored, "Applied")
    assert said is not None
    assert "cannot patch resource" in said["message"]
    assert "system:serviceaccount:walletmon-system:walletmon" in said["message"]
    assert "ConfigMap treasury.overview" in children(cluster, namespace), "what is allowed is done"
    current = cluster.api.get("rbac.authorization.k8s.io/v1", "ClusterRole", None, "walletmon")
    cluster.api.request("PUT", cluster.api.path_of(role), {**current, "rules": role["rules"]})
    wait_for(
        "the monitor to get Ready",
        lambda: (
            (
                condition(cluster.api.get("walletmon.dev/v1alpha1", "WalletMonitor", namespace, "treasury"), "Ready")
                or {}
            ).get("status")
            == "True"
        ),
        CONVERGES_WITHIN,
    )


def persist(bed: Testbed, obj: Json) -> None:
    """Apply as a user would who does not give up."""

    def applied() -> bool:
        try:
            bed.api.apply(obj)
        except (ApiError, urllib3.exceptions.HTTPError):
            return False
        return True

    wait_for(f"{obj['metadata']['name']} to be taken", applied, CONVERGES_WITHIN)


def wait_until_converged(bed: Testbed, namespace: str, names: list[str], interval: str) -> None:
    """Until each monitor is Ready for its newest spec and its child says so too."""

    def converged() -> bool:
        monitors = {
            m["metadata"]["name"]: m for m in bed.api.items("walletmon.dev/v1alpha1", "WalletMonitor", namespace)
        }
        ready = [
            (found := condition(m, "Ready")) is not None
            and found["status"] == "True"
            and found["observedGeneration"] == m["metadata"]["generation"]
            for m in monitors.values()
        ]
        found_children = children(bed, namespace)
        scraped = [
            found_children.get(f"ServiceMonitor {name}.api", {})
            .get("spec", {})
            .get("endpoints", [{}])[0]
            .get("interval")
            for name in names
        ]
        return len(monitors) == len(names) and all(ready) and scraped == [interval] * len(names)

    wait_for(f"{len(names)} monitors to converge", converged, CONVERGES_WITHIN)


def burst(bed: Testbed, namespace: str, names: list[str], interval: str) -> threading.Thread:
    """Change every monitor, one after another, beside the test."""

    def change() -> None:
        for name in names:
            persist(bed, monitor(namespace, name, targets=[service_target(interval=interval)]))

    thread = threading.Thread(target=change)
    thread.start()
    return thread


def test_an_apiserver_that_restarts_during_a_burst_loses_nothing(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "restart")
    names = [f"desk-{index}" for index in range(30)]
    cluster.apply([monitor(namespace, name) for name in names[:15]])
    changes = burst(cluster, namespace, names, "17s")
    cluster.restart("kube-apiserver")
    changes.join()
    wait_until_converged(cluster, namespace, names, "17s")
    walletmon.check()


def test_what_was_deleted_while_the_operator_could_not_look_is_put_right(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "unseen")
    cluster.apply([monitor(namespace)])
    wait_until_ready(cluster, namespace)
    # Deleted by a second apiserver's client while the first one is away would need two; a stop right after the delete
    # comes to the same: the watch breaks, and begins anew after the object's deletion.
    cluster.api.delete(cluster.api.get("monitoring.coreos.com/v1", "PrometheusRule", namespace, "treasury"))
    cluster.restart("kube-apiserver")
    wait_for(
        "the rule to come back",
        lambda: cluster.api.find("monitoring.coreos.com/v1", "PrometheusRule", namespace, "treasury"),
        CONVERGES_WITHIN,
    )


def test_an_operator_that_is_killed_during_a_burst_goes_on_where_it_was(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "killed")
    names = [f"desk-{index}" for index in range(30)]
    cluster.apply([monitor(namespace, name) for name in names[:15]])
    changes = burst(cluster, namespace, names, "23s")
    walletmon.kill()
    walletmon.start()
    changes.join()
    wait_until_converged(cluster, namespace, names, "23s")


def test_an_etcd_that_is_away_for_a_minute_during_a_burst_loses_nothing(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "etcd")
    names = [f"desk-{index}" for index in range(30)]
    cluster.apply([monitor(namespace, name) for name in names[:15]])
    for name in names[:15]:
        wait_until_ready(cluster, namespace, name)
    away = threading.Event()
    changes = burst(cluster, namespace, names, "19s")
    cluster.stop("etcd")
    away.wait(ETCD_AWAY_SECONDS)
    cluster.start("etcd")
    changes.join()
    wait_until_converged(cluster, namespace, names, "19s")
    walletmon.check()


def test_walletmons_own_kind_may_go_and_come_back(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "own-kind")
    cluster.apply([monitor(namespace)])
    wait_until_ready(cluster, namespace)
    crd = cluster.api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "walletmonitors.walletmon.dev")
    cluster.api.delete(crd)
    wait_for(
        "the kind to be gone with all its objects",
        lambda: cluster.api.find("apiextensions.k8s.io/v1", crd["kind"], None, crd["metadata"]["name"]) is None,
        CONVERGES_WITHIN,
    )
    metadata = {"name": crd["metadata"]["name"]}
    cluster.install_crds([{**{k: crd[k] for k in ("apiVersion", "kind", "spec")}, "metadata": metadata}])
    cluster.apply([monitor(namespace, "reborn")])
    wait_until_ready(cluster, namespace, "reborn")
    walletmon.check()


CLASS_CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "walletmonitorclasses.walletmon.dev")


def test_a_class_stored_under_a_laxer_definition_says_so_and_so_do_its_monitors(
    cluster: Testbed, walletmon: Operator
) -> None:
    namespace = new_namespace(cluster, "lax")
    strict = cluster.api.get(*CLASS_CRD)
    good = {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitorClass",
        "metadata": {"name": namespace},
        "spec": {"objectLabels": {"release": "kps"}},
    }
    cluster.apply([good, monitor(namespace, className=namespace)])
    wait_until_ready(cluster, namespace)
    before = children(cluster, namespace)
    lax = json.loads(json.dumps(strict))
    properties = lax["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    properties["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    cluster.api.request("PUT", cluster.api.path_of(strict), lax)
    persist(cluster, {**good, "spec": {"objectLabels": "release=kps"}})
    current = cluster.api.get(*CLASS_CRD)
    cluster.api.request("PUT", cluster.api.path_of(strict), {**current, "spec": strict["spec"]})
    stored = wait_for_condition(cluster, namespace, "Accepted", "False", "UnknownClass")
    said = condition(stored, "Accepted")
    assert said is not None
    assert "cannot be understood" in said["message"]
    assert children(cluster, namespace) == before

    def refused() -> bool:
        found = condition(cluster.api.get("walletmon.dev/v1alpha1", "WalletMonitorClass", None, namespace), "Accepted")
        return found is not None and found["status"] == "False" and "spec.objectLabels" in found["message"]

    wait_for("the class to say what is wrong", refused, CONVERGES_WITHIN)
    # An apply cannot merge with what is not of the schema; a replacement can.
    broken = cluster.api.get("walletmon.dev/v1alpha1", "WalletMonitorClass", None, namespace)
    cluster.api.request("PUT", cluster.api.path_of(broken), {**broken, "spec": good["spec"]})
    wait_until_ready(cluster, namespace)
    cluster.api.delete(good)


def test_the_kind_of_classes_may_go_and_come_back(cluster: Testbed, walletmon: Operator) -> None:
    namespace = new_namespace(cluster, "no-classes")
    good = {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitorClass",
        "metadata": {"name": namespace},
        "spec": {"objectLabels": {"release": "kps"}},
    }
    cluster.apply([good, monitor(namespace, className=namespace), monitor(namespace, "nameless")])
    wait_until_ready(cluster, namespace)
    before = children(cluster, namespace)
    crd = cluster.api.get(*CLASS_CRD)
    cluster.api.delete(crd)
    wait_for_condition(cluster, namespace, "Accepted", "False", "UnknownClass")
    assert children(cluster, namespace) == before
    wait_until_ready(cluster, namespace, "nameless")
    wait_for("the kind to be gone", lambda: cluster.api.find(*CLASS_CRD) is None, CONVERGES_WITHIN)
    metadata = {"name": crd["metadata"]["name"]}
    cluster.install_crds([{**{k: crd[k] for k in ("apiVersion", "kind", "spec")}, "metadata": metadata}])
    cluster.apply([good])

    def ready() -> bool:
        found = condition(cluster.api.get("walletmon.dev/v1alpha1", "WalletMonitor", namespace, "treasury"), "Ready")
        return found is not None and found["status"] == "True"

    wait_for("the monitor to get Ready", ready, CONVERGES_WITHIN)
    assert children(cluster, namespace) == before
    cluster.api.delete(good)
    walletmon.check()
