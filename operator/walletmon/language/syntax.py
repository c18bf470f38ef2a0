"""The syntax tree of a rule: what was said, with nothing decided yet.

Two trees are equal if they say the same; `offset`, the place in the text that an error points at, does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from walletmon.api.alerting import Priority


def _offset() -> int:
    return field(default=0, compare=False, repr=False)


class Operator(StrEnum):
    """How a measure is compared with a value."""

    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    EQ = "=="
    NE = "!="


class HistogramKind(StrEnum):
    """In which form a metric tells of a distribution, and so how its percentiles are computed."""

    CLASSIC = "classic"
    NATIVE = "native"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as written, with its unit if it has one: `1` `ETH`, `85` `%`, `1` `h30m`."""

    number: str
    unit: str | None = None
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Moment:
    """`now()`, or `now() - <ago>`."""

    ago: Figure | None = None
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label; `comparator` is one of `=`, `!=`, `=~`, `!~`."""

    label: str
    comparator: str
    value: str
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Selector:
    """The series of one metric."""

    metric: str
    matchers: tuple[Matcher, ...] = ()
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a metric over a window of time; `kind` only for percentiles."""

    function: str
    selector: Selector
    window: Figure | None = None
    kind: HistogramKind | None = None
    by: tuple[str, ...] = ()
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class LastChange:
    """When a metric's value last changed; without a selector, the one metric that the rule compares."""

    selector: Selector | None = None
    offset: int = _offset()


Operand: TypeAlias = Selector | Call


@dataclass(frozen=True, slots=True)
class Ratio:
    """One measure divided by another."""

    part: Operand
    whole: Operand
    offset: int = _offset()


Measure: TypeAlias = Selector | Call | LastChange | Ratio


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure compared with a figure or a moment."""

    measure: Measure
    operator: Operator
    value: Figure | Moment
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class Absent:
    """A wallet has no series like that: now, or within the window."""

    selector: Selector
    window: Figure | None = None
    offset: int = _offset()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions joined by AND, two or more."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined by OR, two or more."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Unless:
    """A condition, but not for wallets for which `exception` holds."""

    condition: Condition
    exception: Condition


Condition: TypeAlias = Comparison | Absent | AllOf | AnyOf | Unless


@dataclass(frozen=True, slots=True)
class Sentence:
    """A whole rule: WHEN `condition` FOR `for_` THEN ALERT `text` AS `priority` KEEP `keep`."""

    condition: Condition
    text: str
    for_: Figure | None = None
    keep: Figure | None = None
    priority: Priority | None = None
    text_offset: int = _offset()
