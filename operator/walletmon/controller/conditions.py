"""From what was observed to what is said: the conditions in a monitor's status.

Each judgement is a chain of small functions, one for a reason; the first that has something to say decides. A function
knows nothing of the apiserver: what it needs was gathered in `Observed` beforehand. Order within a chain is from what
presupposes nothing to what presupposes the rest; adding a reason is adding a function.

kstatus reads the result: `Ready`, and beside it `Stalled` while nothing will change without somebody's doing, or
`Reconciling` while we are still trying. Those two are there only while they are true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from walletmon.api.diagnostic import Diagnostic, Severity
from walletmon.api.status import ConditionType
from walletmon.compiler.bundle import Bundle

_TOLD_AT_MOST = 8
_MESSAGE_AT_MOST = 4096


class Fate(StrEnum):
    """What became of one child in a visit."""

    RIGHT = "right"
    NAME_TAKEN = "name taken"
    KIND_MISSING = "kind missing"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ChildOutcome:
    """What became of one child; `detail` is the apiserver's sentence, if it said no."""

    kind: str
    name: str
    fate: Fate
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the conditions are judged by."""

    generation: int
    suspended: bool
    bundle: Bundle
    children: tuple[ChildOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement: status, reason, and a sentence with what would put it right."""

    status: str
    reason: str
    message: str
    stalled: bool = False
    """Nothing will change until somebody does something."""


Check = Callable[[Observed], Finding | None]


def _told(diagnostics: Iterable[Diagnostic]) -> str:
    lines = [str(diagnostic) for diagnostic in diagnostics]
    more = f"\n(and {len(lines) - _TOLD_AT_MOST} more)" if len(lines) > _TOLD_AT_MOST else ""
    return "\n".join(lines[:_TOLD_AT_MOST]) + more


def _not_understood(seen: Observed) -> Finding | None:
    if seen.bundle.objects is not None:
        return None
    return Finding("False", seen.bundle.diagnostics[0].code, _told(seen.bundle.diagnostics), stalled=True)


def _partly_left_out(seen: Observed) -> Finding | None:
    errors = seen.bundle.errors
    if not errors:
        return None
    return Finding("False", errors[0].code, "left out, the rest is in force: " + _told(errors), stalled=True)


def _understood(seen: Observed) -> Finding:
    warnings = [d for d in seen.bundle.diagnostics if d.severity is Severity.WARNING]
    if warnings:
        return Finding("True", "AcceptedWithWarnings", _told(warnings))
    return Finding("True", "Accepted", "the spec is understood")


ACCEPTED: tuple[Check, ...] = (_not_understood, _partly_left_out, _understood)


def _nothing_to_apply(seen: Observed) -> Finding | None:
    if seen.bundle.objects is not None:
        return None
    return Finding("Unknown", "SpecNotAccepted", "the objects of the last accepted spec stay as they are")


def _children(seen: Observed, fate: Fate) -> list[ChildOutcome]:
    return [child for child in seen.children if child.fate is fate]


def _listed(children: list[ChildOutcome]) -> str:
    return ", ".join(f"{child.kind} {child.name}" for child in children[:_TOLD_AT_MOST])


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


def _sum_up(seen: Observed, accepted: Finding, applied: Finding) -> Finding:
    for finding in (accepted, applied):
        if finding.status == "False":
            return Finding("False", finding.reason, finding.message)
    if seen.suspended:
        return Finding("True", "Suspended", "series are recorded; alerts are off until spec.suspend is taken back")
    return Finding("True", "Ready", "the spec is understood and all objects are as they should be")


def conditions(seen: Observed, previous: Iterable[dict[str, Any]], now: datetime | None = None) -> list[dict[str, Any]]:
    """The conditions for a status: ready to be written, in a fixed order.

    `previous` are the conditions that stand in the status; lastTransitionTime moves only where status differs from
    them,
    to `now` (the present, if not given).
    """
    accepted = _judge(ACCEPTED, seen)
    applied = _judge(APPLIED, seen)
    judged = {
        ConditionType.READY: _sum_up(seen, accepted, applied),
        ConditionType.ACCEPTED: accepted,
        ConditionType.APPLIED: applied,
    }
    stalled = next((finding for finding in (accepted, applied) if finding.stalled), None)
    if stalled is not None:
        judged[ConditionType.STALLED] = Finding("True", stalled.reason, stalled.message)
    elif applied.status == "False":
        judged[ConditionType.RECONCILING] = Finding("True", applied.reason, applied.message)

    stamp = (now or datetime.now(UTC)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    before = {condition["type"]: condition for condition in previous}
    out = []
    for kind, finding in judged.items():
        old = before.get(kind)
        unmoved = old is not None and old["status"] == finding.status
        out.append(
            {
                "type": kind.value,
                "status": finding.status,
                "reason": finding.reason,
                "message": finding.message[:_MESSAGE_AT_MOST],
                "lastTransitionTime": old["lastTransitionTime"] if old is not None and unmoved else stamp,
                "observedGeneration": seen.generation,
            }
        )
    return out
