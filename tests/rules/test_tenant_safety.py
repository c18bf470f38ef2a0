"""No expression of a monitor sees another's series, judged by Prometheus itself and not by our own reading of PromQL.

Two judges. *Syntax*: promtool sets `namespace` and `walletmon` on every selector of the scoped expression; if that
changes anything, some selector lacked them. *Meaning*: Prometheus evaluates the scoped expression in a world with the
monitor alone, and in one with strangers beside it (same names of wallets, same metrics); the results must be the same.
That the second judge can tell is proved on the expressions as written, whose results do differ.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from walletmon.language.promql import Scope, scope

NAMESPACE, MONITOR = "wallets-prod", "treasury"
WHERE = Scope(NAMESPACE, MONITOR)

EXPRESSIONS = [
    # plain selectors, and ways to name them
    "x",
    "{__name__='x'}",
    '{__name__=~"x|y"}',
    '{"x"}',
    '{__name__=~".+"}',
    '{__name__!~"nothing",pod!=""}',
    '{"utf8.name"}',
    'x{wallet=~".*"}',
    'x{wallet!="nobody"}',
    'x{wallet="hot-1"}',
    "x{wallet=~'hot-.*',pod!=''}",
    'x{nothing=""}',
    # strings that look like matchers or end a string
    r'x{pod!="\",namespace=\"other\"} or x{a=\""}',
    r"x{pod!='\\'} or x",
    'x{pod!="}"} or y{pod!="{"}',
    'x{pod!=`"},namespace=`}',
    r'x{pod!="\x22} or x{pod!=\x22"}',
    r'x{pod!="\u0022"}',
    'x{pod!="namespace=\\"wallets-prod\\",walletmon=\\"treasury\\""}',
    'x{pod!="# no comment"} # a comment {namespace="other"}',
    "x # or y\n+ on (wallet, pod) y",
    "x{pod!='ünï🏦code'}",
    "x{pod!='\u202eab'}",
    r'label_replace(x, "note", "namespace=\"other\"", "pod", ".*")',
    # ranges, offsets, subqueries
    "rate(x[5m])",
    "increase(x[5m] offset 1m)",
    "x offset -1m",
    "x @ start()",
    "rate(x[5m] @ end())",
    "max_over_time(x[10m:1m])",
    "max_over_time((x or y)[10m:1m])",
    "max_over_time(rate(x[5m])[10m:])",
    "sum_over_time(max_over_time(x[2m:1m])[6m:2m] offset 1m)",
    "count_over_time({__name__=~'x|no'}[5m])",
    "quantile_over_time(0.5, x[5m])",
    "last_over_time(x[5m])",
    # operators between vectors
    "x or y",
    "x or on () y",
    "x and y",
    "x and on () y",
    "x unless on (wallet) foreign",
    "x unless on (wallet) nothing",
    "x + y",
    "x + on (wallet, pod) y",
    "x * on (wallet, pod) group_left (namespace, walletmon) y",
    "x * on (wallet) group_left (extra) max by (wallet) (y)",
    "x / ignoring (extra) y",
    "x > bool 1",
    "-x ^ 2 % 7",
    "x == x",
    "(x) or ((y)) or (((z)))",
    "x atan2 y",
    # aggregations
    "sum(x)",
    "sum by (namespace) (x)",
    "sum by (walletmon, namespace) (x)",
    "sum without (namespace, walletmon) (x)",
    "count(x)",
    "count(count by (pod) (x))",
    "topk(1, x)",
    "topk(1, {__name__=~'x|y'})",
    "quantile(0.5, x)",
    "count_values('v', x)",
    "group by (pod) (x)",
    "topk(scalar(count(nothing or x)), x)",
    "stddev(x)",
    # absence, scalars, labels
    "absent(nothing)",
    "absent(foreign)",
    'absent(x{wallet="hot-9"})',
    "absent_over_time(foreign[5m])",
    "absent(sum(foreign))",
    "scalar(sum(x))",
    "vector(scalar(sum(foreign)))",
    "clamp_max(x, scalar(foreign))",
    "x + scalar(sum(foreign or x))",
    'label_replace(x, "copy", "$1", "namespace", "(.*)")',
    'label_join(x, "copy", "-", "namespace", "walletmon", "wallet")',
    "sort_desc(x)",
    "timestamp(x)",
    "histogram_quantile(0.9, sum by (le) (rate(b_bucket[5m])))",
    "histogram_quantile(0.9, b_bucket)",
    "changes(x[5m]) + resets(x[5m])",
    "predict_linear(x[5m], 60)",
    "ALERTS{alertname!=''}",
    "count(ALERTS) or x",
    "time() - timestamp(x)",
    "x and hour(x) >= 0",
]

OURS = {"namespace": NAMESPACE, "walletmon": MONITOR}
STRANGERS = (
    {"namespace": "other", "walletmon": MONITOR},
    {"namespace": NAMESPACE, "walletmon": "other"},
    {"namespace": "other", "walletmon": "other"},
    {"namespace": f"{NAMESPACE}-2", "walletmon": f"{MONITOR}-2"},
    {"namespace": NAMESPACE},
    {"walletmon": MONITOR},
    {},
)


def _series(name: str, labels: dict[str, str], values: str) -> dict[str, str]:
    printed = ",".join(f"{json.dumps(label)}={json.dumps(value)}" for label, value in labels.items())
    return {"series": f"{{{json.dumps(name)},{printed}}}", "values": f"{values}x60"}


def _world(tenant: dict[str, str], pod: str, factor: int) -> list[dict[str, str]]:
    made = []
    for number, wallet in enumerate(("hot-1", "hot-2"), start=1):
        base = {**tenant, "wallet": wallet, "pod": pod}
        for each, name in enumerate(("x", "y", "z"), start=1):
            made.append(_series(name, base, f"{factor * number * each}+{factor * each}"))
        made.append(_series("utf8.name", {**base, "a.b": pod}, str(factor)))
        made.append(_series("ALERTS", {**base, "alertname": "A", "alertstate": "firing"}, "1"))
        shares = (1, 2, 3) if tenant is OURS else (3, 3, 3)
        for bound, share in zip(("1", "5", "+Inf"), shares, strict=True):
            made.append(_series("b_bucket", {**base, "le": bound}, f"0+{factor * number * share}"))
        if tenant is not OURS:
            made.append(_series("foreign", base, str(factor)))
    return made


ALONE = _world(OURS, "p", 1)
CROWDED = ALONE + [
    each for index, tenant in enumerate(STRANGERS, start=1) for each in _world(tenant, f"s{index}", 1000 * index)
]


def _answers(promtool: Path, folder: Path, expressions: list[str], world: list[dict[str, str]]) -> dict[str, str]:
    """What Prometheus says to each expression. Every one is expected to give an odd sample, so that it is printed."""
    wrong = [{"labels": '{it="is not this"}', "value": -987654321}]
    tests = [{"expr": expr, "eval_time": "20m", "exp_samples": wrong} for expr in expressions]
    file = folder / "test.yaml"
    file.write_text(
        json.dumps(
            {"tests": [{"interval": "30s", "input_series": world, "promql_expr_test": tests}]}, ensure_ascii=False
        )
    )
    run = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    answers = re.split(r"(?m)^\s+expr: ", run.stdout + run.stderr)[1:]
    assert len(answers) == len(expressions), run.stderr
    return dict(zip(expressions, answers, strict=True))


def test_there_are_many_expressions_and_each_is_there_once() -> None:
    assert len(EXPRESSIONS) == len(set(EXPRESSIONS)) >= 60


def test_strangers_change_nothing_of_what_a_scoped_expression_gives(promtool: Path, tmp_path: Path) -> None:
    scoped = {scope(expr, WHERE): expr for expr in EXPRESSIONS}
    alone = _answers(promtool, tmp_path, list(scoped), ALONE)
    crowded = _answers(promtool, tmp_path, list(scoped), CROWDED)
    assert {scoped[expr]: crowded[expr] for expr in scoped if alone[expr] != crowded[expr]} == {}


def test_strangers_do_change_what_unscoped_expressions_give(promtool: Path, tmp_path: Path) -> None:
    alone = _answers(promtool, tmp_path, EXPRESSIONS, ALONE)
    crowded = _answers(promtool, tmp_path, EXPRESSIONS, CROWDED)
    unmoved = [expr for expr in EXPRESSIONS if alone[expr] == crowded[expr]]
    # These name a wallet's own absence, or a metric that nobody has: they are the same in any company.
    assert sorted(unmoved) == sorted(SAME_ANYWHERE)


SAME_ANYWHERE = ["absent(nothing)", 'absent(x{wallet="hot-9"})']


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_promtool_finds_no_selector_without_the_scope(promtool: Path, expr: str) -> None:
    scoped = scope(expr, WHERE)

    def said(*command: str) -> str:
        done = subprocess.run(
            [promtool, "--experimental", "promql", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    plain = said("format", "--", scoped)
    assert said("label-matchers", "set", "--", scoped, "namespace", NAMESPACE) == plain
    assert said("label-matchers", "set", "--", scoped, "walletmon", MONITOR) == plain
