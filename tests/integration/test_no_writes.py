"""When nothing changed, nothing is written: counted in the apiserver's own audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import urllib3

from testbed import Testbed
from testbed.audit import AuditMark
from testbed.installation import Operator
from testbed.waiting import wait_for
from tests.integration.classes import Cluster, wait_for_class
from tests.integration.monitors import SETTLES_WITHIN, Json, monitor, wait_until_ready

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


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
    assert writes_of_walletmon(bed, mark) == []


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
