"""Scoping: what becomes of an expression, word for word."""

from __future__ import annotations

import re
from decimal import Decimal

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walletmon.api.diagnostic import Code
from walletmon.language.promql import Scope, scope, scope_query, threshold_metric
from walletmon.language.promql_text import PromqlError, quoted

WHERE = Scope("ns", "mon")
M = 'namespace="ns",walletmon="mon"'
KEPT = "namespace, walletmon, wallet"
FIGURES = {"walletmon:threshold:p_one": Decimal("0.5"), "walletmon:threshold:p_each": None}


def one_line(text: str) -> str:
    flat = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"(?<=\() | (?=\))", "", flat)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("up", f"up{{{M}}}"),
        ("up{}", f"up{{{M}}}"),
        ('up{job="x"}', 'up{job="x",namespace="ns",walletmon="mon"}'),
        ("rate(x[5m])", f"rate(x{{{M}}}[5m])"),
        ("x[1h30m] offset 1d", f"x{{{M}}}[1h30m] offset 1d"),
        ("x offset -5m", f"x{{{M}}} offset -5m"),
        ("x[5m] @ start() offset 1m", f"x{{{M}}}[5m] @ start() offset 1m"),
        ("x @ end()", f"x{{{M}}} @ end()"),
        ("max_over_time(rate(x[5m])[1h:30s] offset 1h)", f"max_over_time(rate(x{{{M}}}[5m])[1h:30s] offset 1h)"),
        ("max_over_time(x[1h:])", f"max_over_time(x{{{M}}}[1h:])"),
        ('{"a.b"}', '{__name__="a.b",namespace="ns",walletmon="mon"}'),
        ('x{"la.bel"="v"}', 'x{"la.bel"="v",namespace="ns",walletmon="mon"}'),
        ('{__name__=~"a|b"}', '{__name__=~"a|b",namespace="ns",walletmon="mon"}'),
        (r'x{a="q\"b\\n\n"}', r'x{a="q\"b\\n\n",namespace="ns",walletmon="mon"}'),
        ("-x ^ 2", f"-x{{{M}}} ^ 2"),
        ("(x)", f"(x{{{M}}})"),
        ("x > bool 1", f"x{{{M}}} > bool 1"),
        ("time() - x", f"time() - x{{{M}}}"),
        ("1e3 + x", f"1000 + x{{{M}}}"),
        ("sum(x)", f"sum by ({KEPT}) (x{{{M}}})"),
        ("sum by () (x)", f"sum by ({KEPT}) (x{{{M}}})"),
        ("sum(x) by (le, wallet)", f"sum by ({KEPT}, le) (x{{{M}}})"),
        ("sum without (pod, wallet, namespace) (x)", f"sum without (pod) (x{{{M}}})"),
        ("topk(3, x)", f"topk by ({KEPT}) (3, x{{{M}}})"),
        ('count_values("v", x)', f'count_values by ({KEPT}) ("v", x{{{M}}})'),
        ("a / b", f"a{{{M}}} / b{{{M}}}"),
        ("a / on (pod) b", f"a{{{M}}} / on ({KEPT}, pod) b{{{M}}}"),
        ("a / on () b", f"a{{{M}}} / on ({KEPT}) b{{{M}}}"),
        ("a / ignoring (le, wallet) b", f"a{{{M}}} / ignoring (le) b{{{M}}}"),
        ("a * on (pod) group_left (node) b", f"a{{{M}}} * on ({KEPT}, pod) group_left (node) b{{{M}}}"),
        ("a * ignoring (v) group_right (wallet, w) b", f"a{{{M}}} * ignoring (v) group_right (w) b{{{M}}}"),
        ("a and on () absent(b)", f"a{{{M}}} and on (namespace, walletmon) absent(b{{{M}}})"),
        ("a and absent(b)", f"a{{{M}}} and ignoring (wallet) absent(b{{{M}}})"),
        (
            'a and absent(b{wallet="w"})',
            'a{namespace="ns",walletmon="mon"} and absent(b{namespace="ns",wallet="w",walletmon="mon"})',
        ),
        ("sum(a) > vector(5)", f"sum by ({KEPT}) (a{{{M}}}) > ignoring ({KEPT}) group_left () vector(5)"),
        ("vector(5) < sum(a)", f"vector(5) < ignoring ({KEPT}) group_right () sum by ({KEPT}) (a{{{M}}})"),
        ("a or vector(0)", f"a{{{M}}} or ignoring ({KEPT}) vector(0)"),
        (
            'a and on () b{wallet=""}',
            f'a{{{M}}} and on (namespace, walletmon) b{{namespace="ns",wallet="",walletmon="mon"}}',
        ),
        ("vector(1) + vector(2)", "vector(1) + vector(2)"),
    ],
)
def test_an_expression_becomes(expr: str, expected: str) -> None:
    assert one_line(scope(expr, WHERE)) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("x > walletmon:threshold:p_one", f"x{{{M}}} > 0.5"),
        ("x > on (wallet) group_left () walletmon:threshold:p_one", f"x{{{M}}} > 0.5"),
        ("x > bool walletmon:threshold:p_one", f"x{{{M}}} > bool 0.5"),
        ("x > 0.9 * (walletmon:threshold:p_one)", f"x{{{M}}} > 0.9 * (0.5)"),
        ('{__name__="walletmon:threshold:p_one"} < x', f"0.5 < x{{{M}}}"),
        (
            "x > walletmon:threshold:p_each",
            f"x{{{M}}} > on ({KEPT}) group_left () walletmon:threshold:p_each{{{M}}}",
        ),
        (
            "x > bool walletmon:threshold:p_each",
            f"x{{{M}}} > bool on ({KEPT}) group_left () walletmon:threshold:p_each{{{M}}}",
        ),
        (
            "0.9 * walletmon:threshold:p_each < x",
            f"0.9 * walletmon:threshold:p_each{{{M}}} < on ({KEPT}) group_right () x{{{M}}}",
        ),
        (
            "walletmon:threshold:p_each > walletmon:threshold:p_each",
            f"walletmon:threshold:p_each{{{M}}} > walletmon:threshold:p_each{{{M}}}",
        ),
    ],
)
def test_a_threshold_becomes_a_number_or_a_series(expr: str, expected: str) -> None:
    assert one_line(scope(expr, WHERE, FIGURES)) == expected


