"""Rules that Prometheus would take and that are wrong: each refused with what would be right; right ones untouched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.documents import rule
from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import parse_monitor
from walletmon.compiler.metrics import known_metrics
from walletmon.compiler.rules import rule_objects
from walletmon.language.lint import lint, missing_labels
from walletmon.language.promql import Scope, scope, threshold_metric
from walletmon.packs.catalogue import packs
from walletmon.packs.schema import Alert, Pack

WHERE = Scope("ns", "mon")


def codes(expr: str) -> list[Code]:
    return [flaw.code for flaw in lint(expr, scope(expr, WHERE), known_metrics(packs()))]


RIGHT = [
    "x > 5",
    "5 < x",
    "x == bool 1 > 0",
    "(x > 5) * 2",
    "-(x > 5)",
    "x and y > 1",
    "x > 1 and y",
    "x unless y",
    "x > 1 or y > 1",
    "sum(x > 5)",
    "max_over_time((x > 5)[10m:1m])",
    "absent(x)",
    "absent(x) == 1",
    "absent(x) > 0",
    "absent_over_time(x[5m])",
    "ALERTS{alertname='A'}",
    "count(x) < 3",
    "count(x) > 0",
    "count_over_time(x[5m]) == 0 or x > 1",
    "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m]))) > 1",
    "histogram_quantile(0.9, sum by (pod, le) (rate(x_bucket[5m]))) > 1",
    "histogram_quantile(0.9, sum without (pod) (rate(x_bucket[5m]))) > 1",
    "histogram_quantile(0.9, rate(x_bucket[5m])) > 1",
    "histogram_quantile(0.9, sum(rate(x[5m]))) > 1",
    "rate(wallet_requests_total[5m]) > 1",
    "delta(wallet_sync_lag_seconds[5m]) > 1",
    "changes(process_resident_memory_bytes[5m]) > 1",
    "rate(unknown_thing[5m]) > 1",
    "sum without (pod) (x) > 1",
    "label_replace(x, 'note', '$1', 'wallet', '(.*)') > 1",
    "wallet_request_duration_seconds_bucket > 1",
    "wallet_balance_total < 1",
    "wallet_of_our_own > 1",
    "up == 0",
]

WRONG = [
    ("x", Code.MISSING_COMPARISON),
    ("sum(rate(x[5m]))", Code.MISSING_COMPARISON),
    ("x > bool 5", Code.MISSING_COMPARISON),
    ("x and y", Code.MISSING_COMPARISON),
    ("x > 1 or y", Code.MISSING_COMPARISON),
    ("x or y > 1", Code.MISSING_COMPARISON),
    ("x + y", Code.MISSING_COMPARISON),
    ("vector(1)", Code.MISSING_COMPARISON),
    ("(((x)))", Code.MISSING_COMPARISON),
    ("absent(x) == 0", Code.NEVER_FIRES),
    ("0 == absent(x)", Code.NEVER_FIRES),
    ("(absent(x)) == (0)", Code.NEVER_FIRES),
    ("absent(x) < 1", Code.NEVER_FIRES),
    ("absent(x) > 1", Code.NEVER_FIRES),
    ("absent(x) != 1", Code.NEVER_FIRES),
    ("absent(x) == -1", Code.NEVER_FIRES),
    ("absent_over_time(x[5m]) == 0", Code.NEVER_FIRES),
    ("y > 1 and absent(x) == 0", Code.NEVER_FIRES),
    ("count(x) == 0", Code.NEVER_FIRES),
    ("count by (pod) (x) < 1", Code.NEVER_FIRES),
    ("0 >= count(x)", Code.NEVER_FIRES),
    ("histogram_quantile(0.9, sum(rate(x_bucket[5m]))) > 1", Code.QUANTILE_WITHOUT_LE),
    ("histogram_quantile(0.9, sum by (pod) (rate(x_bucket[5m]))) > 1", Code.QUANTILE_WITHOUT_LE),
    ("histogram_quantile(0.9, sum without (le) (rate(x_bucket[5m]))) > 1", Code.QUANTILE_WITHOUT_LE),
    ("rate(wallet_sync_lag_seconds[5m]) > 1", Code.RATE_OF_GAUGE),
    ("increase(process_resident_memory_bytes[5m]) > 1", Code.RATE_OF_GAUGE),
    ("sum(irate((up[5m]))) > 1", Code.RATE_OF_GAUGE),
    ("rate(my_backup_timestamp_seconds[5m]) > 1", Code.RATE_OF_GAUGE),
    ("sum without (wallet) (x) > 1", Code.DROPPED_WALLET),
    ("max without (pod, wallet) (x) > 1", Code.DROPPED_WALLET),
    ("label_replace(x, 'wallet', 'other', '', '') > 1", Code.DROPPED_WALLET),
    ("label_join(x, 'wallet', '', 'pod') > 1", Code.DROPPED_WALLET),
    ("count_values('wallet', x) > 1", Code.DROPPED_WALLET),
    ("wallet_sync_lag_second > 1", Code.UNKNOWN_METRIC),
    ("wallet_requets_total > 1", Code.UNKNOWN_METRIC),
    ("time() - wallet_heartbeat_timestamp > 1", Code.UNKNOWN_METRIC),
    ("rate(tx_sign_failure_total[5m]) > 1", Code.UNKNOWN_METRIC),
    ("wallet:request:error_ratio5m > 1", Code.UNKNOWN_METRIC),
]


@pytest.mark.parametrize("expr", RIGHT)
def test_nothing_is_said_against_a_sound_expression(expr: str) -> None:
    assert codes(expr) == []


@pytest.mark.parametrize(("expr", "code"), WRONG)
def test_a_wrong_expression_is_told_apart(expr: str, code: Code) -> None:
    assert codes(expr) == [code]


ALERTS = [(pack, alert) for pack in packs().values() for alert in pack.alerts]


@pytest.mark.parametrize(("pack", "alert"), ALERTS, ids=[alert.name for _, alert in ALERTS])
def test_the_packs_own_alerts_are_sound(pack: Pack, alert: Alert) -> None:
    scoped = scope(alert.expr, WHERE, {threshold_metric(pack.name, name): None for name in pack.thresholds})
    assert list(lint(alert.expr, scoped, known_metrics(packs()))) == []
    assert missing_labels(scoped, alert.summary + alert.description) == []


@pytest.mark.parametrize(
    ("expr", "missing"),
    [
        ("x > 1", []),
        ("sum(x) > 1", ["pod"]),
        ("sum by (pod) (x) > 1", []),
        ("sum without (pod) (x) > 1", ["pod"]),
        ("max by (pod) (sum by (job) (x)) > 1", ["pod"]),
        ("topk(3, x) > 1", []),
        ("x{pod=''} > 1", ["pod"]),
        ("absent(x)", ["wallet", "pod"]),
        ("absent(x{wallet='hot-1',pod='a'})", []),
        ("absent(sum(x))", ["wallet", "pod"]),
        ("label_replace(sum(x), 'pod', 'a', '', '') > 1", []),
        ("sum(x) > on (wallet) group_left (pod) y", []),
        ("x > on (wallet) y", ["pod"]),
        ("x > ignoring (pod) y", ["pod"]),
        ("sum(x) > 1 or y > 1", []),
        ("sum(x) > 1 or sum(y) > 1", ["pod"]),
        ("sum(x) > 1 and on (wallet) y", ["pod"]),
        ("1 < sum(x)", ["pod"]),
        ("max_over_time(sum(x)[5m:1m]) > 1", ["pod"]),
        ("vector(1) > 0", ["wallet", "pod"]),
        ("count_values('pod', x) > 1", []),
    ],
)
def test_labels_that_the_result_cannot_have_are_found(expr: str, missing: list[str]) -> None:
    text = "{{ $labels.wallet }} on {{ $labels.pod | toUpper }}: {{ $value }}"
    assert missing_labels(scope(expr, WHERE), text) == missing


def findings(**fields: Any) -> tuple[list[Diagnostic], list[str]]:
    document = rule(**fields)
    document["spec"]["packs"] = []
    document["spec"]["rules"].append({"name": "Good", "expr": "x > 5", "summary": "x is high"})
    part = rule_objects(parse_monitor(document), MonitorClass())
    made = [each["alert"] for o in part.objects for group in o["spec"]["groups"] for each in group["rules"]]
    return part.diagnostics, made


def test_a_wrong_rule_is_left_out_with_its_path_and_the_others_work_on() -> None:
    found, made = findings(expr="absent(up) == 0", summary="gone")
    assert [(each.code, each.path) for each in found] == [(Code.NEVER_FIRES, "spec.rules[0].expr")]
    assert made == ["Good"]


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"summary": "{{ $labels.pod }}"}, "spec.rules[0].summary"),
        ({"summary": "s", "description": "{{ $labels.pod }}"}, "spec.rules[0].description"),
        ({"summary": "s", "description": "{{ $labels.pod | toUpper }}"}, "spec.rules[0].description"),
    ],
)
def test_a_text_that_would_have_a_blank_is_found_where_it_stands(field: dict[str, Any], path: str) -> None:
    found, made = findings(expr="sum(x) > 5", **field)
    assert [(each.code, each.path) for each in found] == [(Code.MISSING_LABEL, path)]
    assert "pod" in found[0].message
    assert made == ["Good"]
