"""Whether what a class wants kept is kept: the condition `Enforced`."""

from __future__ import annotations

from walletmon.api.monitor_class import WalletMonitorClass
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.retention import retention_findings
from walletmon.controller.findings import Finding


def enforced(resource: WalletMonitorClass, facts: ClusterFacts) -> Finding | None:
    """The finding for `Enforced`; None if the class wants nothing kept."""
    findings = retention_findings(resource, facts)
    if not findings:
        return None
    broken = [each for each in findings if each.enforced is False]
    if broken:
        said = "\n".join(f"{each.message}; {each.cure}" for each in broken)
        return Finding("False", "NothingEnforces", said, stalled=True)
    unknown = [each for each in findings if each.enforced is None]
    if unknown:
        return Finding("Unknown", "CannotLook", "\n".join(f"{each.message}; {each.cure}" for each in unknown))
    return Finding("True", "Enforced", "; ".join(each.message for each in findings))
