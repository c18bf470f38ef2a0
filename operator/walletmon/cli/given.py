"""What files give beside monitors: classes, packs, and facts of the cluster that they will be applied to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.cli.documents import Document
from walletmon.compiler.class_choice import default_names
from walletmon.compiler.facts import ClusterFacts
from walletmon.packs.catalogue import catalogue
from walletmon.packs.configmap import PackSource


@dataclass(frozen=True, slots=True)
class Given:
    """What is known besides a monitor itself."""

    built_in: MonitorClass
    """What holds where no class says otherwise."""

    classes: Mapping[str, WalletMonitorClass] = field(default_factory=dict)
    """The classes by name."""

    broken: frozenset[str] = frozenset()
    """Names of classes that are there and cannot be understood."""

    preferred: WalletMonitorClass | None = None
    """The class for monitors that name none, whatever is marked as default."""

    packs: tuple[PackSource, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] | None = None
    """Labels of the namespaces that are given; None if there are none: then nothing is known of any."""

    secrets: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    services: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    year: int | None = None

    def facts_for_monitor(self, namespace: str, packs_namespace: str | None) -> ClusterFacts:
        """What is known of the cluster for a monitor in `namespace`."""
        return ClusterFacts(
            catalogue=catalogue(self.packs, namespace, packs_namespace),
            namespaces=self.namespaces,
            secrets=self.secrets,
            services=self.services,
            year=self.year,
            ambiguous_default=self._ambiguous_default(),
        )

    def facts_for_class(self) -> ClusterFacts:
        """The same for a class; the namespaces given are hardly all there are, so none is said to be missing."""
        return ClusterFacts(
            secrets=self.secrets, services=self.services, year=self.year, ambiguous_default=self._ambiguous_default()
        )

    def _ambiguous_default(self) -> tuple[str, ...]:
        names = default_names(self.classes.values()) if self.preferred is None else ()
        return names if len(names) > 1 else ()


def namespaces(documents: Iterable[Document]) -> Mapping[str, Mapping[str, str]] | None:
    """The labels of the namespaces among `documents`; None if there are none."""
    found: dict[str, Mapping[str, str]] = {}
    for each in documents:
        if each.kind == "Namespace":
            metadata = each.content["metadata"]
            # The apiserver puts this one on every namespace.
            found[metadata["name"]] = {
                **_texts(metadata.get("labels")),
                "kubernetes.io/metadata.name": metadata["name"],
            }
    return found or None


def secrets(documents: Iterable[Document]) -> Mapping[tuple[str, str], frozenset[str]]:
    """The keys of the Secrets among `documents`, by namespace and name. What is secret in them is not kept."""
    return {
        _key(each): frozenset(_texts(each.content.get("data")) | _texts(each.content.get("stringData")))
        for each in documents
        if each.kind == "Secret"
    }


def services(documents: Iterable[Document]) -> Mapping[tuple[str, str], bool]:
    """The Services among `documents`, by namespace and name."""
    return {_key(each): True for each in documents if each.kind == "Service"}


def _key(document: Document) -> tuple[str, str]:
    metadata = document.content["metadata"]
    return str(metadata.get("namespace", "default")), metadata["name"]


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: each for key, each in value.items() if isinstance(key, str) and isinstance(each, str)}
