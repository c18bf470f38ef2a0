"""From a rule's syntax tree to PromQL.

What comes out is not yet within a monitor: `walletmon.language.promql.scope` does that, as for every other expression,
and it is what makes `sum by (wallet)` and `on ()` keep wallet, namespace and monitor.

What the constructs mean:

* A metric by itself, and `avg`, `min`, `max` and `changes`, are about each series; an alert keeps all its labels.
* `rate`, `increase` and percentiles are about each wallet: counters of its processes, routes and reasons are added up,
  since a share of failures spread over ten series is still one failing wallet. `BY (label)` splits by more.
* Conditions joined by AND and UNLESS meet wallet by wallet, whatever other labels they have; the alert has the labels
  and the value of the first. With OR, each series of either side is an alert.
* `absent(x)` is true for each wallet that the monitor expects metrics of and that has no such series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from walletmon.api.diagnostic import Code
from walletmon.language.functions import OVER_TIME, percentile
from walletmon.language.metrics import Metric, MetricKind, Metrics, by_name, near_metric
from walletmon.language.printer import print_measure
from walletmon.language.promql_text import quoted
from walletmon.language.quantity import Dimension, plain
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
    Measure,
    Moment,
    Operand,
    Operator,
    Ratio,
    Selector,
    Sentence,
    Unless,
)
from walletmon.language.units import COUNT, RATIO, SECONDS, Unit, duration, number, seconds_of, written

WINDOW = "5m"
"""Window of functions that name none: that of the packs."""

_EXPECTED = "walletmon:wallet:expected"
_LATER = frozenset({Operator.GT, Operator.GE})
_EARLIER = frozenset({Operator.LT, Operator.LE})
_MIRRORED = {
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
}


@dataclass(frozen=True, slots=True)
class Translation:
    """PromQL, still to be scoped, and what there is to say about it."""

    expr: str
    windows: tuple[str, ...]
    """Ranges from which functions take samples, as Prometheus durations."""
    warnings: tuple[RuleError, ...]


def translate(sentence: Sentence, metrics: Metrics) -> Translation:
    """The rule's condition in PromQL, with what `metrics` tells. Raises RuleError where it makes no sense."""
    translator = _Translator(sentence, metrics)
    expr = translator.condition(sentence.condition)
    return Translation(expr, tuple(dict.fromkeys(translator.windows)), tuple(translator.warnings))


def unit_of(measure: Measure, metrics: Metrics) -> Unit | None:
    """The unit of a measure's value; None where it is not known."""
    if isinstance(measure, LastChange):
        return None
    if isinstance(measure, Ratio):
        part, whole = unit_of(measure.part, metrics), unit_of(measure.whole, metrics)
        return RATIO if part == whole else None
    if isinstance(measure, Selector):
        return known(measure.metric, metrics).unit
    metric = known(measure.selector.metric, metrics)
    if measure.function == "changes":
        return COUNT
    if measure.function == "rate" and metric.unit == SECONDS:
        # Seconds in each second: a share of the time.
        return RATIO
    return metric.unit


def known(name: str, metrics: Metrics) -> Metric:
    """What is known of the metric `name`, if only by its name."""
    found = metrics.get(name)
    return by_name(name) if found is None else found


