"""Expressions that want out of their monitor, or to take the operator down: refused, or harmless."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import promql_parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walletmon.api.diagnostic import Code
from walletmon.language.promql import Scope, scope, scope_query
from walletmon.language.promql_text import MAX_BYTES, PromqlError

WHERE = Scope("ns", "mon")

FOREIGN = [
    'x{namespace="other"}',
    'x{namespace="ns"}',
    'x{namespace!="ns"}',
    'x{namespace=~".*"}',
    'x{namespace!~"ns"}',
    'x{namespace=""}',
    "x{namespace='other'}",
    "x{namespace=`other`}",
    'x{"namespace"="other"}',
    "x{'namespace'=~'.+'}",
    r'x{"name\x73pace"="other"}',
    r'x{"\u006eamespace"="other"}',
    r'x{"\156amespace"=~".*"}',
    'x{walletmon="other"}',
    'x{walletmon!="mon"}',
    'x{"walletmon"=~".*"}',
    '{namespace="other"}',
    '{__name__="x",namespace="other"}',
    '{"x",namespace="other"}',
    'x{a="b",namespace="other",}',
    'x{namespace="ns",namespace="other"}',
    'rate(x{namespace="other"}[5m])',
    'x{namespace="other"}[5m]',
    'max_over_time(x{namespace="other"}[1h:5m])',
    'x or y{namespace="other"}',
    'x and on () y{namespace="other"}',
    'x unless y{walletmon="other"}',
    'absent(x{namespace="other"})',
    'absent_over_time(x{walletmon="other"}[5m])',
    'sum by (namespace) (x{namespace=~".+"})',
    'count_values("namespace", x)',
    "count_values('walletmon', x)",
    'label_replace(x, "namespace", "other", "", "")',
    'label_replace(x, "walletmon", "$1", "wallet", "(.*)")',
    r'label_replace(x, "name\x73pace", "other", "", "")',
    'label_join(x, "namespace", "", "wallet")',
    'scalar(x{namespace="other"}) + y',
    'histogram_quantile(0.9, x{namespace="other"})',
    '-x{namespace="other"}',
    '(((x{namespace="other"})))',
    'x offset 5m + y{namespace="other"} offset 5m',
    'x # comment\n or y{namespace="other"}',
    'topk(scalar(x{namespace="other"}), y)',
    'vector(scalar(x{walletmon=~".*"}))',
    'x{a="walletmon-scope-namespace-0f3a"}',
    "walletmon_scope or x{a='walletmon-scope-monitor-0f3a'}",
]

UNSUPPORTED = [
    'x{a="b" or namespace="other"}',
    'x{a="b" or c="d"}',
    'x{namespace="ns" or namespace="other"}',
    "info(x)",
    'info(x, {namespace="other"})',
    'info(x, {__name__="target_info"})',
    "limitk(1, x)",
    "limit_ratio(0.5, x)",
    "x + fill(0) y",
    "x + fill_left(0) y",
    "mad_over_time(x[5m])",
    'sort_by_label(x, "namespace")',
    "x[5m * 2]",
    "rate(x[5m] smoothed)",
    "rate(x[5m] anchored)",
    r"x{a=`raw\d`}",
    "x </ 5",
    "x @ 0",
    "x @ -1",
    "max_over_time(x[5m:1m] @ 1e18)",
]

BROKEN = [
    "",
    " ",
    "x{",
    "x}",
    'x{a="b}',
    "x[5m",
    "sum(x",
    "x)",
    "x y",
    "nosuchfunction(x)",
    "sum(1)",
    "rate(x)",
    "{}",
    '{a=""}',
    '{__name__=~"ALERTS|.*"}',
    "x{a=~'['}",
    "x == ",
    "x > on (a",
    "1 > 2",
    "x\x00",
    'x{a="\x00"}',
    r'x{a="\x00"}',
    r'x{a="\u0007"}',
    "x\ud800",
    'x{a="\udfff"}',
    "x{namespace=“other”}",
    "\u202ex",
    "$x",
    "x[$__range]",
    "{{ namespace }}",
    "x; y",
    "x\\",
    "x[9999y]",
    "x offset 101y",
    "x{a=~'a**'}",
    "--",
    "`",
    '"',
    "'",
]

HUGE = [
    "(" * 60 + "x" + ")" * 60,
    "(" * 8000 + "x" + ")" * 8000,
    "-" * 16_000 + "x",
    "x" + "+x" * 8000,
    "x" + "^x" * 8000,
    "x" + " or x" * 3000,
    "abs(" * 3000 + "x" + ")" * 3000,
    "x" + "[5m:]" * 3000,
    "x" + "}" * 16_000,
    "{" * 16_000,
    "[" * 16_000,
    '"' * 16_000,
    "'\"" * 8_000,
    "{'" * 8_000,
    "`\\" * 8_000,
    "[+" * 8_000,
    "x" * (MAX_BYTES + 1),
    "é" * (MAX_BYTES // 2 + 1),
    "x" * 1_048_576,
]


def selectors(text: str) -> Iterator[promql_parser.VectorSelector]:
    """Every selector of an expression, found without the code under test."""
    pending = [promql_parser.parse(text)]
    while pending:
        node = pending.pop()
        if isinstance(node, promql_parser.VectorSelector):
            yield node
        children = [getattr(node, name, None) for name in ("vector_selector", "expr", "param", "lhs", "rhs")]
        pending += [child for child in [*children, *getattr(node, "args", ())] if isinstance(child, promql_parser.Expr)]


def assert_within_the_monitor(text: str) -> None:
    for selector in selectors(text):
        matchers = [(m.name, str(m.op == promql_parser.MatchOp.Equal), m.value) for m in selector.matchers.matchers]
        assert matchers.count(("namespace", "True", "ns")) == 1, text
        assert matchers.count(("walletmon", "True", "mon")) == 1, text
        assert [name for name, *_ in matchers if name in ("namespace", "walletmon")] == ["namespace", "walletmon"], text
        assert selector.matchers.or_matchers == []


def refusal(expr: str) -> PromqlError:
    with pytest.raises(PromqlError) as caught:
        scope(expr, WHERE)
    assert caught.value.message
    assert caught.value.cure
    return caught.value


@pytest.mark.parametrize("expr", FOREIGN)
def test_what_asks_for_a_scope_of_its_own_is_refused(expr: str) -> None:
    assert refusal(expr).code is Code.FOREIGN_SCOPE


@pytest.mark.parametrize("expr", UNSUPPORTED)
def test_what_cannot_be_kept_within_the_monitor_is_told_apart_from_what_is_wrong(expr: str) -> None:
    assert refusal(expr).code is Code.UNSUPPORTED_PROMQL


@pytest.mark.parametrize("expr", BROKEN)
def test_what_is_not_promql_is_refused(expr: str) -> None:
    assert refusal(expr).code is Code.INVALID_PROMQL


@pytest.mark.parametrize("expr", HUGE, ids=range(len(HUGE)))
def test_what_is_too_large_or_deep_is_refused_before_it_costs_anything(expr: str) -> None:
    assert refusal(expr).code in (Code.TOO_LARGE, Code.INVALID_PROMQL, Code.UNSUPPORTED_PROMQL)


def test_the_limits_leave_the_machine_stack_alone() -> None:
    # In a thread of 512 KiB, where an overflow would end the process: about the deepest that the limits let through.
    program = """
