"""Who selects and who is told, on a real apiserver: the condition Selected, receivers and Secrets, and healing."""

from __future__ import annotations

import pytest

from testbed import Testbed
from testbed.waiting import wait_for
from tests.integration.classes import (
    Cluster,
    label,
    receivers,
    routing,
    slack,
    wait_for_class,
    wait_for_label,
    wait_for_receivers,
    wait_for_words,
)
from tests.integration.monitors import children, monitor, wait_for_condition, wait_until_ready

pytestmark = pytest.mark.usefixtures("operator")


# -- who selects


def test_labels_that_a_prometheus_selects_by_are_found_out(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    release = {"matchLabels": {"release": "kps"}}
    cluster.prometheus(namespace, "kps", serviceMonitorSelector=release, ruleSelector=release)
    bed.apply([monitor(namespace)])
    wait_for_condition(bed, namespace, "Selected", "True")
    labels = {name: each["metadata"]["labels"].get("release") for name, each in children(bed, namespace).items()}
    assert labels["ServiceMonitor treasury.api"] == labels["PrometheusRule treasury"] == "kps"
    assert labels["ConfigMap treasury.overview"] is None
    cluster.prometheus(namespace, "kps", serviceMonitorSelector={"matchLabels": {"team": "x"}}, ruleSelector=release)
    wait_for_label(bed, namespace, "ServiceMonitor treasury.api", "team", "x")
    wait_for_label(bed, namespace, "ServiceMonitor treasury.api", "release", None)
    wait_for_condition(bed, namespace, "Selected", "True", "SelectedWithoutSilences")
    cluster.alertmanager(namespace, "main", alertmanagerConfigSelector={"matchLabels": {"release": "kps"}})
    wait_for_label(bed, namespace, "AlertmanagerConfig treasury", "release", "kps")
    wait_for_condition(bed, namespace, "Selected", "True", "Selected")


def test_what_no_label_can_meet_is_said_with_the_cure(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.prometheus(namespace, "kps", ruleNamespaceSelector={"matchLabels": {"walletmon-env": "prod"}})
    bed.apply([monitor(namespace)])
    wait_for_condition(bed, namespace, "Selected", "False", "NotSelected")
    wait_for_words(bed, namespace, "Ready", "wants the label walletmon-env=prod on namespace")
    label(bed, namespace, **{"walletmon-env": "prod"})
    wait_until_ready(bed, namespace)


def test_labels_that_the_class_says_are_not_found_out(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.class_(namespace, objectLabels={"release": "wrong"})
    cluster.prometheus(namespace, "kps", serviceMonitorSelector={"matchLabels": {"release": "kps"}})
    bed.apply([monitor(namespace, className=namespace)])
    wait_for_condition(bed, namespace, "Selected", "False", "NotSelected")
    wait_for_words(bed, namespace, "Selected", "wants the label release=kps")
    cluster.class_(namespace, objectLabels={"release": "kps"})
    wait_until_ready(bed, namespace)


def test_a_prometheus_that_tells_nobody_is_told(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.prometheus(namespace, "kps", alerting=None)
    bed.apply([monitor(namespace)])
    wait_for_condition(bed, namespace, "Selected", "False", "NoAlerting")
    cluster.prometheus(namespace, "kps")
    wait_until_ready(bed, namespace)


def test_a_strategy_under_which_the_class_cannot_tell_is_told(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    bed.kubectl("create", "namespace", f"{namespace}-am")
    cluster.secret(f"{namespace}-am", "chat", url="https://chat.example.org/x")
    cluster.class_(
        namespace, alertmanager={"namespace": f"{namespace}-am", "name": "main"}, receivers=[slack("chat", "chat")]
    )
    cluster.prometheus(f"{namespace}-am", "kps")
    bed.apply([monitor(namespace, className=namespace)])
    wait_for_condition(bed, namespace, "Selected", "False", "AlertmanagerMissing")
    cluster.alertmanager(f"{namespace}-am", "main")
    wait_for_condition(bed, namespace, "Selected", "False", "MatcherStrategy")
    wait_for_words(bed, namespace, "Selected", "set its spec.alertmanagerConfigMatcherStrategy.type to")
    cluster.alertmanager(f"{namespace}-am", "main", "OnNamespaceExceptForAlertmanagerNamespace")
    wait_until_ready(bed, namespace)
    wait_for_class(bed, namespace, "Ready", "True")


# -- receivers and their Secrets


def test_a_receiver_without_its_secret_is_left_out_and_comes_with_it(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    cluster.secret(namespace, "chat", url="https://chat.example.org/x")
    bed.apply([monitor(namespace, routing=routing("chat", "desk"))])
    wait_for_condition(bed, namespace, "Accepted", "False", "MissingSecret")
    wait_for_words(bed, namespace, "Accepted", "desk", "url")
    assert receivers(bed, namespace) == ["chat"]
    cluster.secret(namespace, "desk", other="x")
    cluster.secret(namespace, "desk", url="https://desk.example.org/x")
    wait_until_ready(bed, namespace)
    assert receivers(bed, namespace) == ["chat", "desk"]


def test_a_secret_that_goes_takes_its_receiver_out_and_no_other(bed: Testbed, namespace: str, cluster: Cluster) -> None:
    cluster.secret(namespace, "chat", url="https://chat.example.org/x")
    gone = cluster.secret(namespace, "desk", url="https://desk.example.org/x")
    bed.apply([monitor(namespace, routing=routing("chat", "desk"))])
    wait_until_ready(bed, namespace)
    cluster.remove(gone)
    wait_for("the receiver to go", lambda: receivers(bed, namespace) == ["chat"], 60.0)
    wait_for_condition(bed, namespace, "Accepted", "False", "MissingSecret")


def test_a_classes_receiver_without_its_secret_is_left_out_and_comes_with_it(
    bed: Testbed, namespace: str, cluster: Cluster
) -> None:
    cluster.secret(namespace, "chat", url="https://chat.example.org/x")
    cluster.alertmanager(namespace, "main", "OnNamespaceExceptForAlertmanagerNamespace")
    cluster.class_(
        namespace, alertmanager={"namespace": namespace}, receivers=[slack("chat", "chat"), slack("desk", "desk")]
    )
    wait_for_class(bed, namespace, "Accepted", "False", "MissingSecret")
    wait_for_receivers(bed, namespace, ["chat"], f"walletmon.{namespace}")
    cluster.secret(namespace, "desk", url="https://desk.example.org/x")
    wait_for_class(bed, namespace, "Ready", "True")
    wait_for_receivers(bed, namespace, ["chat", "desk"], f"walletmon.{namespace}")
