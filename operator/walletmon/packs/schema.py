"""What a pack file may say.

A pack is plain PromQL that promtool accepts as it stands: no templates. Scoping to a monitor and the thresholds in
force come later, by the transformation of `walletmon.language.promql`. `docs/packs.md` says how to write one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from walletmon.api.alerting import AlertName, Priority
from walletmon.api.base import DnsLabel, Duration, LabelName, Quantity
from walletmon.language.promql import THRESHOLD_PREFIX, Scope, scope, threshold_metric
from walletmon.language.promql_text import PromqlError
from walletmon.language.quantity import Dimension, QuantityError, parse_quantity
from walletmon.language.quantity import Quantity as Figure
from walletmon.language.selectors import metrics_read
from walletmon.language.template import TemplateError, check_template

Text = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
ThresholdName = Annotated[str, StringConstraints(max_length=48, pattern=r"^[a-z][a-z0-9]*([A-Z][a-z0-9]*)*$")]
RecordName = Annotated[str, StringConstraints(max_length=128, pattern=r"^(wallet|sse):[a-z0-9_]+:[a-z0-9_]+$")]

MAX_RULES = 64
"""Alerts, and recordings, that one pack may have."""

_THRESHOLD = re.compile(re.escape(THRESHOLD_PREFIX) + r"\w+")
_EVERYWHERE = frozenset({"up"})
_BOOKKEEPING = "walletmon:"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)


class Bounds(_Model):
    """A figure and the bounds within which it can be set, each with its unit."""

    default: Quantity
    min: Quantity
    max: Quantity


class Threshold(Bounds):
    """A figure that a monitor or a wallet may set otherwise.

    A figure in `coin` is an amount of the wallet's own chain: the bounds here are for chains that count in wei,
    `bitcoin` has those for chains that count in satoshi.
    """

    unit: Annotated[Dimension, Field(strict=False)]
    source: Text
    """Where the default comes from."""
    description: Text
    below: ThresholdName | None = None
    """The threshold that this one has to be less than."""
    bitcoin: Bounds | None = None

    @model_validator(mode="after")
    def _default_within_bounds(self) -> Self:
        if (self.unit is Dimension.COIN) != (self.bitcoin is not None):
            raise ValueError("bitcoin is for figures in coin, and they need it")
        for bounds, currency in ((self, "ETH"), (self.bitcoin, "BTC")):
            if bounds is None:
                continue
            try:
                figures = [self.read(text) for text in (bounds.min, bounds.default, bounds.max)]
            except QuantityError as error:
                raise ValueError(f"{error.message}; {error.cure}") from None
            if self.unit is Dimension.COIN and any(figure.currency != currency for figure in figures):
                raise ValueError(f"default, min and max are amounts of {currency} here")
            low, figure, high = (figure.value for figure in figures)
            if not low <= figure <= high:
                raise ValueError(f"the default {bounds.default} is not between {bounds.min} and {bounds.max}")
        return self

    def read(self, text: str) -> Figure:
        """A figure for this threshold, from its text. Raises QuantityError."""
        return parse_quantity(text, self.unit)

    def bounds(self, currency: str | None) -> Bounds:
        """Default and bounds for a wallet whose chain's coin is `currency` (None for figures that are no coins)."""
        return self.bitcoin if currency == "BTC" and self.bitcoin is not None else self


class Recording(_Model):
    """A series that is computed once and read by alerts and panels: a signal of the pack."""

    record: RecordName
    expr: Text
    why: Text


class Silenced(_Model):
    """An alert that says nothing new while another one fires for the same wallet and the same values of `equal`."""

    alert: AlertName
    equal: Annotated[tuple[LabelName, ...], Field(strict=False, max_length=8)] = ()


