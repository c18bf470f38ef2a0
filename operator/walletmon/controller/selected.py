"""Whether a Prometheus and an Alertmanager really take up what was made: the condition `Selected`.

An object that nobody selects looks right and does nothing; it is the question most asked of every operator that makes
rules. Besides selectors, some fields change what Prometheus and Alertmanager do with what they select: the matcher
strategy, enforced labels and limits.

Where nothing can be known the answer is Unknown: objects may also be read by something that is no Prometheus object
(an agent, VictoriaMetrics' operator).
"""

from __future__ import annotations

from collections.abc import Callable

from walletmon.compiler.bundle import Manifest
from walletmon.controller.findings import Finding
from walletmon.controller.selection import ENFORCES, Selection, matcher_strategy, name_of

_OURS = ("wallet", "instance", "walletmon", "target", "role", "environment", "cluster", "wallet_type", "chain_id")
"""Labels without which rules, routes and silences of a monitor find nothing."""

_ENFORCED_LIMITS = {"enforcedSampleLimit": "sampleLimit", "enforcedLabelLimit": "labelLimit"}

Check = Callable[[Selection], Finding | None]


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
    if seen.prometheus_named is None or seen.prometheuses or not seen.watched:
        return None
    return Finding(
        "False",
        "PrometheusMissing",
        f"there is no Prometheus {seen.prometheus_named}; create it, or correct the class",
        stalled=True,
    )


def _no_prometheus(seen: Selection) -> Finding | None:
    if seen.prometheuses or not seen.watched:
        return None
    return Finding(
        "Unknown",
        "NoPrometheus",
        "the cluster has no Prometheus object; if nothing else reads ServiceMonitors and PrometheusRules, "
        "nothing is watched: create a Prometheus",
    )


def _not_selected(seen: Selection) -> Finding | None:
    for obj in seen.watched if seen.prometheuses else ():
        if not any(seen.takes(each, obj) for each in seen.prometheuses):
            return _left_out("NotSelected", obj, seen.prometheuses, "Prometheus", seen)
    return None


def _selected_apart(seen: Selection) -> Finding | None:
    watched = seen.watched
    if not watched or seen.watching is not None:
        return None
    return Finding(
        "Unknown",
        "SelectedApart",
        "no single Prometheus selects both the targets and the rules of this monitor; unless one of them gets the "
        "other's series, its rules find nothing: make one select both",
    )


def _paused(seen: Selection) -> Finding | None:
    for kind, each in (("Prometheus", seen.watching), ("Alertmanager", seen.telling)):
        if each is not None and each["spec"].get("paused"):
            return Finding(
                "False",
                "Paused",
                f"{kind} {name_of(each)} is paused (spec.paused), so it takes up no change; take that back",
                stalled=True,
            )
    return None


def _label_enforced(seen: Selection) -> Finding | None:
    watching = seen.watching
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
    watching = seen.watching
    if watching is None:
        return None
    for obj in seen.watched:
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


def _raising(seen: Selection) -> Manifest | None:
    """The Prometheus that raises the alerts, if there are any to raise."""
    return seen.watching if any(obj["kind"] == "PrometheusRule" for obj in seen.objects or ()) else None


def _no_alerting(seen: Selection) -> Finding | None:
    watching = _raising(seen)
    if watching is None:
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


def _alerts_go_elsewhere(seen: Selection) -> Finding | None:
    watching, tellers = _raising(seen), seen.tellers
    if watching is None or not tellers or not (seen.told or seen.told_by_class):
        return None
    spec, home = watching["spec"], watching["metadata"]["namespace"]
    reached = {each.get("namespace") or home for each in (spec.get("alerting") or {}).get("alertmanagers") or ()}
    if spec.get("additionalAlertManagerConfigs") or reached & {each["metadata"]["namespace"] for each in tellers}:
        return None
    return Finding(
        "False",
        "AlertsGoElsewhere",
        f"Prometheus {name_of(watching)} sends alerts to Alertmanagers in namespace {', '.join(sorted(reached))}, and "
        f"the receivers are those of Alertmanager {name_of(tellers[0])}; set its spec.alerting to that, "
        "or let an Alertmanager there select the AlertmanagerConfig",
        stalled=True,
    )


def _alertmanager_missing(seen: Selection) -> Finding | None:
    if seen.alertmanager_named is None or seen.alertmanagers or not (seen.told or seen.told_by_class):
        return None
    return Finding(
        "False",
        "AlertmanagerMissing",
        f"there is no Alertmanager {seen.alertmanager_named}; create it, or correct the class",
        stalled=True,
    )


def _no_alertmanager(seen: Selection) -> Finding | None:
    if seen.alertmanagers or not seen.told:
        return None
    return Finding(
        "Unknown",
        "NoAlertmanager",
        "the cluster has no Alertmanager object; if nothing else reads AlertmanagerConfigs, nobody is told by them: "
        "create an Alertmanager",
    )


def _routing_not_selected(seen: Selection) -> Finding | None:
    for obj in seen.told if seen.alertmanagers else ():
        if not any(seen.takes(each, obj) for each in seen.alertmanagers):
            return _left_out("RoutingNotSelected", obj, seen.alertmanagers, "Alertmanager", seen)
    return None


def _class_not_selected(seen: Selection) -> Finding | None:
    config = seen.told_by_class
    if config is None or any(seen.takes(each, config) for each in seen.alertmanagers):
        return None
    return _left_out("ClassRoutingNotSelected", config, seen.alertmanagers, "Alertmanager", seen)


def _class_cannot_tell(seen: Selection) -> Finding | None:
    config = seen.told_by_class
    telling = seen.telling
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
    telling = seen.telling
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
    watching, telling = seen.watching, seen.telling
    said = [
        f"{kind} {name_of(each)}"
        for kind, each in (("Prometheus", watching), ("Alertmanager", telling))
        if each is not None
    ]
    silences = seen.silences
    if any(not any(seen.takes(each, obj) for each in seen.alertmanagers) for obj in silences):
        return Finding(
            "True",
            "SelectedWithoutSilences",
            f"{_take_up(said)}, but no Alertmanager selects the silences: "
            "an alert that says nothing new is told as well; have an Alertmanager select AlertmanagerConfig "
            f"{silences[0]['metadata']['name']}",
        )
    return Finding("True", "Selected", _take_up(said))


def _take_up(said: list[str]) -> str:
    if not said:
        return "there is nothing that somebody would have to take up"
    return f"{said[0]} takes up what was made" if len(said) == 1 else f"{' and '.join(said)} take up what was made"


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
    _alerts_go_elsewhere,
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


def _left_out(reason: str, obj: Manifest, selecting: tuple[Manifest, ...], kind: str, seen: Selection) -> Finding:
    said = "; ".join(f"{kind} {name_of(each)} {seen.why_not(each, obj)}" for each in selecting[:3])
    more = f" (and {len(selecting) - 3} more)" if len(selecting) > 3 else ""
    return Finding(
        "False",
        reason,
        f"nothing selects {obj['kind']} {obj['metadata']['name']}: {said}{more}; set objectLabels in the class to "
        f"labels that it wants, or let it select these",
        stalled=True,
    )
