"""Hypothesis strategies for documents of monitors and classes, over every field that the schemas have.

They are made from the schemas themselves, so a new field is in them by itself. `parseable` and `parseable_class` give
what the schema takes and no more: references may lead nowhere, several sources may stand in one target. `valid` puts
right what only CEL can say, so that the apiserver takes the document.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

from hypothesis import strategies as st

from tests.documents import SERVICE, Document
from walletmon.api.base import LABEL_NAME_PATTERN, METRIC_LABELS, RESERVED_LABELS
from walletmon.api.crd import wallet_monitor_class_crd, wallet_monitor_crd
from walletmon.api.environments import HEADER_PATTERN
from walletmon.api.governance import DENIED_BY_DEFAULT
from walletmon.api.receivers import Means
from walletmon.api.targets import LABEL_KEY_PATTERN
from walletmon.packs.catalogue import packs

Schema = dict[str, Any]
Strategy = st.SearchStrategy[Any]

_ITEMS_AT_MOST = 3
_TAKEN = {*RESERVED_LABELS, *METRIC_LABELS, "alertname"}
_THRESHOLDS = sorted({name for pack in packs().values() for name in pack.thresholds})
_ALERTS = sorted({alert.name for pack in packs().values() for alert in pack.alerts})

_EXPRESSIONS = (
    "up == 0",
    "sum by (wallet) (rate(wallet_requests_total[5m])) > 10 and on (wallet) up",
    "histogram_quantile(0.99, sum by (le, wallet) (rate(tx_sign_latency_seconds_bucket[5m]))) > 2",
    "absent(wallet_heartbeat_timestamp_seconds)",
    'up{namespace="other"} == 0',
    "up offset 5m @ end() > bool 1",
    "label_replace(up, 'wallet', '$1', 'pod', '(.*)') > 0",
    "up > ",
    '{__name__=~".+"} > 0',
    "vector(1)",
    "topk(3, up) / ignoring (pod) group_left max without (pod) (up)",
    "max_over_time((up > 0)[1h:5m])",
    "up # a comment",
)
_TEXTS = (
    "{{ $labels.wallet }} is at {{ $value }}",
    "{{ query `up` }}",
    "{{",
    "{{ .X | printf `%s` }}",
    "金库 🏦\nsecond",
)
_HOSTILE = (
    "{{",
    "}}{{{",
    "{{ query `up` }}",
    "\"\\\\'`",
    ": - &a *b !c #d",
    "金库 🏦",
    "\u2028\ufeff",
    "(|.*",
    "null",
    " 1e3 ",
    "x" * 128,
)
_FIGURES = ("1.2s", "85%", "5000", "0.5 ETH", "10GiB", "5m", "1e18 wei", "-1", "1e999", "NaN", "0")


def _matching(pattern: str, longest: int) -> Strategy:
    # Python calls the two code points that go-yaml refuses otherwise than RE2 and Rust do.
    pattern = re.sub(r"\\x\{([0-9a-f]{4})\}", r"\\u\1", pattern)
    return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= longest)


LABEL_NAMES = _matching(LABEL_NAME_PATTERN, 64)
_LABEL_KEYS = _matching(LABEL_KEY_PATTERN, 100)
_KEYS: dict[str, Strategy] = {
    "spec.wallets[].labels": LABEL_NAMES.filter(lambda name: name not in _TAKEN),
    "spec.dependencies[].match": LABEL_NAMES,
    "spec.wallets[].thresholds": st.sampled_from([f"golden-signals.{name}" for name in _THRESHOLDS])
    | st.text(max_size=20),
    "spec.targets[].service.selector.matchLabels": _LABEL_KEYS,
    "spec.targets[].pods.selector.matchLabels": _LABEL_KEYS,
    "spec.packs[].thresholds": st.sampled_from(_THRESHOLDS) | st.text(max_size=20),
    "spec.packs[].overrides": st.sampled_from(_ALERTS) | st.text(max_size=20),
    "spec.rules[].labels": LABEL_NAMES,
    "spec.objectLabels": _LABEL_KEYS,
    "spec.externalLabels": LABEL_NAMES,
    "spec.environments[].namespaceSelector.matchLabels": _LABEL_KEYS,
    "spec.environments[].labels": LABEL_NAMES,
    "spec.environments[].remoteWrite[].headers": _matching(HEADER_PATTERN, 40),
    "spec.dashboards.labels": _LABEL_KEYS,
    "spec.federation[].labels": LABEL_NAMES,
}
"""The schema cannot say what a map's keys look like; the models and CEL do."""

