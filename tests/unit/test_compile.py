"""The compiler as a whole: never raises, same input same bytes, and golden files of what it makes.

`WALLETMON_GOLDEN=write` writes the golden files anew; read the difference before committing it.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from tests.documents import Document, maximal, minimal, one, target, targets
from tests.strategies import parseable, parseable_class
from walletmon.api.diagnostic import Code, Severity
from walletmon.api.monitor_class import MonitorClass, in_force
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.compiler.bundle import Bundle
from walletmon.compiler.compile import MAX_OBJECT_BYTES, compile
from walletmon.compiler.compile_class import compile_class

GOLDEN = Path(__file__).parent / "golden" / "compile"
REPOSITORY = Path(__file__).resolve().parents[2]
CLASS = MonitorClass(object_labels={"release": "monitoring"}, grafana_url="https://grafana.example.org")
IN_GOLDEN = ("ServiceMonitor", "PodMonitor", "ScrapeConfig", "Probe", "AlertmanagerConfig")
"""Rules and dashboards have golden files of their own."""


def compiled(document: Document, class_: MonitorClass = CLASS) -> Bundle:
    return compile(parse_monitor(document), class_)


def example() -> Document:
    found: Document = yaml.safe_load((REPOSITORY / "examples" / "treasury.yaml").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("name", "document"), [("treasury", example()), ("maximal", maximal())])
def test_scraping_and_routing_are_as_the_golden_file_says(name: str, document: Document) -> None:
    document["metadata"]["uid"] = "4c9f3f0e-0000-4000-8000-000000000000"
    objects = [obj for obj in compiled(document).objects or () if obj["kind"] in IN_GOLDEN]
    text = yaml.safe_dump_all(objects, sort_keys=False, width=120, allow_unicode=True)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("WALLETMON_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parseable())
def test_whatever_parses_compiles(document: Document) -> None:
    bundle = compiled(document)
    assert (bundle.objects is None) <= bool(bundle.errors)
    names = [(obj["kind"], obj["metadata"]["name"]) for obj in bundle.objects or ()]
    assert len(names) == len(set(names))
    for obj in bundle.objects or ():
        assert obj["metadata"]["namespace"] == document["metadata"]["namespace"]
    for diagnostic in bundle.diagnostics:
        assert diagnostic.path.startswith("spec")
        assert diagnostic.message
        assert diagnostic.cure


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parseable_class())
def test_whatever_parses_as_a_class_compiles(document: Document) -> None:
    before = copy.deepcopy(document)
    resource = parse_class(document)
    bundle = compile_class(resource)
    assert bundle == compile_class(resource)
    assert document == before
    names = [(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in bundle.objects or ()]
    assert len(names) == len(set(names))
    for obj in bundle.objects or ():
        assert obj["metadata"]["labels"]["walletmon.dev/class"] == document["metadata"]["name"]
    for diagnostic in bundle.diagnostics:
        assert diagnostic.path.startswith(("spec", "metadata"))
        assert diagnostic.message
        assert diagnostic.cure


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parseable(), parseable_class())
def test_whatever_parses_compiles_under_whatever_class(document: Document, class_document: Document) -> None:
    bundle = compiled(document, in_force(parse_class(class_document), CLASS))
    assert (bundle.objects is None) <= bool(bundle.errors)
    for diagnostic in bundle.diagnostics:
        assert diagnostic.path.startswith("spec")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parseable())
def test_compiling_twice_gives_the_same_and_changes_nothing(document: Document) -> None:
    before = copy.deepcopy(document)
    monitor = parse_monitor(document)
    first, second = compile(monitor, CLASS), compile(monitor, CLASS)
    assert first == second
    assert json.dumps(first.objects) == json.dumps(second.objects)
    assert document == before


_PRINT = """
import json, sys
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.compile import compile
bundle = compile(parse_monitor(json.load(sys.stdin)), MonitorClass())
print(json.dumps(bundle.objects), [str(each) for each in bundle.diagnostics])
"""


def test_the_bytes_do_not_depend_on_the_process() -> None:
    """Sets and hashes differ between processes; what is written to the cluster must not."""
    document = maximal()
    document["spec"]["rules"].append({"name": "Broken", "expr": "up >", "summary": "x", "labels": {"b": "1", "a": "2"}})

    def printed(seed: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", _PRINT],
            input=json.dumps(document),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert printed("0") == printed("1") == printed("4242")


def test_the_order_of_keys_in_the_document_does_not_matter() -> None:
    def reversed_(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: reversed_(each) for name, each in reversed(value.items())}
        return [reversed_(each) for each in value] if isinstance(value, list) else value

    straight, backwards = compiled(maximal()), compiled(reversed_(maximal()))
    assert json.dumps(straight.objects) == json.dumps(backwards.objects)


def test_two_wallets_of_one_instance_reject_the_monitor() -> None:
    document = minimal(wallets=[{"name": "a", "instance": "b"}, {"name": "b"}, {"name": "c"}])
    bundle = compiled(document)
    assert bundle.objects is None
    assert [(found.code, found.path) for found in bundle.diagnostics] == [
        (Code.DUPLICATE_INSTANCE, "spec.wallets[0].instance"),
        (Code.DUPLICATE_INSTANCE, "spec.wallets[1].instance"),
    ]


def test_what_is_bad_is_left_out_and_the_rest_is_built() -> None:
    document = targets(target(name="good"), target(name="bad", wallet="unknown"))
    document["spec"]["routing"] = {
        "receivers": [{"name": "a", "webhook": {"urlSecret": {"name": "s", "key": "k"}}}],
        "P0": {"receivers": ["b"]},
    }
    document["spec"]["rules"] = [
        {"name": "Good", "expr": "up == 0", "summary": "down"},
        {"name": "Bad", "expr": "up ==", "summary": "down"},
    ]
    bundle = compiled(document)
    assert {found.code for found in bundle.errors} == {
        Code.UNKNOWN_WALLET,
        Code.UNKNOWN_RECEIVER,
        Code.TOLD_TO_NOBODY,
        Code.INVALID_PROMQL,
    }
    kinds = [(obj["kind"], obj["metadata"]["name"]) for obj in bundle.objects or ()]
    assert ("ServiceMonitor", "treasury.good") in kinds
    assert ("ServiceMonitor", "treasury.bad") not in kinds
    assert ("PrometheusRule", "treasury") in kinds
    assert ("AlertmanagerConfig", "treasury") in kinds
    (rules,) = [obj for obj in bundle.objects or () if obj["kind"] == "PrometheusRule"]
    alerts = {rule.get("alert") for group in rules["spec"]["groups"] for rule in group["rules"]}
    assert "Good" in alerts
    assert "Bad" not in alerts


def test_a_suspended_monitor_is_scraped_and_records_but_raises_no_alert() -> None:
    document = one()
    document["spec"] |= {"suspend": True, "rules": [{"name": "Mine", "expr": "up == 0", "summary": "x"}]}
    objects = compiled(document).objects or ()
    assert any(obj["kind"] == "ServiceMonitor" for obj in objects)
    rules = [
        rule
        for obj in objects
        if obj["kind"] == "PrometheusRule"
        for group in obj["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert any("record" in rule for rule in rules)
    assert not any("alert" in rule for rule in rules)


def _many(count: int, labels: int) -> Document:
    wallets = [{"name": f"w{n}", "labels": {f"l{m}": f"value-{n}-{m}" for m in range(labels)}} for n in range(count)]
    document = targets({**target(), "walletFrom": {"label": "wallet"}})
    del document["spec"]["targets"][0]["wallet"]
    document["spec"]["wallets"] = wallets
    return document


def test_as_many_wallets_as_the_schema_takes_fit_their_objects() -> None:
    bundle = compiled(_many(1000, 2))
    assert bundle.errors == ()
    assert all(len(json.dumps(obj).encode()) <= MAX_OBJECT_BYTES for obj in bundle.objects or ())


def test_what_no_object_can_hold_is_refused_as_a_whole_and_says_what_to_do() -> None:
    """The last good objects then stay: a target that is left out would leave its wallets unwatched."""
    bundle = compiled(_many(1000, 16))
    assert bundle.objects is None
    assert bundle.errors[0].code is Code.TOO_LARGE
    assert "ServiceMonitor treasury.api" in bundle.errors[0].message
    assert bundle.errors[0].severity is Severity.ERROR
