"""Findings, the parts that conditions are made of, and how they become a status.

Each judgement is a chain of small functions, one for a reason; the first that has something to say decides. Adding a
reason is adding a function. What is common to the conditions of monitors and of classes is here.

kstatus reads the result: `Ready`, and beside it `Stalled` while nothing will change without somebody's doing, or
`Reconciling` while we are still trying. Those two are there only while they are true.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from walletmon.api.diagnostic import Diagnostic
from walletmon.api.status import ConditionType

TOLD_AT_MOST = 8
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
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A judgement: status, reason, and a sentence with what would put it right."""

    status: str
    reason: str
    message: str
    stalled: bool = False
    """Nothing will change until somebody does something."""


def told(diagnostics: Iterable[Diagnostic]) -> str:
    """Findings of the compiler as a message, the first few of many."""
    lines = [str(diagnostic) for diagnostic in diagnostics]
    more = f"\n(and {len(lines) - TOLD_AT_MOST} more)" if len(lines) > TOLD_AT_MOST else ""
    return "\n".join(lines[:TOLD_AT_MOST]) + more


def written(
    judged: Mapping[ConditionType, Finding],
    generation: int,
    previous: Iterable[dict[str, Any]],
    now: datetime | None = None,
) -> list[dict[str, Any]]:
    """The conditions for a status: ready to be written, in the order of `judged`, with those of kstatus behind them.

    `previous` are the conditions that stand in the status; lastTransitionTime moves only where status differs from
    them, to `now` (the present, if not given).
    """
    judged = {**judged, **_for_kstatus(judged)}
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
                "observedGeneration": generation,
            }
        )
    return out


def _for_kstatus(judged: Mapping[ConditionType, Finding]) -> dict[ConditionType, Finding]:
    findings = [finding for kind, finding in judged.items() if kind is not ConditionType.READY]
    stalled = next((finding for finding in findings if finding.stalled), None)
    if stalled is not None:
        return {ConditionType.STALLED: Finding("True", stalled.reason, stalled.message)}
    applied = judged[ConditionType.APPLIED]
    if applied.status == "False":
        return {ConditionType.RECONCILING: Finding("True", applied.reason, applied.message)}
    return {}
