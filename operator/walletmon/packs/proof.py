"""How the alerts of a pack are proved: a short description of each, from which unit tests for promtool are made.

A description gives the series of one wallet when it is well and when it is in trouble, and from when the alert must
fire. The descriptions stand beside the packs (`proofs/<pack>.yaml`), so that `walletmon packs --verbose` and
`docs/packs.md` can say what was tried; `tests/rules` runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from walletmon.language.selectors import metrics_read
from walletmon.packs.configmap import LOADER
from walletmon.packs.schema import Alert, Pack

_COUNTER_ENDS = ("_total", "_count", "_bucket", "_sum")
_RATES = ("rate(", "increase(", "resets(")


class Case(StrEnum):
    """What is tried with an alert; the value is how people say it."""

    FIRES = "fires, alone"
    SILENT = "silent if well"
    UNEXPOSED = "no signal"
    VANISHES = "series vanish"
    MONITOR_THRESHOLD = "monitor's figure"
    WALLET_THRESHOLD = "wallet's figure"
    RESET = "counter reset"
    GAP = "data gap"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)


class Variant(_Model):
    """What differs in a description when the signals come from a preset's software."""

    healthy: dict[str, str]
    trouble: dict[str, str]
    fires: str | None = None
    holds: str | None = None
    keeps: list[str] | None = None
    adds: dict[str, str] | None = None
    summary: str | None = None
    description: str | None = None
    counters: list[str] | None = None
    targets: list[dict[str, Any]] | None = None


class Proof(_Model):
    """What a proof file says of one alert.

    Series are written as `name{label="value"}` with samples in promtool's notation, 30 s apart from time 0; the last
    item of a series goes on to the end.
    """

    healthy: dict[str, str]
    trouble: dict[str, str]
    fires: str
    """When, with trouble from the start, the alert fires at the latest."""
    holds: str
    """When, with trouble from the start, it does not fire yet, because `for` has not passed."""
    keeps: list[str] | None = None
    """Labels of the series that the alert keeps besides wallet, namespace and walletmon; None for all of a process."""
    adds: dict[str, str] = {}
    """Labels that it has besides those."""
    summary: str
    description: str
    gone: str = "WalletMissing"
    """The alert that fires once the troubled workload and all its series have gone."""
    gap: Annotated[str, Field(pattern="^(missing|healthy)$")] = "missing"
    """What the series are like in a gap that does not end the alert."""
    tolerant: dict[str, str] = {}
    """For each threshold of the alert, a figure by which the trouble is none."""
    counters: list[str] = []
    """Series that are counters, though their names do not say so."""
    targets: list[dict[str, Any]] = []
    """Targets that the monitor has besides its API."""
    shared: bool = False
    """The series belong to no wallet."""
    presets: dict[str, Variant] = {}

    def under(self, preset: str | None) -> Proof:
        """The description with what differs under a preset."""
        if preset is None:
            return self
        changed = {name: value for name, value in self.presets[preset] if value is not None}
        return self.model_copy(update={**changed, "presets": {}})


@cache
def proofs(pack: str) -> Mapping[str, Proof]:
    """The descriptions for a shipped pack, by alert; none if there is no file. Raises ValueError if it is wrong."""
    file = resources.files("walletmon.packs") / "proofs" / f"{pack}.yaml"
    if not file.is_file():
        return {}
    content = yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
    return {name: Proof.model_validate(entry) for name, entry in content.items()}


def cases(pack: Pack, alert: Alert) -> tuple[Case, ...]:
    """What has to be tried with an alert of `pack`, by what its expression is made of."""
    found = [Case.FIRES, Case.SILENT, Case.UNEXPOSED, Case.VANISHES]
    if pack.thresholds_of(alert):
        found += [Case.MONITOR_THRESHOLD, Case.WALLET_THRESHOLD]
    if reads_counters(pack, alert):
        found.append(Case.RESET)
    if alert.keep_firing_for is not None:
        found.append(Case.GAP)
    return tuple(found)


def reads_counters(pack: Pack, alert: Alert) -> bool:
    """Whether a restart from zero of what the alert counts could matter to it."""
    return any(
        any(word in expr for word in _RATES) or any(name.endswith(_COUNTER_ENDS) for name in metrics_read(expr))
        for expr in pack.judged_by(alert)
    )
