"""From what was observed to what is said: the conditions in a monitor's status, and what classes share with them.

Each judgement is a chain of small functions (see `findings`). A function knows nothing of the apiserver: what it needs
was gathered in `Observed` beforehand. Order within a chain is from what presupposes nothing to what presupposes the
rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from walletmon.api.diagnostic import Severity
from walletmon.api.status import ConditionType
from walletmon.compiler.bundle import Bundle
from walletmon.controller.findings import TOLD_AT_MOST, ChildOutcome, Fate, Finding, told, written
from walletmon.controller.selected import judge
from walletmon.controller.selection import Selection


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the conditions are judged by."""

    generation: int
    suspended: bool
    bundle: Bundle
    children: tuple[ChildOutcome, ...] = ()
    selection: Selection | None = None
    """What `Selected` is judged by; None leaves it unknown."""
    enforced: Finding | None = None
    """Whether what a class wants kept is kept; None where there is nothing of the kind."""


Check = Callable[[Observed], Finding | None]


def _not_understood(seen: Observed) -> Finding | None:
    if seen.bundle.objects is not None:
        return None
    return Finding("False", seen.bundle.diagnostics[0].code, told(seen.bundle.diagnostics), stalled=True)


def _partly_left_out(seen: Observed) -> Finding | None:
    errors = seen.bundle.errors
    if not errors:
        return None
    return Finding("False", errors[0].code, "left out, the rest is in force: " + told(errors), stalled=True)


def _understood(seen: Observed) -> Finding:
    warnings = [d for d in seen.bundle.diagnostics if d.severity is Severity.WARNING]
    if warnings:
        return Finding("True", "AcceptedWithWarnings", told(warnings))
    return Finding("True", "Accepted", "the spec is understood")


ACCEPTED: tuple[Check, ...] = (_not_understood, _partly_left_out, _understood)


def _nothing_to_apply(seen: Observed) -> Finding | None:
    if seen.bundle.objects is not None:
        return None
    return Finding("Unknown", "SpecNotAccepted", "the objects of the last accepted spec stay as they are")


def _children(seen: Observed, fate: Fate) -> list[ChildOutcome]:
    return [child for child in seen.children if child.fate is fate]


def _listed(children: list[ChildOutcome]) -> str:
    return ", ".join(f"{child.kind} {child.name}" for child in children[:TOLD_AT_MOST])


def _name_taken(seen: Observed) -> Finding | None:
    taken = _children(seen, Fate.NAME_TAKEN)
    if not taken:
        return None
    return Finding(
        "False",
        "NameTaken",
        f"an object of that name exists and is not ours: {_listed(taken)}; "
        "delete or rename it, or rename the monitor or target",
        stalled=True,
    )


def _kind_missing(seen: Observed) -> Finding | None:
    missing = sorted({child.kind for child in _children(seen, Fate.KIND_MISSING)})
    if not missing:
        return None
    return Finding(
        "False",
        "CRDMissing",
        f"the cluster does not know {', '.join(missing)} (monitoring.coreos.com); install prometheus-operator's "
        "CustomResourceDefinitions, this is then put right by itself",
        stalled=True,
    )


def _forbidden(seen: Observed) -> Finding | None:
    forbidden = _children(seen, Fate.FORBIDDEN)
    if not forbidden:
        return None
    return Finding(
        "False",
        "Forbidden",
        f"{forbidden[0].detail}; give walletmon's ServiceAccount that right (the Helm chart's ClusterRole has it)",
        stalled=True,
    )


def _refused(seen: Observed) -> Finding | None:
    refused = _children(seen, Fate.REFUSED)
    if not refused:
        return None
    return Finding("False", "Refused", f"{_listed(refused[:1])} was refused: {refused[0].detail}", stalled=True)


def _failed(seen: Observed) -> Finding | None:
    failed = _children(seen, Fate.FAILED)
    if not failed:
        return None
    return Finding("False", "ApplyFailed", f"{_listed(failed)}: {failed[0].detail}; trying again")


def _all_right(seen: Observed) -> Finding:
    counts = Counter(child.kind for child in seen.children)
    objects = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "nothing to have"
    return Finding("True", "Applied", f"all objects are as they should be: {objects}")


# A missing kind also makes other requests fail, and a right that is missing is told more exactly than a refusal.
APPLIED: tuple[Check, ...] = (
    _nothing_to_apply,
    _name_taken,
    _kind_missing,
    _forbidden,
    _refused,
    _failed,
    _all_right,
)


def _judge(chain: tuple[Check, ...], seen: Observed) -> Finding:
    return next(finding for check in chain if (finding := check(seen)) is not None)


def _sum_up(seen: Observed, findings: Iterable[Finding]) -> Finding:
    for finding in findings:
        if finding.status == "False":
            return Finding("False", finding.reason, finding.message)
    if seen.suspended:
        return Finding("True", "Suspended", "series are recorded; alerts are off until spec.suspend is taken back")
    return Finding("True", "Ready", "the spec is understood and all objects are as they should be")


_UNSEEN = Finding("Unknown", "NotLooked", "nobody has looked whether anything selects what was made")


def conditions(seen: Observed, previous: Iterable[dict[str, Any]], now: datetime | None = None) -> list[dict[str, Any]]:
    """The conditions for a status: ready to be written, in a fixed order.

    `previous` are the conditions that stand in the status, `now` is the present if not given.
    """
    judged = {
        ConditionType.ACCEPTED: _judge(ACCEPTED, seen),
        ConditionType.APPLIED: _judge(APPLIED, seen),
        ConditionType.SELECTED: _UNSEEN if seen.selection is None else judge(seen.selection),
    }
    if seen.enforced is not None:
        judged[ConditionType.ENFORCED] = seen.enforced
    ready = {ConditionType.READY: _sum_up(seen, judged.values())}
    return written({**ready, **judged}, seen.generation, previous, now)
