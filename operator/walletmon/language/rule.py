"""A rule of the language as an alert: what Prometheus evaluates, and what people read when it fires."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from walletmon.api.alerting import Priority
from walletmon.api.diagnostic import Code
from walletmon.language.metrics import Metrics, with_recordings
from walletmon.language.parser import parse
from walletmon.language.printer import print_condition, print_measure
from walletmon.language.promql import Scope, scope
from walletmon.language.promql_text import PromqlError
from walletmon.language.quantity import Dimension
from walletmon.language.rule_error import RuleError
from walletmon.language.syntax import Call, LastChange, Measure, Moment, Sentence
from walletmon.language.template import TemplateError, check_template
from walletmon.language.translation import first_measure, is_share, translate, unit_of
from walletmon.language.units import Unit, duration


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """What a rule says: its expression within the monitor, its texts, and what it sets of the alert."""

    expr: str
    summary: str
    description: str
    for_: str | None
    keep_firing_for: str | None
    priority: Priority | None
    windows: tuple[str, ...]
    """Ranges from which functions take samples, as Prometheus durations."""
    warnings: tuple[RuleError, ...]


def compile_rule(text: str, where: Scope, recordings: tuple[str, ...] = ()) -> CompiledRule:
    """The rule `text` for the monitor `where`; `recordings` are series that the monitor's packs record.

    Raises RuleError. The part that does not depend on the monitor is computed once for each text.
    """
    expr, rule = _compiled(text, recordings)
    try:
        scoped = scope(expr, where)
    except PromqlError as error:
        raise RuleError(error.code, error.message, error.cure, None) from None
    return CompiledRule(scoped, *rule)


_Rest = tuple[str, str, str | None, str | None, Priority | None, tuple[str, ...], tuple[RuleError, ...]]


@lru_cache(maxsize=1024)
def _compiled(text: str, recordings: tuple[str, ...]) -> tuple[str, _Rest]:
    metrics = _known(recordings)
    sentence = parse(text)
    try:
        check_template(sentence.text)
    except TemplateError as error:
        raise RuleError(Code.INVALID_TEMPLATE, error.message, error.cure, sentence.text_offset) from None
    translation = translate(sentence, metrics)
    rest = (
        sentence.text,
        describe(sentence, metrics),
        None if sentence.for_ is None else duration(sentence.for_, "FOR", zero=True),
        None if sentence.keep is None else duration(sentence.keep, "KEEP", zero=True),
        sentence.priority,
        translation.windows,
        translation.warnings,
    )
    return translation.expr, rest


@lru_cache(maxsize=64)
def _known(recordings: tuple[str, ...]) -> Metrics:
    return with_recordings(recordings)


def describe(sentence: Sentence, metrics: Metrics) -> str:
    """The alert's description: the figure where there is one, and the rule's condition. May hold templates."""
    condition = _literal(print_condition(sentence.condition))
    where = "wallet {{ $labels.wallet }} in {{ $labels.namespace }}"
    first = first_measure(sentence.condition)
    if first is None or isinstance(first[0], LastChange):
        return f"For {where} this holds: {condition}."
    measure, value = first
    subject = _literal(print_measure(measure))
    if isinstance(value, Moment):
        return f"{subject} of {where} was {{{{ $value | humanizeDuration }}}} ago. The rule: {condition}."
    return f"{subject} of {where} is {_figure(measure, unit_of(measure, metrics))}. The rule: {condition}."


def _figure(measure: Measure, unit: Unit | None) -> str:
    per_second = "/s" if isinstance(measure, Call) and measure.function == "rate" else ""
    if unit is not None and unit.per_base == 1:
        if is_share(unit):
            return "{{ $value | humanizePercentage }}"
        if unit.dimension is Dimension.DURATION:
            return "{{ $value | humanizeDuration }}"
        if unit.dimension is Dimension.SIZE:
            return f"{{{{ $value | humanize1024 }}}}B{per_second}"
    name = "" if unit is None or unit.dimension in (Dimension.COUNT, Dimension.RATIO) else f" {unit.name}"
    return f'{{{{ printf "%.6g" $value }}}}{name}{per_second}'


def _literal(text: str) -> str:
    """`text` as it comes out of a template unchanged but for blanks: Go would read `{{` as its own."""
    while "{{" in text or "}}" in text:
        text = text.replace("{{", "{ {").replace("}}", "} }")
    return text
