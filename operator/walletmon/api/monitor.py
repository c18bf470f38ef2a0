"""`WalletMonitor`: the resource by which a team says what of its wallets is to be watched, and reads whether it is."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StrictBool

from walletmon.api.alerting import AlertName, PackUse, Rule
from walletmon.api.base import (
    API_VERSION,
    DNS_LABEL_PATTERN,
    LABEL_NAME_PATTERN,
    LABEL_NAME_RULE,
    DnsLabel,
    LabelName,
    LabelValue,
    Model,
    PositiveDuration,
    rule,
)
from walletmon.api.routing import BY_NAME, Routing
from walletmon.api.status import ObjectMeta, Status
from walletmon.api.targets import Target
from walletmon.api.wallets import Wallet

KIND: Final = "WalletMonitor"
PLURAL: Final = "walletmonitors"


class Dependency(Model):
    """Something that the wallets cannot work without; while it is down, their own alerts say nothing new."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("size(self.match) > 0", "say by which labels alerts on the dependency are known, for example job"),
                rule(
                    f"self.match.all(k, size(k) <= 64 && k.matches('{LABEL_NAME_PATTERN}'))",
                    LABEL_NAME_RULE,
                    path=".match",
                ),
            ]
        }
    )

    name: Annotated[DnsLabel, Field(description="The dependency's name, unique in the monitor.")]
    match: Annotated[
        dict[LabelName, LabelValue],
        Field(
            description="Labels that alerts on the dependency carry, for example {job: wallet-db}.",
            min_length=1,
            max_length=8,
        ),
    ]
    alerts: Annotated[
        list[AlertName] | None,
        Field(
            description="Names of the alerts that say it is down; if left out: "
            "InstanceDown, TargetDown, WalletDependencyDown.",
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    scope: Annotated[
        list[LabelName] | None,
        Field(
            description="Labels in which both sides must agree; [namespace] if left out. With cluster beside it, "
            "a dependency silences nothing in other clusters.",
            min_length=1,
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None


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

    class_name: Annotated[
        DnsLabel | None,
        Field(
            description="The WalletMonitorClass whose decisions hold; if left out the one that is marked as default, "
            "else built-in ones."
        ),
    ] = None
    environment: Annotated[
        DnsLabel | None,
        Field(
            description="Where these wallets live, for example prod; becomes the label environment. If left out: "
            "the first environment of the class that selects the namespace."
        ),
    ] = None
    suspend: Annotated[
        StrictBool, Field(description="Keep scraping and recording, but raise no alert; for planned work.")
    ] = False
    wallets: Annotated[
        list[Wallet],
        Field(description="The wallets to watch.", min_length=1, max_length=1000, json_schema_extra=BY_NAME),
    ]
    targets: Annotated[
        list[Target] | None,
        Field(
            description="The workloads whose metrics tell about the wallets.", max_length=50, json_schema_extra=BY_NAME
        ),
    ] = None
    packs: Annotated[
        list[PackUse] | None,
        Field(
            description="Packs of alerts to use; the default set if left out, none if empty.",
            max_length=32,
            json_schema_extra=BY_NAME,
        ),
    ] = None
    rules: Annotated[
        list[Rule] | None,
        Field(description="Alerts of the team's own.", max_length=200, json_schema_extra=BY_NAME),
    ] = None
    evaluation_interval: Annotated[PositiveDuration, Field(description="How often rules are evaluated.")] = "30s"
    dependencies: Annotated[
        list[Dependency] | None,
        Field(
            description="What the wallets depend on: while it is down, their alerts are silenced.",
            max_length=16,
            json_schema_extra=BY_NAME,
        ),
    ] = None
    routing: Annotated[
        Routing | None,
        Field(
            description="The monitor's own receivers; alerts also go to those of the class, and follow whatever the "
            "cluster's Alertmanager routes."
        ),
    ] = None


class WalletCounts(Model):
    """How many wallets the monitor has."""

    total: Annotated[int, Field(description="Wallets in spec.wallets.", ge=0)]


class ChildReference(Model):
    """An object made for this monitor, in its namespace."""

    kind: Annotated[str, Field(description="The object's kind.", max_length=63)]
    name: Annotated[str, Field(description="The object's name.", max_length=253)]


class WalletMonitorStatus(Status):
    """Whether what the spec asks for is really so."""

    class_: Annotated[
        str | None, Field(alias="class", description="The class in force; none if the built-in one is.", max_length=63)
    ] = None
    environment: Annotated[str | None, Field(description="The environment that the wallets are in.", max_length=63)] = (
        None
    )
    wallets: Annotated[WalletCounts | None, Field(description="How many wallets the monitor has.")] = None
    resources: Annotated[
        list[ChildReference] | None,
        Field(
            description="The objects that exist for this monitor.",
            max_length=512,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["kind", "name"]},
        ),
    ] = None


class MonitorMeta(ObjectMeta):
    """A monitor's metadata."""

    name: DnsLabel
    namespace: DnsLabel = "default"


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
    metadata: MonitorMeta
    spec: Annotated[WalletMonitorSpec, Field(description="What is to be watched.")]
    status: Annotated[WalletMonitorStatus | None, Field(description="Whether it really is; written by walletmon.")] = (
        None
    )
