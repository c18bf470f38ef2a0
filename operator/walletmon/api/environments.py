"""Where wallets live: the environments of a class, and what keeps each one's series for as long as it is told to."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StringConstraints
from pydantic.config import JsonDict

from walletmon.api.base import (
    LABEL_NAME_PATTERN,
    LABEL_NAME_RULE,
    NO_DOLLAR,
    RESERVED_LABELS,
    SUBDOMAIN_PATTERN,
    DnsLabel,
    LabelName,
    LabelValue,
    Model,
    PositiveDuration,
    rule,
)
from walletmon.api.receivers import Url
from walletmon.api.relabeling import Relabeling
from walletmon.api.routing import BY_NAME
from walletmon.api.targets import ONE_CREDENTIAL, Authorization, BasicAuth, Selector, Tls

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=SUBDOMAIN_PATTERN)]
"""Name of an object that others made."""

HEADER_PATTERN = "^[A-Za-z0-9_.-]+$"
_RESERVED_HEADERS = (
    "(?i)^(authorization|host|content-encoding|content-length|content-type|user-agent|connection|keep-alive|"
    "proxy-authenticate|proxy-authorization|www-authenticate|accept-encoding|x-prometheus-remote-write-version|"
    "x-prometheus-remote-read-version|x-amz-date|x-amz-security-token|x-amz-content-sha256)$"
)
"""What Prometheus refuses, since it sets these itself (its `remote_write` documentation)."""
# prometheus-operator knows two major versions, takes no leading zeros, and makes a label's value of it: without a plus
# sign. It crashes over a remote write's authorization before 2.26, and leaves keep_firing_for out before 2.42.
_NUMBER = "(0|[1-9][0-9]{0,3})"
_VERSION = rf"^v(2\.(4[2-9]|[5-9][0-9]|[1-9][0-9]{{2}})|3\.{_NUMBER})\.{_NUMBER}(-(alpha|beta|rc)\.{_NUMBER})?$"
_SIZE = r"^[1-9][0-9]{0,5}(Mi|Gi|Ti)$"

SET_BY_US = tuple(name for name in (*RESERVED_LABELS, "alertname") if name != "cluster")


def label_rules(field_name: str) -> list[JsonDict]:
    """CEL rules for a map of labels that are put on all series."""
    return [
        rule(
            f"!has(self.{field_name}) || self.{field_name}.all(k, size(k) <= 64 && k.matches('{LABEL_NAME_PATTERN}'))",
            LABEL_NAME_RULE,
            path=f".{field_name}",
        ),
        rule(
            f"!has(self.{field_name}) || self.{field_name}.all(k, !(k in ["
            + ", ".join(f"'{name}'" for name in SET_BY_US)
            + "]))",
            "this label is set by walletmon or Prometheus; reserved are: " + ", ".join(SET_BY_US),
            path=f".{field_name}",
        ),
    ]


class ObjectRef(Model):
    """An object that exists already, such as the cluster's Prometheus."""

    namespace: Annotated[DnsLabel, Field(description="The object's namespace.")]
    name: Annotated[ObjectName, Field(description="The object's name.")]


