"""The rule language as text: what rules become, what is said of those that are not taken, and that nothing breaks."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sentences import SENTENCES
from walletmon.api.alerting import Priority
from walletmon.api.diagnostic import Code
from walletmon.language.metrics import shipped
from walletmon.language.parser import MAX_CHARACTERS, parse
from walletmon.language.printer import print_condition, print_rule
from walletmon.language.promql import Scope
from walletmon.language.rule import CompiledRule, compile_rule
from walletmon.language.rule_error import RuleError, excerpt, position
from walletmon.language.syntax import Absent, Selector, Sentence
from walletmon.packs.catalogue import packs

Case = dict[str, Any]
CASES = Path(__file__).parent / "language_cases"
RECORDINGS = tuple(recording.record for pack in packs().values() for recording in pack.recordings)


def cases(name: str) -> list[Any]:
    found: list[Case] = yaml.safe_load((CASES / f"{name}.yaml").read_text("utf-8"))
    return [pytest.param(case, id=case["rule"][:60] or "nothing") for case in found]


def compiled(rule: str) -> CompiledRule:
    return compile_rule(rule, Scope("ns", "mon"), RECORDINGS)


def one_line(expr: str) -> str:
    flat = re.sub(r"(?<=\() | (?=\))", "", re.sub(r"\s+", " ", expr).strip())
    return flat.replace('namespace="ns"', "N").replace('walletmon="mon"', "M")


@pytest.mark.parametrize("case", cases("right"))
def test_a_rule_becomes_promql_of_the_monitor(case: Case) -> None:
    rule = compiled(f'{case["rule"]} THEN ALERT "t"')
    assert one_line(rule.expr) == case["expr"]
    assert rule.warnings == ()


@pytest.mark.parametrize("case", cases("right"))
def test_a_rule_is_printed_in_its_usual_form(case: Case) -> None:
    sentence = parse(f'{case["rule"]} THEN ALERT "t"')
    assert f"WHEN {print_condition(sentence.condition)}" == case.get("printed", case["rule"])
    assert parse(print_rule(sentence)) == sentence


@pytest.mark.parametrize("case", cases("wrong"))
def test_an_error_says_what_where_and_what_would_be_right(case: Case) -> None:
    with pytest.raises(RuleError) as caught:
        compiled(case["rule"])
    error = caught.value
    assert (error.code, error.message, error.cure) == (case["code"], case["message"], case["cure"])
    assert error.offset is not None
    assert "{}:{}".format(*position(case["rule"], error.offset)) == case["at"]
    assert excerpt(case["rule"], error.offset) + "\n" == case["shown"]


def test_there_are_enough_cases() -> None:
    assert len(cases("right")) + len(cases("wrong")) >= 120


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("WHEN wallet_balence_total < 1", Code.UNKNOWN_METRIC, "did you mean wallet_balance_total?"),
        ("WHEN rate(tx_sign_failure_total) > 1", Code.UNKNOWN_METRIC, "did you mean tx_sign_failures_total?"),
        ("WHEN absent(wallet_hartbeat_timestamp_seconds)", Code.UNKNOWN_METRIC, "did you mean wallet_heartbeat_"),
        ("WHEN wallet:requests:error_ratio5 > 2%", Code.UNKNOWN_METRIC, "did you mean wallet:requests:error_ratio5m?"),
        ("WHEN tx_sign_failures_total > 5", Code.WRONG_METRIC_KIND, "compare increase(tx_sign_failures_total[5m])"),
    ],
)
def test_what_only_looks_wrong_is_a_warning(rule: str, code: Code, said: str) -> None:
    (warning,) = compiled(f'{rule} THEN ALERT "t"').warnings
    assert warning.code is code
    assert said in warning.cure


def test_a_metric_of_ones_own_is_taken_in_silence() -> None:
    assert compiled('WHEN our_queue_depth > 5 THEN ALERT "t"').warnings == ()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_known_metric_can_be_named(name: str) -> None:
    assert parse(f'WHEN absent({name}) THEN ALERT "t"').condition == Absent(Selector(name))


def test_clauses_stand_before_then_or_at_the_end() -> None:
    rules = (
        'WHEN x < 5 FOR 5m KEEP 1h30m AS p0 THEN ALERT "t"',
        'WHEN x < 5 THEN ALERT "t" AS P0 KEEP 90m FOR 300s',
        "when x < 5 # why\n  for 5m\nthen alert 't' keep 1.5h\n  as P0",
    )
    found = [compiled(rule) for rule in rules]
    assert {(each.for_, each.keep_firing_for, each.priority) for each in found} == {("5m", "1h30m", Priority.P0)}


def test_the_description_gives_the_figure_in_the_metrics_unit() -> None:
    figures = {
        "wallet_balance_total < 1 ETH": '{{ printf "%.6g" $value }} wei.',
        "wallet_sync_lag_seconds > 5m": "{{ $value | humanizeDuration }}.",
        "wallet_data_disk_free_bytes < 10GiB": "{{ $value | humanize1024 }}B.",
        "rate(sent_bytes_total) > 10MiB": "{{ $value | humanize1024 }}B/s.",
        "cache_hit_ratio < 85%": "{{ $value | humanizePercentage }}.",
        "rate(x_total) > 5": '{{ printf "%.6g" $value }}/s.',
        "wallet_heartbeat_timestamp_seconds < now() - 2m": "was {{ $value | humanizeDuration }} ago.",
    }
    for condition, figure in figures.items():
        assert figure in compiled(f'WHEN {condition} THEN ALERT "t"').description
    assert "this holds: absent(x)." in compiled('WHEN absent(x) THEN ALERT "t"').description


def test_a_label_value_cannot_bring_a_template_into_the_description() -> None:
    description = compiled("""WHEN x{a="{{{ query \\"up\\" }}}"} > 5 THEN ALERT "t" """).description
    assert re.findall(r"\{\{.*?\}\}", description) == [
        "{{ $labels.wallet }}",
        "{{ $labels.namespace }}",
        '{{ printf "%.6g" $value }}',
    ]


def refusal(rule: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        compiled(rule)
    return caught.value


@pytest.mark.parametrize(
    "rule",
    [
        "x" * 1_048_576,
        "WHEN " + "(" * 1_048_576,
        "WHEN x < " + "9" * 1_048_576,
        'WHEN x < 5 THEN ALERT "' + "日" * 1_048_576 + '"',
    ],
    ids=["a name", "parentheses", "a number", "a text"],
)
def test_a_mebibyte_is_refused_before_it_is_read(rule: str) -> None:
    tracemalloc.start()
    try:
        error = refusal(rule)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.code is Code.TOO_LARGE
    assert peak < 1_000_000


@pytest.mark.parametrize("count", [21, 2000, 10_000])
def test_parentheses_are_bounded(count: int) -> None:
    assert refusal("WHEN " + "(" * count + "x < 5" + ")" * count + ' THEN ALERT "t"').code is Code.TOO_LARGE


def test_twenty_parentheses_are_taken() -> None:
    assert one_line(compiled("WHEN " + "(" * 20 + "x < 5" + ")" * 20 + ' THEN ALERT "t"').expr) == "x{N,M} < 5"


def test_a_chain_of_conditions_is_bounded() -> None:
    assert refusal("WHEN " + " AND ".join(["x<5"] * 400) + ' THEN ALERT "t"').code is Code.TOO_LARGE
    assert refusal("WHEN x<5" + " UNLESS x<5" * 200 + ' THEN ALERT "t"').code is Code.TOO_LARGE


@given(SENTENCES)
@settings(max_examples=200, deadline=None)
def test_what_is_printed_reads_the_same(sentence: Sentence) -> None:
    text = print_rule(sentence)
    assert parse(text) == sentence
    assert print_rule(parse(text)) == text


def taken_or_refused(text: str) -> None:
    """Either the rule is taken and what it becomes is PromQL, or there is an error with a place in the text."""
    found: CompiledRule | RuleError
    try:
        found = compiled(text)
    except RuleError as error:
        found = error
    if isinstance(found, CompiledRule):
        promql_parser.parse(found.expr)
        return
    assert found.message
    assert found.cure
    if found.offset is not None:
        assert 0 <= found.offset <= len(text)
        assert excerpt(text, found.offset).splitlines()[-1].strip() == "^"


@given(SENTENCES)
@settings(max_examples=200, deadline=None)
def test_whatever_can_be_said_is_promql_or_an_error(sentence: Sentence) -> None:
    taken_or_refused(print_rule(sentence))


PIECES = """
WHEN x < > <= == = =~ ( ) { } [5m] [ ] 5 5m 1e18 85% ETH wei wallet_balance_total rate p95 absent now() - AND OR UNLESS
THEN ALERT FOR KEEP AS P0 BY last_change_time , / " ' \\ # 日 "t" 'u' {{ }} {{$value}} a="b" -5 .5 1. 1..2 1e999 9e-60
"""
FRAGMENTS = st.sampled_from([*PIECES.split(), "\n", "\t", "\x00", "\u202e", "\u200b", "\ud800"])


@given(st.lists(FRAGMENTS | st.text(max_size=3), max_size=30).map(" ".join))
@settings(max_examples=300, deadline=None)
@example("WHEN x < 5 THEN ALERT '" + "\\" * 5)
@example("WHEN x < 1e" + "9" * 400)
@example("WHEN x < " + "1h" * 1000)
@example('WHEN x{a=~"' + "(" * 1000 + '"} < 5 THEN ALERT "t"')
@example('WHEN x{a=~"' + "a{9}" * 900 + '"} < 5 THEN ALERT "t"')
def test_no_text_breaks_the_language(text: str) -> None:
    taken_or_refused(text)


@given(st.text(max_size=MAX_CHARACTERS))
@settings(max_examples=200, deadline=None)
def test_no_text_at_all_breaks_the_language(text: str) -> None:
    taken_or_refused(text)
    taken_or_refused(f'WHEN x{{a="{text}"}} < 5 THEN ALERT "t"')
