"""Which metrics an expression reads, by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import promql_parser as promql

from walletmon.api.diagnostic import Code
from walletmon.language.promql_text import PromqlError, parse, parser_failures

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_ALTERNATIVE = re.compile(rf"({_NAME})(?:\(({_NAME})\)\?)?")


def nodes(node: promql.Expr) -> Iterator[promql.Expr]:
    """`node` and everything below it, selectors of ranges included."""
    yield node
    match node:
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from nodes(node.expr)
        case promql.MatrixSelector():
            yield node.vector_selector
        case promql.AggregateExpr():
            yield from nodes(node.expr)
            if node.param is not None:
                yield from nodes(node.param)
        case promql.Call():
            for argument in node.args:
                yield from nodes(argument)
        case promql.BinaryExpr():
            yield from nodes(node.lhs)
            yield from nodes(node.rhs)


@lru_cache(maxsize=4096)
@parser_failures()
def metrics_read(expr: str) -> frozenset[str]:
    """The names of all metrics that `expr` reads.

    A name may be a pattern of names, each with one optional end, as software changes them between versions:
    `{__name__=~"old_name|new_name(_total)?"}`. Raises PromqlError where the expression cannot be read, or a selector
    does not tell which metrics it is about.
    """
    selectors = (node for node in nodes(parse(expr)) if isinstance(node, promql.VectorSelector))
    return frozenset(name for selector in selectors for name in selected(selector))


def selected(selector: promql.VectorSelector) -> tuple[str, ...]:
    """The names of the metrics that one selector reads; see `metrics_read`."""
    if selector.name is not None:
        return (str(selector.name),)
    for matcher in selector.matchers.matchers:
        if matcher.name != "__name__":
            continue
        if matcher.op == promql.MatchOp.Equal:
            return (str(matcher.value),)
        if matcher.op == promql.MatchOp.Re:
            found = [_ALTERNATIVE.fullmatch(each) for each in str(matcher.value).split("|")]
            if all(found):
                return tuple(name for each in found if each for name in _names(each))
    raise PromqlError(
        Code.UNSUPPORTED_PROMQL,
        f"the selector {selector.prettify()} does not say which metrics it reads",
        'name them, or write {__name__=~"one|other(_total)?"}',
    )


def _names(found: re.Match[str]) -> Iterator[str]:
    yield found[1]
    if found[2] is not None:
        yield found[1] + found[2]
