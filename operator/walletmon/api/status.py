"""What the statuses of all resources are made of: conditions, and references to what was made."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from walletmon.api.base import Model


class ConditionType(StrEnum):
    """What a condition judges.

    All but the last two are good when True; those two are there only while true (kstatus).
    """

    READY = "Ready"
    ACCEPTED = "Accepted"
    APPLIED = "Applied"
    SELECTED = "Selected"
    ENFORCED = "Enforced"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Condition(Model):
    """One judgement (metav1.Condition)."""

    type: Annotated[str, Field(description="What is judged.", min_length=1, max_length=316)]
    status: Annotated[Literal["True", "False", "Unknown"], Field(description="True, False or Unknown.")]
    reason: Annotated[str, Field(description="Why, in one CamelCase word.", min_length=1, max_length=1024)]
    message: Annotated[str, Field(description="Why, for people, with what would put it right.", max_length=32768)]
    last_transition_time: Annotated[datetime, Field(description="When status last changed.")]
    observed_generation: Annotated[
        int | None, Field(description="The generation of the resource that was judged.", ge=0)
    ] = None


_BY_TYPE: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


class Status(Model):
    """What every status says: which spec it is about, and the judgements."""

    observed_generation: Annotated[
        int, Field(description="The generation of the spec that this status is about; -1 before the first look.")
    ] = -1
    conditions: Annotated[
        list[Condition] | None,
        Field(description="Judgements; Ready sums them up.", max_length=32, json_schema_extra=_BY_TYPE),
    ] = None


class ObjectMeta(Model):
    """The part of an object's metadata that walletmon reads."""

    model_config = ConfigDict(extra="ignore")

    name: str
    uid: str | None = None
    generation: int | None = None
