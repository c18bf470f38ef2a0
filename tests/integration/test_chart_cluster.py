"""The chart on a real control plane: what installing, upgrading and uninstalling leave, and what rights they give.

A control plane of its own: the chart owns the CustomResourceDefinition, which other tests install by other means.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed import Testbed
from testbed.api import ApiError
from testbed.errors import BedError
from testbed.installation import CHART, Operator, helm
from testbed.waiting import wait_for

ROOT = Path(__file__).parents[2]
RELEASE, NAMESPACE = "walletmon", "walletmon-system"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
SERVED, OTHER = "wallets-prod", "kube-public"
CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "walletmonitors.walletmon.dev")

AGGREGATED_S = 30.0
READY_S = 30.0

Right = tuple[str, str, str]
"""Group, resource (with subresource), verb."""

CHILDREN = {
    ("monitoring.coreos.com", resource)
    for resource in (
        "servicemonitors",
        "podmonitors",
        "probes",
        "scrapeconfigs",
        "prometheusrules",
        "alertmanagerconfigs",
    )
} | {("", "configmaps")}

NEEDED: set[Right] = {
    *((group, resource, verb) for group, resource in CHILDREN for verb in ("get", "list", "watch")),
    *((group, resource, verb) for group, resource in CHILDREN for verb in ("create", "patch", "delete")),
    *(("walletmon.dev", "walletmonitors", verb) for verb in ("get", "list", "watch")),
    ("walletmon.dev", "walletmonitors/status", "patch"),
    ("walletmon.dev", "walletmonitors/finalizers", "update"),
    *(("monitoring.coreos.com", "prometheuses", verb) for verb in ("get", "create", "patch", "delete")),
    ("", "services", "get"),
    ("", "secrets", "get"),
    ("events.k8s.io", "events", "create"),
}
EVERYWHERE: set[Right] = {
    *(("apiextensions.k8s.io", "customresourcedefinitions", verb) for verb in ("list", "watch")),
    *(("", "namespaces", verb) for verb in ("list", "watch")),
    *(
        ("monitoring.coreos.com", kind, verb)
        for kind in ("prometheuses", "alertmanagers")
        for verb in ("list", "watch")
    ),
    *(("walletmon.dev", "walletmonitorclasses", verb) for verb in ("get", "list", "watch")),
    ("walletmon.dev", "walletmonitorclasses/status", "patch"),
    ("walletmon.dev", "walletmonitorclasses/finalizers", "update"),
}
"""What is for the whole cluster, so also where namespaces are named."""

FORBIDDEN: set[Right] = {
    *(("", "secrets", verb) for verb in ("list", "watch", "create", "patch", "delete")),
    *(("walletmon.dev", "walletmonitorclasses", verb) for verb in ("create", "update", "patch", "delete")),
    *(("monitoring.coreos.com", "alertmanagers", verb) for verb in ("get", "create", "patch", "delete")),
    *(("walletmon.dev", "walletmonitors", verb) for verb in ("create", "update", "patch", "delete")),
    *((group, resource, verb) for group, resource in CHILDREN for verb in ("update", "deletecollection")),
    ("", "pods", "list"),
    ("", "pods/exec", "create"),
    ("", "services", "list"),
    ("", "events", "create"),
    ("", "serviceaccounts/token", "create"),
    ("apps", "deployments", "patch"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "get"),
    ("apiextensions.k8s.io", "customresourcedefinitions", "patch"),
    ("monitoring.coreos.com", "thanosrulers", "list"),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "create"),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Testbed]:
    with Testbed() as bed:
        bed.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SERVED}}])
        yield bed
        bed.check()


@pytest.fixture
def installed(cluster: Testbed) -> Iterator[Testbed]:
    """The chart with its defaults; afterwards nothing of it is left."""
    helm(cluster, "install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace")
    cluster.api.wait_until_served(cluster.api.get(*CRD))
    yield cluster
    helm(cluster, "uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
    cluster.api.delete(cluster.api.get(*CRD))


def upgrade(bed: Testbed, *arguments: str) -> None:
    helm(bed, "upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE, *arguments)


def allowed(bed: Testbed, user: str, right: Right, namespace: str | None, groups: tuple[str, ...] = ()) -> bool:
    group, resource, verb = right
    resource, _, subresource = resource.partition("/")
    attributes = {"group": group, "resource": resource, "subresource": subresource, "verb": verb}
    if namespace is not None:
        attributes["namespace"] = namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {"name": ""},
        "spec": {"user": user, "groups": list(groups), "resourceAttributes": attributes},
    }
    answer = bed.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def missing(bed: Testbed, rights: set[Right], namespace: str | None) -> set[Right]:
    return {right for right in rights if not allowed(bed, ACCOUNT, right, namespace)}


def held(bed: Testbed, rights: set[Right], namespace: str | None) -> set[Right]:
    return rights - missing(bed, rights, namespace)


def treasury() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "treasury.yaml").read_text())
    document["metadata"]["namespace"] = SERVED
    return document


def test_the_operator_has_the_rights_it_needs_and_no_others(installed: Testbed) -> None:
    # Asked about all namespaces at once, as its lists and watches do.
    assert missing(installed, NEEDED | EVERYWHERE, None) == set()
    assert held(installed, FORBIDDEN, None) == set()
    assert held(installed, FORBIDDEN, SERVED) == set()


def test_with_named_namespaces_it_has_rights_there_alone(installed: Testbed) -> None:
    upgrade(installed, "--set", f"watchNamespaces={{{SERVED}}}")
    assert missing(installed, NEEDED, SERVED) == set()
    assert missing(installed, EVERYWHERE, None) == set()
    assert held(installed, NEEDED | FORBIDDEN, OTHER) == set()
    assert held(installed, NEEDED | FORBIDDEN, None) == set()


def test_it_does_without_the_right_to_look_at_secrets(installed: Testbed) -> None:
    upgrade(installed, "--set", "checkSecrets=false")
    assert missing(installed, NEEDED | EVERYWHERE, None) == {("", "secrets", "get")}


@pytest.mark.parametrize(("role", "writes"), [("view", False), ("edit", True), ("admin", True)])
def test_the_clusters_own_roles_extend_to_monitors(installed: Testbed, role: str, writes: bool) -> None:
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"someone-{role}", "namespace": SERVED},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": f"someone-{role}", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    installed.apply([binding])

    def may(verb: str) -> bool:
        return allowed(installed, f"someone-{role}", ("walletmon.dev", "walletmonitors", verb), SERVED)

    wait_for(f"{role} to be aggregated", lambda: may("get"), AGGREGATED_S)
    if writes:
        wait_for(f"{role} to be aggregated", lambda: may("create"), AGGREGATED_S)
    assert may("patch") is writes
    assert not allowed(installed, f"someone-{role}", ("walletmon.dev", "walletmonitors/status", "patch"), SERVED)


def test_the_definition_it_installs_is_the_generated_one(installed: Testbed) -> None:
    installed.apply([treasury()])
    wrong = treasury()
    wrong["spec"]["wallets"][0]["chain"] = {"family": "evm"}
    with pytest.raises(ApiError, match="EIP-155"):
        installed.apply([wrong])


def older_definition() -> dict[str, Any]:
    """The definition as it may have been in an earlier version: without `suspend`."""
    crd: dict[str, Any] = yaml.safe_load((ROOT / "crds" / "walletmonitors.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    del version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["suspend"]
    version["additionalPrinterColumns"] = [
        column for column in version["additionalPrinterColumns"] if "suspend" not in column["jsonPath"]
    ]
    return crd


def knows_suspend(bed: Testbed) -> bool:
    return "suspend" in str(bed.api.get(*CRD)["spec"])


def test_an_upgrade_upgrades_the_definition_and_keeps_the_monitors(installed: Testbed, tmp_path: Path) -> None:
    older = tmp_path / "walletmon"
    shutil.copytree(CHART, older)
    (older / "files" / "crds" / "walletmonitors.yaml").write_text(yaml.safe_dump(older_definition()))
    helm(installed, "upgrade", RELEASE, str(older), "--namespace", NAMESPACE)
    assert not knows_suspend(installed)
    installed.apply([treasury()])

    upgrade(installed)

    assert knows_suspend(installed)
    assert installed.api.find("walletmon.dev/v1alpha1", "WalletMonitor", SERVED, "treasury") is not None


def test_an_upgrade_to_other_values_changes_the_deployment_in_place(installed: Testbed) -> None:
    before = installed.api.get("apps/v1", "Deployment", NAMESPACE, RELEASE)
    upgrade(installed, "--set", "objectLabels.release=kps", "--set", "networkPolicy.enabled=true")
    after = installed.api.get("apps/v1", "Deployment", NAMESPACE, RELEASE)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert "--object-label=release=kps" in after["spec"]["template"]["spec"]["containers"][0]["args"]
    assert installed.api.find("networking.k8s.io/v1", "NetworkPolicy", NAMESPACE, RELEASE) is not None
    upgrade(installed, "--reset-values")
    assert installed.api.find("networking.k8s.io/v1", "NetworkPolicy", NAMESPACE, RELEASE) is None


def test_what_it_makes_is_taken_with_strict_validation_and_by_the_restricted_standard(cluster: Testbed) -> None:
    name = "restricted"
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label}}])
    values = ["--set", "networkPolicy.enabled=true", "--set", "watchNamespaces={wallets-prod}"]
    rendered = helm(cluster, "template", RELEASE, str(CHART), "--namespace", name, *values)
    for obj in filter(None, yaml.safe_load_all(rendered)):
        cluster.api.apply(obj, dry_run=True)
        if obj["kind"] == "Deployment":
            template = obj["spec"]["template"]
            metadata = {"name": "pod", "namespace": name, **template["metadata"]}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
            pod["spec"]["serviceAccountName"] = "default"
            wait_for(
                "the namespace's default account",
                lambda: cluster.api.find("v1", "ServiceAccount", name, "default"),
                AGGREGATED_S,
            )
            cluster.api.apply(pod, dry_run=True)


def test_uninstalling_leaves_the_definition_and_the_monitors_and_nothing_else(installed: Testbed) -> None:
    installed.apply([treasury()])
    helm(installed, "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")
    assert installed.api.find("walletmon.dev/v1alpha1", "WalletMonitor", SERVED, "treasury") is not None
    left = [
        (obj["kind"], obj["metadata"]["name"])
        for version, kind in (
            ("apps/v1", "Deployment"),
            ("v1", "Service"),
            ("rbac.authorization.k8s.io/v1", "ClusterRole"),
            ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
        )
        for obj in installed.api.items(version, kind)
        if obj["metadata"].get("labels", {}).get("app.kubernetes.io/name") == "walletmon"
    ]
    assert left == []


def test_it_can_be_installed_again_after_uninstalling(installed: Testbed) -> None:
    installed.apply([treasury()])
    helm(installed, "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")
    helm(installed, "install", RELEASE, str(CHART), "--namespace", NAMESPACE)
    assert installed.api.find("walletmon.dev/v1alpha1", "WalletMonitor", SERVED, "treasury") is not None


def test_a_definition_of_somebody_elses_is_taken_over_only_when_told_to(cluster: Testbed) -> None:
    cluster.apply([older_definition()])
    install = ("upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--create-namespace")
    with pytest.raises(BedError, match=r"walletmonitors\.walletmon\.dev"):
        helm(cluster, *install)
    assert not knows_suspend(cluster)
    helm(cluster, *install, "--take-ownership", "--force-conflicts")
    assert knows_suspend(cluster)
    helm(cluster, "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")
    cluster.api.delete(cluster.api.get(*CRD))


def test_the_operator_itself_lives_with_the_rights_of_named_namespaces(installed: Testbed) -> None:
    upgrade(installed, "--set", f"watchNamespaces={{{SERVED}}}")
    installed.install_prometheus_operator_crds()
    elsewhere = treasury()
    elsewhere["metadata"]["namespace"] = "default"
    on_call = {"name": "treasury-on-call", "namespace": SERVED}
    data = {"url": "https://pager.example.org"}
    installed.apply([{"apiVersion": "v1", "kind": "Secret", "metadata": on_call, "stringData": data}])
    installed.apply([treasury(), elsewhere])
    kubeconfig = installed.service_account_kubeconfig(NAMESPACE, RELEASE)
    operator = Operator(installed, kubeconfig, ["--namespace", SERVED])
    operator.start()
    try:
        wait_for("the monitor to be ready", lambda: ready(installed, SERVED), READY_S)
        operator.check()
    finally:
        operator.stop()
    assert not ready(installed, "default")
    assert installed.api.items("monitoring.coreos.com/v1", "PrometheusRule", "default") == []
    log = operator.log.read_text()
    assert "forbidden" not in log.lower()
    assert "permission" not in log.lower()


def test_with_named_namespaces_classes_are_in_force_and_say_what_is_not_theirs_to_do(installed: Testbed) -> None:
    upgrade(installed, "--set", f"watchNamespaces={{{SERVED}}}", "--set", "checkSecrets=false")
    installed.install_prometheus_operator_crds()
    chat = {"name": "chat", "slack": {"urlSecret": {"name": "lost", "key": "url"}}}
    selecting = {"alertmanagerConfigSelector": {}, "alertmanagerConfigMatcherStrategy": {"type": "None"}}
    alertmanager = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Alertmanager",
        "metadata": {"name": "main", "namespace": SERVED},
        "spec": selecting,
    }
    installed.apply([alertmanager])
    for namespace in (SERVED, OTHER):
        spec = {"alertmanager": {"namespace": namespace}, "receivers": [chat]}
        installed.apply([class_document(namespace, spec)])
    document = treasury()
    document["spec"]["className"] = SERVED
    installed.apply([document])
    operator = Operator(installed, installed.service_account_kubeconfig(NAMESPACE, RELEASE), ["--namespace", SERVED])
    operator.start()
    try:
        wait_for("the monitor to be ready", lambda: ready(installed, SERVED), READY_S)
        # Secrets may not be looked at, so what is named is taken for granted.
        wait_for("the class to be ready", lambda: said_of_class(installed, SERVED, "Ready")[0] == "True", READY_S)
        wait_for("the other to say why", lambda: said_of_class(installed, OTHER, "Applied")[0] == "False", READY_S)
        _, message = said_of_class(installed, OTHER, "Applied")
        assert "cannot get resource" in message
        assert "alertmanagerconfigs" in message
        assert f'in the namespace "{OTHER}"' in message
        wait_for("Events of both", lambda: reasons_of_classes(installed) >= {"Ready", "Forbidden"}, READY_S)
    finally:
        operator.stop()
        installed.api.delete(alertmanager)
        for namespace in (SERVED, OTHER):
            installed.api.delete(class_document(namespace, {}))
    log = operator.log.read_text()
    assert "event not written" not in log
    assert log.count("cannot look") == 2, "once for each namespace"


def class_document(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name}
    return {"apiVersion": "walletmon.dev/v1alpha1", "kind": "WalletMonitorClass", "metadata": metadata, "spec": spec}


def said_of_class(bed: Testbed, name: str, kind: str) -> tuple[str, str]:
    found = bed.api.get("walletmon.dev/v1alpha1", "WalletMonitorClass", None, name)
    conditions = found.get("status", {}).get("conditions", [])
    return next(((each["status"], each["message"]) for each in conditions if each["type"] == kind), ("", ""))


def reasons_of_classes(bed: Testbed) -> set[str]:
    """The reasons of Events about classes."""
    events = bed.api.items("events.k8s.io/v1", "Event", "default")
    return {each["reason"] for each in events if each["regarding"]["kind"] == "WalletMonitorClass"}


def ready(bed: Testbed, namespace: str) -> bool:
    monitor = bed.api.get("walletmon.dev/v1alpha1", "WalletMonitor", namespace, "treasury")
    conditions = monitor.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
