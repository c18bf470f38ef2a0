"""Which environment a monitor is in, and the labels that class and environment put on everything of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from walletmon.api.base import METRIC_LABELS
from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.environments import Environment
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.selectors import selects


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a monitor's wallets live."""

    name: str | None = None
    """The environment's name: what the monitor says, else what its namespace says."""

    environment: Environment | None = None
    """What the class says of it."""

    diagnostics: tuple[Diagnostic, ...] = ()


def surroundings(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> Surroundings:
    """The monitor's environment, and what is wrong with the choice."""
    known = class_.spec.environments or []
    named = monitor.spec.environment
    if named is not None:
        return _named(named, known)
    labels = facts.namespace_labels(monitor.metadata.namespace)
    if not known or labels is None:
        return Surroundings()
    found = [each for each in known if each.namespace_selector and selects(each.namespace_selector, labels)]
    if not found:
        problem = Diagnostic(
            Code.NO_ENVIRONMENT,
            "spec.environment",
            f"no environment of the class selects namespace {monitor.metadata.namespace}, so neither its labels nor "
            "its retention hold here",
            "set spec.environment to one of: " + ", ".join(each.name for each in known),
            Severity.WARNING,
        )
        return Surroundings(diagnostics=(problem,))
    if len(found) == 1:
        return Surroundings(found[0].name, found[0])
    problem = Diagnostic(
        Code.AMBIGUOUS_ENVIRONMENT,
        "spec.environment",
        f"namespace {monitor.metadata.namespace} is selected by environments "
        f"{', '.join(each.name for each in found)}; {found[0].name} counts, as the first",
        "set spec.environment, or make the selectors of the class exclude each other",
        Severity.WARNING,
    )
    return Surroundings(found[0].name, found[0], (problem,))


def _named(name: str, known: list[Environment]) -> Surroundings:
    environment = next((each for each in known if each.name == name), None)
    if environment is not None or not known:
        return Surroundings(name, environment)
    problem = Diagnostic(
        Code.UNKNOWN_ENVIRONMENT,
        "spec.environment",
        f"the class has no environment {name!r}, so neither labels nor retention of one hold here",
        "name one of: " + ", ".join(each.name for each in known),
    )
    return Surroundings(name, None, (problem,))


@dataclass(frozen=True, slots=True)
class CommonLabels:
    """Labels that class and environment put on all series and alerts of a monitor."""

    constant: Mapping[str, str]
    """Put on every target, and on every alert, whatever it was made of."""

    fallback: Mapping[str, str]
    """Put on series that have none of that name: metrics have such a label by themselves (`region`), and writing over
    it would make two series one."""


def common_labels(class_: MonitorClass, where: Surroundings) -> CommonLabels:
    """What class and environment say; the environment's labels win over the class's."""
    labels = dict(class_.spec.external_labels or {})
    if where.environment is not None:
        labels |= where.environment.labels or {}
    constant = {name: value for name, value in sorted(labels.items()) if name not in METRIC_LABELS}
    fallback = {name: value for name, value in sorted(labels.items()) if name in METRIC_LABELS}
    return CommonLabels(constant, fallback)
