"""What the condition `Selected` is judged by: what was made, and the objects that may take it up.

The answer is in the selectors of Prometheus and Alertmanager objects, and in the labels of namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from walletmon.compiler.bundle import Manifest
from walletmon.compiler.discovery import ALERTMANAGER_FIELDS, PROMETHEUS_FIELDS, looks_into, selected_by
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.selectors import say, unmet

_CONFIG = "AlertmanagerConfig"

ENFORCES = "OnNamespace"
"""Alertmanager's matcher strategy unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that `Selected` is judged by."""

    objects: tuple[Manifest, ...] | None
    """What was made; None if the spec was not understood."""

    facts: ClusterFacts

    prometheuses: tuple[Manifest, ...] = ()
    """Those that may be meant, in the order in which they are asked."""

    alertmanagers: tuple[Manifest, ...] = ()

    prometheus_named: str | None = None
    """What the class says is the Prometheus, as namespace/name."""

    alertmanager_named: str | None = None

    told_by_class: Manifest | None = None
    """The AlertmanagerConfig by which the class tells of this monitor's alerts."""

    namespace: str = ""
    """The monitor's namespace."""

    across: tuple[str, ...] = ()
    """Names of dependencies that are to silence across namespaces."""

    rejected: tuple[tuple[str, str], ...] = ()
    """Objects that prometheus-operator says it does not take, each with its sentence."""

    @property
    def watched(self) -> list[Manifest]:
        """What a Prometheus has to select."""
        return [obj for obj in self.objects or () if obj["kind"] in PROMETHEUS_FIELDS]

    @property
    def told(self) -> list[Manifest]:
        """What an Alertmanager has to select for somebody to be told."""
        return [obj for obj in self.objects or () if obj["kind"] == _CONFIG and "route" in obj["spec"]]

    @property
    def silences(self) -> list[Manifest]:
        """What an Alertmanager has to select for alerts to be silenced, and for nothing else."""
        return [obj for obj in self.objects or () if obj["kind"] == _CONFIG and "route" not in obj["spec"]]

    @property
    def watching(self) -> Manifest | None:
        """The first Prometheus that selects all that it should."""
        watched = self.watched
        if not watched:
            return None
        return next((each for each in self.prometheuses if all(self.takes(each, obj) for obj in watched)), None)

    @property
    def tellers(self) -> list[Manifest]:
        """The Alertmanagers that select all that they should."""
        told = [*self.told, *([] if self.told_by_class is None else [self.told_by_class])] or self.silences
        return [each for each in self.alertmanagers if told and all(self.takes(each, obj) for obj in told)]

    @property
    def telling(self) -> Manifest | None:
        """The first of them."""
        return next(iter(self.tellers), None)

    def takes(self, selecting: Manifest, obj: Manifest) -> bool:
        """Whether a Prometheus or Alertmanager object selects one of the objects that were made."""
        metadata = obj["metadata"]
        return selected_by(selecting, _field(obj), metadata["namespace"], metadata["labels"], self.facts)

    def why_not(self, selecting: Manifest, obj: Manifest) -> str:
        """Why it does not, as the end of a sentence about it."""
        return "; ".join(self._reasons(selecting, obj))

    def _reasons(self, selecting: Manifest, obj: Manifest) -> Iterator[str]:
        spec, namespace, field = selecting["spec"], obj["metadata"]["namespace"], _field(obj)
        selector = spec.get(f"{field}Selector")
        if selector is None:
            yield f"has no {field}Selector, and so selects none"
            return
        missing = unmet(selector, obj["metadata"]["labels"])
        if missing:
            yield f"wants the label {', '.join(map(say, missing))} ({field}Selector)"
        if looks_into(selecting, field, namespace, self.facts):
            return
        namespaces = spec.get(f"{field}NamespaceSelector")
        if namespaces is None:
            yield f"looks into its own namespace alone (no {field}NamespaceSelector), not into {namespace}"
        else:
            wanted = unmet(namespaces, self.facts.namespace_labels(namespace) or {})
            yield f"wants the label {', '.join(map(say, wanted))} on namespace {namespace} ({field}NamespaceSelector)"


def name_of(obj: Manifest) -> str:
    """`namespace/name`."""
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def matcher_strategy(alertmanager: Manifest) -> str:
    """The matcher strategy of an Alertmanager object."""
    strategy = alertmanager["spec"].get("alertmanagerConfigMatcherStrategy") or {}
    return str(strategy.get("type") or ENFORCES)


def bindings_said(live: Mapping[str, Any]) -> str | None:
    """What prometheus-operator says against an object in its status, if it was told to say such things (feature gate
    StatusForConfigurationResources) and if that is about the object as it is now."""
    for binding in (live.get("status") or {}).get("bindings") or ():
        for condition in binding.get("conditions") or ():
            current = condition.get("observedGeneration") in (None, live["metadata"].get("generation"))
            if condition.get("type") == "Accepted" and condition.get("status") == "False" and current:
                return str(condition.get("message") or condition.get("reason") or "it is not accepted")
    return None


def _field(obj: Manifest) -> str:
    kind = obj["kind"]
    return ALERTMANAGER_FIELDS[kind] if kind == _CONFIG else PROMETHEUS_FIELDS[kind]
