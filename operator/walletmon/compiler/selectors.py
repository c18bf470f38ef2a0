"""Kubernetes label selectors, evaluated: which labels does a selector want, and does it match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from walletmon.api.targets import Selector

Requirement = dict[str, Any]


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector (as it stands in an object; an empty one matches everything) matches `labels`."""
    return not unmet(selector, labels)


def selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """The same for a selector of ours."""
    return matches(selector.document(), labels)


def unmet(selector: Mapping[str, Any], labels: Mapping[str, str]) -> list[Requirement]:
    """The requirements of a selector that `labels` do not meet, each as a match expression."""
    return [each for each in requirements(selector) if not _met(each, labels)]


def requirements(selector: Mapping[str, Any]) -> list[Requirement]:
    """A selector as match expressions, `matchLabels` first."""
    exact = [
        {"key": key, "operator": "In", "values": [value]} for key, value in (selector.get("matchLabels") or {}).items()
    ]
    return [*exact, *(selector.get("matchExpressions") or ())]


def wanted_labels(selector: Mapping[str, Any]) -> dict[str, str]:
    """Labels that meet a selector's requirements as far as labels can be added for that."""
    found: dict[str, str] = {}
    for each in requirements(selector):
        if each["operator"] == "In" and each.get("values"):
            found.setdefault(each["key"], each["values"][0])
        elif each["operator"] == "Exists":
            found.setdefault(each["key"], "true")
    return found


def say(requirement: Mapping[str, Any]) -> str:
    """A requirement in kubectl's words: `release=monitoring`, `tier in (a, b)`, `!debug`."""
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or []
    if operator == "In":
        return f"{key}={values[0]}" if len(values) == 1 else f"{key} in ({', '.join(values)})"
    if operator == "NotIn":
        return f"{key} notin ({', '.join(values)})"
    return key if operator == "Exists" else f"!{key}"


def _met(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = requirement["key"], requirement["operator"]
    values = requirement.get("values") or ()
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return bool((key in labels) == (operator == "Exists"))