_LIKELY: dict[str, Strategy] = {
    "spec.packs[].name": st.sampled_from(sorted(packs())),
    "spec.packs[].disable[]": st.sampled_from(_ALERTS),
    "spec.packs[].thresholds{}": st.sampled_from(_FIGURES),
    "spec.wallets[].thresholds{}": st.sampled_from(_FIGURES),
    "spec.rules[].expr": st.sampled_from(_EXPRESSIONS),
    "spec.rules[].name": st.sampled_from(_ALERTS),
    "spec.rules[].summary": st.sampled_from(_TEXTS),
    "spec.rules[].description": st.sampled_from(_TEXTS),
    "spec.externalLabels{}": st.sampled_from(_HOSTILE),
    "spec.environments[].labels{}": st.sampled_from(_HOSTILE),
    "spec.environments[].remoteWrite[].headers{}": st.sampled_from(_HOSTILE),
    "spec.federation[].labels{}": st.sampled_from(_HOSTILE),
    "spec.governance.allowedLabels[]": st.sampled_from(DENIED_BY_DEFAULT),
    "spec.governance.requiredLabels[]": st.sampled_from(DENIED_BY_DEFAULT),
    "spec.governance.deniedLabels[]": st.sampled_from([*DENIED_BY_DEFAULT, *RESERVED_LABELS, "userId", "_user"]),
}
"""Values that mean something, which chance alone would not find; they are given beside what chance finds."""


def of_schema(node: Schema, path: str) -> Strategy:
    """What the schema `node` takes, which stands at `path`."""
    found = _any_of(node, path)
    return _LIKELY[path] | found if path in _LIKELY else found


def _any_of(node: Schema, path: str) -> Strategy:
    if "enum" in node:
        return st.sampled_from(node["enum"])
    kind = node["type"]
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(node.get("minimum", -(2**53)), node.get("maximum", 2**53))
    if kind == "array":
        return _array(node, path)
    if kind == "object":
        return _object(node, path)
    return _string(node)


def _string(node: Schema) -> Strategy:
    shortest, longest = node.get("minLength", 0), node["maxLength"]
    if "pattern" not in node:
        return st.text(min_size=shortest, max_size=min(longest, 40))
    texts = _matching(node["pattern"], longest).filter(lambda text: len(text) >= shortest)
    if any("[1-9]" in check["rule"] for check in node.get("x-kubernetes-validations", ())):
        texts = texts.filter(lambda text: any(digit in text for digit in "123456789"))
    return texts


def _array(node: Schema, path: str) -> Strategy:
    keys = node.get("x-kubernetes-list-map-keys")
    unique = (
        (lambda item: tuple(item[key] for key in keys))
        if keys
        else (lambda item: item)
        if node.get("x-kubernetes-list-type") == "set"
        else None
    )
    most = min(node["maxItems"], _ITEMS_AT_MOST)
    return st.lists(
        of_schema(node["items"], f"{path}[]"), min_size=node.get("minItems", 0), max_size=most, unique_by=unique
    )


