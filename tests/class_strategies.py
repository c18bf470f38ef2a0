"""Hypothesis strategies for documents of classes that the apiserver takes: what CEL alone can say is put right."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from tests.documents import Document
from tests.strategies import (
    LABEL_NAMES,
    Strategy,
    of_schema,
    settle_intervals,
    settle_priorities,
    settle_receiver,
    settle_selector,
)
from walletmon.api.crd import wallet_monitor_class_crd
from walletmon.api.environments import SET_BY_US
from walletmon.api.governance import UNDENIABLE


@cache
def _class_fields() -> dict[str, Strategy]:
    spec = wallet_monitor_class_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return {name: of_schema(node, f"spec.{name}") for name, node in spec["properties"].items()}


CLASS_PARTS = (
    ("externalLabels", "objectLabels", "dashboards", "hubUrl", "runbookBaseUrl", "grafanaUrl"),
    ("environments",),
    ("receivers", "priorities", "muteTimeIntervals", "groupBy"),
    ("governance", "prometheusRef"),
    ("federation",),
)
"""Fields of a class that belong together. Of all fields at once Hypothesis gives little more than empty ones: what one
example may draw is bounded."""


@st.composite
def valid_class(draw: st.DrawFn, fields: tuple[str, ...], namespace: str = "wallets") -> Document:
    """A document of a class with these fields that the apiserver takes; its objects are all in `namespace`."""
    document: Document = {"apiVersion": "walletmon.dev/v1alpha1", "kind": "WalletMonitorClass"}
    document |= {"metadata": {"name": "default"}, "spec": {name: draw(_class_fields()[name]) for name in fields}}
    spec = document["spec"]
    for environment in spec.get("environments", ()):
        _settle_environment(draw, environment)
    spec["alertmanager"] = {**spec.get("alertmanager", {}), "namespace": namespace}
    for place in (
        *[spec[name] for name in ("prometheusRef",) if name in spec],
        *[each["prometheus"] for each in spec.get("environments", ()) if "prometheus" in each],
        *spec.get("federation", ()),
    ):
        place["namespace"] = namespace
    for labelled in (*spec.get("environments", ()), *spec.get("federation", ())):
        _settle_labels(labelled, "labels")
    _settle_labels(spec, "externalLabels")
    for entry in spec.get("federation", ()):
        _settle_access(entry)
    _settle_governance(spec.get("governance", {}))
    for receiver in spec.get("receivers", ()):
        settle_receiver(draw, receiver)
    settle_intervals(spec)
    settle_priorities(draw, spec.get("priorities", {}), spec)
    return document


def _settle_labels(document: Document, field: str) -> None:
    if field in document:
        document[field] = {name: value for name, value in document[field].items() if name not in SET_BY_US}


def _settle_access(document: Document) -> None:
    if "basicAuth" in document:
        document.pop("authorization", None)
    tls = document.get("tls", {})
    if ("cert" in tls) != ("key" in tls):
        tls.pop("cert", None)
        tls.pop("key", None)


def _settle_environment(draw: st.DrawFn, environment: Document) -> None:
    if "namespaceSelector" in environment:
        settle_selector(environment["namespaceSelector"])
    if "prometheus" in environment:
        environment.pop("prometheusRef", None)
        default = False
        for each in environment["prometheus"].get("scrapeClasses", ()):
            each["default"], default = each.get("default", False) and not default, default or each.get("default", False)
            _settle_access(each)
            for field in ("relabelings", "metricRelabelings"):
                _settle_relabelings(draw, each.get(field, ()))
    for write in environment.get("remoteWrite", ()):
        _settle_access(write)
        _settle_relabelings(draw, write.get("writeRelabelings", ()))


def _settle_relabelings(draw: st.DrawFn, steps: list[Document]) -> None:
    for step in steps:
        if step["action"] in ("replace", "hashmod"):
            step.setdefault("targetLabel", draw(LABEL_NAMES))
        if step["action"] == "hashmod":
            step.setdefault("modulus", 8)
        if step["action"] == "labelmap" and "replacement" in step:
            step["replacement"] = draw(st.sampled_from(["$1", "a_${1}", "_$1", "${0}b"]))
        if step["action"] in ("labeldrop", "labelkeep"):
            for field in set(step) - {"action", "regex"}:
                del step[field]


def _settle_governance(governance: Document) -> None:
    if "deniedLabels" in governance:
        wanted = {*governance.get("allowedLabels", ()), *governance.get("requiredLabels", ()), *UNDENIABLE}
        governance["deniedLabels"] = [name for name in governance["deniedLabels"] if name not in wanted]
