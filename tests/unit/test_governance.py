"""Governance: what of a team's labels and limits is in force, what is told of the rest, and what is not let in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.documents import Document, found_by, minimal, one, promql, target, targets
from tests.recordings.judge import read
from tests.unit.test_metrics_docs import described, reads
from walletmon.api.base import METRIC_LABELS, RESERVED_LABELS
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.environments import Environment
from walletmon.api.governance import DENIED_BY_DEFAULT, Governance
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClassSpec
from walletmon.api.parse import parse_monitor
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.governance import dropped_labels
from walletmon.compiler.rules import rule_objects
from walletmon.compiler.scraping import scraping_objects
from walletmon.instrument.families import FAMILIES
from walletmon.packs.catalogue import catalogue, packs
from walletmon.packs.configmap import pack_source

GROUPINGS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) ?\(([^)]*)\)")
RECORDINGS = Path(__file__).parents[1] / "recordings"

BREAKS = {
    "the very name": ("user_id", "7", Code.DENIED_LABEL, "the label user_id is denied"),
    "in camel case": ("userId", "7", Code.DENIED_LABEL, "the label userId is denied"),
    "in capitals": ("TX_HASH", "0x", Code.DENIED_LABEL, "the label TX_HASH is denied"),
    "run together": ("traceid", "a", Code.DENIED_LABEL, "the label traceid is denied"),
    "by the class": ("cost_centre", "9", Code.DENIED_LABEL, "the label cost_centre is denied"),
    "not allowed": ("colour", "red", Code.DENIED_LABEL, "not among those that the class allows"),
    "too long": ("team", "x" * 21, Code.LONG_LABEL_VALUE, "the value has 21 characters; the class lets it have 20"),
    "of the class": ("site", "mine", Code.TAKEN_LABEL, "the class sets site to 'north' on everything"),
    "of the environment": ("tier", "mine", Code.TAKEN_LABEL, "the class sets tier to 'gold' on everything"),
}
STRICT = {"allowedLabels": ["team", "desk"], "deniedLabels": ["cost_centre"], "labelValueLength": 20}


def class_with(governance: Document | None = None, **spec: Any) -> MonitorClass:
    return MonitorClass(
        name="strict", spec=WalletMonitorClassSpec.model_validate({"governance": governance or {}, **spec})
    )


def strict(**governance: Any) -> MonitorClass:
    environment = Environment.model_validate({"name": "prod", "labels": {"tier": "gold"}}).document()
    labels = {"site": "north", "region": "eu"}
    return class_with({**STRICT, **governance}, externalLabels=labels, environments=[environment])


def labelled(**labels: str) -> Document:
    """A monitor of two wallets, the second of which has these labels and is scraped."""
    wallets = [{"name": "a"}, {"name": "hot-1", "labels": labels}]
    return minimal(environment="prod", wallets=wallets, targets=[target()])


def told(document: Document, class_: MonitorClass) -> list[tuple[Code, str]]:
    part = scraping_objects(parse_monitor(document), class_)
    return [(each.code, each.path) for each in part.diagnostics if each.severity is Severity.ERROR]


def scraped(document: Document, class_: MonitorClass | None = None, facts: ClusterFacts | None = None) -> Document:
    (found,) = scraping_objects(parse_monitor(document), class_ or MonitorClass(), facts).objects
    return found


def put_on(document: Document, class_: MonitorClass) -> dict[str, str]:
    """The constant labels that the one target of a monitor gets."""
    (endpoint,) = scraped(document, class_)["spec"]["endpoints"]
    return {step["targetLabel"]: step["replacement"] for step in endpoint["relabelings"] if "replacement" in step}


@pytest.mark.parametrize("what", BREAKS)
def test_a_wallets_label_that_breaks_a_rule_is_left_out_and_told(what: str) -> None:
    name, value, code, message = BREAKS[what]
    document = labelled(**{name: value, "desk": "otc"})
    part = scraping_objects(parse_monitor(document), strict())
    (found,) = [each for each in part.diagnostics if each.severity is Severity.ERROR]
    assert (found.code, found.path) == (code, f"spec.wallets[1].labels.{name}")
    assert message in found.message
    assert found.cure
    labels = put_on(document, strict())
    assert labels["desk"] == "otc"
    assert labels.get(name) in (None, "north", "gold")


@pytest.mark.parametrize("what", BREAKS)
def test_a_rules_label_that_breaks_a_rule_is_left_out_and_the_rule_stays(what: str) -> None:
    name, value, code, message = BREAKS[what]
    document = promql(labels={name: value, "desk": "otc"})
    document["spec"]["environment"] = "prod"
    part = rule_objects(parse_monitor(document), strict())
    (found,) = part.diagnostics
    assert (found.code, found.path) == (code, f"spec.rules[0].labels.{name}")
    assert message in found.message
    (alert,) = [
        rule
        for obj in part.objects
        for group in obj["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "Mine"
    ]
    assert alert["labels"]["desk"] == "otc"
    assert alert["labels"].get(name) in (None, "north", "gold")


def test_a_sentences_labels_are_judged_too() -> None:
    document = minimal(rules=[{"name": "Mine", "when": 'WHEN x > 1 THEN ALERT "x"', "labels": {"userId": "7"}}])
    (found,) = rule_objects(parse_monitor(document), MonitorClass()).diagnostics
    assert (found.code, found.path) == (Code.DENIED_LABEL, "spec.rules[0].labels.userId")


def test_without_governance_only_the_built_in_denials_hold() -> None:
    document = labelled(colour="red", email="a@b", team="x" * 128)
    assert told(document, MonitorClass()) == [(Code.DENIED_LABEL, "spec.wallets[1].labels.email")]


@pytest.mark.parametrize("wanted", ["allowedLabels", "requiredLabels"])
def test_a_label_that_the_class_wants_is_not_denied_by_default_in_any_spelling(wanted: str) -> None:
    class_ = class_with({wanted: ["accountId"]})
    document = one()
    document["spec"]["wallets"][0]["labels"] = {"accountId": "7"}
    assert told(document, class_) == []
    assert put_on(document, class_)["accountId"] == "7"
    pattern = dropped_labels(class_.spec.governance or Governance()) or ""
    assert not re.fullmatch(pattern, "account_id")
    assert re.fullmatch(pattern, "user_id")


def test_every_wallet_is_told_of_the_labels_that_it_lacks_and_watched_all_the_same() -> None:
    document = one()
    document["spec"]["wallets"] = [
        {"name": "hot-1", "type": "custodial", "labels": {"team": "a"}},
        {"name": "hot-2", "chain": {"family": "evm", "id": 1}},
    ]
    class_ = strict(requiredLabels=["team", "wallet_type", "chain_id", "site", "region", "cluster", "pod"])
    found = [each for each in scraping_objects(parse_monitor(document), class_).diagnostics if "label" in each.message]
    assert [(each.path, each.message.split(",")[0], each.cure.split(" of")[0]) for each in found] == [
        ("spec.wallets[0].labels", "wallet hot-1 has no label chain_id", "set chain.id"),
        ("spec.wallets[1].labels", "wallet hot-2 has no label team", "set labels.team"),
        ("spec.wallets[1].labels", "wallet hot-2 has no label wallet_type", "set type"),
    ]
    assert {each.code for each in found} == {Code.REQUIRED_LABEL}
    assert len(scraping_objects(parse_monitor(document), class_).objects) == 1


def test_a_required_label_that_is_left_out_is_told_once() -> None:
    assert told(labelled(team="x" * 21), strict(requiredLabels=["team"])) == [
        (Code.REQUIRED_LABEL, "spec.wallets[0].labels"),
        (Code.LONG_LABEL_VALUE, "spec.wallets[1].labels.team"),
    ]


LIMITS = {"samples": 1000, "labels": 30, "labelNameLength": 64, "labelValueLength": 128}
IN_FORCE = ("sampleLimit", "labelLimit", "labelNameLengthLimit", "labelValueLengthLimit")


@pytest.mark.parametrize(
    ("most", "own", "in_force", "told_at"),
    [
        (None, {"samples": 9_000_000}, (9_000_000, None, None, None), []),
        (LIMITS, None, (1000, 30, 64, 128), []),
        (LIMITS, {"samples": 10}, (10, 30, 64, 128), []),
        (LIMITS, {"samples": 1000, "labels": 31}, (1000, 30, 64, 128), ["labels"]),
        (LIMITS, dict.fromkeys(LIMITS, 500), (500, 30, 64, 128), ["labels", "labelNameLength", "labelValueLength"]),
        ({"labels": 5}, {"samples": 7}, (7, 5, None, None), []),
    ],
)
def test_the_classs_limits_are_the_default_and_the_most(
    most: Document | None, own: Document | None, in_force: tuple[int | None, ...], told_at: list[str]
) -> None:
    class_ = class_with({"limits": most} if most else {})
    document = targets(target(name="plain"), target(name="api", **({"limits": own} if own else {})))
    part = scraping_objects(parse_monitor(document), class_)
    assert tuple(part.objects[1]["spec"].get(name) for name in IN_FORCE) == in_force
    assert [(each.code, each.path) for each in part.diagnostics] == [
        (Code.EXCESSIVE_LIMIT, f"spec.targets[1].limits.{name}") for name in told_at
    ]


def lets_in(obj: Document, labels: dict[str, str]) -> dict[str, str] | None:
    """What Prometheus makes of a series by an object's metricRelabelings; None if it is dropped."""
    spec = obj["spec"]
    (where,) = spec.get("endpoints") or spec.get("podMetricsEndpoints") or [spec]
    labels = dict(labels)
    for step in where["metricRelabelings"]:
        value = ";".join(labels.get(name, "") for name in step.get("sourceLabels", ()))
        if step["action"] == "labelmap":
            for name in [name for name in labels if re.fullmatch(step["regex"], name)]:
                labels[step["replacement"]] = labels[name]
        elif re.fullmatch(step["regex"], value):
            if step["action"] == "drop":
                return None
            labels[step["targetLabel"]] = step["replacement"]
    return labels


