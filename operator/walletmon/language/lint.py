"""Rules that Prometheus takes and that are wrong all the same: always firing, never firing, or nobody's.

What is judged is the expression as written (for what the scoping would put right silently) and as it is scoped (for
what its result is like). Metrics are known by their names: what walletmon's own library exposes, what the packs read.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import promql_parser as promql

from walletmon.api.diagnostic import Code
from walletmon.language.result_labels import ResultLabels, is_scalar, result_labels
from walletmon.language.selectors import nodes

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MIRRORED = {"==": "==", "!=": "!=", ">": "<", "<": ">", ">=": "<=", "<=": ">="}
_ABSENCE = frozenset({"absent", "absent_over_time"})
_RATES = frozenset({"rate", "irate", "increase", "resets"})
_ALERT_SERIES = frozenset({"ALERTS"})
_LABEL_USE = re.compile(r"\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)")
_ALIKE = 0.9
_OWN_PREFIXES = ("wallet_", "wallet:", "walletmon:", "sse:", "tx_sign_", "mnemonic_recovery_")
_HISTOGRAM_PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Names of the metrics that are known, and which of them go up and down."""

    names: frozenset[str]
    gauges: frozenset[str]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an expression, and what would be right."""

    code: Code
    message: str
    cure: str


def lint(written: str, scoped: str, metrics: Metrics) -> Iterator[Flaw]:
    """What is wrong with a rule's expression `written`, which `language.promql` made `scoped`."""
    tree = promql.parse(scoped)
    if not _filters(tree):
        yield Flaw(
            Code.MISSING_COMPARISON,
            "the expression compares nothing, so the alert would fire for every series that exists",
            "compare it with a figure, for example `... > 5` (without `bool`)",
        )
    for node in nodes(tree):
        yield from _never_true(node)
        yield from _quantile(node)
        yield from _rate(node, metrics)
    for node in nodes(promql.parse(written)):
        yield from _wallet_dropped(node)
        yield from _metric(node, metrics)


def missing_labels(scoped: str, text: str) -> list[str]:
    """Labels that the template `text` reads and the result of `scoped` cannot have, in their order."""
    used = dict.fromkeys(_LABEL_USE.findall(text))
    if not used:
        return []
    found: ResultLabels = result_labels(promql.parse(scoped))
    return [label for label in used if not found.may_have(label)]


def _filters(node: promql.Expr) -> bool:
    """Whether the result of `node` depends on a condition, rather than being there as long as its series are."""
    match node:
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return _filters(node.expr)
        case promql.VectorSelector():
            return node.name in _ALERT_SERIES
        case promql.MatrixSelector():
            return _filters(node.vector_selector)
        case promql.AggregateExpr():
            return _filters(node.expr)
        case promql.Call():
            return node.func.name in _ABSENCE or any(_filters(argument) for argument in node.args)
        case promql.BinaryExpr():
            return _combined(node)
        case _:
            return False


def _combined(node: promql.BinaryExpr) -> bool:
    sign = str(node.op)
    if sign in _COMPARISONS:
        if node.modifier is None or not node.modifier.return_bool:
            return True
    elif sign == "unless":
        # What is there unless something else is there: a condition by itself.
        return True
    elif sign == "or":
        return _filters(node.lhs) and _filters(node.rhs)
    return _filters(node.lhs) or _filters(node.rhs)


def _never_true(node: promql.Expr) -> Iterator[Flaw]:
    if not isinstance(node, promql.BinaryExpr) or str(node.op) not in _COMPARISONS:
        return
    sign = str(node.op)
    for side, other, turned in ((node.lhs, node.rhs, sign), (node.rhs, node.lhs, _MIRRORED[sign])):
        figure = _number(other)
        inner = _bare(side)
        if figure is None:
            continue
        compare = _COMPARISONS[turned]
        if isinstance(inner, promql.Call) and inner.func.name in _ABSENCE and not compare(1, figure):
            yield Flaw(
                Code.NEVER_FIRES,
                f"{inner.func.name}() gives 1 or nothing, so `{turned} {_plain(figure)}` is never true",
                f"leave the comparison away: {inner.func.name}() is there exactly while the series are not",
            )
        elif _is_count(inner) and (turned, figure) in (("==", 0), ("<", 1), ("<=", 0), ("<", 0)):
            yield Flaw(
                Code.NEVER_FIRES,
                f"a count of nothing is nothing, not 0, so `{turned} {_plain(figure)}` is never true",
                "use absent(...) for series that are not there, or compare with 1 or more",
            )