import threading
from walletmon.language.promql import Scope, scope
deepest = "abs(" * 49 + "x" + "+x" * 100 + ")" * 49
threading.stack_size(512 * 1024)
thread = threading.Thread(target=lambda: print(len(scope(deepest, Scope("ns", "mon")))))
thread.start()
thread.join()
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 101 * len('x{namespace="ns",walletmon="mon"}')


HARMLESS = [
    r'x{a="\"} or y{namespace=\"other\""}',
    r"x{a='\'} or y{namespace=\'other\''}",
    'x{a="} or y{namespace=`other`} or z{b="}',
    'x{a=`"} or y{namespace="other"} or z{b="`}',
    r'x{a="\\"} or y{b="\\"}',
    'x{a="\\n\\"\\\\"}',
    '{"a\\"b"}',
    r'{"x\"} or y{namespace=\"other"}',
    'x{"a\\"=\\"b"="c"}',
    '{__name__=~".+"}',
    '{__name__!=""}',
    'x{namespace_="other",_namespace="other",Namespace="other"}',
    "namespace{a='b'}",
    "walletmon",
    "sum by (namespace) (x)",
    "sum without (namespace, walletmon) (x)",
    "x * on (namespace) group_left (walletmon) y",
    "x or on () y",
    "x or ignoring (namespace, walletmon) y",
    "vector(1)",
    "time()",
    'label_replace(x, "dst", "namespace=\\"other\\"", "src", "(.*)")',
    'label_replace(x, "wallet", "other", "", "")',
    "max_over_time(max_over_time(x[5m])[1h:5m])[1d:1h]",
    "x @ start() offset -99y",
    "x # {namespace='other'}",
    "absent(absent(x))",
    'x{a="‮"}',
    'x{a="名前"}',
]


