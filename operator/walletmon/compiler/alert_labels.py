"""The labels on a monitor's alerts: whose they are, how soon somebody must act, and what the class adds.

They are set on the rule, so an alert carries them whatever its expression keeps: routes and inhibitions go by them.
"""

from __future__ import annotations

from collections.abc import Mapping

from walletmon.api.alerting import Priority
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass, PriorityPolicy
from walletmon.compiler.environment import common_labels, surroundings
from walletmon.compiler.facts import ClusterFacts

SEVERITY = {Priority.P0: "critical", Priority.P1: "warning", Priority.P2: "info"}
"""The label `severity` that stands for each priority, unless the class says otherwise."""

CLASS_ALERT_LABEL = "walletmon_class"
"""The label by which the class's routes know their alerts."""


class AlertLabels:
    """Makes the labels of one monitor's alerts."""

    def __init__(self, monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> None:
        where = surroundings(monitor, class_, facts)
        self._policies = policies(class_)
        self._common = {
            **{name: _literal(value) for name, value in common_labels(class_, where).constant.items()},
            "namespace": monitor.metadata.namespace,
            "walletmon": monitor.metadata.name,
            **({} if where.name is None else {"environment": where.name}),
            **({} if class_.name is None else {CLASS_ALERT_LABEL: class_.name}),
        }

    def of(self, priority: Priority, pack: str, own: Mapping[str, str]) -> dict[str, str]:
        """The labels of an alert of this priority and pack; `own` are those that pack or rule gives it besides."""
        policy = self._policies.get(priority)
        severity = SEVERITY[priority] if policy is None or policy.severity is None else policy.severity
        action = {} if policy is None or policy.action is None else {"action": policy.action}
        return {
            **action,
            **own,
            "severity": severity,
            "priority": priority.value,
            "pack": pack,
            **self._common,
        }


def _literal(value: str) -> str:
    """A template that gives `value`: Prometheus expands the labels of alerts. It refuses a whole file of rules over one
    that it cannot read, and one that it can read may run queries over everybody's series."""
    return value.replace("{{", '{{ "{{" }}')


def policies(class_: MonitorClass) -> dict[Priority, PriorityPolicy]:
    """What the class says of each priority."""
    said = class_.spec.priorities
    if said is None:
        return {}
    found = {Priority.P0: said.p0, Priority.P1: said.p1, Priority.P2: said.p2}
    return {priority: policy for priority, policy in found.items() if policy is not None}