KINDS = {
    "ServiceMonitor": one(),
    "PodMonitor": found_by(pods=target()["service"]),
    "ScrapeConfig": found_by(static=["node:9100"]),
    "Probe": found_by(probe={"prober": "blackbox:9115", "urls": ["https://a"]}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_object_drops_series_with_a_denied_label_and_then_fills_in_the_classs(kind: str) -> None:
    obj = scraped(KINDS[kind], strict())
    assert obj["kind"] == kind
    for name in ("user_id", "userID", "Tx_Hash", "snapshotTs", "cost_centre", "costCentre"):
        assert lets_in(obj, {"__name__": "x", name: "7"}) is None, name
    for name in ("users", "my_user_id", "address_type", "team"):
        assert lets_in(obj, {"__name__": "x", name: "7"}) == {"__name__": "x", name: "7", "region": "eu"}
    assert lets_in(obj, {"region": "us"}) == {"region": "us"}


def test_what_the_class_puts_on_everything_is_never_a_reason_to_drop() -> None:
    """Its author contradicts themselves; the series of all wallets are worth more."""
    class_ = class_with({"deniedLabels": ["siteId"]}, externalLabels={"site_id": "1", "email": "ops"})
    obj = scraped(one(), class_)
    assert lets_in(obj, {"site_id": "1", "email": "ops"}) is not None
    assert lets_in(obj, {"siteId": "1"}) is None


@pytest.mark.parametrize("name", [*RESERVED_LABELS, *METRIC_LABELS])
def test_a_label_of_ours_is_never_dropped_whatever_a_class_says(name: str) -> None:
    """The schema refuses such a class; not every document comes past it."""
    camel = re.sub("_(.)", lambda found: found[1].upper(), name)
    pattern = dropped_labels(Governance.model_validate({"deniedLabels": sorted({name, camel})})) or ""
    assert not re.fullmatch(pattern, name)


def test_no_metric_of_ours_has_a_label_that_is_denied_by_default() -> None:
    pattern = dropped_labels(Governance()) or ""
    assert all(re.fullmatch(pattern, name) for name in DENIED_BY_DEFAULT)
    ours = {label for family in FAMILIES for label in family.labels} | {*RESERVED_LABELS, *METRIC_LABELS}
    assert sorted(label for label in ours if re.fullmatch(pattern, label)) == []


def test_no_pack_reads_a_series_that_would_be_dropped() -> None:
    """By the labels that the page of metrics has, and those by which expressions match and group."""
    pattern = dropped_labels(Governance()) or ""
    wrong = []
    for pack in packs().values():
        of_preset = {
            f"{record} ({name})": preset for name, preset in pack.presets.items() for record in preset.recordings
        }
        for where, expr in pack.expressions():
            let_in = of_preset[where].identifying if where in of_preset else ()
            labels = {label for each in reads(expr) if (row := described(each.metric)) for label in row[1].labels}
            labels |= {label for each in reads(expr) for label in each.labels}
            labels |= {label for group in GROUPINGS.findall(expr) for label in group.replace(" ", "").split(",")}
            wrong += [
                f"{pack.name}, {where}: {label}"
                for label in sorted(labels)
                if re.fullmatch(pattern, label) and label not in let_in
            ]
    assert wrong == []


@pytest.mark.parametrize("software", ["geth-1.13.15", "centrifuge-0.40.1", "pushpin-1.36.0"])
def test_recorded_software_loses_nothing(software: str) -> None:
    pattern = dropped_labels(Governance()) or ""
    labels = {label for each in read(RECORDINGS / f"{software}.prom").series.values() for one in each for label in one}
    assert sorted(label for label in labels if re.fullmatch(pattern, label)) == []


EXPORTER = [{"name": "balance", "preset": "address-exporter"}]
BALANCE = {"__name__": "eth_address_account_balance", "name": "main", "address": "0x7a"}


def test_a_preset_lets_in_the_labels_that_it_cannot_do_without_for_its_monitor_alone() -> None:
    document = one()
    assert lets_in(scraped(document), BALANCE) is None
    document["spec"]["packs"] = EXPORTER
    obj = scraped(document)
    assert lets_in(obj, BALANCE) == BALANCE
    assert lets_in(obj, {"address": "0x7a", "tx_hash": "0x"}) is None
    assert lets_in(obj, {"wallet_address": "0x7a"}) is None


@pytest.mark.parametrize("denied", ["address", "Address"])
def test_a_class_that_denies_them_itself_forbids_the_preset(denied: str) -> None:
    document = one()
    document["spec"]["packs"] = EXPORTER
    class_ = class_with({"deniedLabels": [denied]})
    (found,) = scraping_objects(parse_monitor(document), class_).diagnostics
    assert (found.code, found.path, found.severity) == (Code.DENIED_LABEL, "spec.packs[0].preset", Severity.ERROR)
    assert "the preset address-exporter cannot be used" in found.message
    assert lets_in(scraped(document, class_), BALANCE) is None


PACK = """\
name: ours
title: Ours
description: A pack of the team's own.
recordings: [{record: "wallet:ours:max", expr: ours_own, why: so}]
alerts:
  - {name: Ours, expr: "wallet:ours:max > 1", for: 1m, priority: P2, summary: s, description: d}
presets:
  other: {software: other, source: none, identifying: [tx_hash, shop], recordings: {"wallet:ours:max": other_own}}
"""


def test_a_pack_of_the_teams_own_cannot_let_in_what_is_denied() -> None:
    source = pack_source({"metadata": {"name": "p", "namespace": "wallets"}, "data": {"ours.yaml": PACK}})
    facts = ClusterFacts(catalogue=catalogue([source], "wallets", None))
    document = one()
    document["spec"]["packs"] = [{"name": "ours", "preset": "other"}]
    (found,) = scraping_objects(parse_monitor(document), MonitorClass(), facts).diagnostics
    assert (found.code, found.path) == (Code.DENIED_LABEL, "spec.packs[0].preset")
    assert found.cure == "have tx_hash put into allowedLabels of the class"
    assert lets_in(scraped(document, None, facts), {"tx_hash": "0x"}) is None
    allowing = class_with({"allowedLabels": ["tx_hash"]})
    assert scraping_objects(parse_monitor(document), allowing, facts).diagnostics == []
    assert lets_in(scraped(document, allowing, facts), {"tx_hash": "0x"}) is not None


def test_presets_name_only_labels_that_are_denied_by_default() -> None:
    identifying = {label for pack in packs().values() for each in pack.presets.values() for label in each.identifying}
    assert identifying <= set(DENIED_BY_DEFAULT)
    assert identifying
