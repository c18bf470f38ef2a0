"""Which Prometheus and which Alertmanager are meant, and the labels that objects need to be selected by them.

Every installation has its own: kube-prometheus-stack selects `release: <name>`, others everything, others nothing
without a label of their own. Where the class says no `objectLabels`, they are read off the objects that select.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from walletmon.api.environments import ObjectRef
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.environment import surroundings
from walletmon.compiler.facts import ClusterFacts, Labels
from walletmon.compiler.objects import CLASS_LABEL, ENVIRONMENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL, MONITOR_LABEL
from walletmon.compiler.selectors import matches, wanted_labels

PROMETHEUS_FIELDS: Mapping[str, str] = {
    "ServiceMonitor": "serviceMonitor",
    "PodMonitor": "podMonitor",
    "Probe": "probe",
    "ScrapeConfig": "scrapeConfig",
    "PrometheusRule": "rule",
}
"""How the selectors of a Prometheus object are called, by the kind they select: `<field>Selector` and
`<field>NamespaceSelector`."""

ALERTMANAGER_FIELDS: Mapping[str, str] = {"AlertmanagerConfig": "alertmanagerConfig"}
"""The same for an Alertmanager object."""

MAX_MANAGED_NAME = 41
"""prometheus-operator makes a StatefulSet `prometheus-<name>`, and Kubernetes puts that name with a hash of ten
characters behind it in a label of each Pod, whose value has at most 63: with a longer name there would be no Pod."""

_OURS = frozenset((MANAGED_BY_LABEL, MONITOR_LABEL, CLASS_LABEL, ENVIRONMENT_LABEL))
"""Labels that say whose an object is: a selector that asks for another value means other objects."""


def discovered_labels(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> dict[str, dict[str, str]]:
    """Labels by kind that the monitor's objects need; empty where the class says labels, or nothing is known."""
    if class_.object_labels:
        return {}
    namespace = monitor.metadata.namespace
    where = surroundings(monitor, class_, facts)
    ours = {MANAGED_BY_LABEL: MANAGED_BY, MONITOR_LABEL: monitor.metadata.name}
    ours |= {} if class_.name is None else {CLASS_LABEL: class_.name}
    ours |= {} if where.name is None else {ENVIRONMENT_LABEL: where.name}
    return labels_for_selection(
        namespace, ours, prometheuses_for(monitor, class_, facts), alertmanagers_for(class_, facts), facts
    )


def labels_for_selection(
    namespace: str,
    ours: Labels,
    prometheuses: Iterable[Manifest],
    alertmanagers: Iterable[Manifest],
    facts: ClusterFacts,
) -> dict[str, dict[str, str]]:
    """Labels by kind with which objects in `namespace` that have the labels `ours` are selected by one of each."""
    found: dict[str, dict[str, str]] = {}
    for fields, selecting in ((PROMETHEUS_FIELDS, tuple(prometheuses)), (ALERTMANAGER_FIELDS, tuple(alertmanagers))):
        for kind, field in fields.items():
            labels = _labels_for(field, selecting, namespace, ours, facts)
            if labels:
                found[kind] = labels
    return found


def prometheuses_for(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts) -> tuple[Manifest, ...]:
    """The Prometheus objects that may watch the monitor, in the order in which they are asked.

    That of its environment, else that which the class names, else all.
    """
    where = surroundings(monitor, class_, facts).environment
    known = facts.prometheuses or ()
    if where is not None and where.prometheus is not None and class_.name is not None:
        managed = ObjectRef(namespace=where.prometheus.namespace, name=managed_name(class_.name, where.name))
        return _named(known, managed)
    if where is not None and where.prometheus_ref is not None:
        return _named(known, where.prometheus_ref)
    return class_prometheuses(class_, facts)


