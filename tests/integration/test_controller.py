"""What the operator does on a real apiserver, told by what stands there afterwards."""

from __future__ import annotations

import copy

import pytest

from testbed import Testbed
from testbed.installation import Operator
from testbed.waiting import wait_for
from tests.integration.monitors import (
    API_VERSION,
    COREOS,
    SETTLES_WITHIN,
    Json,
    children,
    condition,
    get_monitor,
    monitor,
    service_target,
    wait_for_children,
    wait_for_condition,
    wait_until_ready,
)

pytestmark = pytest.mark.usefixtures("operator")

ALERTMANAGER_CONFIG = "monitoring.coreos.com/v1alpha1"
ON_CALL = {"receivers": [{"name": "on-call", "webhook": {"urlSecret": {"name": "on-call", "key": "url"}}}]}


def on_call(bed: Testbed, namespace: str) -> Json:
    """A monitor that tells somebody; the Secret that this needs is there."""
    put(
        bed,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "on-call", "namespace": namespace},
            "stringData": {"url": "http://127.0.0.1:1/"},
        },
    )
    return monitor(namespace, routing=ON_CALL)


def put(bed: Testbed, obj: Json) -> Json:
    """Apply as a user would."""
    return bed.apply([obj])[0]


def test_a_monitor_becomes_ready_with_all_its_objects(bed: Testbed, namespace: str) -> None:
    put(bed, on_call(bed, namespace))
    stored = wait_until_ready(bed, namespace)
    found = children(bed, namespace)
    assert {"ServiceMonitor treasury.api", "PrometheusRule treasury", "AlertmanagerConfig treasury"} <= set(found)
    assert "ConfigMap treasury.overview" in found
    assert [f"{r['kind']} {r['name']}" for r in stored["status"]["resources"]] == sorted(found)
    assert stored["status"]["wallets"] == {"total": 1}
    assert stored["status"]["observedGeneration"] == stored["metadata"]["generation"]
    assert condition(stored, "Stalled") is None
    assert condition(stored, "Reconciling") is None


def test_nothing_is_written_on_the_users_resource_but_status(bed: Testbed, namespace: str) -> None:
    applied = put(bed, monitor(namespace))
    stored = wait_until_ready(bed, namespace)
    assert stored["spec"] == applied["spec"]
    assert "annotations" not in stored["metadata"]
    assert "finalizers" not in stored["metadata"]
    assert stored["metadata"]["generation"] == 1


def test_children_carry_none_of_the_monitors_labels_and_annotations(bed: Testbed, namespace: str) -> None:
    obj = monitor(namespace)
    obj["metadata"]["labels"] = {"app.kubernetes.io/instance": "argo-app", "helm.sh/chart": "wallets-1"}
    obj["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "argo-app:x"}
    put(bed, obj)
    wait_until_ready(bed, namespace)
    for child in children(bed, namespace).values():
        assert not {"app.kubernetes.io/instance", "helm.sh/chart"} & set(child["metadata"]["labels"])
        assert "annotations" not in child["metadata"]


def test_a_change_reaches_the_children_and_what_is_not_wanted_goes(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace, targets=[service_target("api"), service_target("signer")]))
    wait_until_ready(bed, namespace)
    put(bed, monitor(namespace, targets=[service_target("api", interval="15s")]))
    stored = wait_until_ready(bed, namespace)
    found = wait_for_children(
        bed, namespace, lambda c: "ServiceMonitor treasury.signer" not in c, "the second target's object to go"
    )
    assert found["ServiceMonitor treasury.api"]["spec"]["endpoints"][0]["interval"] == "15s"
    assert {"kind": "ServiceMonitor", "name": "treasury.signer"} not in stored["status"]["resources"]


def test_a_field_that_is_no_longer_asked_for_is_taken_back(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace, targets=[service_target(limits={"samples": 100})]))
    wait_until_ready(bed, namespace)
    assert children(bed, namespace)["ServiceMonitor treasury.api"]["spec"]["sampleLimit"] == 100
    put(bed, monitor(namespace))
    wait_until_ready(bed, namespace)
    assert "sampleLimit" not in children(bed, namespace)["ServiceMonitor treasury.api"]["spec"]


def patch(bed: Testbed, namespace: str, child: str, body: str, kind: str = "merge") -> None:
    resource, name = child.split()
    bed.kubectl("patch", resource, name, "-n", namespace, "--type", kind, "-p", body)


