"""What a pack file may say.

A pack is plain PromQL that promtool accepts as it stands: no templates. Scoping to a monitor and the thresholds in
force come later, by the transformation of `walletmon.language.promql`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from walletmon.api.alerting import AlertName, Priority
from walletmon.api.base import DnsLabel, Duration, Quantity
from walletmon.language.promql import THRESHOLD_PREFIX, Scope, scope, threshold_metric
from walletmon.language.promql_text import PromqlError
from walletmon.language.quantity import Dimension, QuantityError, parse_quantity
from walletmon.language.quantity import Quantity as Figure

Text = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
ThresholdName = Annotated[str, StringConstraints(max_length=48, pattern=r"^[a-z][a-z0-9]*([A-Z][a-z0-9]*)*$")]
RecordName = Annotated[str, StringConstraints(max_length=128, pattern=r"^(wallet|sse):[a-z0-9_]+:[a-z0-9_]+$")]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)


class Threshold(_Model):
    """A figure that a monitor or a wallet may set otherwise; `default`, `min`, `max` are written with their units."""

    unit: Annotated[Dimension, Field(strict=False)]
    default: Quantity
    min: Quantity
    max: Quantity
    source: Text
    """Where the default comes from."""
    description: Text

    @model_validator(mode="after")
    def _default_within_bounds(self) -> Self:
        try:
            low, figure, high = (self.read(text) for text in (self.min, self.default, self.max))
        except QuantityError as error:
            raise ValueError(f"{error.message}; {error.cure}") from None
        if not low.value <= figure.value <= high.value:
            raise ValueError(f"the default {self.default} is not between {self.min} and {self.max}")
        return self

    def read(self, text: str) -> Figure:
        """A figure for this threshold, from its text. Raises QuantityError."""
        return parse_quantity(text, self.unit)


class Recording(_Model):
    """A series that is computed once and read by alerts and panels."""

    record: RecordName
    expr: Text
    why: Text


class Alert(_Model):
    """An alert as the pack has it; a monitor may change `for`, `keepFiringFor` and `priority`, or disable it."""

    name: AlertName
    expr: Text
    for_: Annotated[Duration, Field(alias="for")]
    keep_firing_for: Duration | None = None
    priority: Annotated[Priority, Field(strict=False)]
    summary: Text
    description: Text


class Pack(_Model):
    """A pack of alerts with the thresholds and recordings they use."""

    name: DnsLabel
    title: Text
    description: Text
    thresholds: dict[ThresholdName, Threshold] = {}
    recordings: Annotated[tuple[Recording, ...], Field(strict=False)] = ()
    alerts: Annotated[tuple[Alert, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for kind, names in (
            ("alert", [alert.name for alert in self.alerts]),
            ("recording", [recording.record for recording in self.recordings]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{kind} {twice[0]} is there twice")
        used = set(re.findall(re.escape(THRESHOLD_PREFIX) + r"\w+", " ".join(alert.expr for alert in self.alerts)))
        own = {threshold_metric(self.name, name): name for name in self.thresholds}
        if unknown := sorted(used - own.keys()):
            raise ValueError(f"{unknown[0]} is used and not among the thresholds")
        if unused := sorted(own.keys() - used):
            raise ValueError(f"threshold {own[unused[0]]} is not used by any alert")
        where = Scope("namespace", "monitor")
        for name, expr in [(r.record, r.expr) for r in self.recordings] + [(a.name, a.expr) for a in self.alerts]:
            try:
                # Both ways: a threshold may be a series of its own or a number.
                for figure in (None, Decimal(1)):
                    scope(expr, where, dict.fromkeys(own, figure))
            except PromqlError as error:
                raise ValueError(f"{name}: {error.message}; {error.cure}") from None
        return self
