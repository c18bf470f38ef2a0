"""From a syntax tree to the rule's text in its usual form; read again, it gives the same tree."""

from __future__ import annotations

from walletmon.language.syntax import (
    Absent,
    AllOf,
    AnyOf,
    Call,
    Comparison,
    Condition,
    Figure,
    LastChange,
    Measure,
    Moment,
    Ratio,
    Selector,
    Sentence,
    Unless,
)
from walletmon.language.units import written


def print_rule(sentence: Sentence) -> str:
    """The whole rule on one line."""
    parts = ["WHEN", print_condition(sentence.condition)]
    if sentence.for_ is not None:
        parts += ["FOR", written(sentence.for_)]
    parts += ["THEN", "ALERT", quoted(sentence.text)]
    if sentence.priority is not None:
        parts += ["AS", sentence.priority.value]
    if sentence.keep is not None:
        parts += ["KEEP", written(sentence.keep)]
    return " ".join(parts)


def print_condition(condition: Condition) -> str:
    """A condition on one line, with no more parentheses than it needs."""
    if isinstance(condition, Comparison):
        return f"{print_measure(condition.measure)} {condition.operator} {_value(condition.value)}"
    if isinstance(condition, Absent):
        return f"absent({_selector(condition.selector)}{_window(condition.window)})"
    if isinstance(condition, Unless):
        bare = isinstance(condition.condition, AllOf | Unless)
        before = print_condition(condition.condition) if bare else _part(condition.condition)
        return f"{before} UNLESS {_part(condition.exception)}"
    if isinstance(condition, AllOf):
        return " AND ".join(_part(each) for each in condition.conditions)
    return " OR ".join(
        print_condition(each) if isinstance(each, AllOf) else _part(each) for each in condition.conditions
    )


def print_measure(measure: Measure) -> str:
    """What is compared, as written in a condition."""
    if isinstance(measure, Ratio):
        return f"{print_measure(measure.part)} / {print_measure(measure.whole)}"
    if isinstance(measure, LastChange):
        return "last_change_time" + (f"({_selector(measure.selector)})" if measure.selector else "")
    if isinstance(measure, Selector):
        return _selector(measure)
    return _call(measure)


def quoted(text: str) -> str:
    """A text of the language: in double quotes, on one line."""
    for sign, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(sign, escape)
    return f'"{text}"'


def _part(condition: Condition) -> str:
    text = print_condition(condition)
    return f"({text})" if isinstance(condition, AllOf | AnyOf | Unless) else text


def _value(value: Figure | Moment) -> str:
    if isinstance(value, Figure):
        return written(value)
    return "now()" if value.ago is None else f"now() - {written(value.ago)}"


def _call(call: Call) -> str:
    kind = "" if call.kind is None else f", {call.kind}"
    by = "" if not call.by else f" BY {call.by[0]}" if len(call.by) == 1 else f" BY ({', '.join(call.by)})"
    return f"{call.function}({_selector(call.selector)}{_window(call.window)}{kind}){by}"


def _window(window: Figure | None) -> str:
    return "" if window is None else f"[{written(window)}]"


def _selector(selector: Selector) -> str:
    if not selector.matchers:
        return selector.metric
    matchers = ", ".join(f"{each.label}{each.comparator}{quoted(each.value)}" for each in selector.matchers)
    return f"{selector.metric}{{{matchers}}}"
