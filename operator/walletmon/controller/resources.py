"""The kinds of object the controller reads and writes, and the addresses they have on the apiserver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, NewType

from walletmon.api.base import GROUP, VERSION
from walletmon.api.monitor import KIND, PLURAL
from walletmon.api.monitor_class import CLASS_KIND, CLASS_PLURAL
from walletmon.compiler.objects import CLASS_LABEL, MANAGED_BY, MANAGED_BY_LABEL, MONITOR_LABEL
from walletmon.packs.configmap import PACK_LABEL

KubeObject = dict[str, Any]
"""An object as the apiserver sent it; never changed once it is in a cache."""

Uid = NewType("Uid", str)


class Key(NamedTuple):
    """What an object is called within its kind; the namespace of what is cluster-scoped is empty."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, by its names in the API."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """`group/version` as it stands in objects; just the version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def crd_name(self) -> str:
        """Name of the CustomResourceDefinition that brings this kind, if one does."""
        return f"{self.plural}.{self.group}"

    def path(self, key: Key | None = None, namespace: str | None = None, subresource: str | None = None) -> str:
        """URL path of one object (`key`), of a namespace's collection (`namespace`), or of all objects."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        where = key.namespace if key is not None else namespace
        path = f"{root}/namespaces/{where}/{self.plural}" if where else f"{root}/{self.plural}"
        if key is not None:
            path = f"{path}/{key.name}"
        return f"{path}/{subresource}" if subresource else path


MONITORS = Resource(GROUP, VERSION, PLURAL, KIND)
CLASSES = Resource(GROUP, VERSION, CLASS_PLURAL, CLASS_KIND)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")

_COREOS = "monitoring.coreos.com"
PROMETHEUSES = Resource(_COREOS, "v1", "prometheuses", "Prometheus")
ALERTMANAGERS = Resource(_COREOS, "v1", "alertmanagers", "Alertmanager")
CHILDREN: dict[str, Resource] = {
    resource.kind: resource
    for resource in (
        Resource(_COREOS, "v1", "servicemonitors", "ServiceMonitor"),
        Resource(_COREOS, "v1", "podmonitors", "PodMonitor"),
        Resource(_COREOS, "v1", "probes", "Probe"),
        Resource(_COREOS, "v1alpha1", "scrapeconfigs", "ScrapeConfig"),
        Resource(_COREOS, "v1", "prometheusrules", "PrometheusRule"),
        Resource(_COREOS, "v1alpha1", "alertmanagerconfigs", "AlertmanagerConfig"),
        Resource("", "v1", "configmaps", "ConfigMap"),
        PROMETHEUSES,
    )
}
"""Every kind of child, of monitors and of classes, by its kind."""

CHILD_SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""Label selector of all children; watches and lists ask for no more than this."""


CONFIG_MAPS = CHILDREN["ConfigMap"]
PACK_SELECTOR = PACK_LABEL
"""Label selector of the ConfigMaps that hold packs."""


def key_of(obj: KubeObject) -> Key:
    """The key of an object."""
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def uid_of(obj: KubeObject) -> Uid:
    """The uid of an object."""
    return Uid(obj["metadata"]["uid"])


def owner_of(child: KubeObject) -> Uid | None:
    """The uid of the monitor or class that controls this child, if one does."""
    for reference in child["metadata"].get("ownerReferences", ()):
        if (
            reference.get("controller")
            and reference["kind"] in (KIND, CLASS_KIND)
            and reference["apiVersion"].startswith(f"{GROUP}/")
        ):
            return Uid(reference["uid"])
    return None


def owner_key_of(child: KubeObject) -> Key | None:
    """The key of the monitor or class that a child's labels name; also there when the owner reference was taken
    away."""
    labels = child["metadata"].get("labels", {})
    if labels.get(MONITOR_LABEL):
        return Key(child["metadata"]["namespace"], labels[MONITOR_LABEL])
    return Key("", labels[CLASS_LABEL]) if labels.get(CLASS_LABEL) else None
