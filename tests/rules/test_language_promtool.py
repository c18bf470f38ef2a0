"""Whatever the rule language takes, the real promtool takes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sentences import SENTENCES
from walletmon.language.printer import print_rule, quoted
from walletmon.language.promql import Scope
from walletmon.language.rule import compile_rule
from walletmon.language.rule_error import RuleError
from walletmon.language.syntax import Sentence

RIGHT = Path(__file__).parents[1] / "unit" / "language_cases" / "right.yaml"
WRITTEN = r"""
a . \. \d \w \b \B \A \z \pL [a-z] [^a] [[:alpha:]] [a&&b] [\]] * + ? {2} {2,} {0,1000} {1001} *? ** *+ | ^ $ ( ) (?:
(?i) (?x) (?s: (?P<n> (?<n> (?= (?! (?<= (?> \1 \8 \x41 \u0041 \Q \E \C \< \/ \- \_ \@ { } [ ] \Z \N \h \R \K \G é
"""
PIECES = st.sampled_from(WRITTEN.split())


def rule_file(rules: list[str], path: Path) -> int:
    """Write the alerts of those `rules` that are taken; gives how many they are."""
    alerts = []
    for rule in rules:
        try:
            found = compile_rule(rule, Scope("ns", "mon"))
        except RuleError:
            continue
        annotations = {"summary": found.summary, "description": found.description}
        alerts.append({"alert": f"A{len(alerts)}", "expr": found.expr, "annotations": annotations})
        alerts[-1] |= {"for": found.for_} if found.for_ else {}
        alerts[-1] |= {"keep_firing_for": found.keep_firing_for} if found.keep_firing_for else {}
    path.write_text(json.dumps({"groups": [{"name": "all", "rules": alerts}]}, ensure_ascii=False), "utf-8")
    return len(alerts)


def check(promtool: Path, path: Path) -> None:
    run = subprocess.run([promtool, "check", "rules", "--lint=none", path], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_case_is_taken_by_promtool(promtool: Path, tmp_path: Path) -> None:
    rules = [f'{case["rule"]} THEN ALERT "t"' for case in yaml.safe_load(RIGHT.read_text("utf-8"))]
    assert rule_file(rules, tmp_path / "rules.yaml") == len(rules)
    check(promtool, tmp_path / "rules.yaml")


def test_every_sentence_is_taken_by_promtool(promtool: Path, tmp_path: Path) -> None:
    rules: list[str] = []

    @given(SENTENCES)
    @settings(max_examples=150, deadline=None, database=None)
    def collect(sentence: Sentence) -> None:
        rules.append(print_rule(sentence))

    collect()
    assert rule_file(rules, tmp_path / "rules.yaml") > 20
    check(promtool, tmp_path / "rules.yaml")


def test_every_regular_expression_is_taken_by_promtool(promtool: Path, tmp_path: Path) -> None:
    rules: list[str] = []

    @given(st.lists(PIECES, min_size=1, max_size=5).map("".join))
    @settings(max_examples=1500, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    def collect(pattern: str) -> None:
        rules.append(f'WHEN x{{a=~{quoted(pattern)}}} < 5 THEN ALERT "t"')

    collect()
    assert rule_file(rules, tmp_path / "rules.yaml") > 100
    check(promtool, tmp_path / "rules.yaml")