class _Translator:
    def __init__(self, sentence: Sentence, metrics: Metrics) -> None:
        self._sentence = sentence
        self._metrics = metrics
        self.windows: list[str] = []
        self.warnings: list[RuleError] = []
        self._warned: set[str] = set()

    def condition(self, condition: Condition) -> str:
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Absent):
            return self._absent(condition)
        _check_wallets(condition)
        if isinstance(condition, Unless):
            return f"{self._side(condition.condition)} unless on () {self._side(condition.exception)}"
        operator = " or " if isinstance(condition, AnyOf) else " and on () "
        return operator.join(self._side(each) for each in condition.conditions)

    def _side(self, condition: Condition) -> str:
        return f"({self.condition(condition)})"

    def _absent(self, condition: Absent) -> str:
        self._look_up(condition.selector)
        if _of_no_wallet(condition.selector):
            raise RuleError(
                Code.INVALID_RULE,
                'absent is asked for each wallet, and wallet="" is of none',
                "leave the matcher out; for a workload that serves all wallets there is the alert WalletTargetMissing",
                condition.offset,
            )
        window = "" if condition.window is None else duration(condition.window, "a window")
        series = self._selector(condition.selector, window)
        if window:
            series = f"present_over_time({series})"
        # Which wallets are asked for is part of the question: the others are not missing.
        wallets = tuple(each for each in condition.selector.matchers if each.label == "wallet")
        return f"{self._selector(Selector(_EXPECTED, wallets))} unless on () {series}"

    def _comparison(self, comparison: Comparison) -> str:
        measure, operator, value = comparison.measure, comparison.operator, comparison.value
        if isinstance(measure, LastChange):
            return self._last_change(measure, comparison)
        self._check(measure)
        if isinstance(value, Moment):
            return self._age(measure, operator, value)
        unit = unit_of(measure, self._metrics)
        subject = print_measure(measure)
        if isinstance(measure, Selector) and value.unit is not None and self._known(measure).point_in_time:
            raise RuleError(
                Code.INVALID_QUANTITY,
                f"{subject} is a point in time, and {written(value)} is a duration",
                f"write {subject} < now() - {written(value).lstrip('-')} for what is longer ago than that",
                value.offset,
            )
        if unit is None and value.unit is not None:
            raise RuleError(
                Code.INVALID_QUANTITY,
                f"the name {subject} does not tell its unit, so {written(value)} cannot be converted to it",
                "write a plain number, in the unit in which the metric counts",
                value.offset,
            )
        figure = number(value) if unit is None else unit.convert(value, subject)
        return f"{self._measure(measure)} {operator} {plain(figure)}"

    def _age(self, measure: Operand | Ratio, operator: Operator, value: Moment) -> str:
        if not isinstance(measure, Selector) or not self._may_be_time(measure):
            raise RuleError(
                Code.INVALID_QUANTITY,
                f"{print_measure(measure)} is no point in time",
                "compare last_change_time, or a metric in Unix time (..._timestamp_seconds), with now()",
                value.offset,
            )
        ago = "0" if value.ago is None else plain(seconds_of(value.ago))
        # Turned round, so that the alert's value is an age and not a Unix time.
        return f"time() - {self._selector(measure)} {_MIRRORED[operator]} {ago}"

    def _may_be_time(self, selector: Selector) -> bool:
        metric = self._known(selector)
        return metric.point_in_time or (metric.unit is None and selector.metric not in self._metrics)

    def _last_change(self, measure: LastChange, comparison: Comparison) -> str:
        operator, value = comparison.operator, comparison.value
        if not isinstance(value, Moment) or value.ago is None or operator not in _LATER | _EARLIER:
            raise RuleError(
                Code.INVALID_RULE,
                "last_change_time is compared with some time before now",
                "write last_change_time > now() - 5m (changed within 5 minutes) or < now() - 1h (not for an hour)",
                comparison.offset,
            )
        selector = measure.selector or self._only_selector(measure)
        if measure.selector is not None:
            self._look_up(selector)
        window = duration(value.ago, "the time")
        self.windows.append(window)
        changes = f"changes({self._selector(selector, window)})"
        if operator in _LATER:
            return f"{changes} > 0"
        # A series that is younger than the window has no changes either, and says nothing about the time before.
        return f"{changes} == 0 and {self._selector(selector)} offset {window}"

    def _only_selector(self, measure: LastChange) -> Selector:
        found = list(dict.fromkeys(_selectors(self._sentence.condition)))
        if len(found) == 1:
            return found[0]
        raise RuleError(
            Code.INVALID_RULE,
            "the rule is about no metric yet" if not found else "the rule is about several metrics",
            "say which one's: last_change_time(wallet_balance_total) > now() - 5m",
            measure.offset,
        )

    def _measure(self, measure: Operand | Ratio) -> str:
        if isinstance(measure, Ratio):
            return f"{self._measure(measure.part)} / {self._measure(measure.whole)}"
        return self._selector(measure) if isinstance(measure, Selector) else self._call(measure)

    def _call(self, call: Call) -> str:
        quantile = percentile(call.function)
        if call.kind is HistogramKind.SUMMARY:
            return self._selector(call.selector, added=f"quantile={quoted(str(quantile))}")
        window = WINDOW if call.window is None else duration(call.window, "a window")
        self.windows.append(window)
        if call.function == "changes":
            return f"changes({self._selector(call.selector, window)})"
        if call.function in OVER_TIME:
            return f"{OVER_TIME[call.function]}({self._selector(call.selector, window)})"
        if quantile is None:
            by = ", ".join(("wallet", *call.by))
            return f"sum by ({by}) ({call.function}({self._selector(call.selector, window)}))"
        classic = call.kind is not HistogramKind.NATIVE
        by = ", ".join(("wallet", *call.by, *(("le",) if classic else ())))
        series = self._selector(call.selector, window, suffix="_bucket" if classic else "")
        return f"histogram_quantile({quantile}, sum by ({by}) (rate({series})))"

    def _selector(self, selector: Selector, window: str = "", *, suffix: str = "", added: str = "") -> str:
        matchers = [f"{each.label}{each.comparator}{quoted(each.value)}" for each in selector.matchers]
        matchers += [added] if added else []
        text = f"{selector.metric}{suffix}" + (f"{{{', '.join(matchers)}}}" if matchers else "")
        return f"{text}[{window}]" if window else text

    def _known(self, selector: Selector) -> Metric:
        return known(selector.metric, self._metrics)

    def _check(self, measure: Operand | Ratio) -> None:
        if isinstance(measure, Ratio):
            self._check(measure.part)
            self._check(measure.whole)
            if _grouping(measure.part) != _grouping(measure.whole) or len({_of_no_wallet(s) for s in _of(measure)}) > 1:
                raise RuleError(
                    Code.INVALID_RULE,
                    f"{print_measure(measure.part)} and {print_measure(measure.whole)} do not pair: one is of each "
                    "series by itself, the other added up, or they are added up BY different labels",
                    "use the same function, and the same BY, on both sides of /",
                    measure.offset,
                )
        elif isinstance(measure, Selector):
            self._look_up(measure)
            self._check_bare(measure)
        else:
            self._look_up(measure.selector)
            self._check_call(measure)

    def _check_bare(self, selector: Selector) -> None:
        kind = self._known(selector).kind
        if kind is MetricKind.HISTOGRAM:
            raise _wrong_kind(selector, "a histogram", f"compare a percentile: p95({selector.metric}[5m])")
        if kind is MetricKind.COUNTER:
            self.warnings.append(
                _wrong_kind(
                    selector,
                    "a counter, which only grows",
                    f"compare increase({selector.metric}[5m]) or rate({selector.metric}[5m])",
                )
            )

    def _check_call(self, call: Call) -> None:
        kind, name = self._known(call.selector).kind, call.selector.metric
        if percentile(call.function) is not None:
            base = name.removesuffix("_bucket")
            if base != name:
                raise _wrong_kind(call.selector, "one part of a histogram", f"write {call.function}({base}[5m])")
            if kind in (MetricKind.GAUGE, MetricKind.COUNTER):
                raise _wrong_kind(call.selector, f"a {kind}, no histogram", "compare max(x[5m]), or rate(x[5m])")
            if kind is MetricKind.HISTOGRAM and call.kind is HistogramKind.SUMMARY:
                raise _wrong_kind(call.selector, "a histogram, no summary", "leave summary out")
        elif kind is MetricKind.HISTOGRAM:
            raise _wrong_kind(call.selector, "a histogram", f"write {call.function}({name}_count), or p95({name})")
        elif kind is MetricKind.GAUGE and call.function in ("rate", "increase"):
            raise _wrong_kind(
                call.selector, f"a gauge, and {call.function} is for counters", "write changes(x[5m]) or avg(x[5m])"
            )

    def _look_up(self, selector: Selector) -> None:
        near = near_metric(selector.metric, self._metrics)
        if near is not None and selector.metric not in self._warned:
            self._warned.add(selector.metric)
            self.warnings.append(
                RuleError(
                    Code.UNKNOWN_METRIC,
                    f"walletmon knows no metric {selector.metric}",
                    f"did you mean {near}? If the metric is your own, all is well",
                    selector.offset,
                )
            )