@pytest.mark.parametrize(
    ("child", "body", "kind"),
    [
        ("ServiceMonitor treasury.api", '{"spec": {"selector": {"matchLabels": {"app": "another"}}}}', "merge"),
        ("ServiceMonitor treasury.api", '{"spec": {"jobLabel": "stolen", "targetLimit": 1}}', "merge"),
        ("ServiceMonitor treasury.api", '[{"op": "remove", "path": "/spec/endpoints/0/relabelings"}]', "json"),
        ("ServiceMonitor treasury.api", '{"metadata": {"ownerReferences": null}}', "merge"),
        ("PrometheusRule treasury", '[{"op": "add", "path": "/spec/groups/0", "value": {"name": "mine"}}]', "json"),
        ("PrometheusRule treasury", '[{"op": "remove", "path": "/spec/groups/0"}]', "json"),
        ("AlertmanagerConfig treasury", '{"spec": {"route": {"receiver": "nobody"}}}', "merge"),
        ("ConfigMap treasury.overview", '{"data": {"more.json": "{}"}}', "merge"),
        ("ConfigMap treasury.overview", '{"binaryData": {"more": "AAAA"}}', "merge"),
        ("ConfigMap treasury.overview", '{"metadata": {"labels": {"grafana_dashboard": "0"}}}', "merge"),
    ],
)
def test_a_child_that_somebody_changed_is_put_right(
    bed: Testbed, namespace: str, child: str, body: str, kind: str
) -> None:
    put(bed, on_call(bed, namespace))
    wait_until_ready(bed, namespace)
    right = children(bed, namespace)[child]
    patch(bed, namespace, child, body, kind)
    content = ("spec", "data", "binaryData")
    wait_for_children(
        bed,
        namespace,
        lambda c: (
            child in c
            and all(c[child].get(part) == right.get(part) for part in content)
            and c[child]["metadata"]["labels"] == right["metadata"]["labels"]
            and c[child]["metadata"].get("ownerReferences") == right["metadata"]["ownerReferences"]
        ),
        f"{child} to be put right",
    )


def test_a_child_that_somebody_deleted_comes_back_and_an_event_says_so(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace))
    wait_until_ready(bed, namespace)
    bed.kubectl("delete", "prometheusrule", "treasury", "-n", namespace)
    wait_for_children(bed, namespace, lambda c: "PrometheusRule treasury" in c, "the rule to come back")

    def told() -> bool:
        notes = [(e["reason"], e.get("note", "")) for e in bed.api.items("events.k8s.io/v1", "Event", namespace)]
        return ("DriftRepaired", "PrometheusRule treasury was missing and was put right") in notes

    wait_for("the Event about the repair", told, SETTLES_WITHIN)


def test_what_others_put_on_a_childs_metadata_stays(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace))
    wait_until_ready(bed, namespace)
    bed.kubectl("annotate", "prometheusrule", "treasury", "-n", namespace, "prometheus-operator-validated=true")
    put(bed, monitor(namespace, environment="prod"))
    wait_until_ready(bed, namespace)
    annotations = children(bed, namespace)["PrometheusRule treasury"]["metadata"]["annotations"]
    assert annotations == {"prometheus-operator-validated": "true"}


def test_an_object_of_that_name_that_is_not_ours_is_left_alone_until_it_goes(bed: Testbed, namespace: str) -> None:
    theirs = {
        "apiVersion": COREOS,
        "kind": "ServiceMonitor",
        "metadata": {"name": "treasury.api", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "theirs"}}, "endpoints": [{"port": "web"}]},
    }
    before = put(bed, theirs)
    put(bed, monitor(namespace))
    stored = wait_for_condition(bed, namespace, "Applied", "False", "NameTaken")
    message = condition(stored, "Applied")
    assert message is not None
    assert "ServiceMonitor treasury.api" in message["message"]
    assert condition(stored, "Stalled") is not None
    assert "PrometheusRule treasury" in children(bed, namespace), "the other objects are made all the same"
    after = bed.api.get(COREOS, "ServiceMonitor", namespace, "treasury.api")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    bed.api.delete(after)
    stored = wait_until_ready(bed, namespace)
    assert condition(stored, "Stalled") is None


def test_a_monitor_that_contradicts_itself_is_told_so_and_its_last_good_objects_stay(
    bed: Testbed, namespace: str
) -> None:
    put(bed, monitor(namespace))
    wait_until_ready(bed, namespace)
    before = children(bed, namespace)
    twins = [{"name": "hot-1", "instance": "same"}, {"name": "hot-2", "instance": "same"}]
    put(bed, monitor(namespace, wallets=twins))
    stored = wait_for_condition(bed, namespace, "Accepted", "False", "DuplicateInstance")
    said = condition(stored, "Accepted")
    assert said is not None
    assert "spec.wallets[0].instance" in said["message"]
    assert "give each wallet its own instance" in said["message"]
    assert condition(stored, "Applied")["status"] == "Unknown"  # type: ignore[index]
    assert condition(stored, "Stalled") is not None
    versions = {name: child["metadata"]["resourceVersion"] for name, child in before.items()}
    assert {name: c["metadata"]["resourceVersion"] for name, c in children(bed, namespace).items()} == versions
    assert len(stored["status"]["resources"]) == len(before)
    put(bed, monitor(namespace))
    wait_until_ready(bed, namespace)


