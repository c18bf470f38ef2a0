"""PromQL as text: reading with limits, quoting, and printing selectors with further matchers.

What is read may be hostile. The parser recurses on the machine stack, so text that nests deeper than any rule for
people is refused before it gets there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import promql_parser as promql

from walletmon.api.diagnostic import Code
from walletmon.language.regex import objection

MAX_BYTES = 16_384
MAX_BRACKETS = 50
"""Levels of parentheses."""
MAX_OPERATORS = 150
"""Operators in one expression: a chain of them is a tree as deep."""

_LEGACY_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LEGACY_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ZERO = timedelta(0)
# Prometheus counts nanoseconds in 64 bits: 292 years.
_LONGEST = timedelta(days=100 * 365)

STRING = r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`[^`]*`'
"""Pattern of a PromQL string."""

_LEXEME = re.compile(
    rf"(?P<skip>{STRING}|#[^\n]*|\{{(?:{STRING}|[^{{}}\"'`])*\}})"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<operator>[-+*/%^]|[=!<>]=?|\b(?:and|or|unless|atan2)\b)",
    re.IGNORECASE,
)
_NEWER_SYNTAX = re.compile(r"\b(?:smoothed|anchored|step\(\))|</|>/|\[[^][*/%^(+-]*[*/%^(+-][^][]*\]|`[^`\\]*\\[^`]*`")


class PromqlError(ValueError):
    """An expression that is not taken: which finding it is, what is the matter, what would be right."""

    def __init__(self, code: Code, message: str, cure: str) -> None:
        """All three are for people: see Diagnostic."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.cure = cure


@contextmanager
def parser_failures() -> Iterator[None]:
    """Turn a failure inside the parser's own machinery (a panic of its Rust code) into a PromqlError.

    It is no Exception, and would take a worker down that does everything else right.
    """
    try:
        yield
    except BaseException as failure:
        if type(failure).__name__ != "PanicException":
            raise
        raise PromqlError(
            Code.UNSUPPORTED_PROMQL,
            "walletmon cannot read this expression: its parser fails on it",
            "write it in a simpler way, and please report this expression",
        ) from None


def parse(text: str) -> promql.Expr:
    """The syntax tree of `text`.

    Raises PromqlError for what is too large, nested too deep, or cannot be read; what Prometheus may know and this
    parser does not is told apart from what is wrong.
    """
    _check_limits(text)
    try:
        tree: promql.Expr = promql.parse(text)
    except ValueError as error:
        if _NEWER_SYNTAX.search(text):
            raise PromqlError(
                Code.UNSUPPORTED_PROMQL,
                f"walletmon cannot read this expression, though a recent Prometheus may: {error}",
                "say it in older syntax: no arithmetic on durations, no smoothed, anchored, </ or >/",
            ) from None
        raise PromqlError(Code.INVALID_PROMQL, f"this is not PromQL: {error}", "correct the expression") from None
    return tree


def _check_limits(text: str) -> None:
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise PromqlError(
            Code.TOO_LARGE,
            f"the expression has {size} bytes; {MAX_BYTES} are the limit",
            "make it smaller, or split it into several rules",
        )
    if (found := _CONTROL.search(text)) is not None or any("\ud800" <= sign <= "\udfff" for sign in text):
        sign = found.group() if found else "a lone surrogate"
        raise PromqlError(Code.INVALID_PROMQL, f"the expression holds a sign that is no text: {sign!r}", "take it out")
    depth = deepest = operators = 0
    for lexeme in _LEXEME.finditer(text):
        kind = lexeme.lastgroup
        if kind == "open":
            depth += 1
            deepest = max(deepest, depth)
        elif kind == "close":
            depth -= 1
        elif kind == "operator":
            operators += 1
    if deepest > MAX_BRACKETS or operators > MAX_OPERATORS:
        raise PromqlError(
            Code.TOO_LARGE,
            f"the expression nests {deepest} levels and has {operators} operators; "
            f"{MAX_BRACKETS} levels and {MAX_OPERATORS} operators are the limit",
            "split it into several rules",
        )