def _of_no_wallet(selector: Selector) -> bool:
    """Whether a selector asks for a workload that belongs to no single wallet."""
    return any((each.label, each.comparator, each.value) == ("wallet", "=", "") for each in selector.matchers)


def _shared(condition: Condition) -> bool:
    """Whether the series of a condition's result belong to no wallet."""
    if isinstance(condition, Absent):
        return False
    if isinstance(condition, Comparison):
        return any(_of_no_wallet(selector) for selector in _selectors(condition))
    if isinstance(condition, Unless):
        return _shared(condition.condition)
    return _shared(condition.conditions[0])


def _check_wallets(condition: AllOf | AnyOf | Unless) -> None:
    """Refuse what would mix wallets up: a condition of no wallet stands for all of them, so it cannot lead."""
    parts = (condition.condition, condition.exception) if isinstance(condition, Unless) else condition.conditions
    first = _shared(parts[0])
    for part in parts[1:]:
        if _shared(part) != first and (first or isinstance(condition, AnyOf)):
            raise RuleError(
                Code.INVALID_RULE,
                'one condition is about a workload of no wallet (wallet=""), the other about each wallet',
                "make two rules of it"
                if isinstance(condition, AnyOf)
                else "put the condition about wallets first, or make two rules of it",
                _place(part),
            )


