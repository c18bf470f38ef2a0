"""Parsing: whatever the apiserver refuses by its schema is refused here too, with a path and a cure."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.class_documents import maximal_class
from tests.documents import Document, maximal, minimal, one, receiver, target, wallet
from tests.integration.bad import Bad
from tests.integration.bad_alerting import BAD_ALERTING
from tests.integration.bad_class import BAD_CLASSES
from tests.integration.bad_targets import BAD_TARGETS
from tests.integration.bad_wallets import BAD_MONITORS
from walletmon.api.base import METRIC_LABELS, RESERVED_LABELS
from walletmon.api.crd import Schema, wallet_monitor_class_crd, wallet_monitor_crd
from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import CLASS_KIND, WalletMonitorClass
from walletmon.api.parse import InvalidMonitor, parse_class, parse_monitor
from walletmon.instrument.families import FAMILIES


def parsed(document: Document) -> WalletMonitor | WalletMonitorClass:
    return parse_class(document) if document.get("kind") == CLASS_KIND else parse_monitor(document)


def problems(document: Document) -> list[Diagnostic]:
    with pytest.raises(InvalidMonitor) as refusal:
        parsed(document)
    return refusal.value.diagnostics


# What the schema alone can say. The rest is said in CEL to the apiserver, and in `compile` where it matters to objects.
BY_SCHEMA = [
    bad
    for bad in (*BAD_MONITORS, *BAD_TARGETS, *BAD_ALERTING, *BAD_CLASSES)
    if any(words in bad.says for words in ("should match", "should be", "should have", "Unsupported value", "of type"))
    or "Required value" in bad.says
    or "may not be more than" in bad.says
    or "must be longer than zero" in bad.says
    or "must have at most" in bad.says
    or "metrics; reserved are: wallet" in bad.says
]


@pytest.mark.parametrize("bad", BY_SCHEMA, ids=lambda bad: bad.what)
def test_what_the_schema_refuses_is_refused_at_the_same_place(bad: Bad) -> None:
    found = problems(bad.document)
    assert {diagnostic.code for diagnostic in found} == {Code.INVALID_FIELD}
    assert any(diagnostic.path.startswith(bad.field) for diagnostic in found), found


@pytest.mark.parametrize("document", [maximal(), maximal_class()], ids=["monitor", "class"])
def test_a_document_with_every_field_comes_back_as_it_went_in(document: Document) -> None:
    said = parsed(document).spec.document()

    def holds(wanted: Any, found: Any) -> bool:
        if isinstance(wanted, dict):
            return all(name in found and holds(each, found[name]) for name, each in wanted.items())
        if isinstance(wanted, list):
            return len(wanted) == len(found) and all(map(holds, wanted, found))
        return bool(wanted == found)

    assert holds(document["spec"], said)


@pytest.mark.parametrize(
    ("crd", "document"),
    [(wallet_monitor_crd(), maximal()), (wallet_monitor_class_crd(), maximal_class())],
    ids=["monitor", "class"],
)
def test_the_maximal_document_uses_every_field_there_is(crd: Schema, document: Document) -> None:
    """So that tests with it leave no field out."""
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]

    def unused(node: dict[str, Any], values: list[Any], path: str) -> list[str]:
        if "properties" in node:
            missing = []
            for name, child in node["properties"].items():
                below = [value[name] for value in values if name in value]
                missing += unused(child, below, f"{path}.{name}") if below else [f"{path}.{name}"]
            return missing
        if "items" in node:
            return unused(node["items"], [each for value in values for each in value], path)
        if "additionalProperties" in node:
            return unused(node["additionalProperties"], [each for value in values for each in value.values()], path)
        return []

    assert unused(schema, [document["spec"]], "spec") == []


@pytest.mark.parametrize("document", [minimal(), maximal(), maximal_class()], ids=["minimal", "maximal", "class"])
def test_parsing_changes_nothing_in_the_document(document: Document) -> None:
    before = copy.deepcopy(document)
    parsed(document)
    assert document == before


def test_the_status_is_not_looked_at() -> None:
    assert parse_monitor({**minimal(), "status": {"anything": object()}}).status is None


def test_only_the_documents_own_spelling_is_known() -> None:
    (found,) = problems(minimal(evaluation_interval="30s"))
    assert found.path == "spec.evaluation_interval"
    assert found.cure == "remove it, or correct its name"


@pytest.mark.parametrize(
    "document",
    [
        minimal(suspend="true"),
        minimal(suspend=1),
        wallet(chain={"family": "evm", "id": "1"}),
        wallet(chain={"family": "evm", "id": True}),
        wallet(chain={"family": "evm", "id": 1.0}),
        one(limits={"samples": "1000"}),
        minimal(routing={"receivers": [{**receiver(), "webhook": {**receiver()["webhook"], "sendResolved": "no"}}]}),
    ],
)
def test_types_are_not_guessed(document: Document) -> None:
    assert [found.code for found in problems(document)] == [Code.INVALID_FIELD]


@pytest.mark.parametrize("name", ["a.b", "A", "a" * 64, "", 'x"} or vector(1) #', "../x", "a\n"])
def test_a_monitor_is_called_by_a_dns_label_wherever_it_comes_from(name: str) -> None:
    """Names go into PromQL and JSON as they are."""
    assert [found.path for found in problems(minimal(name=name))] == ["metadata.name"]
    assert [found.path for found in problems(minimal(namespace=name))] == ["metadata.namespace"]


def test_every_mistake_is_told_at_once_with_its_place() -> None:
    document = minimal(wallets=[{"name": "Hot"}, {}], targets=[target(interval="x", colour="red")], suspend="no")
    assert [found.path for found in problems(document)] == [
        "spec.suspend",
        "spec.wallets[0].name",
        "spec.wallets[1].name",
        "spec.targets[0].interval",
        "spec.targets[0].colour",
    ]


def test_a_huge_wrong_value_is_told_in_short() -> None:
    (found,) = problems(minimal(environment="x" * 1_000_000))
    assert len(str(found)) < 400


def test_what_is_no_monitor_at_all_is_a_finding_not_a_crash() -> None:
    for document in ({}, {"spec": None}, {"metadata": []}, {"apiVersion": 1, "kind": [], "metadata": "x", "spec": 0}):
        assert problems(document)


def test_no_wallet_label_can_hide_a_label_of_the_wallets_metrics() -> None:
    """Prometheus would rename the metric's own, and alerts on it could not fire."""
    of_metrics = {label for family in FAMILIES for label in family.labels}
    assert of_metrics <= {*METRIC_LABELS, *RESERVED_LABELS}


def test_a_diagnostic_reads_as_one_sentence() -> None:
    diagnostic = Diagnostic(Code.UNKNOWN_WALLET, "spec.targets[0].wallet", "there is no wallet 'x'", "name another")
    assert str(diagnostic) == "UnknownWallet: spec.targets[0].wallet: there is no wallet 'x'; name another"