class RemoteWrite(Model):
    """Where series are sent for keeping: Thanos, Mimir, or whatever takes Prometheus' remote write."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                ONE_CREDENTIAL,
                rule(
                    f"!has(self.headers) || self.headers.all(k, size(k) <= 128 && k.matches('{HEADER_PATTERN}') && "
                    f"!k.matches('{_RESERVED_HEADERS}'))",
                    "a header's name is a word, and not one that Prometheus sets itself "
                    "(Authorization goes in authorization or basicAuth)",
                    path=".headers",
                ),
            ]
        }
    )

    name: Annotated[DnsLabel, Field(description="The name of this remote write, unique in the environment.")]
    url: Annotated[Url, Field(description="Where to send to.")]
    headers: Annotated[
        dict[
            Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=HEADER_PATTERN)],
            Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=rf"^{NO_DOLLAR}+$")],
        ]
        | None,
        Field(description="Further headers, for example X-Scope-OrgID for Mimir's tenant.", max_length=16),
    ] = None
    write_relabelings: Annotated[
        list[Relabeling] | None, Field(description="What is done to series before they are sent.", max_length=32)
    ] = None
    basic_auth: Annotated[BasicAuth | None, Field(description="User name and password.")] = None
    authorization: Annotated[Authorization | None, Field(description="A token in the Authorization header.")] = None
    tls: Annotated[Tls | None, Field(description="Verification of TLS and client certificate.")] = None


class ScrapeClass(Model):
    """How a managed Prometheus scrapes by default, or those targets that name it."""

    name: Annotated[DnsLabel, Field(description="The scrape class's name, unique in the environment.")]
    default: Annotated[StrictBool, Field(description="Whether it is for all targets that name none.")] = False
    tls: Annotated[Tls | None, Field(description="Verification of TLS and client certificate.")] = None
    relabelings: Annotated[
        list[Relabeling] | None,
        Field(description="What is done to targets before those of the monitor.", max_length=16),
    ] = None
    metric_relabelings: Annotated[
        list[Relabeling] | None, Field(description="What is done to series once they are scraped.", max_length=16)
    ] = None


class Storage(Model):
    """The volume that a managed Prometheus keeps its series on."""

    size: Annotated[str, Field(description="Size of the volume, for example 50Gi.", max_length=16, pattern=_SIZE)]
    storage_class_name: Annotated[
        ObjectName | None, Field(description="StorageClass of the volume; the cluster's default if left out.")
    ] = None


class ManagedPrometheus(Model):
    """A Prometheus that walletmon makes for the environment, run by prometheus-operator."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.scrapeClasses) || size(self.scrapeClasses.filter(c, c.default)) <= 1",
                    "only one scrape class can be the default",
                    path=".scrapeClasses",
                ),
            ]
        }
    )

    namespace: Annotated[DnsLabel, Field(description="The namespace that it runs in.")]
    service_account_name: Annotated[
        DnsLabel,
        Field(
            description="ServiceAccount it runs as, with the rights to discover targets; "
            "walletmon gives no rights away."
        ),
    ] = "prometheus"
    version: Annotated[
        str | None,
        Field(
            description="Version of Prometheus, from 2.42 on, for example v3.15.0; prometheus-operator's if left out.",
            max_length=32,
            pattern=_VERSION,
        ),
    ] = None
    replicas: Annotated[StrictInt, Field(description="How many of it run beside each other.", ge=1, le=10)] = 1
    storage: Annotated[
        Storage | None, Field(description="The volume it keeps series on; one that does not outlive it if left out.")
    ] = None
    scrape_classes: Annotated[
        list[ScrapeClass] | None,
        Field(description="How targets are scraped.", max_length=4, json_schema_extra=BY_NAME),
    ] = None


class Environment(Model):
    """A kind of place where wallets live."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *label_rules("labels"),
                rule(
                    "!(has(self.prometheus) && has(self.prometheusRef))",
                    "prometheus makes one and prometheusRef names one that exists: give one of them",
                ),
            ]
        }
    )

    name: Annotated[DnsLabel, Field(description="The environment's name; becomes the label environment.")]
    namespace_selector: Annotated[
        Selector | None,
        Field(description="Monitors in namespaces with these labels are in this environment if they name none."),
    ] = None
    labels: Annotated[
        dict[LabelName, LabelValue] | None,
        Field(description="Labels put on every series and alert of the environment.", max_length=16),
    ] = None
    retention: Annotated[PositiveDuration | None, Field(description="How long series are kept, for example 90d.")] = (
        None
    )
    prometheus: Annotated[
        ManagedPrometheus | None, Field(description="Make a Prometheus for this environment, which keeps to retention.")
    ] = None
    prometheus_ref: Annotated[
        ObjectRef | None,
        Field(description="The Prometheus object that watches this environment; it is compared, never written."),
    ] = None
    remote_write: Annotated[
        list[RemoteWrite] | None,
        Field(description="Where its Prometheus sends series for keeping.", max_length=8, json_schema_extra=BY_NAME),
    ] = None
