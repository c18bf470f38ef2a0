"""`WalletMonitor`: the resource by which a team says what of its wallets is to be watched, and reads whether it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StrictBool

from walletmon.api.alerting import PackUse, Rule
from walletmon.api.base import API_VERSION, DNS_LABEL_PATTERN, DnsLabel, Model, PositiveDuration, rule
from walletmon.api.routing import Routing
from walletmon.api.targets import Target
from walletmon.api.wallets import Wallet

KIND: Final = "WalletMonitor"
PLURAL: Final = "walletmonitors"

_BY_NAME: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class WalletMonitorSpec(Model):
    """What is to be watched."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.targets) || self.targets.all(t, !has(t.wallet) || "
                    "self.wallets.exists(w, w.name == t.wallet))",
                    "a target names a wallet that is not in wallets",
                    path=".targets",
                )
            ]
        }
    )

    environment: Annotated[
        DnsLabel | None,
        Field(description="Where these wallets live, for example prod; becomes the label environment."),
    ] = None
    suspend: Annotated[
        StrictBool, Field(description="Keep scraping and recording, but raise no alert; for planned work.")
    ] = False
    wallets: Annotated[
        list[Wallet],
        Field(description="The wallets to watch.", min_length=1, max_length=1000, json_schema_extra=_BY_NAME),
    ]
    targets: Annotated[
        list[Target] | None,
        Field(
            description="The workloads whose metrics tell about the wallets.", max_length=50, json_schema_extra=_BY_NAME
        ),
    ] = None
    packs: Annotated[
        list[PackUse] | None,
        Field(
            description="Packs of alerts to use; the default set if left out, none if empty.",
            max_length=32,
            json_schema_extra=_BY_NAME,
        ),
    ] = None
    rules: Annotated[
        list[Rule] | None,
        Field(description="Alerts of the team's own.", max_length=200, json_schema_extra=_BY_NAME),
    ] = None
    evaluation_interval: Annotated[PositiveDuration, Field(description="How often rules are evaluated.")] = "30s"
    routing: Annotated[
        Routing | None,
        Field(
            description="The monitor's own receivers; alerts also follow whatever the cluster's Alertmanager routes."
        ),
    ] = None


class ConditionType(StrEnum):
    """What a condition judges.

    All but the last two are good when True; those two are there only while true (kstatus).
    """

    READY = "Ready"
    ACCEPTED = "Accepted"
    APPLIED = "Applied"
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


class WalletCounts(Model):
    """How many wallets the monitor has."""

    total: Annotated[int, Field(description="Wallets in spec.wallets.", ge=0)]


class ChildReference(Model):
    """An object made for this monitor, in its namespace."""

    kind: Annotated[str, Field(description="The object's kind.", max_length=63)]
    name: Annotated[str, Field(description="The object's name.", max_length=253)]


class WalletMonitorStatus(Model):
    """Whether what the spec asks for is really so."""

    observed_generation: Annotated[
        int, Field(description="The generation of the spec that this status is about; -1 before the first look.")
    ] = -1
    conditions: Annotated[
        list[Condition] | None,
        Field(
            description="Judgements; Ready sums them up.",
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = None
    wallets: Annotated[WalletCounts | None, Field(description="How many wallets the monitor has.")] = None
    resources: Annotated[
        list[ChildReference] | None,
        Field(
            description="The objects that exist for this monitor.",
            max_length=512,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["kind", "name"]},
        ),
    ] = None


class ObjectMeta(Model):
    """The part of an object's metadata that walletmon reads."""

    model_config = ConfigDict(extra="ignore")

    name: DnsLabel
    namespace: DnsLabel = "default"
    uid: str | None = None
    generation: int | None = None


class WalletMonitor(Model):
    """Watches a team's wallets: scrape targets, alert rules, routing and dashboards follow from it."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    f"size(self.metadata.name) <= 63 && self.metadata.name.matches('{DNS_LABEL_PATTERN}')",
                    "the monitor's name must be a DNS label of at most 63 characters (no dots): "
                    "names of objects and a label are made from it",
                )
            ]
        }
    )

    api_version: Literal["walletmon.dev/v1alpha1"] = API_VERSION
    kind: Literal["WalletMonitor"] = KIND
    metadata: ObjectMeta
    spec: Annotated[WalletMonitorSpec, Field(description="What is to be watched.")]
    status: Annotated[WalletMonitorStatus | None, Field(description="Whether it really is; written by walletmon.")] = (
        None
    )
