"""Label selectors, evaluated as Kubernetes does it."""

from __future__ import annotations

from typing import Any

import pytest

from walletmon.api.targets import Selector
from walletmon.compiler.selectors import matches, requirements, say, selects, unmet, wanted_labels


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "labels", "matched"),
    [
        ({}, {}, True),
        ({}, {"any": "thing"}, True),
        ({"matchLabels": {}, "matchExpressions": []}, {}, True),
        ({"matchLabels": None, "matchExpressions": None}, {}, True),
        ({"matchLabels": {"release": "stack"}}, {"release": "stack", "more": "x"}, True),
        ({"matchLabels": {"release": "stack"}}, {"release": "other"}, False),
        ({"matchLabels": {"release": "stack"}}, {}, False),
        ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False),
        (expression("tier", "In", "a", "b"), {"tier": "b"}, True),
        (expression("tier", "In", "a", "b"), {"tier": "c"}, False),
        (expression("tier", "In", "a", "b"), {}, False),
        (expression("tier", "NotIn", "a", "b"), {"tier": "a"}, False),
        (expression("tier", "NotIn", "a", "b"), {"tier": "c"}, True),
        # As Kubernetes has it: what has no such label is not one of those either.
        (expression("tier", "NotIn", "a", "b"), {}, True),
        (expression("tier", "Exists"), {"tier": ""}, True),
        (expression("tier", "Exists"), {}, False),
        (expression("tier", "DoesNotExist"), {}, True),
        (expression("tier", "DoesNotExist"), {"tier": ""}, False),
        ({"matchLabels": {"a": "1"}, **expression("b", "Exists")}, {"a": "1"}, False),
        ({"matchLabels": {"a": "1"}, **expression("b", "Exists")}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": ""}}, {"a": ""}, True),
        ({"matchLabels": {"a": ""}}, {}, False),
    ],
)
def test_a_selector_matches_what_it_matches_in_kubernetes(
    selector: dict[str, Any], labels: dict[str, str], matched: bool
) -> None:
    assert matches(selector, labels) is matched
    assert (unmet(selector, labels) == []) is matched


def test_a_selector_of_ours_is_judged_alike() -> None:
    selector = Selector.model_validate({"matchLabels": {"env": "prod"}, **expression("frozen", "DoesNotExist")})
    assert selects(selector, {"env": "prod"})
    assert not selects(selector, {"env": "prod", "frozen": "yes"})


def test_what_is_not_met_is_named_alone() -> None:
    selector = {"matchLabels": {"a": "1", "b": "2"}, **expression("c", "Exists")}
    assert [say(each) for each in requirements(selector)] == ["a=1", "b=2", "c"]
    assert [say(each) for each in unmet(selector, {"a": "1"})] == ["b=2", "c"]


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ({}, {}),
        ({"matchLabels": {"release": "stack"}}, {"release": "stack"}),
        (expression("tier", "In", "a", "b"), {"tier": "a"}),
        (expression("tier", "Exists"), {"tier": "true"}),
        # No label that is added makes these true.
        (expression("tier", "NotIn", "a"), {}),
        (expression("tier", "DoesNotExist"), {}),
        ({"matchLabels": {"tier": "x"}, **expression("tier", "In", "x", "y")}, {"tier": "x"}),
    ],
)
def test_labels_are_found_that_meet_a_selector(selector: dict[str, Any], wanted: dict[str, str]) -> None:
    assert wanted_labels(selector) == wanted
    assert matches(selector, wanted)


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ({"matchLabels": {"release": "monitoring"}}, "release=monitoring"),
        (expression("tier", "In", "a"), "tier=a"),
        (expression("tier", "In", "a", "b"), "tier in (a, b)"),
        (expression("tier", "NotIn", "a", "b"), "tier notin (a, b)"),
        (expression("tier", "Exists"), "tier"),
        (expression("tier", "DoesNotExist"), "!tier"),
    ],
)
def test_a_requirement_is_said_as_kubectl_takes_it(selector: dict[str, Any], said: str) -> None:
    assert [say(each) for each in requirements(selector)] == [said]
