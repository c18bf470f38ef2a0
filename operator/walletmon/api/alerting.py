"""Which alerts a monitor has: the packs it uses and tunes, and its own rules."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from walletmon.api.base import (
    LABEL_NAME_PATTERN,
    LABEL_NAME_RULE,
    RESERVED_LABELS,
    TEXT_PATTERN,
    DnsLabel,
    Duration,
    LabelName,
    LabelValue,
    Model,
    Quantity,
    Text,
    rule,
)

AlertName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of an alert: letters, digits, underscores."""


class Priority(StrEnum):
    """How soon somebody must act: P0 now and by phone, P1 within the hour, P2 within the day."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class AlertOverride(Model):
    """What a monitor changes about one alert of a pack."""

    for_: Annotated[
        Duration | None, Field(alias="for", description="How long the trouble lasts before the alert fires.")
    ] = None
    keep_firing_for: Annotated[
        Duration | None, Field(description="How long the alert stays on after the trouble is gone.")
    ] = None
    priority: Annotated[Priority | None, Field(description="P0, P1 or P2 instead of the pack's.")] = None


class PackUse(Model):
    """A pack of alerts that the monitor uses, and what it tunes in it."""

    name: Annotated[DnsLabel, Field(description="The pack's name, for example golden-signals.")]
    preset: Annotated[
        DnsLabel | None,
        Field(
            description="Take the same signals from this software's own metric names, if the pack has such a preset."
        ),
    ] = None
    thresholds: Annotated[
        dict[str, Quantity] | None,
        Field(description="Figures that differ from the pack's, by the threshold's name.", max_length=32),
    ] = None
    disable: Annotated[
        list[AlertName] | None,
        Field(
            description="Alerts of the pack that this monitor does not want.",
            max_length=64,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    overrides: Annotated[
        dict[str, AlertOverride] | None, Field(description="Changes to single alerts, by their names.", max_length=64)
    ] = None


class Rule(Model):
    """An alert of the team's own: one sentence of the rule language, or PromQL."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.when) != has(self.expr)",
                    "exactly one of when (the rule language) and expr (PromQL) says what the alert is about",
                ),
                rule(
                    "!has(self.expr) || has(self.summary)",
                    "a rule with expr needs a summary: the sentence that the person on call reads first",
                    reason="FieldValueRequired",
                ),
                rule(
                    f"!has(self.labels) || self.labels.all(k, size(k) <= 64 && k.matches('{LABEL_NAME_PATTERN}'))",
                    LABEL_NAME_RULE,
                    path=".labels",
                ),
                rule(
                    "!has(self.labels) || self.labels.all(k, !(k in ["
                    + ", ".join(f"'{name}'" for name in (*RESERVED_LABELS, "alertname"))
                    + "]))",
                    "this label is set by walletmon or Prometheus; reserved are: " + ", ".join(RESERVED_LABELS),
                    path=".labels",
                ),
            ]
        }
    )

    name: Annotated[AlertName, Field(description="The alert's name, unique in the monitor; becomes alertname.")]
    when: Annotated[
        str | None,
        Field(
            description="The rule in walletmon's language: WHEN ... THEN ALERT ...",
            min_length=1,
            max_length=4096,
            pattern=TEXT_PATTERN,
        ),
    ] = None
    expr: Annotated[
        str | None,
        Field(
            description="The rule in PromQL. It sees this monitor's series only: matchers for namespace and walletmon "
            "are added.",
            min_length=1,
            max_length=16384,
            pattern=TEXT_PATTERN,
        ),
    ] = None
    for_: Annotated[
        Duration | None, Field(alias="for", description="How long expr must hold before the alert fires.")
    ] = None
    keep_firing_for: Annotated[
        Duration | None, Field(description="How long the alert stays on after expr holds no more.")
    ] = None
    priority: Annotated[Priority, Field(description="How soon somebody must act: P0, P1 or P2.")] = Priority.P1
    summary: Annotated[Text | None, Field(description="One sentence: what is wrong, and where.")] = None
    description: Annotated[Text | None, Field(description="The figures, what it means, what to do first.")] = None
    runbook_url: Annotated[
        str | None, Field(description="Page that says what to do.", max_length=1024, pattern="^https?://[!-~]+$")
    ] = None
    labels: Annotated[
        dict[LabelName, LabelValue] | None, Field(description="More labels on the alert.", max_length=16)
    ] = None