def _is_count(node: promql.Expr) -> bool:
    return isinstance(node, promql.AggregateExpr) and str(node.op) in ("count", "group")


def _bare(node: promql.Expr) -> promql.Expr:
    while isinstance(node, promql.ParenExpr):
        node = node.expr
    return node


def _number(node: promql.Expr) -> float | None:
    node = _bare(node)
    if isinstance(node, promql.UnaryExpr):
        inner = _number(node.expr)
        return None if inner is None else -inner
    return float(node.val) if isinstance(node, promql.NumberLiteral) else None


def _plain(figure: float) -> str:
    return f"{figure:g}"


def _quantile(node: promql.Expr) -> Iterator[Flaw]:
    if not isinstance(node, promql.Call) or node.func.name not in ("histogram_quantile", "histogram_fraction"):
        return
    buckets = node.args[-1]
    classic = any(
        isinstance(each, promql.VectorSelector) and (each.name or "").endswith("_bucket") for each in nodes(buckets)
    )
    if classic and not is_scalar(buckets) and not result_labels(buckets).may_have("le"):
        yield Flaw(
            Code.QUANTILE_WITHOUT_LE,
            f"{node.func.name}() is given buckets without `le`, their upper bounds: it gives nothing",
            "keep le in the aggregation: sum by (le) (rate(..._bucket[5m]))",
        )


def _rate(node: promql.Expr, metrics: Metrics) -> Iterator[Flaw]:
    if not isinstance(node, promql.Call) or node.func.name not in _RATES:
        return
    argument = _bare(node.args[0])
    selector = argument.vector_selector if isinstance(argument, promql.MatrixSelector) else None
    name = None if selector is None else selector.name
    if name is not None and (name in metrics.gauges or name.endswith("_timestamp_seconds")):
        yield Flaw(
            Code.RATE_OF_GAUGE,
            f"{name} goes up and down: {node.func.name}() would take every fall for a restart from zero",
            "use delta(), deriv() or changes() on it, or name a counter",
        )


def _wallet_dropped(node: promql.Expr) -> Iterator[Flaw]:
    cure = "leave `wallet` where it is: a rule is a statement about each wallet, and its alert is routed by it"
    if isinstance(node, promql.AggregateExpr):
        modifier = node.modifier
        if modifier is not None and modifier.type == promql.AggModifierType.Without and "wallet" in modifier.labels:
            yield Flaw(Code.DROPPED_WALLET, f"`{node.op} without (wallet)` mixes the wallets with each other", cure)
        if (
            str(node.op) == "count_values"
            and isinstance(node.param, promql.StringLiteral)
            and node.param.val == "wallet"
        ):
            yield Flaw(Code.DROPPED_WALLET, "count_values writes the label wallet", cure)
    elif isinstance(node, promql.Call) and node.func.name in ("label_replace", "label_join"):
        label = node.args[1]
        if isinstance(label, promql.StringLiteral) and label.val == "wallet":
            yield Flaw(Code.DROPPED_WALLET, f"{node.func.name}() writes the label wallet", cure)


def _metric(node: promql.Expr, metrics: Metrics) -> Iterator[Flaw]:
    if not isinstance(node, promql.VectorSelector) or node.name is None:
        return
    name = node.name
    if name in metrics.names or not name.startswith(_OWN_PREFIXES):
        return
    near = _near(name, metrics.names)
    if near is not None:
        yield Flaw(Code.UNKNOWN_METRIC, f"there is no metric {name}", f"did you mean {near}?")


def _near(name: str, known: Collection[str]) -> str | None:
    longer = sorted(each for each in known if each.startswith(f"{name}_") and not each.endswith(_HISTOGRAM_PARTS))
    if longer:
        return longer[0]
    near = get_close_matches(name, known, 1, _ALIKE)
    return near[0] if near else None
