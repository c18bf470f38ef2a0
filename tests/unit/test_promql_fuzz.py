"""Mutations of a recorded corpus: whatever is written, the answer is a scoped expression or a finding, and in bounds.

`tests/corpus/promql.jsonl` has one expression a line, as a JSON string. What a longer run turns up is added to it
(`WALLETMON_FUZZ_EXAMPLES=100000 pytest tests/unit/test_promql_fuzz.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import promql_parser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walletmon.api.monitor_class import MonitorClass
from walletmon.api.parse import InvalidMonitor, parse_monitor
from walletmon.compiler.metrics import known_metrics
from walletmon.compiler.rules import rule_objects
from walletmon.language.lint import lint, missing_labels
from walletmon.language.promql import MAX_OUTPUT, Scope, scope, scope_query
from walletmon.language.promql_text import PromqlError
from walletmon.language.selectors import nodes
from walletmon.packs.catalogue import packs

CORPUS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "corpus/promql.jsonl").read_text(encoding="utf-8").splitlines()
]
EXAMPLES = int(os.environ.get("WALLETMON_FUZZ_EXAMPLES", "300"))
WHERE = Scope("ns", "mon")
THRESHOLDS = {"walletmon:threshold:golden_signals_heartbeat_age": Decimal(120)}
PIECES = [
    *('"', "'", "`", "\\", "{", "}", "(", ")", "[", "]", ",", "#", "\n", "\x00", "\u202e", "$", "{{", "=~", "!=", "@"),
    *(" or ", " and on () ", " unless ", " offset -5m", "[5m:]", " by (wallet)", " without (wallet)", "namespace"),
    *("walletmon", '{namespace="other"}', "0x1F", "1e999", "NaN", "-Inf", "absent(", "sum(", " > bool ", " == 0"),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """One or two expressions of the corpus, cut, joined, with pieces put in."""
    text = str(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        match draw(st.integers(0, 4)):
            case 0:
                text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
            case 1:
                text = text[:at] + text[at + draw(st.integers(1, 4)) :]
            case 2:
                text = text[:at] + str(draw(st.sampled_from(CORPUS)))[draw(st.integers(0, 20)) :]
            case 3:
                operator = draw(st.sampled_from(["or", "and", "+", ">", "unless", "=="]))
                text = f"({text}) {operator} ({draw(st.sampled_from(CORPUS))})"
            case _:
                text = text[:at] + draw(st.characters()) + text[at:]
    return text


def answer(scoping: Callable[..., str], text: str) -> str | None:
    """The scoped text, None for a refusal; any other exception is the failure that is looked for."""
    try:
        return scoping(text, WHERE, THRESHOLDS)
    except PromqlError as error:
        if not (error.message and error.cure):
            raise AssertionError(f"a refusal without words: {error!r}") from error
        return None


def judge(text: str) -> None:
    answer(scope_query, text)
    scoped = answer(scope, text)
    if scoped is None:
        return
    assert len(scoped) <= MAX_OUTPUT
    found = list(nodes(promql_parser.parse(scoped)))
    selectors = [node for node in found if isinstance(node, promql_parser.VectorSelector)]
    for node in selectors:
        matchers = {(m.name, m.value) for m in node.matchers.matchers if m.op == promql_parser.MatchOp.Equal}
        assert {("namespace", "ns"), ("walletmon", "mon")} <= matchers
    list(lint(text, scoped, known_metrics(packs())))
    missing_labels(scoped, "{{ $labels.pod }} {{ $labels.wallet }}")
    if selectors:
        # What is scoped names the namespace by itself, so it cannot be scoped to another.
        with pytest.raises(PromqlError):
            scope(scoped, Scope("other", "mon"))


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_each_recorded_expression_is_scoped_or_refused(text: str) -> None:
    judge(text)


@given(mutated())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_expression_is_scoped_or_refused(text: str) -> None:
    judge(text)


@given(st.text(max_size=300) | mutated(), st.text(max_size=100) | mutated(), st.text(max_size=100) | mutated())
@settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_rule_says_the_other_rules_work_on(expr: str, summary: str, value: str) -> None:
    document = {
        "metadata": {"name": "treasury", "namespace": "wallets"},
        "spec": {
            "wallets": [{"name": "hot-1"}],
            "packs": [],
            "rules": [
                {"name": "Odd", "expr": expr, "summary": summary, "labels": {"note": value}},
                {"name": "Good", "expr": "x > 5", "summary": "x is high"},
            ],
        },
    }
    try:
        monitor = parse_monitor(document)
    except InvalidMonitor as error:
        said = error.diagnostics
        monitor = None
    if monitor is None:
        assert all(each.path and each.cure for each in said)
        return
    part = rule_objects(monitor, MonitorClass())
    made = [rule["alert"] for each in part.objects for group in each["spec"]["groups"] for rule in group["rules"]]
    assert "Good" in made
    assert ("Odd" in made) == (not part.diagnostics)
    assert all(each.path.startswith("spec.rules[0]") and each.cure for each in part.diagnostics)