def test_a_number_for_a_threshold_is_exact() -> None:
    assert scope("x > t", WHERE, {}) == f"x{{{M}}} > t{{{M}}}".replace("x{", "  x{").replace(" > ", "\n>\n  ")
    tiny = {"walletmon:threshold:p_one": Decimal("0.000000000000000001")}
    assert one_line(scope("x > walletmon:threshold:p_one", WHERE, tiny)) == f"x{{{M}}} > 0.000000000000000001"


@pytest.mark.parametrize(
    ("expr", "words"),
    [
        ("x > walletmon:threshold:p_oen", "did you mean walletmon:threshold:p_one?"),
        ("x > walletmon:threshold:zzzzzzzz", "use a pack that has it"),
        (r'x > {__name__="walletmon:threshold\x3ap_two"}', "use a pack"),
    ],
)
def test_a_threshold_that_is_not_there_is_an_error(expr: str, words: str) -> None:
    with pytest.raises(PromqlError) as caught:
        scope(expr, WHERE, FIGURES)
    assert caught.value.code is Code.UNKNOWN_THRESHOLD
    assert words in caught.value.cure


def test_a_threshold_has_no_range() -> None:
    with pytest.raises(PromqlError, match="one figure"):
        scope("max_over_time(walletmon:threshold:p_one[5m])", WHERE, FIGURES)


def test_a_threshold_that_has_become_a_number_is_no_set() -> None:
    assert scope("x and walletmon:threshold:p_each", WHERE, FIGURES)
    with pytest.raises(PromqlError, match="with the monitor's thresholds and labels in it"):
        scope("x and walletmon:threshold:p_one", WHERE, FIGURES)


def test_two_numbers_are_not_compared_when_a_threshold_has_become_one() -> None:
    with pytest.raises(PromqlError, match="numbers with each other"):
        scope("scalar(x) > walletmon:threshold:p_one", WHERE, FIGURES)