@pytest.mark.parametrize("expr", HARMLESS)
def test_what_only_looks_dangerous_reads_the_monitors_series_alone(expr: str) -> None:
    assert_within_the_monitor(scope(expr, WHERE))


NAMES = st.sampled_from(["x", "up", "namespace", "by", "offset", "a:b"])
TEXT = st.characters(codec="utf-8", exclude_categories=["Cc"])
VALUES = st.text(st.sampled_from("ab\"\\`'{}=,~ \n.*") | TEXT, max_size=12)
MATCHERS = st.lists(
    st.tuples(st.sampled_from(["a", "job", "namespace", '"b.c"']), st.sampled_from(["=", "!="]), VALUES), max_size=3
)


@st.composite
def selector_texts(draw: st.DrawFn) -> str:
    def literal(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    matchers = ",".join(f"{label}{op}{literal(value)}" for label, op, value in draw(MATCHERS))
    return f"{draw(NAMES)}{{{matchers}}}" + draw(st.sampled_from(["", " offset 5m", " @ end()"]))


EXPRESSIONS = st.recursive(
    selector_texts(),
    lambda inner: st.one_of(
        st.builds("sum by (le) ({})".format, inner),
        st.builds("max without (a) ({})".format, inner),
        st.builds("absent({})".format, inner),
        st.builds("max_over_time(({})[1h:5m])".format, inner),
        st.builds("({}) > bool ({})".format, inner, inner),
        st.builds("({}) and on (a) ({})".format, inner, inner),
        st.builds("({}) * ignoring (a) group_left (wallet) ({})".format, inner, inner),
        st.builds("-({}) + vector(1)".format, inner),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(max_examples=200, deadline=None)
def test_whatever_is_taken_reads_the_monitors_series_alone(expr: str) -> None:
    if "namespace=" in expr or "namespace!=" in expr:
        assert refusal(expr).code is Code.FOREIGN_SCOPE
    else:
        assert_within_the_monitor(scope(expr, WHERE))


@given(st.text(max_size=200) | st.text(st.sampled_from("ab(){}[]\"'`\\=~!<>+-*/^%,.:@$ \n05m"), max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_an_expression_or_a_reason(text: str) -> None:
    for transformation in (scope, scope_query):
        try:
            scoped = transformation(text, WHERE)
        except PromqlError:
            continue
        if transformation is scope:
            assert_within_the_monitor(scoped)
