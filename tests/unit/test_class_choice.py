"""Which class is in force: named, default, built-in; and what several defaults and unknown names lead to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import Document, minimal
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.class_choice import Choice, choose, default_names

BUILT_IN = MonitorClass(object_labels={"release": "built-in"}, packs_namespace="platform", hub_url="http://hub")


def class_named(
    name: str, *, default: str | None = None, created: str | None = None, **spec: Any
) -> WalletMonitorClass:
    metadata: Document = {"name": name}
    if default is not None:
        metadata["annotations"] = {"walletmon.dev/is-default-class": default}
    if created is not None:
        metadata["creationTimestamp"] = created
    return parse_class(
        {"apiVersion": "walletmon.dev/v1alpha1", "kind": "WalletMonitorClass", "metadata": metadata, "spec": spec}
    )


def chosen(*classes: WalletMonitorClass, **spec: Any) -> Choice:
    return choose(parse_monitor(minimal(**spec)), classes, BUILT_IN)


def test_without_classes_the_built_in_one_is_in_force() -> None:
    assert chosen() == Choice(BUILT_IN)
    assert chosen(class_named("a"), class_named("b", default="false")) == Choice(BUILT_IN)


def test_the_named_class_is_in_force_whatever_the_default_is() -> None:
    named = class_named("named", objectLabels={"release": "named"})
    choice = chosen(class_named("usual", default="true"), named, className="named")
    assert choice.resource is named
    assert choice.class_ is not None
    assert (choice.class_.name, choice.class_.object_labels) == ("named", {"release": "named"})


def test_the_default_is_for_monitors_that_name_none_and_leaves_to_the_built_in_what_it_does_not_say() -> None:
    choice = chosen(class_named("other"), class_named("usual", default="true", grafanaUrl="https://g/"))
    assert choice.class_ is not None
    assert choice.class_.name == "usual"
    assert choice.class_.grafana_url == "https://g"
    assert choice.class_.object_labels == {"release": "built-in"}
    assert (choice.class_.packs_namespace, choice.class_.hub_url) == ("platform", "http://hub")


@pytest.mark.parametrize("known", [(), (class_named("usual", default="true"),)], ids=["none", "a default"])
def test_a_class_that_does_not_exist_leaves_nothing_in_force(known: tuple[WalletMonitorClass, ...]) -> None:
    choice = chosen(*known, className="strict")
    assert (choice.class_, choice.resource) == (None, None)
    assert choice.problem is not None
    assert (choice.problem.code, choice.problem.path) == (Code.UNKNOWN_CLASS, "spec.className")
    assert choice.problem.severity is Severity.ERROR
    assert "'strict'" in choice.problem.message


def test_a_near_name_is_offered() -> None:
    problem = chosen(class_named("default"), className="defualt").problem
    assert problem is not None
    assert problem.cure == "did you mean default?"


def test_of_several_defaults_the_oldest_counts_then_the_first_by_name() -> None:
    classes = [
        class_named("b", default="true", created="2026-03-01T00:00:00Z"),
        class_named("fresh", default="true"),
        class_named("a", default="true", created="2026-03-01T00:00:00Z"),
        class_named("old", default="true", created="2025-12-31T23:59:59Z"),
        class_named("none", default="yes", created="2020-01-01T00:00:00Z"),
    ]
    assert default_names(classes) == ("old", "a", "b", "fresh")
    assert default_names(reversed(classes)) == ("old", "a", "b", "fresh")
    choice = chosen(*classes)
    assert choice.class_ is not None
    assert choice.class_.name == "old"