class Alert(_Model):
    """An alert as the pack has it; a monitor may change `for`, `keepFiringFor` and `priority`, or disable it."""

    name: AlertName
    expr: Text
    for_: Annotated[Duration, Field(alias="for")]
    keep_firing_for: Duration | None = None
    priority: Annotated[Priority, Field(strict=False)]
    action: DnsLabel | None = None
    """What a responder is asked to do; becomes the label `action`."""
    silences: Annotated[tuple[AlertName | Silenced, ...], Field(strict=False, max_length=64)] = ()
    outage: bool = False
    """Whether it says that the wallet as a whole is down: it silences all other alerts on the wallet, but those that
    are always told."""
    always_told: bool = False
    """Whether it is told even while the wallet, or what the wallet depends on, is down: no outage explains an attack,
    or money or keys that are gone."""
    summary: Text
    description: Text

    @model_validator(mode="after")
    def _texts_can_be_expanded(self) -> Self:
        for text in (self.summary, self.description):
            try:
                check_template(text)
            except TemplateError as error:
                raise ValueError(f"{self.name}: {error.message}; {error.cure}") from None
        return self

    @property
    def silenced(self) -> tuple[Silenced, ...]:
        """`silences`, each in full."""
        return tuple(Silenced(alert=each) if isinstance(each, str) else each for each in self.silences)


class Preset(_Model):
    """The pack's signals from the metrics of software as it is."""

    software: Text
    source: Text
    """Where the names come from."""
    counters: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Metrics that the software calls gauges and that only grow."""
    identifying: Annotated[tuple[LabelName, ...], Field(strict=False, max_length=16)] = ()
    """Labels of the software's series that governance denies by default, and that the preset cannot do without."""
    recordings: Annotated[dict[RecordName, Text], Field(min_length=1, max_length=MAX_RULES)]
    """The pack's recordings with the expressions that give them here. Those made of recordings alone need none."""
    without: dict[AlertName, Text] = {}
    """The pack's alerts that the software's metrics cannot serve, and why."""