def _place(condition: Condition) -> int:
    if isinstance(condition, Comparison | Absent):
        return condition.offset
    return _place(condition.condition if isinstance(condition, Unless) else condition.conditions[0])


def _grouping(operand: Operand) -> tuple[str, ...] | None:
    """The labels by which an operand is added up; None if it is of each series."""
    if isinstance(operand, Selector) or operand.kind is HistogramKind.SUMMARY:
        return None
    if operand.function in OVER_TIME or operand.function == "changes":
        return None
    return tuple(sorted(operand.by))


def _wrong_kind(selector: Selector, what: str, cure: str) -> RuleError:
    return RuleError(Code.WRONG_METRIC_KIND, f"{selector.metric} is {what}", cure, selector.offset)


def _selectors(condition: Condition) -> Iterator[Selector]:
    """The selectors that a condition compares, in the order of the text."""
    if isinstance(condition, Comparison):
        yield from _of(condition.measure)
    elif isinstance(condition, Unless):
        yield from _selectors(condition.condition)
        yield from _selectors(condition.exception)
    elif isinstance(condition, AllOf | AnyOf):
        for each in condition.conditions:
            yield from _selectors(each)


def _of(measure: Measure) -> Iterator[Selector]:
    if isinstance(measure, Ratio):
        yield from _of(measure.part)
        yield from _of(measure.whole)
    elif isinstance(measure, Selector):
        yield measure
    elif measure.selector is not None and isinstance(measure, Call):
        yield measure.selector


def first_measure(condition: Condition) -> tuple[Measure, Figure | Moment] | None:
    """What the alert's value is of, and what it is compared with; None where that depends, or there is none."""
    if isinstance(condition, Comparison):
        return condition.measure, condition.value
    if isinstance(condition, Unless):
        return first_measure(condition.condition)
    if isinstance(condition, AllOf):
        return first_measure(condition.conditions[0])
    return None


def is_share(unit: Unit | None) -> bool:
    """Whether values in `unit` are best read as a percentage."""
    return unit is not None and unit.dimension is Dimension.RATIO and unit.per_base == 1