def quoted(value: str) -> str:
    """`value` as a PromQL string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def selector_text(node: promql.VectorSelector, added: Mapping[str, str], *, range_: timedelta | None = None) -> str:
    """The selector `node` with the equality matchers `added`, over `range_` if given.

    Raises PromqlError where the selector already has a matcher on one of those labels, or is not PromQL's own kind.
    """
    if node.matchers.or_matchers:
        raise PromqlError(
            Code.UNSUPPORTED_PROMQL,
            "`or` between matchers is not PromQL: Prometheus does not take it",
            "write two selectors with `or` between them",
        )
    name = node.name
    matchers = []
    if name is not None and _LEGACY_NAME.fullmatch(name) is None:
        matchers.append(f"__name__={quoted(name)}")
        name = None
    for matcher in node.matchers.matchers:
        if matcher.name in added:
            raise PromqlError(
                Code.FOREIGN_SCOPE,
                f"the expression has a matcher on {matcher.name!r}, which walletmon sets by itself",
                f"leave the matcher on {matcher.name} out: only this monitor's series are there",
            )
        if _CONTROL.search(matcher.name + matcher.value) is not None:
            raise PromqlError(
                Code.INVALID_PROMQL, "a matcher holds a sign that is no text (a control character)", "take it out"
            )
        operator = _operator(matcher)
        if "~" in operator and (wrong := objection(matcher.value)) is not None:
            raise PromqlError(
                Code.INVALID_PROMQL,
                f"Prometheus may not take the regular expression {quoted(matcher.value)}: {wrong}",
                "write it in the syntax of RE2",
            )
        label = matcher.name if _LEGACY_LABEL.fullmatch(matcher.name) else quoted(matcher.name)
        matchers.append(f"{label}{operator}{quoted(matcher.value)}")
    matchers += [f"{label}={quoted(value)}" for label, value in added.items()]
    text = f"{name or ''}{{{','.join(matchers)}}}"
    if range_ is not None:
        text += f"[{_duration(range_)}]"
    return text + _when(node.offset, node.at)


def _operator(matcher: promql.Matcher) -> str:
    # The parser's enumerations compare, but have no hash.
    for operator, sign in _OPERATORS:
        if matcher.op == operator:
            return sign
    raise PromqlError(
        Code.UNSUPPORTED_PROMQL, f"walletmon does not know the matcher {matcher}", "compare with =, !=, =~ or !~"
    )


_OPERATORS = (
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)


def subquery_text(node: promql.SubqueryExpr) -> str:
    """What follows the inner expression of a subquery: range, step, `@` and offset."""
    step = "" if node.step is None else _duration(node.step)
    range_ = "" if node.range is None else _duration(node.range)
    return f"[{range_}:{step}]" + _when(node.offset, node.at)


def _duration(length: timedelta) -> str:
    if length > _LONGEST:
        raise PromqlError(
            Code.INVALID_PROMQL, f"a duration of {length.days} days is longer than Prometheus counts", "make it shorter"
        )
    return promql.display_duration(length)


def _when(offset: timedelta | None, at: promql.AtModifier | None) -> str:
    text = ""
    if at is not None:
        if at.type == promql.AtModifierType.At:
            raise PromqlError(
                Code.UNSUPPORTED_PROMQL,
                "`@` with a time asks for one moment of the past, where the answer never changes",
                "leave it out, or use offset",
            )
        text += " @ start()" if at.type == promql.AtModifierType.Start else " @ end()"
    if offset is not None:
        sign, length = ("-", -offset) if offset < _ZERO else ("", offset)
        text += f" offset {sign}{_duration(length)}"
    return text


def label_list(labels: list[str]) -> str:
    """Labels in parentheses, quoted where they must be."""
    return f"({', '.join(label if _LEGACY_LABEL.fullmatch(label) else quoted(label) for label in labels)})"


def experimental(name: str) -> PromqlError:
    """The refusal of something that Prometheus takes only with a feature flag."""
    return PromqlError(
        Code.UNSUPPORTED_PROMQL,
        f"{name} is experimental: without a feature flag Prometheus refuses it, and all rules that stand beside it",
        "say it with functions that every Prometheus has",
    )