def test_one_bad_part_is_left_out_and_reported_and_the_rest_is_in_force(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace, packs=[{"name": "golden-signals"}, {"name": "golden-signal"}]))
    stored = wait_for_condition(bed, namespace, "Accepted", "False", "UnknownPack")
    said = condition(stored, "Accepted")
    assert said is not None
    assert "spec.packs[1]" in said["message"]
    assert "golden-signals" in said["message"], "the near name is suggested"
    assert condition(stored, "Applied")["status"] == "True"  # type: ignore[index]
    assert condition(stored, "Ready")["status"] == "False"  # type: ignore[index]
    assert "PrometheusRule treasury" in children(bed, namespace)


def test_a_wallet_that_nothing_watches_is_told(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace, wallets=[{"name": "hot-1"}, {"name": "forgotten"}]))
    stored = wait_until_ready(bed, namespace)
    said = condition(stored, "Accepted")
    assert said is not None
    assert said["reason"] == "AcceptedWithWarnings"
    assert "forgotten" in said["message"]


def test_deleting_a_monitor_leaves_no_child(bed: Testbed, namespace: str) -> None:
    put(bed, on_call(bed, namespace))
    wait_until_ready(bed, namespace)
    assert children(bed, namespace)
    bed.api.delete(get_monitor(bed, namespace))
    wait_for_children(bed, namespace, lambda c: not c, "garbage collection of all children")


def test_a_monitor_that_is_deleted_and_made_anew_at_once_has_its_objects(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace))
    old = wait_until_ready(bed, namespace)
    bed.api.delete(get_monitor(bed, namespace))
    wait_for(
        "the old monitor to be gone",
        lambda: bed.api.find(API_VERSION, "WalletMonitor", namespace, "treasury") is None,
        SETTLES_WITHIN,
    )
    new = put(bed, monitor(namespace))
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    wait_until_ready(bed, namespace)

    def owned_anew(found: dict[str, Json]) -> bool:
        owners = [child["metadata"]["ownerReferences"] for child in found.values()]
        return len(found) >= 3 and all([r["uid"] for r in refs] == [new["metadata"]["uid"]] for refs in owners)

    wait_for_children(bed, namespace, owned_anew, "children that belong to the new monitor alone")


def test_texts_for_people_may_hold_any_sign(bed: Testbed, namespace: str) -> None:
    summary = 'Balance of {{ $labels.wallet }} is low 🚨 – 余额不足 "quoted" \\ and more'
    rule = {"name": "OwnLow", "expr": "own_balance < 1", "summary": summary, "for": "1m"}
    put(bed, monitor(namespace, rules=[rule]))
    wait_until_ready(bed, namespace)
    groups = children(bed, namespace)["PrometheusRule treasury"]["spec"]["groups"]
    rules = [rule for group in groups for rule in group["rules"] if rule.get("alert") == "OwnLow"]
    assert rules[0]["annotations"]["summary"] == summary


def test_an_unchanged_judgement_keeps_its_time(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace))
    first = wait_until_ready(bed, namespace)
    put(bed, monitor(namespace, environment="prod"))
    second = wait_until_ready(bed, namespace)
    assert second["status"]["observedGeneration"] == 2
    for kind in ("Ready", "Accepted", "Applied"):
        before, after = condition(first, kind), condition(second, kind)
        assert before is not None
        assert after is not None
        assert before["lastTransitionTime"] == after["lastTransitionTime"]


def test_a_suspended_monitor_scrapes_on_and_raises_no_alert(bed: Testbed, namespace: str) -> None:
    put(bed, monitor(namespace, suspend=True))
    stored = wait_until_ready(bed, namespace)
    assert condition(stored, "Ready")["reason"] == "Suspended"  # type: ignore[index]
    found = children(bed, namespace)
    assert "ServiceMonitor treasury.api" in found
    rules = [rule for group in found["PrometheusRule treasury"]["spec"]["groups"] for rule in group["rules"]]
    assert rules
    assert not [rule for rule in rules if "alert" in rule]


def test_events_are_made_when_a_judgement_changes_and_not_again(
    bed: Testbed, namespace: str, operator: Operator
) -> None:
    put(bed, monitor(namespace))
    wait_until_ready(bed, namespace)

    def reasons() -> list[str]:
        return [e["reason"] for e in bed.api.items("events.k8s.io/v1", "Event", namespace)]

    wait_for("the first Event", lambda: reasons() == ["Ready"], SETTLES_WITHIN)
    changed = copy.deepcopy(monitor(namespace))
    changed["spec"]["environment"] = "prod"
    put(bed, changed)
    wait_until_ready(bed, namespace)
    assert reasons() == ["Ready"]


def test_a_namespace_can_be_deleted_with_its_monitors(bed: Testbed) -> None:
    name = "test-short-lived"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    put(bed, namespace)
    put(bed, monitor(name))
    wait_until_ready(bed, name)
    bed.api.delete(namespace)
    wait_for("the namespace to be gone", lambda: bed.api.find("v1", "Namespace", None, name) is None, 60.0)
