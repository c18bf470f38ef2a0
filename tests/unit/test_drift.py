"""Drift: what separates a live child from what it should be, told from its content and its managedFields."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from walletmon.controller.drift import Drift, drift

Fields = dict[str, Any]

RIGHT = Drift(apply=False, foreign=[])
APPLY = Drift(apply=True, foreign=[])


def manager(fields: Fields, name: str = "walletmon", operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": name, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


def others(fields: Fields, name: str = "kubectl-edit") -> dict[str, Any]:
    return manager(fields, name, "Update")


def by_name(name: str) -> str:
    return "k:" + json.dumps({"name": name}, separators=(",", ":"))


OWNER = {
    "apiVersion": "walletmon.dev/v1alpha1",
    "kind": "WalletMonitor",
    "name": "treasury",
    "uid": "m-1",
    "controller": True,
}

CONFIG_MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "treasury.overview",
        "namespace": "wallets",
        "labels": {"walletmon.dev/monitor": "treasury"},
        "ownerReferences": [OWNER],
    },
    "data": {"overview.json": "{}"},
}
OURS: Fields = {
    "f:data": {"f:overview.json": {}},
    "f:metadata": {
        "f:labels": {"f:walletmon.dev/monitor": {}},
        "f:ownerReferences": {'k:{"uid":"m-1"}': {}},
    },
}

RULES: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "treasury", "namespace": "wallets"},
    "spec": {
        "groups": [
            {"name": "a", "interval": "30s", "rules": [{"alert": "A", "expr": "up == 0"}]},
            {"name": "b", "rules": []},
        ]
    },
}
OUR_RULES: Fields = {
    "f:spec": {
        "f:groups": {
            by_name("a"): {".": {}, "f:name": {}, "f:interval": {}, "f:rules": {}},
            by_name("b"): {".": {}, "f:name": {}, "f:rules": {}},
        }
    }
}


def live(desired: dict[str, Any], *managers: dict[str, Any]) -> dict[str, Any]:
    """The object as an apiserver gives it, right so far."""
    obj = copy.deepcopy(desired)
    obj["metadata"] |= {"uid": "u-1", "resourceVersion": "7", "generation": 1, "managedFields": list(managers)}
    return obj


@pytest.fixture
def config_map() -> dict[str, Any]:
    return live(CONFIG_MAP, manager(OURS))


@pytest.fixture
def rules() -> dict[str, Any]:
    return live(RULES, manager(OUR_RULES))


def test_what_is_as_it_should_be_needs_nothing(config_map: dict[str, Any], rules: dict[str, Any]) -> None:
    assert drift(CONFIG_MAP, config_map) == RIGHT
    assert drift(RULES, rules) == RIGHT
    assert not drift(RULES, rules)


def test_a_changed_missing_or_mistyped_value_is_applied(config_map: dict[str, Any]) -> None:
    for data in ({"overview.json": "[]"}, {}, {"overview.json": None}):
        config_map["data"] = data
        assert drift(CONFIG_MAP, config_map) == APPLY
    del config_map["data"]
    assert drift(CONFIG_MAP, config_map) == APPLY


@pytest.mark.parametrize(("want", "have"), [(True, 1), (1, True), (False, 0), ("1", 1), ({}, []), ([], {}), ("", None)])
def test_values_of_another_type_are_not_equal(want: Any, have: Any) -> None:
    desired = {"metadata": {"name": "x"}, "spec": {"a": want}}
    assert drift(desired, {"metadata": {"name": "x"}, "spec": {"a": have}}) == APPLY


def test_a_list_without_keys_counts_entry_by_entry(rules: dict[str, Any]) -> None:
    expected = rules["spec"]["groups"][0]["rules"]
    rule = expected[0]
    for changed in ([], [rule, rule], [{**rule, "expr": "up"}]):
        rules["spec"]["groups"][0]["rules"] = changed
        assert drift(RULES, rules) == APPLY


def test_defaults_and_what_admission_added_are_not_ours_to_judge(config_map: dict[str, Any]) -> None:
    config_map["metadata"]["annotations"] = {"prometheus-operator-validated": "true"}
    config_map["metadata"]["labels"]["team"] = "platform"
    config_map["metadata"]["managedFields"].append(
        others(
            {
                "f:metadata": {
                    "f:annotations": {".": {}, "f:prometheus-operator-validated": {}},
                    "f:labels": {"f:team": {}},
                }
            }
        )
    )
    assert drift(CONFIG_MAP, config_map) == RIGHT


def test_a_label_of_ours_that_somebody_took_away_is_applied(config_map: dict[str, Any]) -> None:
    config_map["metadata"]["labels"] = {}
    assert drift(CONFIG_MAP, config_map) == APPLY


def test_a_field_of_ours_that_is_not_wanted_any_more_is_applied_away(config_map: dict[str, Any]) -> None:
    fields = config_map["metadata"]["managedFields"][0]["fieldsV1"] = copy.deepcopy(OURS)
    config_map["metadata"]["labels"]["release"] = "old"
    fields["f:metadata"]["f:labels"]["f:release"] = {}
    assert drift(CONFIG_MAP, config_map) == APPLY


def test_a_field_of_ours_that_is_gone_already_is_no_matter(config_map: dict[str, Any]) -> None:
    fields = config_map["metadata"]["managedFields"][0]["fieldsV1"] = copy.deepcopy(OURS)
    fields["f:data"]["f:old.json"] = {}
    assert drift(CONFIG_MAP, config_map) == RIGHT


def test_what_others_put_in_the_content_is_removed_by_name(config_map: dict[str, Any]) -> None:
    config_map["data"] |= {"a/b~c.json": "x", "note": "y"}
    config_map["binaryData"] = {"z": "eA=="}
    config_map["metadata"]["managedFields"].append(
        others({"f:data": {"f:a/b~c.json": {}, "f:note": {}}, "f:binaryData": {".": {}, "f:z": {}}})
    )
    assert drift(CONFIG_MAP, config_map) == Drift(False, ["/binaryData", "/data/a~1b~0c.json", "/data/note"])


def test_a_colon_in_a_fields_name_is_part_of_it(config_map: dict[str, Any]) -> None:
    config_map["data"]["a:b"] = "x"
    config_map["metadata"]["managedFields"].append(others({"f:data": {"f:a:b": {}}}))
    assert drift(CONFIG_MAP, config_map) == Drift(False, ["/data/a:b"])


def test_a_field_that_we_and_others_own_and_nobody_wants_waits_for_the_apply(config_map: dict[str, Any]) -> None:
    """After it others' ownership is left, and the field is removed by name."""
    config_map["data"]["old.json"] = "x"
    fields = copy.deepcopy(OURS)
    fields["f:data"]["f:old.json"] = {}
    theirs = others({"f:data": {"f:old.json": {}}})
    config_map["metadata"]["managedFields"] = [manager(fields), theirs]
    assert drift(CONFIG_MAP, config_map) == APPLY
    config_map["metadata"]["managedFields"] = [manager(OURS), theirs]
    assert drift(CONFIG_MAP, config_map) == Drift(False, ["/data/old.json"])


