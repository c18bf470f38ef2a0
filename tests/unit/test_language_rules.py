"""Sentences of the rule language as rules of a monitor: alerts, and diagnostics with their place."""

from __future__ import annotations

from typing import Any

import pytest

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.rules import rule_objects

TARGET = {
    "name": "api",
    "service": {"selector": {"matchLabels": {"app": "api"}}, "port": "metrics"},
    "walletFrom": {"label": "wallet"},
}


def compiled(*rules: dict[str, Any], interval: str = "30s") -> Part:
    spec = {
        "wallets": [{"name": "hot-1"}],
        "targets": [{**TARGET, "interval": interval}],
        "packs": [],
        "rules": list(rules),
    }
    document = {"metadata": {"name": "mon", "namespace": "ns"}, "spec": spec}
    return rule_objects(WalletMonitor.model_validate(document), MonitorClass())


def alerts(part: Part) -> dict[str, dict[str, Any]]:
    return {
        rule["alert"]: rule
        for made in part.objects
        for group in made["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }


def rule(when: str, name: str = "Own", **fields: Any) -> dict[str, Any]:
    return {"name": name, "when": when, **fields}


def test_a_sentence_is_an_alert() -> None:
    part = compiled(rule('WHEN x < 5 FOR 5m THEN ALERT "low" AS P0 KEEP 10m', labels={"team": "a"}))
    assert part.diagnostics == []
    alert = alerts(part)["Own"]
    assert (alert["for"], alert["keep_firing_for"]) == ("5m", "10m")
    assert alert["labels"] == {
        "team": "a",
        "severity": "critical",
        "priority": "P0",
        "pack": "rules",
        "namespace": "ns",
        "walletmon": "mon",
    }
    assert alert["annotations"]["summary"] == "low"
    assert alert["annotations"]["description"].endswith("The rule: x < 5.")


def test_fields_beside_the_sentence_fill_in_what_it_leaves_open() -> None:
    fields = {"for": "3m", "keepFiringFor": "4m", "priority": "P2", "description": "mine", "runbookUrl": "https://r/"}
    alert = alerts(compiled(rule('WHEN x < 5 THEN ALERT "low"', **fields)))["Own"]
    assert (alert["for"], alert["keep_firing_for"], alert["labels"]["priority"]) == ("3m", "4m", "P2")
    assert alert["annotations"] == {"summary": "low", "description": "mine", "runbook_url": "https://r/"}


def test_without_a_priority_an_alert_is_p1() -> None:
    own = alerts(compiled(rule('WHEN x < 5 THEN ALERT "low"'), {"name": "Raw", "expr": "x < 5", "summary": "low"}))
    assert [alert["labels"]["priority"] for alert in own.values()] == ["P1", "P1"]


@pytest.mark.parametrize(
    "field", [{"priority": "P1"}, {"for": "6m"}, {"keepFiringFor": "1m"}, {"summary": "other"}], ids=str
)
def test_a_field_that_says_otherwise_is_a_conflict(field: dict[str, str]) -> None:
    part = compiled(rule('WHEN x < 5 FOR 5m THEN ALERT "low" AS P0 KEEP 10m', **field))
    (name,) = field
    (found,) = part.diagnostics
    assert (found.code, found.path, found.severity) == (
        Code.CONFLICTING_FIELDS,
        f"spec.rules[0].{name}",
        Severity.ERROR,
    )
    assert alerts(part) == {}


def test_a_field_that_says_the_same_is_none() -> None:
    sentence = 'WHEN x < 5 FOR 5m THEN ALERT "low" AS P0 KEEP 10m'
    same = {"priority": "P0", "for": "300s", "keepFiringFor": "10m", "summary": "low"}
    assert compiled(rule(sentence, **same)).diagnostics == []


def test_a_wrong_rule_is_told_with_its_place_and_the_others_work_on() -> None:
    wrong = 'WHEN x < 5\n  AND rat(y) > 1\nTHEN ALERT "low"'
    part = compiled(rule('WHEN x < 5 THEN ALERT "a"', "A"), rule(wrong, "B"), rule('WHEN x > 5 THEN ALERT "c"', "C"))
    assert part.diagnostics == [
        Diagnostic(
            Code.UNKNOWN_FUNCTION,
            "spec.rules[1].when",
            "there is no function 'rat'",
            "did you mean rate?",
            Severity.ERROR,
            2,
            7,
            "  AND rat(y) > 1\n      ^",
        )
    ]
    assert str(part.diagnostics[0]).startswith("UnknownFunction: spec.rules[1].when:2:7: there is no function")
    assert list(alerts(part)) == ["A", "C"]


def test_a_warning_leaves_the_rule_in() -> None:
    part = compiled(rule('WHEN wallet_balence_total < 5 THEN ALERT "low"'))
    (found,) = part.diagnostics
    assert (found.code, found.severity, found.line, found.column) == (Code.UNKNOWN_METRIC, Severity.WARNING, 1, 6)
    assert list(alerts(part)) == ["Own"]


def test_a_window_with_too_few_samples_is_told() -> None:
    part = compiled(rule('WHEN rate(x[5m]) > 5 AND max(y[1h]) > 1 THEN ALERT "t"'), interval="3m")
    (found,) = part.diagnostics
    assert (found.code, found.severity) == (Code.SPARSE_SAMPLES, Severity.WARNING)
    assert "a window of 5m" in found.message


def test_a_rule_over_the_limits_is_told_as_a_whole() -> None:
    part = compiled(rule("WHEN " + " AND ".join(["x<5"] * 400) + ' THEN ALERT "t"'))
    (found,) = part.diagnostics
    assert (found.code, found.line, found.excerpt) == (Code.TOO_LARGE, None, None)
    assert alerts(part) == {}
