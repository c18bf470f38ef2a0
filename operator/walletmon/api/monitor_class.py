"""`WalletMonitorClass`: what the platform team decides for all monitors, and `MonitorClass`, those decisions in force.

Everything in a class is optional. A cluster without any class has the built-in one, which the operator's command line
fills; a class that leaves something out leaves it to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from walletmon.api.base import (
    API_VERSION,
    DNS_LABEL_PATTERN,
    DnsLabel,
    LabelName,
    LabelValue,
    Model,
    ScrapeDuration,
    rule,
)
from walletmon.api.environments import Environment, ObjectName, ObjectRef, label_rules
from walletmon.api.governance import Governance
from walletmon.api.receivers import BaseUrl, Receiver
from walletmon.api.routing import BY_NAME, MuteInterval, Timings
from walletmon.api.status import ObjectMeta, Status
from walletmon.api.targets import (
    LABEL_KEY_PATTERN,
    ONE_CREDENTIAL,
    Authorization,
    BasicAuth,
    HostPort,
    HttpPath,
    LabelKey,
    Scheme,
    SelectedValue,
    Tls,
)

CLASS_KIND: Final = "WalletMonitorClass"
CLASS_PLURAL: Final = "walletmonitorclasses"
DEFAULT_CLASS_ANNOTATION: Final = "walletmon.dev/is-default-class"

RUNBOOKS = "https://walletmon.dev/runbooks"


def _label_keys(field_name: str) -> JsonDict:
    return rule(
        f"!has(self.{field_name}) || self.{field_name}.all(k, size(k) <= 253 && k.matches('{LABEL_KEY_PATTERN}'))",
        "a label key is a name of letters, digits, '-', '_' and '.', with or without a DNS prefix and '/'",
        path=f".{field_name}",
    )


class AlertmanagerRef(Model):
    """The Alertmanager that alerts go to."""

    namespace: Annotated[
        DnsLabel,
        Field(
            description="Its namespace; there the class's receivers become one AlertmanagerConfig, "
            "and there their Secrets are."
        ),
    ]
    name: Annotated[
        ObjectName | None, Field(description="Name of the Alertmanager object; the only one there if left out.")
    ] = None


class PriorityPolicy(Timings):
    """What is done about alerts of one priority."""

    severity: Annotated[
        str | None,
        Field(
            description="Value of the label severity; critical, warning, info for P0, P1, P2 if left out.",
            min_length=1,
            max_length=63,
            pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        ),
    ] = None
    action: Annotated[
        DnsLabel | None,
        Field(description="Value of the label action, for a responder, on alerts whose pack says none."),
    ] = None
    receivers: Annotated[
        list[DnsLabel] | None,
        Field(
            description="Names of receivers, each of them is told; if left out, for P0 those of WeCom and phone, "
            "for P1 DingTalk and email, for P2 Slack and email.",
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None


class Priorities(Model):
    """What is done about alerts, by priority."""

    p0: Annotated[PriorityPolicy | None, Field(alias="P0", description="Alerts that want somebody at once.")] = None
    p1: Annotated[
        PriorityPolicy | None, Field(alias="P1", description="Alerts that want somebody within the hour.")
    ] = None
    p2: Annotated[PriorityPolicy | None, Field(alias="P2", description="Alerts that want somebody within the day.")] = (
        None
    )


class DashboardPolicy(Model):
    """How Grafana finds dashboards, and where it puts them."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [_label_keys("labels")]})

    labels: Annotated[
        dict[LabelKey, SelectedValue] | None,
        Field(description='Labels that the sidecar selects by; {grafana_dashboard: "1"} if left out.', max_length=16),
    ] = None
    folder: Annotated[
        str | None,
        Field(
            description="Folder that the dashboards are put in, if the sidecar reads an annotation for that.",
            min_length=1,
            max_length=128,
            pattern=r"^[^/$\x00-\x1f\x7f-\x9f]+$",
        ),
    ] = None
    folder_annotation: Annotated[LabelKey, Field(description="The annotation it reads.")] = "grafana_folder"