def test_what_others_own_and_we_want_stays(config_map: dict[str, Any]) -> None:
    config_map["metadata"]["managedFields"].append(others({"f:data": {".": {}, "f:overview.json": {}}}))
    assert drift(CONFIG_MAP, config_map) == RIGHT


def test_a_status_is_not_content(rules: dict[str, Any]) -> None:
    rules["status"] = {"bindings": []}
    rules["metadata"]["managedFields"].append(
        manager({"f:status": {"f:bindings": {}}}, "prometheus-operator", "Apply", subresource="status")
    )
    assert drift(RULES, rules) == RIGHT


def test_an_entry_that_others_put_in_a_keyed_list_is_removed_by_its_place(rules: dict[str, Any]) -> None:
    rules["spec"]["groups"].insert(1, {"name": "theirs", "rules": []})
    rules["metadata"]["managedFields"].append(
        others({"f:spec": {"f:groups": {by_name("theirs"): {".": {}, "f:name": {}, "f:rules": {}}}}})
    )
    assert drift(RULES, rules) == Drift(False, ["/spec/groups/1"])


def test_a_field_that_others_put_in_an_entry_of_ours_is_removed_alone(rules: dict[str, Any]) -> None:
    rules["spec"]["groups"][1]["limit"] = 5
    rules["metadata"]["managedFields"].append(others({"f:spec": {"f:groups": {by_name("b"): {"f:limit": {}}}}}))
    assert drift(RULES, rules) == Drift(False, ["/spec/groups/1/limit"])


def test_later_entries_are_removed_first_and_nothing_twice(rules: dict[str, Any]) -> None:
    """Each removal moves what comes after it; two managers may own parts of one entry."""
    rules["spec"]["groups"] = [{"name": f"x{n}"} for n in range(11)] + rules["spec"]["groups"]
    rules["spec"]["query"] = {"a": 1}
    half = {by_name(f"x{n}"): {".": {}, "f:name": {}} for n in range(0, 11, 2)}
    rest = {by_name(f"x{n}"): {".": {}, "f:name": {}} for n in range(11)}
    rules["metadata"]["managedFields"] += [
        others({"f:spec": {"f:groups": half, "f:query": {"f:a": {}}}}, "one"),
        others({"f:spec": {"f:groups": rest, "f:query": {".": {}}}}, "two"),
    ]
    removed = drift(RULES, rules).foreign
    assert [pointer for pointer in removed if "groups" in pointer] == [f"/spec/groups/{n}" for n in range(10, -1, -1)]
    assert [pointer for pointer in removed if "query" in pointer] == ["/spec/query"]


