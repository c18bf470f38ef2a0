"""When nothing changed, nothing is written: counted in the apiserver's own audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import urllib3

from testbed import Testbed
from testbed.audit import AuditMark
from testbed.installation import Operator
from testbed.waiting import wait_for
from tests.integration.classes import (
    Cluster,
    receivers,
    routing,
    slack,
    wait_for_class,
    wait_for_label,
    wait_for_receivers,
)
from tests.integration.monitors import (
    API_VERSION,
    COREOS,
    SETTLES_WITHIN,
    Json,
    get_monitor,
    monitor,
    wait_for_condition,
    wait_until_ready,
)

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
NOON = "2026-01-01T12:00:00Z"


def requests_of_walletmon(bed: Testbed, since: AuditMark) -> list[Json]:
    """Requests of the operator that the apiserver answered since."""
    return [event for event in bed.audit(since) if event["userAgent"].startswith("walletmon/")]


def writes_of_walletmon(bed: Testbed, since: AuditMark) -> list[tuple[str, str, Any]]:
    """Its writes, whoever in its process made them: verb, resource, and HTTP status."""
    return [
        (event["verb"], event["objectRef"]["resource"], event["responseStatus"]["code"])
        for event in bed.audit(since)
        if event["verb"] in WRITES and "walletmon-system:walletmon" in event["user"]["username"]
    ]


def writes_about(bed: Testbed, since: AuditMark, namespace: str) -> list[tuple[str, Any]]:
    """Its writes to what is in a namespace, and to the class called so, but Events: resource and HTTP status. What
    other tests left is being taken away meanwhile, and every Prometheus and Alertmanager concerns everybody."""
    return [
        (event["objectRef"]["resource"], event["responseStatus"]["code"])
        for event in bed.audit(since)
        if event["verb"] in WRITES
        and "walletmon-system:walletmon" in event["user"]["username"]
        and namespace in (event["objectRef"].get("namespace"), event["objectRef"].get("name"))
        and event["objectRef"]["resource"] != "events"
    ]


def without_events(writes: list[tuple[str, str, Any]]) -> list[tuple[str, str, Any]]:
    """Events follow a status write a moment later; these tests do not wait for them."""
    return [write for write in writes if write[1] != "events"]


def visits(operator: Operator) -> float:
    """How many visits to monitors the operator has made, by its own metrics."""
    text = urllib3.request("GET", f"{operator.url}/metrics").data.decode()
    lines = [line for line in text.splitlines() if line.startswith("walletmon_reconciles_total{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def wait_for_visit(operator: Operator, before: float, count: int = 1) -> None:
    """Until so many visits more have been made."""
    wait_for(f"{count} visits", lambda: visits(operator) >= before + count, SETTLES_WITHIN)


def test_a_second_visit_writes_nothing(bed: Testbed, operator: Operator, namespace: str) -> None:
    bed.apply([monitor(namespace)])
    wait_until_ready(bed, namespace)
    before, mark = visits(operator), bed.audit_mark()
    # A label on the monitor is a change to look at, and one that nothing follows from.
    bed.kubectl("label", "walletmonitor", "treasury", "-n", namespace, "team=treasury")
    wait_for_visit(operator, before)
    assert without_events(writes_of_walletmon(bed, mark)) == []


def test_the_echo_of_its_own_writes_makes_no_second_round(bed: Testbed, operator: Operator, namespace: str) -> None:
    before, mark = visits(operator), bed.audit_mark()
    bed.apply([monitor(namespace)])
    wait_until_ready(bed, namespace)
    writes = without_events(writes_of_walletmon(bed, mark))
    status_writes = [write for write in writes if write[1] == "walletmonitors"]
    assert status_writes == [("patch", "walletmonitors", 200)], "one status write for one change"
    # What the watches report of those writes came before what they report of this label.
    wait_for_visit(operator, before)
    bed.kubectl("label", "walletmonitor", "treasury", "-n", namespace, "seen=yes")
    wait_for_visit(operator, before, 2)
    assert without_events(writes_of_walletmon(bed, mark)) == writes


def test_what_one_new_monitor_costs(
    bed: Testbed, operator: Operator, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    mark = bed.audit_mark()
    bed.apply([monitor(namespace)])
    stored = wait_until_ready(bed, namespace)
    children = len(stored["status"]["resources"])
    events = [e for e in requests_of_walletmon(bed, mark) if e["verb"] != "watch"]
    record_property("requests", [f"{e['verb']} {e['objectRef']['resource']}" for e in events])
    writes = [e for e in events if e["verb"] in WRITES and e["objectRef"]["resource"] != "events"]
    assert len(writes) == children + 1, "one apply a child, one status"


def test_a_restart_with_fifty_monitors_writes_nothing(bed: Testbed, operator: Operator, namespace: str) -> None:
    names = [f"desk-{index}" for index in range(50)]
    bed.apply([monitor(namespace, name) for name in names])
    for name in names:
        wait_until_ready(bed, namespace, name)
    operator.stop()
    mark = bed.audit_mark()
    operator.start()
    wait_for_visit(operator, 0, 50)
    assert writes_of_walletmon(bed, mark) == []


def test_a_class_without_objects_is_not_written_twice(
    bed: Testbed, operator: Operator, namespace: str, cluster: Cluster
) -> None:
    cluster.class_(namespace)
    wait_for_class(bed, namespace, "Ready", "True")
    before, mark = visits(operator), bed.audit_mark()
    bed.kubectl("label", "namespace", namespace, "team=treasury")
    wait_for_visit(operator, before)
    assert writes_of_walletmon(bed, mark) == []


def a_class_of_everything(cluster: Cluster, namespace: str) -> None:
    """A class that tells by what has to be found out: labels that others select by, Secrets of which some are not
    there, an environment by a namespace's labels, and a Prometheus of its own."""
    release = {"matchLabels": {"release": "kps"}}
    cluster.prometheus(namespace, "kps", serviceMonitorSelector=release, ruleSelector=release)
    cluster.alertmanager(
        namespace, "main", "OnNamespaceExceptForAlertmanagerNamespace", alertmanagerConfigSelector=release
    )
    cluster.secret(namespace, "chat", url="https://chat.example.org/x")
    cluster.class_(
        namespace,
        alertmanager={"namespace": namespace},
        receivers=[slack("chat", "chat"), *(slack(f"lost-{index}", f"lost-{index}") for index in range(5))],
        environments=[
            {"name": "prod", "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}},
            {"name": "own", "retention": "90d", "prometheus": {"namespace": namespace}},
        ],
    )


def test_a_restart_with_a_class_writes_nothing_whatever_has_to_be_looked_up(
    bed: Testbed, operator: Operator, namespace: str, cluster: Cluster
) -> None:
    a_class_of_everything(cluster, namespace)
    names = [f"desk-{index}" for index in range(20)]
    lost = {"routing": routing("chat", "lost")}
    bed.apply([monitor(namespace, name, className=namespace) for name in names[:10]])
    bed.apply([monitor(namespace, name, className=namespace, **lost) for name in names[10:]])
    for name in names[:10]:
        wait_until_ready(bed, namespace, name)
    for name in names[10:]:
        wait_for_condition(bed, namespace, "Accepted", "False", "MissingSecret", name)
        wait_for_condition(bed, namespace, "Selected", "True", name=name)
        wait_for_receivers(bed, namespace, ["chat"], name)
    wait_for_class(bed, namespace, "Accepted", "False", "MissingSecret")
    wait_for_class(bed, namespace, "Enforced", "Unknown", "NotKnown")
    operator.stop()
    mark = bed.audit_mark()
    operator.start()
    wait_for_visit(operator, 0, len(names) + 1)
    assert writes_of_walletmon(bed, mark) == []
    assert receivers(bed, namespace, names[-1]) == ["chat"]


def test_another_selector_is_one_write_for_each_object_and_none_for_a_status(
    bed: Testbed, operator: Operator, namespace: str, cluster: Cluster
) -> None:
    a_class_of_everything(cluster, namespace)
    names = [f"desk-{index}" for index in range(10)]
    bed.apply([monitor(namespace, name, className=namespace) for name in names])
    for name in names:
        wait_until_ready(bed, namespace, name)
    wait_for_class(bed, namespace, "Enforced", "Unknown", "NotKnown")
    mark = bed.audit_mark()
    other = {"matchLabels": {"release": "other"}}
    cluster.alertmanager(
        namespace, "main", "OnNamespaceExceptForAlertmanagerNamespace", alertmanagerConfigSelector=other
    )
    for name in (*names, f"walletmon.{namespace}"):
        wait_for_label(bed, namespace, f"AlertmanagerConfig {name}", "release", "other")
    # All of them once more, so that whatever followed from that has been written.
    before = visits(operator)
    bed.kubectl("label", "namespace", namespace, "team=treasury")
    wait_for_visit(operator, before, len(names) + 1)
    assert writes_about(bed, mark, namespace) == [("alertmanagerconfigs", 200)] * (len(names) + 1)
    stored = get_monitor(bed, namespace, names[0])
    assert {c["type"]: c["status"] for c in stored["status"]["conditions"]}["Selected"] == "True"


def test_what_prometheus_operator_says_in_a_status_is_no_reason_to_write(
    bed: Testbed, operator: Operator, namespace: str, cluster: Cluster
) -> None:
    a_class_of_everything(cluster, namespace)
    bed.apply([monitor(namespace, className=namespace)])
    wait_until_ready(bed, namespace)
    wait_for_class(bed, namespace, "Enforced", "Unknown", "NotKnown")
    wait_for(
        "the class to count it",
        lambda: bed.api.get(API_VERSION, "WalletMonitorClass", None, namespace)["status"]["monitors"] == 1,
        SETTLES_WITHIN,
    )
    kps = bed.api.get(COREOS, "Prometheus", namespace, "kps")
    before, mark = visits(operator), bed.audit_mark()
    for message in ("waiting", "waiting still"):
        said = {"type": "Reconciled", "status": "Unknown", "message": message, "lastTransitionTime": NOON}
        counts = {"replicas": 1, "availableReplicas": 0, "unavailableReplicas": 1, "updatedReplicas": 1}
        bed.api.patch_status(kps, {"paused": False, **counts, "conditions": [said]})
        wait_for_visit(operator, before, 2)
        before = visits(operator)
    assert writes_about(bed, mark, namespace) == []
