"""Whether a Prometheus and an Alertmanager really take up what was made: the condition `Selected`.

An object that nobody selects looks right and does nothing; it is the question most asked of every operator that makes
rules. The answer is in the selectors of the Prometheus and Alertmanager objects, and in the fields with which these
change what they take: the matcher strategy, enforced labels and limits.

Where nothing can be known the answer is Unknown: objects may also be read by something that is no Prometheus object
(an agent, VictoriaMetrics' operator).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from walletmon.compiler.bundle import Manifest
from walletmon.compiler.discovery import ALERTMANAGER_FIELDS, PROMETHEUS_FIELDS, looks_into, selected_by
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.selectors import say, unmet
from walletmon.controller.findings import Finding

_OURS = ("wallet", "instance", "walletmon", "target", "role", "environment", "cluster", "wallet_type", "chain_id")
"""Labels without which rules, routes and silences of a monitor find nothing."""

_ENFORCED_LIMITS = {"enforcedSampleLimit": "sampleLimit", "enforcedLabelLimit": "labelLimit"}

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


Check = Callable[[Selection], Finding | None]


def name_of(obj: Manifest) -> str:
    """`namespace/name`."""
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def _not_accepted(seen: Selection) -> Finding | None:
    if seen.objects is not None:
        return None
    return Finding("Unknown", "SpecNotAccepted", "it is not known what should be selected")


def _nothing_made(seen: Selection) -> Finding | None:
    if seen.objects:
        return None
    return Finding("True", "NothingToSelect", "there is no object that would have to be selected")


def _cannot_look(seen: Selection) -> Finding | None:
    unknown = [
        what
        for what, found in (
            ("Prometheus objects", seen.facts.prometheuses),
            ("Alertmanager objects", seen.facts.alertmanagers),
            ("namespaces", seen.facts.namespaces),
        )
        if found is None
    ]
    if not unknown:
        return None
    return Finding(
        "Unknown",
        "CannotLook",
        f"{', '.join(unknown)} cannot be listed, so nobody knows whether anything selects what was made; "
        "give walletmon's ServiceAccount that right (the Helm chart's ClusterRole has it)",
    )


def _prometheus_missing(seen: Selection) -> Finding | None:
    if seen.prometheus_named is None or seen.prometheuses or not _watched(seen):
        return None
    return Finding(
        "False",
        "PrometheusMissing",
        f"there is no Prometheus {seen.prometheus_named}; create it, or correct the class",
        stalled=True,
    )


def _no_prometheus(seen: Selection) -> Finding | None:
    if seen.prometheuses or not _watched(seen):
        return None
    return Finding(
        "Unknown",
        "NoPrometheus",
        "the cluster has no Prometheus object; if nothing else reads ServiceMonitors and PrometheusRules, "
        "nothing is watched: create a Prometheus",
    )


def _not_selected(seen: Selection) -> Finding | None:
    for obj in _watched(seen) if seen.prometheuses else ():
        field = PROMETHEUS_FIELDS[obj["kind"]]
        if not any(_takes(each, field, obj, seen) for each in seen.prometheuses):
            return _left_out("NotSelected", obj, field, seen.prometheuses, "Prometheus", seen)
    return None


def _selected_apart(seen: Selection) -> Finding | None:
    watched = _watched(seen)
    if not watched or _watching(seen) is not None:
        return None
    return Finding(
        "Unknown",
        "SelectedApart",
        "no single Prometheus selects both the targets and the rules of this monitor; unless one of them gets the "
        "other's series, its rules find nothing: make one select both",
    )


def _paused(seen: Selection) -> Finding | None:
    for kind, each in (("Prometheus", _watching(seen)), ("Alertmanager", _telling(seen))):
        if each is not None and each["spec"].get("paused"):
            return Finding(
                "False",
                "Paused",
                f"{kind} {name_of(each)} is paused (spec.paused), so it takes up no change; take that back",
                stalled=True,
            )
    return None


def _label_enforced(seen: Selection) -> Finding | None:
    watching = _watching(seen)
    label = None if watching is None else watching["spec"].get("enforcedNamespaceLabel")
    if watching is None or label not in _OURS:
        return None
    return Finding(
        "False",
        "LabelEnforced",
        f"Prometheus {name_of(watching)} writes the namespace into the label {label} of every series "
        "(spec.enforcedNamespaceLabel), which walletmon needs for itself; enforce another label",
        stalled=True,
    )


def _limit_enforced(seen: Selection) -> Finding | None:
    watching = _watching(seen)
    if watching is None:
        return None
    for obj in _watched(seen):
        for enforced, own in _ENFORCED_LIMITS.items():
            bound, wanted = watching["spec"].get(enforced), obj["spec"].get(own)
            if bound and wanted and bound < wanted:
                return Finding(
                    "False",
                    "LimitEnforced",
                    f"{obj['kind']} {obj['metadata']['name']} is to have a {own} of {wanted}, and Prometheus "
                    f"{name_of(watching)} enforces {bound} (spec.{enforced}): a scrape between the two fails; "
                    "lower the target's limit, or raise the enforced one",
                    stalled=True,
                )
    return None


def _no_alerting(seen: Selection) -> Finding | None:
    watching = _watching(seen)
    if watching is None or not any(obj["kind"] == "PrometheusRule" for obj in seen.objects or ()):
        return None
    spec = watching["spec"]
    if (spec.get("alerting") or {}).get("alertmanagers") or spec.get("additionalAlertManagerConfigs"):
        return None
    return Finding(
        "False",
        "NoAlerting",
        f"Prometheus {name_of(watching)} sends alerts to no Alertmanager, so nobody is told of anything; "
        "set its spec.alerting",
        stalled=True,
    )


def _alertmanager_missing(seen: Selection) -> Finding | None:
    if seen.alertmanager_named is None or seen.alertmanagers or not (_told(seen) or seen.told_by_class):
        return None
    return Finding(
        "False",
        "AlertmanagerMissing",
        f"there is no Alertmanager {seen.alertmanager_named}; create it, or correct the class",
        stalled=True,
    )


def _no_alertmanager(seen: Selection) -> Finding | None:
    if seen.alertmanagers or not _told(seen):
        return None
    return Finding(
        "Unknown",
        "NoAlertmanager",
        "the cluster has no Alertmanager object; if nothing else reads AlertmanagerConfigs, nobody is told by them: "
        "create an Alertmanager",
    )


def _routing_not_selected(seen: Selection) -> Finding | None:
    field = ALERTMANAGER_FIELDS["AlertmanagerConfig"]
    for obj in _told(seen) if seen.alertmanagers else ():
        if not any(_takes(each, field, obj, seen) for each in seen.alertmanagers):
            return _left_out("RoutingNotSelected", obj, field, seen.alertmanagers, "Alertmanager", seen)
    return None


def _class_not_selected(seen: Selection) -> Finding | None:
    config = seen.told_by_class
    field = ALERTMANAGER_FIELDS["AlertmanagerConfig"]
    if config is None or any(_takes(each, field, config, seen) for each in seen.alertmanagers):
        return None
    return _left_out("ClassRoutingNotSelected", config, field, seen.alertmanagers, "Alertmanager", seen)


def _class_cannot_tell(seen: Selection) -> Finding | None:
    config = seen.told_by_class
    telling = _telling(seen)
    if config is None or telling is None or seen.namespace == config["metadata"]["namespace"]:
        return None
    strategy = matcher_strategy(telling)
    if strategy != ENFORCES:
        return None
    return Finding(
        "False",
        "MatcherStrategy",
        f"Alertmanager {name_of(telling)} has the matcher strategy {strategy}: the receivers of the class are told of "
        f"alerts in namespace {config['metadata']['namespace']} alone, and of none of this monitor's; set its "
        "spec.alertmanagerConfigMatcherStrategy.type to OnNamespaceExceptForAlertmanagerNamespace (or None), "
        "or give the monitor receivers of its own",
        stalled=True,
    )


def _cannot_silence_across(seen: Selection) -> Finding | None:
    telling = _telling(seen)
    if not seen.across or telling is None:
        return None
    strategy = matcher_strategy(telling)
    at_home = seen.namespace == telling["metadata"]["namespace"]
    if strategy == "None" or (at_home and strategy != ENFORCES):
        return None
    return Finding(
        "False",
        "MatcherStrategy",
        f"dependency {', '.join(seen.across)} is to silence across namespaces, and Alertmanager {name_of(telling)} "
        f"has the matcher strategy {strategy}, under which the alerts of other namespaces silence nothing here; set "
        "its spec.alertmanagerConfigMatcherStrategy.type to None, or put namespace into the dependency's scope",
        stalled=True,
    )


def _rejected(seen: Selection) -> Finding | None:
    if not seen.rejected:
        return None
    said = "; ".join(f"{name}: {sentence}" for name, sentence in seen.rejected)
    return Finding("False", "Rejected", f"prometheus-operator does not take {said}", stalled=True)


def _selected(seen: Selection) -> Finding:
    watching, telling = _watching(seen), _telling(seen)
    said = [
        f"{kind} {name_of(each)}"
        for kind, each in (("Prometheus", watching), ("Alertmanager", telling))
        if each is not None
    ]
    silences = [obj for obj in seen.objects or () if obj["kind"] == "AlertmanagerConfig" and obj not in _told(seen)]
    field = ALERTMANAGER_FIELDS["AlertmanagerConfig"]
    if any(not any(_takes(each, field, obj, seen) for each in seen.alertmanagers) for obj in silences):
        return Finding(
            "True",
            "SelectedWithoutSilences",
            f"{' and '.join(said) or 'nothing'} takes up what was made, but no Alertmanager selects the silences: "
            "an alert that says nothing new is told as well; have an Alertmanager select AlertmanagerConfig "
            f"{silences[0]['metadata']['name']}",
        )
    return Finding("True", "Selected", f"{' and '.join(said) or 'nothing'} takes up what was made")


SELECTED: tuple[Check, ...] = (
    _not_accepted,
    _nothing_made,
    _cannot_look,
    _prometheus_missing,
    _alertmanager_missing,
    _not_selected,
    _routing_not_selected,
    _class_not_selected,
    _rejected,
    _paused,
    _label_enforced,
    _limit_enforced,
    _no_alerting,
    _class_cannot_tell,
    _cannot_silence_across,
    _no_prometheus,
    _no_alertmanager,
    _selected_apart,
    _selected,
)
"""What is certainly wrong comes before what is not known."""


def judge(seen: Selection) -> Finding:
    """The finding for `Selected`."""
    return next(finding for check in SELECTED if (finding := check(seen)) is not None)


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


def _watched(seen: Selection) -> list[Manifest]:
    return [obj for obj in seen.objects or () if obj["kind"] in PROMETHEUS_FIELDS]


def _told(seen: Selection) -> list[Manifest]:
    return [obj for obj in seen.objects or () if obj["kind"] == "AlertmanagerConfig" and "route" in obj["spec"]]


def _takes(selecting: Manifest, field: str, obj: Manifest, seen: Selection) -> bool:
    metadata = obj["metadata"]
    return selected_by(selecting, field, metadata["namespace"], metadata["labels"], seen.facts)


def _watching(seen: Selection) -> Manifest | None:
    """The first Prometheus that selects all that it should."""
    watched = [(PROMETHEUS_FIELDS[obj["kind"]], obj) for obj in _watched(seen)]
    if not watched:
        return None
    return next(
        (each for each in seen.prometheuses if all(_takes(each, field, obj, seen) for field, obj in watched)), None
    )


def _telling(seen: Selection) -> Manifest | None:
    """The first Alertmanager that selects all that it should."""
    field = ALERTMANAGER_FIELDS["AlertmanagerConfig"]
    told = [*_told(seen), *([] if seen.told_by_class is None else [seen.told_by_class])]
    told = told or [obj for obj in seen.objects or () if obj["kind"] == "AlertmanagerConfig"]
    if not told:
        return None
    return next((each for each in seen.alertmanagers if all(_takes(each, field, obj, seen) for obj in told)), None)


def _left_out(
    reason: str, obj: Manifest, field: str, selecting: tuple[Manifest, ...], kind: str, seen: Selection
) -> Finding:
    said = "; ".join(f"{kind} {name_of(each)} {_why_not(each, field, obj, seen)}" for each in selecting[:3])
    more = f" (and {len(selecting) - 3} more)" if len(selecting) > 3 else ""
    return Finding(
        "False",
        reason,
        f"nothing selects {obj['kind']} {obj['metadata']['name']}: {said}{more}; set objectLabels in the class to "
        f"labels that it wants, or let it select these",
        stalled=True,
    )


def _why_not(selecting: Manifest, field: str, obj: Manifest, seen: Selection) -> str:
    return "; ".join(_reasons(selecting, field, obj, seen))


def _reasons(selecting: Manifest, field: str, obj: Manifest, seen: Selection) -> Iterator[str]:
    spec, namespace = selecting["spec"], obj["metadata"]["namespace"]
    selector = spec.get(f"{field}Selector")
    if selector is None:
        yield f"has no {field}Selector, and so selects none"
        return
    missing = unmet(selector, obj["metadata"]["labels"])
    if missing:
        yield f"wants the label {', '.join(map(say, missing))} ({field}Selector)"
    if looks_into(selecting, field, namespace, seen.facts):
        return
    namespaces = spec.get(f"{field}NamespaceSelector")
    if namespaces is None:
        yield f"looks into its own namespace alone (no {field}NamespaceSelector), not into {namespace}"
    else:
        wanted = unmet(namespaces, seen.facts.namespace_labels(namespace) or {})
        yield f"wants the label {', '.join(map(say, wanted))} on namespace {namespace} ({field}NamespaceSelector)"