def test_the_order_of_a_keyed_list_does_not_matter(rules: dict[str, Any]) -> None:
    """An apply would not change it, so it would be tried again on each visit."""
    rules["spec"]["groups"].reverse()
    assert drift(RULES, rules) == RIGHT


def test_a_missing_or_changed_entry_of_a_keyed_list_is_applied(rules: dict[str, Any]) -> None:
    rules["spec"]["groups"][0]["interval"] = "1h"
    assert drift(RULES, rules) == APPLY
    del rules["spec"]["groups"][0]
    assert drift(RULES, rules) == APPLY


def test_an_entry_that_is_there_but_not_yet_ours_is_applied(rules: dict[str, Any]) -> None:
    fields = copy.deepcopy(OUR_RULES)
    del fields["f:spec"]["f:groups"][by_name("b")]
    rules["metadata"]["managedFields"] = [manager(fields)]
    assert drift(RULES, rules) == APPLY


def test_an_owner_that_others_added_stays_and_makes_no_work(config_map: dict[str, Any]) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "c-1"}
    config_map["metadata"]["ownerReferences"].insert(0, theirs)
    config_map["metadata"]["managedFields"].append(
        others({"f:metadata": {"f:ownerReferences": {".": {}, 'k:{"uid":"c-1"}': {}}}})
    )
    assert drift(CONFIG_MAP, config_map) == RIGHT


def test_the_owner_of_a_monitor_that_was_made_anew_is_replaced(config_map: dict[str, Any]) -> None:
    desired = copy.deepcopy(CONFIG_MAP)
    desired["metadata"]["ownerReferences"] = [{**OWNER, "uid": "m-2"}]
    assert drift(desired, config_map) == APPLY


def test_an_owner_that_somebody_took_away_or_changed_is_applied(config_map: dict[str, Any]) -> None:
    config_map["metadata"]["ownerReferences"] = [{**OWNER, "controller": False}]
    assert drift(CONFIG_MAP, config_map) == APPLY
    config_map["metadata"]["ownerReferences"] = []
    assert drift(CONFIG_MAP, config_map) == APPLY


def test_sets_are_told_by_their_values() -> None:
    desired = {"metadata": {"name": "x"}, "spec": {"set": ["a", "b"]}}
    obj = live(desired, manager({"f:spec": {"f:set": {'v:"a"': {}, 'v:"b"': {}}}}))
    assert drift(desired, obj) == RIGHT
    obj["spec"]["set"] = ["c", "b", "a"]
    obj["metadata"]["managedFields"].append(others({"f:spec": {"f:set": {'v:"c"': {}}}}))
    assert drift(desired, obj) == Drift(False, ["/spec/set/0"])
    obj["spec"]["set"] = ["b"]
    assert drift(desired, obj) == APPLY


def test_entries_may_be_told_by_their_place() -> None:
    desired = {"metadata": {"name": "x"}, "spec": {"list": ["a"]}}
    obj = live(desired, others({"f:spec": {"f:list": {"i:1": {}, "i:7": {}}}}))
    obj["spec"]["list"] = ["a", "b"]
    assert drift(desired, obj) == Drift(True, ["/spec/list/1"])


def test_an_object_without_managed_fields_is_judged_by_its_content(config_map: dict[str, Any]) -> None:
    for fields in ([], [{"manager": "walletmon", "operation": "Apply"}]):
        config_map["metadata"]["managedFields"] = fields
        assert drift(CONFIG_MAP, config_map) == RIGHT
    del config_map["metadata"]["managedFields"]
    config_map["data"] = {}
    assert drift(CONFIG_MAP, config_map) == APPLY


def test_our_own_removals_are_not_taken_for_somebody_elses_doing(config_map: dict[str, Any]) -> None:
    """Removing fields is an Update in our name, beside the Apply."""
    config_map["metadata"]["managedFields"].append(manager({"f:data": {}}, operation="Update"))
    assert drift(CONFIG_MAP, config_map) == RIGHT


def test_judging_changes_neither_object(config_map: dict[str, Any]) -> None:
    before = copy.deepcopy(config_map), copy.deepcopy(CONFIG_MAP)
    drift(CONFIG_MAP, config_map)
    assert (config_map, CONFIG_MAP) == before