def class_prometheuses(class_: MonitorClass, facts: ClusterFacts) -> tuple[Manifest, ...]:
    """The Prometheus objects that may take up what belongs to no environment, in the order in which they are asked:
    that which the class names, else all that others made."""
    known = facts.prometheuses or ()
    if class_.spec.prometheus_ref is not None:
        return _named(known, class_.spec.prometheus_ref)
    return _sorted(each for each in known if not _managed(each))


def named_prometheus(ref: ObjectRef, facts: ClusterFacts) -> Manifest | None:
    """The Prometheus object of this name, if it is known to be there."""
    return next(iter(_named(facts.prometheuses or (), ref)), None)


def is_ours(prometheus: Manifest, class_name: str) -> bool:
    """Whether a Prometheus object has been made for a class."""
    labels = prometheus["metadata"].get("labels") or {}
    return _managed(prometheus) and labels.get(CLASS_LABEL) == class_name


def _managed(prometheus: Manifest) -> bool:
    labels = prometheus["metadata"].get("labels") or {}
    return bool(labels.get(MANAGED_BY_LABEL) == MANAGED_BY)


def alertmanagers_for(class_: MonitorClass, facts: ClusterFacts) -> tuple[Manifest, ...]:
    """The Alertmanager objects that alerts may go to: that which the class names, else all."""
    known = facts.alertmanagers or ()
    ref = class_.spec.alertmanager
    if ref is None:
        return _sorted(known)
    there = [each for each in known if each["metadata"]["namespace"] == ref.namespace]
    return _sorted(each for each in there if ref.name is None or each["metadata"]["name"] == ref.name)


def managed_name(class_name: str, environment: str) -> str:
    """Name of the Prometheus object that is made for an environment of a class."""
    return f"{class_name}-{environment}"


def managed_name_problem(class_name: str, environment: str) -> tuple[str, str] | None:
    """Why prometheus-operator could not work with that name, and what to do; None if it can."""
    name = managed_name(class_name, environment)
    if len(name) <= MAX_MANAGED_NAME:
        return None
    return (
        f"the Prometheus would be called {name}, which has {len(name)} characters; Pods can be made of a name of at "
        f"most {MAX_MANAGED_NAME}",
        f"shorten the name of the environment or of the class: both together have at most {MAX_MANAGED_NAME - 1}",
    )


def selected_by(selecting: Manifest, field: str, namespace: str, labels: Labels, facts: ClusterFacts) -> bool:
    """Whether an object in `namespace` with `labels` is selected by the `<field>Selector` of a Prometheus or
    Alertmanager object. A selector that is not there selects nothing; without a namespace selector, only what is in
    the object's own namespace counts."""
    selector = selecting["spec"].get(f"{field}Selector")
    return selector is not None and looks_into(selecting, field, namespace, facts) and matches(selector, labels)


def looks_into(selecting: Manifest, field: str, namespace: str, facts: ClusterFacts) -> bool:
    """Whether a Prometheus or Alertmanager object looks for objects in `namespace` at all."""
    selector = selecting["spec"].get(f"{field}NamespaceSelector")
    if selector is None:
        return bool(selecting["metadata"]["namespace"] == namespace)
    return matches(selector, facts.namespace_labels(namespace) or {})


def _labels_for(
    field: str, selecting: tuple[Manifest, ...], namespace: str, ours: Labels, facts: ClusterFacts
) -> dict[str, str]:
    if any(selected_by(each, field, namespace, ours, facts) for each in selecting):
        return {}
    for each in selecting:
        selector = wanted_labels(each["spec"].get(f"{field}Selector") or {})
        wanted = {key: value for key, value in selector.items() if key not in _OURS}
        if selected_by(each, field, namespace, {**wanted, **ours}, facts):
            return wanted
    return {}


def _named(known: Iterable[Manifest], ref: ObjectRef) -> tuple[Manifest, ...]:
    return tuple(
        each for each in known if (each["metadata"]["namespace"], each["metadata"]["name"]) == (ref.namespace, ref.name)
    )


def _sorted(known: Iterable[Manifest]) -> tuple[Manifest, ...]:
    return tuple(sorted(known, key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"])))