class Federation(Model):
    """Another cluster's Prometheus, whose recordings and alerts are taken over."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *label_rules("labels"),
                ONE_CREDENTIAL,
            ]
        }
    )

    name: Annotated[DnsLabel, Field(description="The entry's name, unique in the class.")]
    targets: Annotated[
        list[HostPort],
        Field(
            description="Addresses of Prometheus servers, host:port.",
            min_length=1,
            max_length=20,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    namespace: Annotated[
        DnsLabel | None,
        Field(
            description="Namespace of the ScrapeConfig, and of its Secrets; that of prometheusRef, "
            "else the Alertmanager's, if left out."
        ),
    ] = None
    scheme: Annotated[Scheme, Field(description="http or https.")] = Scheme.HTTP
    path: Annotated[HttpPath, Field(description="HTTP path of the federation endpoint.")] = "/federate"
    interval: Annotated[ScrapeDuration, Field(description="How often it is asked.")] = "30s"
    labels: Annotated[
        dict[LabelName, LabelValue] | None,
        Field(description="Labels put on what has none of that name, for example cluster.", max_length=8),
    ] = None
    basic_auth: Annotated[BasicAuth | None, Field(description="User name and password.")] = None
    authorization: Annotated[Authorization | None, Field(description="A token in the Authorization header.")] = None
    tls: Annotated[Tls | None, Field(description="Verification of TLS and client certificate.")] = None


_PRIORITIES = ("P0", "P1", "P2")


class WalletMonitorClassSpec(Model):
    """What the platform team decides."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                _label_keys("objectLabels"),
                *label_rules("externalLabels"),
                rule(
                    "!has(self.receivers) || size(self.receivers) == 0 || has(self.alertmanager)",
                    "receivers need alertmanager: it says in which namespace their Secrets are",
                    path=".receivers",
                ),
                *(
                    check
                    for p in _PRIORITIES
                    for check in (
                        rule(
                            f"!has(self.priorities) || !has(self.priorities.{p}) || "
                            f"!has(self.priorities.{p}.receivers) || self.priorities.{p}.receivers.all(r, "
                            "has(self.receivers) && self.receivers.exists(known, known.name == r))",
                            f"{p} names a receiver that is not in receivers",
                            path=".priorities",
                        ),
                        rule(
                            f"!has(self.priorities) || !has(self.priorities.{p}) || "
                            f"!has(self.priorities.{p}.muteTimeIntervals) || "
                            f"self.priorities.{p}.muteTimeIntervals.all(m, has(self.muteTimeIntervals) && "
                            "self.muteTimeIntervals.exists(known, known.name == m))",
                            f"{p} names a mute interval that is not in muteTimeIntervals",
                            path=".priorities",
                        ),
                    )
                ),
            ]
        }
    )

    object_labels: Annotated[
        dict[LabelKey, SelectedValue] | None,
        Field(
            description="Labels on every object made, because the cluster's Prometheus selects by them, for example "
            "{release: kube-prometheus-stack}; found out from the Prometheus objects if left out.",
            max_length=16,
        ),
    ] = None
    prometheus_ref: Annotated[
        ObjectRef | None,
        Field(description="The Prometheus object that watches the wallets, where there are several."),
    ] = None
    alertmanager: Annotated[AlertmanagerRef | None, Field(description="The Alertmanager that alerts go to.")] = None
    external_labels: Annotated[
        dict[LabelName, LabelValue] | None,
        Field(
            description="Labels on every series and alert that tell this cluster from others, for example cluster "
            "and region.",
            max_length=16,
        ),
    ] = None
    environments: Annotated[
        list[Environment] | None,
        Field(
            description="Kinds of places where wallets live; the first that selects a monitor's namespace counts.",
            max_length=16,
            json_schema_extra=BY_NAME,
        ),
    ] = None
    priorities: Annotated[Priorities | None, Field(description="What is done about alerts of each priority.")] = None
    receivers: Annotated[
        list[Receiver] | None,
        Field(description="Who can be told.", max_length=32, json_schema_extra=BY_NAME),
    ] = None
    group_by: Annotated[
        list[LabelName] | None,
        Field(
            description="Alerts that agree in these labels go in one message; alertname, namespace and wallet if "
            "left out.",
            min_length=1,
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ] = None
    mute_time_intervals: Annotated[
        list[MuteInterval] | None,
        Field(
            description="Stretches of time that priorities can be muted in.", max_length=16, json_schema_extra=BY_NAME
        ),
    ] = None
    governance: Annotated[Governance | None, Field(description="What teams may have.")] = None
    dashboards: Annotated[DashboardPolicy | None, Field(description="How Grafana finds dashboards.")] = None
    federation: Annotated[
        list[Federation] | None,
        Field(description="Other clusters' Prometheus servers.", max_length=20, json_schema_extra=BY_NAME),
    ] = None
    hub_url: Annotated[
        BaseUrl | None,
        Field(description="Address of walletmon's hub, which speaks to the robots of DingTalk and WeCom groups."),
    ] = None
    runbook_base_url: Annotated[
        BaseUrl | None, Field(description="Address under which the runbook pages are; walletmon's own if left out.")
    ] = None
    grafana_url: Annotated[
        BaseUrl | None, Field(description="Address of Grafana; alerts then carry a link to the monitor's dashboard.")
    ] = None


class ClassChildReference(Model):
    """An object made for this class."""

    kind: Annotated[str, Field(description="The object's kind.", max_length=63)]
    namespace: Annotated[str, Field(description="The object's namespace.", max_length=63)]
    name: Annotated[str, Field(description="The object's name.", max_length=253)]


class WalletMonitorClassStatus(Status):
    """Whether what the class says is really so."""

    monitors: Annotated[int | None, Field(description="How many monitors the class is in force for.", ge=0)] = None
    resources: Annotated[
        list[ClassChildReference] | None,
        Field(
            description="The objects that exist for this class.",
            max_length=64,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["kind", "namespace", "name"],
            },
        ),
    ] = None


