"""PromQL kept within one monitor: the one transformation that packs, users' rules and dashboards' queries go through.

Three things happen to an expression, on its syntax tree:

* Every selector gets the matchers `namespace="<ns>"` and `walletmon="<monitor>"`, so it reads this monitor's series and
  no others. An expression that matches on these labels by itself is refused (the semantics of prom-label-proxy with
  errorOnReplace): what it asks for is either what it gets anyway, or not its own.
* In rules, an expression is a statement about *each wallet*. Aggregations keep `namespace`, `walletmon` and `wallet`
  (`sum(x)` and `sum by () (x)` are sums for each wallet, `topk(3, x)` is the top three of each wallet), and vector
  matching takes the kept labels into account: `on (...)` gains those that both sides carry, `ignoring (...)` loses
  them, and where only one side carries them (`sum(x) > vector(5)`, `x and absent(y)`) they are left out of the
  matching, as they were before the transformation added them. To match series of a target that has no wallet, say
  `wallet=""` in their selector: such a side does not carry `wallet`. Dashboards' queries keep their aggregations as
  written: a panel may show a total.
* A selector of `walletmon:threshold:<pack>_<threshold>` is a threshold. It becomes a number where the monitor has one
  figure for all wallets; where wallets differ it stays a selector of the series that the compiler records, and the
  operator it stands at matches by wallet.

The result is printed by the parser's `prettify`, parsed again, and every selector's matchers are checked: should the
printing ever go wrong, the expression is refused instead of reading somebody else's series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import promql_parser as promql

from walletmon.api.diagnostic import Code
from walletmon.language.macros import Macros
from walletmon.language.matching import KEPT, Matching
from walletmon.language.promql_text import (
    PromqlError,
    experimental,
    label_list,
    parse,
    parser_failures,
    quoted,
    selector_text,
    subquery_text,
)

THRESHOLD_PREFIX = "walletmon:threshold:"

Thresholds = Mapping[str, Decimal | None]
"""Thresholds by their metric names (`threshold_metric`): the figure, or None where wallets differ."""

NO_THRESHOLDS: Thresholds = MappingProxyType({})

MAX_OUTPUT = 65_536
"""Characters of a scoped expression; an expression within the limits of its own text can grow past this by nesting."""

_NAMESPACE_SENTINEL = "walletmon-scope-namespace-0f3a"
_MONITOR_SENTINEL = "walletmon-scope-monitor-0f3a"
_SENTINELS = {"namespace": _NAMESPACE_SENTINEL, "walletmon": _MONITOR_SENTINEL}

_EXPERIMENTAL_AGGREGATIONS = frozenset({"limitk", "limit_ratio"})
_WITHOUT_LABELS = frozenset({"vector", "time", "pi", "scalar"})
_THRESHOLD_NAME = re.compile(re.escape(THRESHOLD_PREFIX) + r"[a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class Scope:
    """The monitor whose series an expression may read."""

    namespace: str
    monitor: str


def threshold_metric(pack: str, threshold: str) -> str:
    """The metric name of a pack's threshold: `golden-signals`, `heartbeatAge` -> `...:golden_signals_heartbeat_age`."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", threshold).lower()
    return f"{THRESHOLD_PREFIX}{pack.replace('-', '_')}_{snake}"


def scope(expr: str, where: Scope, thresholds: Thresholds = NO_THRESHOLDS) -> str:
    """`expr` as a rule's expression of the monitor `where`: its own series only, a statement about each wallet.

    Raises PromqlError where the expression cannot be read, or cannot be kept within the monitor.
    """
    return _placed(_shape(expr, _relevant(expr, thresholds), per_wallet=True), where)