@pytest.mark.parametrize(
    ("pack", "name", "metric"),
    [
        ("golden-signals", "heartbeatAge", "walletmon:threshold:golden_signals_heartbeat_age"),
        ("golden-signals", "latencyP95", "walletmon:threshold:golden_signals_latency_p95"),
        ("balance", "low", "walletmon:threshold:balance_low"),
    ],
)
def test_a_thresholds_metric_is_named_in_snake_case(pack: str, name: str, metric: str) -> None:
    assert threshold_metric(pack, name) == metric


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


@given(namespace=NAMES, monitor=NAMES)
def test_one_shape_serves_every_monitor(namespace: str, monitor: str) -> None:
    scoped = scope("sum(x) > 1", Scope(namespace, monitor))
    assert one_line(scoped) == f'sum by ({KEPT}) (x{{namespace="{namespace}",walletmon="{monitor}"}}) > 1'


def test_a_monitor_named_as_the_inside_of_the_machine_gets_its_own_name() -> None:
    inside = Scope("walletmon-scope-monitor-0f3a", "walletmon-scope-namespace-0f3a")
    assert scope("x", inside) == f'x{{namespace="{inside.namespace}",walletmon="{inside.monitor}"}}'


@given(value=st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\\"\n\t{}`'), max_size=40))
def test_a_matchers_value_comes_through_whole(value: str) -> None:
    parsed = promql_parser.parse(scope(f"x{{a={quoted(value)}}}", WHERE))
    assert {m.name: m.value for m in parsed.matchers.matchers} == {"a": value, "namespace": "ns", "walletmon": "mon"}


@given(name=st.text(max_size=30))
@settings(max_examples=50)
def test_a_monitors_name_never_leaves_its_string(name: str) -> None:
    # The apiserver takes DNS labels alone; documents that came another way may say anything.
    parsed = promql_parser.parse(scope("x", Scope("ns", name)))
    assert [m.value for m in parsed.matchers.matchers if m.name == "walletmon"] == [name]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(up)", f"sum(up{{{M}}})"),
        ("sum by (wallet) (up)", f"sum by (wallet) (up{{{M}}})"),
        ('up{wallet=~"$wallet"}', 'up{namespace="ns",wallet=~"$wallet",walletmon="mon"}'),
        ('up{wallet=~"${wallet:regex}"}', 'up{namespace="ns",wallet=~"${wallet:regex}",walletmon="mon"}'),
        ('up{wallet=~"[[wallet]]"}', 'up{namespace="ns",wallet=~"[[wallet]]",walletmon="mon"}'),
        ("rate(x[$__rate_interval])", f"rate(x{{{M}}}[$__rate_interval])"),
        ("max_over_time(x[$__range:$__interval])", f"max_over_time(x{{{M}}}[$__range:$__interval])"),
        ("x offset $back", f"x{{{M}}} offset $back"),
        ("increase(x[$__range]) / $__range_s", f"increase(x{{{M}}}[$__range]) / $__range_s"),
        ('x{a="$__range"}[$__range]', f'x{{a="$__range",{M}}}[$__range]'),
        ("x > walletmon:threshold:p_each", f"x{{{M}}} > on (wallet) group_left () walletmon:threshold:p_each{{{M}}}"),
        ("walletmon:threshold:p_one", "0.5"),
    ],
)
def test_a_dashboards_query_keeps_its_variables_and_its_aggregations(query: str, expected: str) -> None:
    assert one_line(scope_query(query, WHERE, FIGURES)) == expected


@pytest.mark.parametrize("query", ["x_$name[5m]", "$a$b", "sum by ($label) (x)", "rate(x[5$unit])"])
def test_a_variable_where_promql_has_no_place_for_one_is_refused(query: str) -> None:
    with pytest.raises(PromqlError) as caught:
        scope_query(query, WHERE)
    assert caught.value.code in (Code.UNSUPPORTED_PROMQL, Code.INVALID_PROMQL)


def test_a_rule_has_no_variables() -> None:
    with pytest.raises(PromqlError):
        scope("rate(x[$__rate_interval])", WHERE)