class ClassMeta(ObjectMeta):
    """A class's metadata."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=DNS_LABEL_PATTERN)]
    annotations: dict[str, str] | None = None
    creation_timestamp: str | None = None


class WalletMonitorClass(Model):
    """What the platform team decides for monitors: where things go, who is told, what is allowed."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    f"size(self.metadata.name) <= 40 && self.metadata.name.matches('{DNS_LABEL_PATTERN}')",
                    "the class's name must be a DNS label of at most 40 characters (no dots): "
                    "names of objects and a label are made from it",
                )
            ]
        }
    )

    api_version: Literal["walletmon.dev/v1alpha1"] = API_VERSION
    kind: Literal["WalletMonitorClass"] = CLASS_KIND
    metadata: ClassMeta
    spec: Annotated[WalletMonitorClassSpec, Field(description="What the platform team decides.")]
    status: Annotated[WalletMonitorClassStatus | None, Field(description="Whether it is so; written by walletmon.")] = (
        None
    )

    @property
    def is_default(self) -> bool:
        """Whether it is for monitors that name no class."""
        return (self.metadata.annotations or {}).get(DEFAULT_CLASS_ANNOTATION) == "true"


@dataclass(frozen=True, slots=True)
class MonitorClass:
    """Decisions of the platform team that every monitor's objects follow: a class, over what the command line says."""

    object_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels put on every child, because the cluster's Prometheus selects by them (`release: ...`)."""

    runbook_base_url: str = RUNBOOKS
    """Address under which the runbook pages of the packs' alerts are, without a slash at the end."""

    grafana_url: str | None = None
    """Address of Grafana; alerts then carry a link to the monitor's dashboard."""

    packs_namespace: str | None = None
    """Namespace whose ConfigMaps with packs all monitors can use."""

    hub_url: str | None = None
    """Address of the hub, without a slash at the end."""

    name: str | None = None
    """The class's name; None for the built-in one."""

    spec: WalletMonitorClassSpec = field(default_factory=WalletMonitorClassSpec)
    """What the class says."""

    discovered_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels by the child's kind that the cluster's Prometheus and Alertmanager were found to select by; none where
    `object_labels` says them."""

    def labels_of(self, kind: str) -> dict[str, str]:
        """Labels on a child of `kind` by which it is selected."""
        return {**self.discovered_labels.get(kind, {}), **self.object_labels}


def in_force(resource: WalletMonitorClass, built_in: MonitorClass) -> MonitorClass:
    """The decisions of `resource`; where it says nothing, those of `built_in`."""
    spec = resource.spec
    return MonitorClass(
        object_labels=built_in.object_labels if spec.object_labels is None else spec.object_labels,
        runbook_base_url=(spec.runbook_base_url or built_in.runbook_base_url).rstrip("/"),
        grafana_url=_slashless(spec.grafana_url) or built_in.grafana_url,
        packs_namespace=built_in.packs_namespace,
        hub_url=_slashless(spec.hub_url) or built_in.hub_url,
        name=resource.metadata.name,
        spec=spec,
    )


def _slashless(url: str | None) -> str | None:
    return None if url is None else url.rstrip("/")