def scope_query(query: str, where: Scope, thresholds: Thresholds = NO_THRESHOLDS) -> str:
    """`query` of a dashboard's panel, restricted to the monitor's series; aggregations stay as written.

    Grafana's variables (`$wallet`, `${wallet:regex}`, `$__rate_interval`, ...) may stand inside strings, as ranges,
    steps and offsets, and as numbers; they come through unchanged. Raises PromqlError as `scope` does.
    """
    return _placed(_shape(query, _relevant(query, thresholds), per_wallet=False), where)


def _placed(shape: str, where: Scope) -> str:
    # Two replacements in a row would also hit a monitor's name that the first one had put in.
    parts = shape.split(_NAMESPACE_SENTINEL)
    monitor = quoted(where.monitor)[1:-1]
    return quoted(where.namespace)[1:-1].join(part.replace(_MONITOR_SENTINEL, monitor) for part in parts)


def _relevant(expr: str, thresholds: Thresholds) -> tuple[tuple[str, Decimal | None], ...]:
    """The part of `thresholds` that can matter to `expr`; what the cache is keyed by."""
    names = set(_THRESHOLD_NAME.findall(expr))
    # A misspelt name is answered with the nearest of what there is.
    found = names if names <= thresholds.keys() else thresholds.keys()
    return tuple((name, thresholds[name]) for name in sorted(found))


@lru_cache(maxsize=1024)
@parser_failures()
def _shape(expr: str, thresholds: tuple[tuple[str, Decimal | None], ...], *, per_wallet: bool) -> str:
    """The scoped expression with sentinels for the monitor's names, which are put in afterwards: parsing costs about
    0.2 ms, and thousands of monitors share the packs' expressions."""
    if any(sentinel in expr for sentinel in _SENTINELS.values()):
        raise PromqlError(
            Code.FOREIGN_SCOPE, "the expression holds a word that walletmon uses for scoping", "leave that word out"
        )
    macros = None if per_wallet else Macros.hide(expr)
    tree = parse(expr if macros is None else macros.text)
    rendered = _Renderer(dict(thresholds), per_wallet).render(tree)
    try:
        result: str = promql.parse(rendered.text).prettify()
        _check(promql.parse(result))
    except PromqlError:
        raise
    except ValueError as error:
        # Such as a set operator on a threshold that has become a number.
        raise PromqlError(
            Code.UNSUPPORTED_PROMQL,
            f"with the monitor's thresholds and labels in it, the expression is not PromQL: {error}",
            "compare a metric with the threshold",
        ) from None
    if len(result) > MAX_OUTPUT:
        raise PromqlError(
            Code.TOO_LARGE,
            f"scoped to the monitor, the expression has {len(result)} characters; {MAX_OUTPUT} are the limit",
            "make it smaller, or split it into several rules",
        )
    return result if macros is None else macros.restore(result)


