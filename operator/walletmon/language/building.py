"""From what the parser recognises to the syntax tree: one method for each rule of the grammar."""

from __future__ import annotations

import re
from typing import Any

from lark import Token, Transformer
from lark.visitors import v_args

from walletmon.api.alerting import Priority
from walletmon.api.diagnostic import Code
from walletmon.language.functions import check_function, percentile
from walletmon.language.regex import objection
from walletmon.language.rule_error import RuleError
from walletmon.language.syntax import (
    Absent,
    AllOf,
    AnyOf,
    Call,
    Comparison,
    Condition,
    Figure,
    HistogramKind,
    LastChange,
    Matcher,
    Measure,
    Moment,
    Operand,
    Operator,
    Ratio,
    Selector,
    Sentence,
    Unless,
)
from walletmon.language.units import duration, read_figure

_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t"}


class _Group:
    """A condition that stood in parentheses."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition


class _Clause:
    """FOR, KEEP or AS, with what follows."""

    def __init__(self, keyword: str, content: Any, offset: int) -> None:
        self.keyword = keyword
        self.content = content
        self.offset = offset


@v_args(inline=True)
class _Builder(Transformer[Token, Sentence]):
    """One method for each rule of the grammar, of the same name."""

    def rule(self, _when: Token, condition: Any, *rest: Any) -> Sentence:
        texts = [each for each in rest if isinstance(each, Token) and each.type == "STRING"]
        clauses: dict[str, _Clause] = {}
        for clause in rest:
            if not isinstance(clause, _Clause):
                continue
            if clause.keyword in clauses:
                raise _invalid(f"{clause.keyword} is there twice", "say it once", clause.offset)
            clauses[clause.keyword] = clause
        text = _unquoted(texts[0])
        if not text.strip():
            raise _invalid("the alert has no text", 'say what is wrong: THEN ALERT "..."', texts[0].start_pos or 0)
        content = {keyword: clause.content for keyword, clause in clauses.items()}
        return Sentence(
            _plain(condition),
            text,
            content.get("FOR"),
            content.get("KEEP"),
            content.get("AS"),
            texts[0].start_pos or 0,
        )

    def clause_for(self, keyword: Token, figure: Figure) -> _Clause:
        duration(figure, "FOR", zero=True)
        return _Clause("FOR", figure, _at(keyword))

    def clause_keep(self, keyword: Token, figure: Figure) -> _Clause:
        duration(figure, "KEEP", zero=True)
        return _Clause("KEEP", figure, _at(keyword))

    def clause_as(self, keyword: Token, name: Token) -> _Clause:
        try:
            return _Clause("AS", Priority(name.upper()), _at(keyword))
        except ValueError:
            raise _invalid(
                f"there is no priority {str(name)!r}",
                "write P0 (now, by phone), P1 (within the hour) or P2 (within the day)",
                _at(name),
            ) from None

    def condition(self, *parts: Any) -> Any:
        conditions = [part for part in parts if not isinstance(part, Token)]
        if len(conditions) == 1:
            return conditions[0]
        ors = [part for part in parts if isinstance(part, Token)]
        for index, part in enumerate(conditions):
            if isinstance(part, Unless):
                raise _invalid(
                    "OR beside UNLESS can be read in two ways",
                    "put what belongs together in parentheses: (a UNLESS b) OR c, or a UNLESS (b OR c)",
                    _at(ors[min(index, len(ors) - 1)]),
                )
        return AnyOf(tuple(_plain(part) for part in conditions))

    def conjunction(self, first: Any, *rest: Any) -> Any:
        pairs = list(zip(rest[::2], rest[1::2], strict=True))
        if not pairs:
            return first
        together: list[Condition] = [_plain(first)]
        exceptions: list[Condition] = []
        for connective, part in pairs:
            if connective.type == "UNLESS":
                exceptions.append(_plain(part))
            elif exceptions:
                raise _invalid(
                    "AND after UNLESS can be read in two ways",
                    "put what belongs together in parentheses: (a UNLESS b) AND c, or a UNLESS (b AND c)",
                    _at(connective),
                )
            else:
                together.append(_plain(part))
        condition = together[0] if len(together) == 1 else AllOf(tuple(together))
        for exception in exceptions:
            condition = Unless(condition, exception)
        return condition

    def connective(self, token: Token) -> Token:
        return token

    def group(self, _open: Token, condition: Any, _close: Token) -> _Group:
        return _Group(_plain(condition))

    def comparison(self, measure: Measure, operator: Token, value: Figure | Moment) -> Comparison:
        return Comparison(measure, Operator(str(operator)), value, _at(operator))

    def operator(self, token: Token) -> Token:
        return token

    def comparator(self, token: Token) -> Token:
        return token

    def absent(self, keyword: Token, _open: Token, selector: Selector, window: Figure | None, _close: Token) -> Absent:
        return Absent(selector, window, _at(keyword))

    def ratio(self, part: Measure, slash: Token, whole: Measure) -> Ratio:
        for side in (part, whole):
            if isinstance(side, LastChange):
                raise _invalid("a point in time cannot be divided", "compare it with now() - 5m", side.offset)
        assert not isinstance(part, LastChange | Ratio)
        assert not isinstance(whole, LastChange | Ratio)
        return Ratio(part, whole, _at(slash))

    def call(self, name: Token, _open: Token, selector: Selector, window: Figure | None, *rest: Any) -> Operand:
        _comma, kind, _close, by = rest
        check_function(str(name), _at(name))
        quantile = percentile(str(name)) is not None
        found = None if kind is None else _kind(str(name), kind, quantile)
        if by is not None and not quantile and name not in ("rate", "increase"):
            raise _invalid(
                f"{name} is of each series by itself, it has nothing to add up BY labels",
                "leave BY out; BY is for rate, increase and percentiles",
                _at(name),
            )
        if found is HistogramKind.SUMMARY and (window is not None or by is not None):
            raise _invalid(
                "a summary has its percentiles computed by who exposes it, over a window of its own",
                "leave the window and BY out",
                _at(name),
            )
        return Call(str(name), selector, window, found, tuple(by or ()), _at(name))

    def last_change(self, keyword: Token, _open: Token | None, selector: Selector | None, _close: Any) -> LastChange:
        return LastChange(selector, _at(keyword))

    def selector(self, name: Token, *parts: Any) -> Selector:
        return Selector(str(name), tuple(part for part in parts if isinstance(part, Matcher)), _at(name))

    def matcher(self, label: Token, comparator: Token, value: Token) -> Matcher:
        if label == "__name__":
            raise _invalid(
                "the metric is named before the {", "write name{...}, or give expr instead of when", _at(label)
            )
        if label in ("namespace", "walletmon"):
            raise RuleError(
                Code.FOREIGN_SCOPE,
                f"there is a condition on {label}, which walletmon sets by itself",
                "leave it out: a rule sees this monitor's series only",
                _at(label),
            )
        text = _unquoted(value)
        if comparator.type in ("MATCHES", "MATCHES_NOT"):
            _check_pattern(text, _at(value))
        return Matcher(str(label), str(comparator), text, _at(label))

    def window(self, _open: Token, figure: Figure, _close: Token) -> Figure:
        duration(figure, "a window")
        return figure

    def by(self, *parts: Token) -> tuple[str, ...]:
        labels = [part for part in parts if part.type == "NAME"]
        for label in labels:
            if label in ("namespace", "walletmon", "wallet"):
                raise _invalid(f"{label} is always kept", "leave it out", _at(label))
            if ":" in label:
                raise _invalid(f"{str(label)!r} is no label", "a label has letters, digits and underscores", _at(label))
        return tuple(dict.fromkeys(str(label) for label in labels))

    def signed(self, minus: Token | None, figure: Figure) -> Figure:
        if minus is None:
            return figure
        return Figure(f"-{figure.number}", figure.unit, _at(minus))

    def moment(self, now: Token, _open: Token, _close: Token, _minus: Token | None, ago: Figure | None) -> Moment:
        if ago is not None:
            duration(ago, "the time", zero=True)
        return Moment(ago, _at(now))

    def figure(self, number: Token, unit: Token | None) -> Figure:
        return read_figure(str(number), None if unit is None else str(unit), _at(number))


def builder() -> Transformer[Token, Sentence]:
    """What the parser calls as it goes.

    Its methods raise RuleError for what the grammar takes and the language does not.
    """
    return _Builder()


def _plain(part: Any) -> Condition:
    condition: Condition = part.condition if isinstance(part, _Group) else part
    return condition


def _at(token: Token) -> int:
    return token.start_pos or 0


def _invalid(message: str, cure: str, offset: int) -> RuleError:
    return RuleError(Code.INVALID_RULE, message, cure, offset)


def _kind(name: str, kind: Token, quantile: bool) -> HistogramKind:
    if not quantile:
        raise _invalid(f"{name} takes one metric", f"write {name}(x[5m])", _at(kind))
    try:
        return HistogramKind(str(kind))
    except ValueError:
        raise _invalid(
            f"{str(kind)!r} is no kind of histogram", "write classic, native or summary", _at(kind)
        ) from None


def _unquoted(token: Token) -> str:
    def sign(found: re.Match[str]) -> str:
        try:
            return _ESCAPES[found[1]]
        except KeyError:
            raise _invalid(
                f"{found[0]!r} means nothing in a text",
                r"write \\ for a backslash; the others are \" \' \n \t",
                _at(token) + 1 + found.start(),
            ) from None

    return _ESCAPE.sub(sign, str(token)[1:-1])


def _check_pattern(pattern: str, offset: int) -> None:
    """Refuse what is no regular expression for Prometheus, which would refuse the whole file of rules."""
    found = objection(pattern)
    if found is not None:
        raise _invalid(
            f"{pattern!r} might be no regular expression for Prometheus: {found}",
            "write it in the syntax of Go's regular expressions (RE2)",
            offset,
        )
