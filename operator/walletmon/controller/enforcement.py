"""Whether what a class wants kept is kept: the condition `Enforced`."""

from __future__ import annotations

from collections.abc import Iterable

from walletmon.api.monitor_class import WalletMonitorClass
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.retention import Enforcement, retention_findings
from walletmon.controller.findings import Finding


def enforced(resource: WalletMonitorClass, facts: ClusterFacts) -> Finding | None:
    """The finding for `Enforced`; None if the class wants nothing kept."""
    findings = retention_findings(resource, facts)
    if not findings:
        return None
    broken = [each for each in findings if each.enforced is False]
    if broken:
        return Finding("False", "NothingEnforces", _lines(broken), stalled=True)
    unknown = [each for each in findings if each.enforced is None]
    if unknown:
        return Finding("Unknown", "NotKnown", _lines(unknown))
    return Finding("True", "Enforced", _lines(findings))


def _lines(findings: Iterable[Enforcement]) -> str:
    return "\n".join(f"{each.message}; {each.cure}" if each.cure else each.message for each in findings)