class Pack(_Model):
    """A pack of alerts with the thresholds and recordings they use."""

    name: DnsLabel
    title: Text
    description: Text
    thresholds: Annotated[dict[ThresholdName, Threshold], Field(max_length=MAX_RULES)] = {}
    recordings: Annotated[tuple[Recording, ...], Field(strict=False, max_length=MAX_RULES)] = ()
    alerts: Annotated[tuple[Alert, ...], Field(strict=False, min_length=1, max_length=MAX_RULES)]
    presets: Annotated[dict[DnsLabel, Preset], Field(max_length=MAX_RULES)] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _unique("alert", (alert.name for alert in self.alerts))
        _unique("recording", (recording.record for recording in self.recordings))
        self._check_thresholds()
        self._check_expressions()
        for name, preset in self.presets.items():
            self._check_preset(name, preset)
        return self

    def recorded(self, preset: str | None) -> tuple[Recording, ...]:
        """The recordings in force with a preset (None for the library's own metrics), in the order of the pack: the
        preset's own, and those of the pack that are made of recordings in force."""
        if preset is None:
            return self.recordings
        given = self.presets[preset].recordings
        there = set(given)
        found: list[Recording] = []
        for each in self.recordings:
            if each.record in given:
                found.append(Recording(record=each.record, expr=given[each.record], why=each.why))
            elif self._made_of(each.expr, there | {each.record}):
                there.add(each.record)
                found.append(each)
        return tuple(found)

    def served(self, preset: str | None) -> tuple[Alert, ...]:
        """The alerts in force with a preset: with one, those that read nothing but its recordings and what is there
        whatever the software."""
        if preset is None:
            return self.alerts
        there = {recording.record for recording in self.recorded(preset)}
        without = self.presets[preset].without
        return tuple(alert for alert in self.alerts if alert.name not in without and self._made_of(alert.expr, there))

    @staticmethod
    def _made_of(expr: str, there: set[str]) -> bool:
        """Whether `expr` reads nothing but the recordings `there` and what every monitor has."""
        names = metrics_read(expr)
        return all(name in there or name in _EVERYWHERE or name.startswith(_BOOKKEEPING) for name in names)

    def thresholds_of(self, alert: Alert) -> tuple[str, ...]:
        """Names of the thresholds by which `alert` judges, itself or in recordings that it reads."""
        used = {name for expr in self.judged_by(alert) for name in _THRESHOLD.findall(expr)}
        return tuple(name for name in self.thresholds if threshold_metric(self.name, name) in used)

    def judged_by(self, alert: Alert) -> list[str]:
        """The expressions on which `alert` rests: its own, and those of the recordings that they read."""
        expressions = [alert.expr]
        by_record = {recording.record: recording.expr for recording in self.recordings}
        waiting = set(metrics_read(alert.expr))
        done: set[str] = set()
        while waiting:
            name = waiting.pop()
            done.add(name)
            if name in by_record:
                expressions.append(by_record[name])
                waiting |= metrics_read(by_record[name]) - done
        return expressions

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The names of all metrics that the pack reads, presets included."""
        return frozenset(name for _, expr in self.expressions() for name in metrics_read(expr))

    def expressions(self) -> Iterable[tuple[str, str]]:
        """Every expression of the pack with what it is: `<record>`, `<alert>`, `<record> (<preset>)`."""
        yield from ((each.record, each.expr) for each in self.recordings)
        yield from ((each.name, each.expr) for each in self.alerts)
        for preset, content in self.presets.items():
            yield from ((f"{record} ({preset})", expr) for record, expr in content.recordings.items())

    def _check_thresholds(self) -> None:
        used = {name for _, expr in self.expressions() for name in _THRESHOLD.findall(expr)}
        own = {threshold_metric(self.name, name): name for name in self.thresholds}
        if unknown := sorted(used - own.keys()):
            raise ValueError(f"{unknown[0]} is used and not among the thresholds")
        if unused := sorted(own.keys() - used):
            raise ValueError(f"threshold {own[unused[0]]} is not used by any alert or recording")
        for name, threshold in self.thresholds.items():
            if threshold.below is None:
                continue
            upper = self.thresholds.get(threshold.below)
            if upper is None or upper.unit is not threshold.unit:
                raise ValueError(f"threshold {name} is to be below {threshold.below}, which is none of its unit")
            for currency in ("ETH", "BTC"):
                low, high = threshold.bounds(currency).default, upper.bounds(currency).default
                if threshold.read(low).value >= upper.read(high).value:
                    raise ValueError(f"threshold {name} ({low}) is not below {threshold.below} ({high})")

    def _check_expressions(self) -> None:
        where = Scope("namespace", "monitor")
        own = [threshold_metric(self.name, name) for name in self.thresholds]
        for name, expr in self.expressions():
            try:
                metrics_read(expr)
                # Both ways: a threshold may be a series of its own or a number.
                for figure in (None, Decimal(1)):
                    scope(expr, where, dict.fromkeys(own, figure))
            except PromqlError as error:
                raise ValueError(f"{name}: {error.message}; {error.cure}") from None

    def _check_preset(self, name: str, preset: Preset) -> None:
        records = {recording.record for recording in self.recordings}
        if unknown := sorted(preset.recordings.keys() - records):
            raise ValueError(f"preset {name}: the pack has no recording {unknown[0]}")
        alerts = {alert.name for alert in self.alerts}
        if strangers := sorted(preset.without.keys() - alerts):
            raise ValueError(f"preset {name}: the pack has no alert {strangers[0]}")
        served = {alert.name for alert in self.served(name)}
        if not served:
            raise ValueError(f"preset {name} serves no alert")
        if untold := sorted(alerts - served - preset.without.keys()):
            raise ValueError(f"preset {name} cannot serve {', '.join(untold)}: say why under without")


def _unique(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{kind} {name} is there twice")
        seen.add(name)


Packs = Mapping[str, Pack]
"""Packs by name."""
