"""docs/routing.md: its examples are taken and do what it says, and its tables are those of the compiler."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.test_routing import told_by
from walletmon.api.admission import refusals
from walletmon.api.alerting import Priority
from walletmon.api.diagnostic import Code
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_class, parse_monitor
from walletmon.api.receivers import Means, Receiver
from walletmon.api.routing import MuteInterval
from walletmon.compiler.class_routing import DEFAULT_MEANS, DEFAULT_TIMINGS
from walletmon.compiler.compile import compile
from walletmon.compiler.compile_class import compile_class
from walletmon.compiler.messages import SHOWN
from walletmon.compiler.mute_intervals import compiled_intervals
from walletmon.packs.catalogue import packs

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
DOCUMENTS: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]
CLASSES = {each["metadata"]["name"]: each for each in DOCUMENTS if each["kind"] == "WalletMonitorClass"}
MONITORS = {each["metadata"]["name"]: each for each in DOCUMENTS if each["kind"] == "WalletMonitor"}


def test_every_example_was_found() -> None:
    assert PAGE.count("```yaml") == len(DOCUMENTS)
    assert (set(CLASSES), set(MONITORS)) == ({"default", "night-watch"}, {"treasury", "vault"})


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each["metadata"]["name"])
def test_an_example_is_taken_without_any_finding(document: dict[str, Any]) -> None:
    assert refusals(document) == []
    if document["kind"] == "WalletMonitor":
        assert compile(parse_monitor(document), MonitorClass()).diagnostics == ()
    else:
        assert compile_class(parse_class(document)).diagnostics == ()


def told(name: str, priority: Priority) -> list[str]:
    (obj,) = compile_class(parse_class(CLASSES[name])).objects or ()
    return told_by(obj["spec"], {"walletmon_class": name, "walletmon": "m", "priority": priority.value})


def test_the_first_class_tells_as_the_table_says() -> None:
    assert {priority.value: told("default", priority) for priority in Priority} == {
        "P0": ["wecom", "phone"],
        "P1": ["group", "mail"],
        "P2": ["mail", "slack"],
    }
    assert {priority.value: told("night-watch", priority) for priority in Priority} == {
        "P0": ["phone"],
        "P1": ["phone", "teams"],
        "P2": ["teams"],
    }


@pytest.mark.parametrize("priority", Priority)
def test_the_default_table_is_the_compilers(priority: Priority) -> None:
    (row,) = re.findall(rf"^\| {priority.value} \| (.*) \| (\w+) \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE)
    assert set(re.findall("`(\\w+)`", row[0])) == {means.value for means in DEFAULT_MEANS[priority]}
    assert list(row[1:]) == list(DEFAULT_TIMINGS[priority].values())


def test_the_table_of_receivers_names_every_field() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE))
    for means in Means:
        channel = Receiver.model_fields[Receiver.field_of(means)].annotation
        model = next(each for each in channel.__args__ if each is not type(None))  # type: ignore[union-attr]
        fields = {field.alias for field in model.model_fields.values()} - {"sendResolved"}
        assert set(re.findall("`(\\w+)`", rows[means.value])) == fields, means


def test_the_alerts_that_are_always_told_are_named() -> None:
    (text,) = re.findall(r"^\*\*Always told\*\*.*?`\. So are", PAGE, re.MULTILINE | re.DOTALL)
    always = {alert.name for pack in packs().values() for alert in pack.alerts if alert.always_told}
    assert set(re.findall("`(\\w+)`", text)) == always


def test_causes_and_findings_that_the_page_names_exist() -> None:
    alerts = {alert.name for pack in packs().values() for alert in pack.alerts} | {"InstanceDown", "TargetDown"}
    table = PAGE[PAGE.index("| while this fires") : PAGE.index("[docs/packs.md]")]
    assert set(re.findall("`([A-Z]\\w+)`", table)) <= alerts
    named = set(re.findall(r"\(`([A-Z]\w+)`", PAGE)) - {"WalletMonitor", "WalletMonitorClass"}
    assert named
    assert named <= {code.value for code in Code}
    assert f"at most {SHOWN} alerts" in PAGE


def test_the_hours_of_shanghai_are_those_that_the_compiler_gives() -> None:
    (block,) = re.findall(r"^  ```json\n(.*?)^  ```", PAGE, re.MULTILINE | re.DOTALL)
    mondays = MuteInterval.model_validate(
        {
            "name": "a",
            "timeZone": "Asia/Shanghai",
            "times": [{"from": "00:00", "to": "09:30"}],
            "weekdays": ["monday"],
        }
    )
    assert compiled_intervals([mondays], "", 2026).usable["a"]["timeIntervals"] == json.loads(block)