def _check(tree: promql.Expr) -> None:
    def guarded(node: promql.Expr) -> bool:
        if isinstance(node, promql.MatrixSelector):
            node = node.vector_selector
        if not isinstance(node, promql.VectorSelector):
            return True
        found = [
            (matcher.name, matcher.value)
            for matcher in node.matchers.matchers
            if matcher.name in _SENTINELS and matcher.op == promql.MatchOp.Equal
        ]
        return sorted(found) == sorted(_SENTINELS.items()) and not node.matchers.or_matchers

    if not promql.walk(tree, guarded):
        raise PromqlError(
            Code.UNSUPPORTED_PROMQL,
            "the expression cannot be kept within the monitor's series",
            "write it in a simpler way, and please report this expression",
        )


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A piece of a scoped expression, and what the operators above it need to know of it."""

    text: str
    carries: frozenset[str] = frozenset()
    """Which of KEPT each element of the result carries."""
    scalar: bool = False
    """A number or a string: no labels, no vector matching."""
    threshold: bool = False
    """A vector made of thresholds and numbers alone: one element for each wallet, with the labels KEPT."""


class _Renderer:
    """Prints a syntax tree as scoped PromQL, one method a kind of node."""

    def __init__(self, thresholds: dict[str, Decimal | None], per_wallet: bool) -> None:
        self._thresholds = thresholds
        self._kept = KEPT if per_wallet else ()
        self._threshold_labels = KEPT if per_wallet else ("wallet",)

        self._methods: dict[type[promql.Expr], Callable[[Any], _Rendered]] = {
            promql.VectorSelector: self._selector,
            promql.MatrixSelector: self._matrix,
            promql.SubqueryExpr: self._subquery,
            promql.ParenExpr: self._parenthesis,
            promql.UnaryExpr: self._unary,
            promql.AggregateExpr: self._aggregation,
            promql.BinaryExpr: self._binary,
            promql.Call: self._call,
            promql.StringLiteral: lambda node: _Rendered(quoted(node.val), scalar=True),
            promql.NumberLiteral: lambda node: _Rendered(node.prettify(), scalar=True),
        }

    def render(self, node: promql.Expr) -> _Rendered:
        """The text of `node` with everything below it."""
        return self._methods[type(node)](node)

    def _subquery(self, node: promql.SubqueryExpr) -> _Rendered:
        inner = self.render(node.expr)
        return _Rendered(inner.text + subquery_text(node), inner.carries)

    def _parenthesis(self, node: promql.ParenExpr) -> _Rendered:
        inner = self.render(node.expr)
        return replace(inner, text=f"({inner.text})")

    def _unary(self, node: promql.UnaryExpr) -> _Rendered:
        inner = self.render(node.expr)
        return replace(inner, text=f"-{inner.text}")

    def _selector(self, node: promql.VectorSelector) -> _Rendered:
        name = _metric_name(node)
        if name is not None and name.startswith(THRESHOLD_PREFIX):
            figure = self._threshold(name)
            if figure is not None:
                text = format(figure, "f")
                return _Rendered(f"({text})" if figure < 0 else text, scalar=True)
            return _Rendered(selector_text(node, _SENTINELS), frozenset(KEPT), threshold=True)
        return _Rendered(selector_text(node, _SENTINELS), self._carried(node))

    def _matrix(self, node: promql.MatrixSelector) -> _Rendered:
        name = _metric_name(node.vector_selector)
        if name is not None and name.startswith(THRESHOLD_PREFIX):
            raise PromqlError(
                Code.UNSUPPORTED_PROMQL, "a threshold is one figure, it has no range", "take the range away"
            )
        text = selector_text(node.vector_selector, _SENTINELS, range_=node.range)
        return _Rendered(text, self._carried(node.vector_selector))

    def _carried(self, node: promql.VectorSelector) -> frozenset[str]:
        without = {m.name for m in node.matchers.matchers if m.op == promql.MatchOp.Equal and m.value == ""}
        return frozenset(self._kept) - without

    def _threshold(self, name: str) -> Decimal | None:
        try:
            return self._thresholds[name]
        except KeyError:
            known = {each.removeprefix(THRESHOLD_PREFIX): each for each in self._thresholds}
            near = get_close_matches(name.removeprefix(THRESHOLD_PREFIX), known, 1)
            raise PromqlError(
                Code.UNKNOWN_THRESHOLD,
                f"{name} is no threshold of this monitor's packs",
                f"did you mean {known[near[0]]}?" if near else "use a pack that has it, or give the figure itself",
            ) from None

    def _aggregation(self, node: promql.AggregateExpr) -> _Rendered:
        operator = str(node.op)
        if operator in _EXPERIMENTAL_AGGREGATIONS:
            raise experimental(operator)
        inner = self.render(node.expr)
        arguments = [inner.text]
        if node.param is not None:
            if operator == "count_values":
                _guard_destination(node.param)
            arguments.insert(0, self.render(node.param).text)
        modifier, labels = "by", None
        if node.modifier is not None:
            labels = list(node.modifier.labels)
            modifier = "without" if node.modifier.type == promql.AggModifierType.Without else "by"
        carries = inner.carries
        if self._kept:
            labels = labels or []
            if modifier == "by":
                labels = [*self._kept, *(label for label in labels if label not in self._kept)]
            else:
                labels = [label for label in labels if label not in self._kept]
        grouping = "" if labels is None else f" {modifier} {label_list(labels)}"
        return _Rendered(f"{operator}{grouping} ({', '.join(arguments)})", carries)

    def _call(self, node: promql.Call) -> _Rendered:
        name = node.func.name
        if node.func.experimental:
            raise experimental(name)
        if name in ("label_replace", "label_join"):
            _guard_destination(node.args[1])
        arguments = [self.render(argument) for argument in node.args]
        text = f"{name}({', '.join(argument.text for argument in arguments)})"
        if node.func.return_type == promql.ValueType.Scalar:
            return _Rendered(text, scalar=True)
        if name in _WITHOUT_LABELS:
            return _Rendered(text)
        if name in ("absent", "absent_over_time"):
            return _Rendered(text, frozenset(self._kept) & _labels_of_absence(node.args[0]))
        vectors = [argument.carries for argument in arguments if not argument.scalar]
        return _Rendered(text, vectors[0] if vectors else frozenset())

    def _binary(self, node: promql.BinaryExpr) -> _Rendered:
        left, right = self.render(node.lhs), self.render(node.rhs)
        operator = str(node.op)
        returns_bool = node.modifier is not None and node.modifier.return_bool
        if not left.scalar and not right.scalar:
            return self._matched(node, operator, left, right)
        # A threshold that became a number may leave two numbers to compare, which PromQL takes with `bool` alone.
        if left.scalar and right.scalar and operator in _COMPARISONS and not returns_bool:
            raise PromqlError(
                Code.UNSUPPORTED_PROMQL, "the expression compares numbers with each other", "compare a metric instead"
            )
        text = f"{left.text} {operator}{' bool' if returns_bool else ''} {right.text}"
        return _Rendered(
            text, left.carries | right.carries, left.scalar and right.scalar, left.threshold or right.threshold
        )

    def _matched(self, node: promql.BinaryExpr, operator: str, left: _Rendered, right: _Rendered) -> _Rendered:
        matching = Matching.of(node, operator)
        if matching.labels is None and left.threshold != right.threshold:
            matching.labels, matching.on = list(self._threshold_labels), True
            matching.keep_side("left" if right.threshold else "right")
        elif self._kept:
            matching.adapt(left.carries, right.carries)
        both = left.threshold and right.threshold
        return _Rendered(
            f"{left.text} {operator}{matching.text()} {right.text}",
            matching.carried(left.carries, right.carries),
            threshold=both,
        )


_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})


def _metric_name(node: promql.VectorSelector) -> str | None:
    """The one metric that a selector names, however it is said; None for a pattern."""
    if node.name is not None:
        return str(node.name)
    named = [m.value for m in node.matchers.matchers if m.name == "__name__" and m.op == promql.MatchOp.Equal]
    return named[0] if named else None


def _labels_of_absence(argument: promql.Expr) -> frozenset[str]:
    """The labels that `absent` makes up: those its selector compares for equality."""
    while isinstance(argument, promql.ParenExpr):
        argument = argument.expr
    if isinstance(argument, promql.MatrixSelector):
        argument = argument.vector_selector
    if not isinstance(argument, promql.VectorSelector):
        return frozenset()
    equal = {m.name for m in argument.matchers.matchers if m.op == promql.MatchOp.Equal and m.value != ""}
    return frozenset({"namespace", "walletmon"} | equal)


def _guard_destination(label: promql.Expr) -> None:
    if isinstance(label, promql.StringLiteral) and label.val in _SENTINELS:
        raise PromqlError(
            Code.FOREIGN_SCOPE,
            f"the expression writes the label {label.val!r}, which says whose series these are",
            "write another label",
        )