def _object(node: Schema, path: str) -> Strategy:
    if "properties" not in node:
        values = of_schema(node["additionalProperties"], f"{path}{{}}")
        fewest, most = node.get("minProperties", 0), min(node["maxProperties"], _ITEMS_AT_MOST)
        return st.dictionaries(_KEYS[path], values, min_size=fewest, max_size=most)
    fields = {name: of_schema(child, f"{path}.{name}") for name, child in node["properties"].items()}
    required = {name: fields.pop(name) for name in node.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


def _spec_of(crd: Schema) -> Strategy:
    return _object(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"], "spec")


@cache
def _specs() -> Strategy:
    return _spec_of(wallet_monitor_crd())


@cache
def _class_specs() -> Strategy:
    return _spec_of(wallet_monitor_class_crd())


_NAMES = st.sampled_from(["treasury", "a", "0", "x" * 63, "a-b", "walletmon-dashboard-monitor-5c1e"])


@st.composite
def parseable(draw: st.DrawFn, namespace: str = "wallets") -> Document:
    """A document that the schema takes; what CEL says besides may not hold."""
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitor",
        "metadata": {"name": draw(_NAMES), "namespace": namespace, "uid": "4c9f3f0e-0000-4000-8000-000000000000"},
        "spec": draw(_specs()),
    }


@st.composite
def parseable_class(draw: st.DrawFn) -> Document:
    """A document of a class that the schema takes; what CEL says besides may not hold."""
    metadata: Document = {"name": draw(st.sampled_from(["default", "a", "x" * 40, "a-b"]))}
    if draw(st.booleans()):
        metadata["annotations"] = {"walletmon.dev/is-default-class": draw(st.sampled_from(["true", "false"]))}
    return {
        "apiVersion": "walletmon.dev/v1alpha1",
        "kind": "WalletMonitorClass",
        "metadata": {**metadata, "uid": "4c9f3f0e-0000-4000-8000-000000000001"},
        "spec": draw(_class_specs()),
    }


@st.composite
def valid(draw: st.DrawFn, namespace: str = "wallets") -> Document:
    """A document that the apiserver takes."""
    document: Document = draw(parseable(namespace))
    spec = document["spec"]
    for wallet in spec["wallets"]:
        _settle_wallet(draw, wallet)
    names = [wallet["name"] for wallet in spec["wallets"]]
    for target in spec.get("targets", ()):
        _settle_target(draw, target, names)
    for rule in spec.get("rules", ()):
        _settle_rule(draw, rule)
    if "routing" in spec:
        _settle_routing(draw, spec["routing"])
    return document


def _settle_wallet(draw: st.DrawFn, wallet: Document) -> None:
    chain = wallet.get("chain", {})
    if chain.get("family") != "evm":
        return
    chain.setdefault("id", draw(st.integers(1, 2**53)))
    addresses = st.text("0123456789abcdefABCDEF", min_size=40, max_size=40).map("0x{}".format)
    if "addresses" in wallet:
        wallet["addresses"] = draw(st.lists(addresses, max_size=2, unique=True))
    if "tokens" in wallet:
        found = draw(st.lists(addresses, min_size=len(wallet["tokens"]), max_size=len(wallet["tokens"]), unique=True))
        wallet["tokens"] = [{**token, "address": at} for token, at in zip(wallet["tokens"], found, strict=True)]


def _settle_target(draw: st.DrawFn, target: Document, wallets: list[str]) -> None:
    sources = [name for name in ("service", "pods", "static", "probe") if name in target]
    kept = draw(st.sampled_from(sources)) if sources else "service"
    for name in set(sources) - {kept}:
        del target[name]
    if not sources:
        target["service"] = copy.deepcopy(SERVICE)
    if kept in ("static", "probe") or "wallet" in target:
        target.pop("walletFrom", None)
    if "wallet" in target or (target.get("role", "wallet") == "wallet" and "walletFrom" not in target):
        target["wallet"] = draw(st.sampled_from(wallets))
    if "timeout" in target:
        target["timeout"] = target["interval"] = draw(st.sampled_from(["500ms", "10s", "1m30s"]))
    if kept in ("service", "pods"):
        settle_selector(target[kept]["selector"])
    auth = target.get("auth", {})
    if "basicAuth" in auth:
        auth.pop("authorization", None)
    if "tls" in auth and ("cert" in auth["tls"]) != ("key" in auth["tls"]):
        auth["tls"].pop("cert", None)
        auth["tls"].pop("key", None)


def settle_selector(selector: Document) -> None:
    for expression in selector.get("matchExpressions", ()):
        if expression["operator"] in ("Exists", "DoesNotExist"):
            expression.pop("values", None)
        elif not expression.get("values"):
            expression["values"] = ["a"]
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        selector["matchLabels"] = {"app": "wallet-api"}


def _settle_rule(draw: st.DrawFn, rule: Document) -> None:
    if "expr" in rule and "when" in rule:
        del rule[draw(st.sampled_from(["expr", "when"]))]
    elif "expr" not in rule:
        rule.setdefault("when", "WHEN x > 1 THEN ALERT 'x'")
    if "expr" in rule:
        rule.setdefault("summary", "{{ $labels.wallet }}")
    if "labels" in rule:
        reserved = {*RESERVED_LABELS, "alertname"}
        rule["labels"] = {name: value for name, value in rule["labels"].items() if name not in reserved}


def _settle_routing(draw: st.DrawFn, routing: Document) -> None:
    settle_intervals(routing)
    for receiver in routing["receivers"]:
        settle_receiver(draw, receiver)
    settle_priorities(draw, routing, routing)


def settle_intervals(document: Document) -> None:
    for interval in document.get("muteTimeIntervals", ()):
        for time in interval.get("times", ()):
            time["from"], time["to"] = sorted((time["from"], time["to"]))
            if time["from"] == time["to"]:
                time["from"], time["to"] = "00:00", "24:00"
        if "times" not in interval:
            interval.setdefault("weekdays", ["monday"])


def settle_priorities(draw: st.DrawFn, priorities: Document, document: Document) -> None:
    receivers = [receiver["name"] for receiver in document.get("receivers", ())]
    intervals = [interval["name"] for interval in document.get("muteTimeIntervals", ())]
    for priority in ("P0", "P1", "P2"):
        if priority not in priorities:
            continue
        route = priorities[priority]
        if receivers:
            route["receivers"] = draw(st.lists(st.sampled_from(receivers), min_size=1, unique=True))
        else:
            route.pop("receivers", None)
        if "muteTimeIntervals" in route:
            route["muteTimeIntervals"] = draw(st.lists(st.sampled_from(intervals), unique=True)) if intervals else []


def settle_receiver(draw: st.DrawFn, receiver: Document) -> None:
    means = [each.value for each in Means if each.value in receiver]
    kept = draw(st.sampled_from(means)) if means else Means.WEBHOOK.value
    for name in set(means) - {kept}:
        del receiver[name]
    if not means:
        receiver[kept] = {"urlSecret": {"name": "on-call", "key": "url"}}
    if kept == Means.WECOM:
        receiver[kept].setdefault("toUser", "@all")
    if kept == Means.EMAIL:
        receiver[kept].pop("username", None)
        receiver[kept].pop("passwordSecret", None)
    if kept == Means.TELEGRAM:
        receiver[kept]["chatId"] = receiver[kept]["chatId"] or 1
