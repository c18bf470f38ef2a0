"""The class's receivers and routes, as one AlertmanagerConfig in the Alertmanager's namespace.

One object, so that no Secret is ever copied to where wallets live. It takes the alerts that carry the class's name,
from whatever namespace: under the matcher strategy `OnNamespace` prometheus-operator narrows that to the Alertmanager's
own namespace, and whoever wants all of them needs one of the two others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from walletmon.api.alerting import Priority
from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor_class import MonitorClass, PriorityPolicy, WalletMonitorClass
from walletmon.api.receivers import Means
from walletmon.compiler.alert_labels import CLASS_ALERT_LABEL, policies
from walletmon.compiler.bundle import Part
from walletmon.compiler.discovery import alertmanagers_for, labels_for_selection
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.matchers import matcher
from walletmon.compiler.mute_intervals import compiled_intervals, idle_intervals
from walletmon.compiler.objects import CLASS_LABEL, MANAGED_BY, MANAGED_BY_LABEL, class_child
from walletmon.compiler.receivers import Receivers, compiled_receivers
from walletmon.compiler.routes import API_VERSION, KIND, NOBODY, Told, configuration, priority_routes, timings_of

DEFAULT_MEANS: Mapping[Priority, frozenset[Means]] = {
    # Somebody has to get up: a chat that people are paged by, and what calls a phone.
    Priority.P0: frozenset({Means.WECOM, Means.WECOM_ROBOT, Means.PAGERDUTY, Means.OPSGENIE}),
    # Somebody has to look within the hour: a chat that is read at work, and mail for whoever is not there.
    Priority.P1: frozenset({Means.DINGTALK, Means.EMAIL}),
    # Somebody has to look within the day.
    Priority.P2: frozenset({Means.SLACK, Means.EMAIL}),
}
"""By which means a priority is told where the class names no receivers for it."""

DEFAULT_TIMINGS: Mapping[Priority, Mapping[str, str]] = {
    # Ten seconds are enough for the alerts of one outage to come together (rules are evaluated at the same time, and
    # inhibition needs the cause to be there first), and few enough to be up at once. Once an hour until somebody acts.
    Priority.P0: {"groupWait": "10s", "groupInterval": "1m", "repeatInterval": "1h"},
    # Alertmanager's own defaults: there is an hour to act in.
    Priority.P1: {"groupWait": "30s", "groupInterval": "5m", "repeatInterval": "4h"},
    # One message a day; what comes up meanwhile is worth one more every ten minutes at most.
    Priority.P2: {"groupWait": "1m", "groupInterval": "10m", "repeatInterval": "1d"},
}
"""When a priority is told where the class gives no figures of its own."""


def class_routing_objects(resource: WalletMonitorClass, class_: MonitorClass, facts: ClusterFacts) -> Part:
    """The AlertmanagerConfig `walletmon.<class>`, or nothing if the class tells nobody."""
    spec = class_.spec
    if not spec.receivers:
        return Part()
    if spec.alertmanager is None:
        problem = Diagnostic(
            Code.INVALID_FIELD,
            "spec.receivers",
            "receivers need alertmanager: it says in which namespace their Secrets are",
            "set spec.alertmanager.namespace",
        )
        return Part(diagnostics=[problem])
    namespace, name = spec.alertmanager.namespace, resource.metadata.name
    said = spec.mute_time_intervals or []
    receivers = compiled_receivers(spec.receivers, "spec.receivers", namespace, class_.hub_url, facts)
    intervals = compiled_intervals(said, "spec.muteTimeIntervals", facts.year)
    routes = priority_routes(_told(class_, receivers), receivers, intervals, "class")
    top = {
        "receiver": NOBODY,
        "groupBy": spec.group_by or ["alertname", "namespace", "wallet"],
        # The second matcher keeps out what only looks like ours: an alert without a monitor has no owner to tell of.
        "matchers": [matcher(CLASS_ALERT_LABEL, "=", name), matcher("walletmon", "!=", "")],
    }
    named = {each for policy in policies(class_).values() for each in policy.mute_time_intervals or ()}
    part = Part(
        diagnostics=[
            *receivers.diagnostics,
            *intervals.diagnostics,
            *routes.diagnostics,
            *idle_intervals(said, "spec.muteTimeIntervals", named),
        ]
    )
    content = {"spec": configuration(top, receivers, intervals, routes)}
    labels = _labels(resource, class_, namespace, facts)
    part.objects.append(
        class_child(API_VERSION, KIND, namespace, f"walletmon.{name}", resource, content, labels=labels)
    )
    return part


def _labels(resource: WalletMonitorClass, class_: MonitorClass, namespace: str, facts: ClusterFacts) -> dict[str, str]:
    """The labels by which the Alertmanager selects the object."""
    if class_.object_labels:
        return dict(class_.object_labels)
    ours = {MANAGED_BY_LABEL: MANAGED_BY, CLASS_LABEL: resource.metadata.name}
    return labels_for_selection(namespace, ours, (), alertmanagers_for(class_, facts), facts).get(KIND, {})


def _told(class_: MonitorClass, receivers: Receivers) -> Iterator[Told]:
    said = policies(class_)
    for priority in Priority:
        policy = said.get(priority, PriorityPolicy())
        names = _default_receivers(priority, receivers) if policy.receivers is None else policy.receivers
        timings = {**DEFAULT_TIMINGS[priority], **timings_of(policy)}
        muted = policy.mute_time_intervals or ()
        yield Told(priority.value, f"spec.priorities.{priority.value}", names, timings, muted)


def _default_receivers(priority: Priority, receivers: Receivers) -> list[str]:
    """Who is told if the class does not say who: those with the means for it, and everybody if there is none.

    Only those who can be told count. A page that comes by mail is better than one that does not come.
    """
    fitting = [name for name, means in receivers.means.items() if means in DEFAULT_MEANS[priority]]
    return fitting or list(receivers.means) or sorted(receivers.named)
