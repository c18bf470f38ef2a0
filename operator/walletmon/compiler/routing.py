"""The monitor's own routing to one AlertmanagerConfig.

The route matches `walletmon="<monitor>"`; prometheus-operator adds `namespace="<namespace>"` by itself (matcher
strategy OnNamespace), and `continue: true`, so that the cluster's other routes see the alert as well.
"""

from __future__ import annotations

from typing import Any

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.receivers import Receiver
from walletmon.api.routing import MuteInterval, Route, Routing
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.inhibition import inhibit_rules
from walletmon.compiler.objects import child
from walletmon.compiler.thresholds import used_packs

_NOBODY = "_nobody"
"""Receiver without means. No receiver of a monitor can be called so: the underscore is not in DNS labels."""


def routing_objects(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Part:
    """One AlertmanagerConfig, or nothing if the monitor does not route by itself."""
    routing = monitor.spec.routing
    if routing is None:
        return Part()
    problems = _unknown_names(routing)
    if problems:
        return Part(diagnostics=problems)
    spec: dict[str, Any] = {
        "route": _route_tree(monitor.metadata.name, routing),
        "receivers": [_receiver(receiver) for receiver in routing.receivers],
    }
    if _prioritised(routing):
        # A route must end somewhere: alerts of a priority without a route of its own are sent to nobody by this object.
        spec["receivers"].append({"name": _NOBODY})
    used = used_packs(monitor, (facts or ClusterFacts()).catalogue)
    if inhibited := inhibit_rules(monitor.metadata.name, used):
        spec["inhibitRules"] = inhibited
    if routing.mute_time_intervals:
        spec["muteTimeIntervals"] = [_mute_interval(interval) for interval in routing.mute_time_intervals]
    config = child(
        "monitoring.coreos.com/v1alpha1",
        "AlertmanagerConfig",
        monitor.metadata.name,
        monitor,
        class_,
        {"spec": spec},
    )
    return Part([config])


def _prioritised(routing: Routing) -> list[tuple[str, Route]]:
    routes = (("P0", routing.p0), ("P1", routing.p1), ("P2", routing.p2))
    return [(priority, route) for priority, route in routes if route is not None]


def _route_tree(monitor: str, routing: Routing) -> dict[str, Any]:
    prioritised = _prioritised(routing)
    everybody = [receiver.name for receiver in routing.receivers]
    if prioritised:
        first = _NOBODY
        children = [
            _leaf(receiver, route, [_equals("priority", priority)])
            for priority, route in prioritised
            for receiver in route.receivers
        ]
    else:
        # The route itself ends at its first receiver only, so several receivers need a child route each.
        first = everybody[0]
        children = [{"receiver": name, "continue": True} for name in everybody] if len(everybody) > 1 else []
    tree: dict[str, Any] = {
        "receiver": first,
        "groupBy": routing.group_by or ["alertname", "wallet"],
        "matchers": [_equals("walletmon", monitor)],
    }
    if children:
        tree["routes"] = children
    return tree


def _leaf(receiver: str, route: Route, matchers: list[dict[str, str]]) -> dict[str, Any]:
    leaf: dict[str, Any] = {"receiver": receiver, "matchers": matchers, "continue": True}
    timings = {
        "groupWait": route.group_wait,
        "groupInterval": route.group_interval,
        "repeatInterval": route.repeat_interval,
        "muteTimeIntervals": route.mute_time_intervals,
    }
    leaf.update({name: value for name, value in timings.items() if value})
    return leaf


def _equals(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value, "matchType": "="}


def _receiver(receiver: Receiver) -> dict[str, Any]:
    webhook = receiver.webhook
    config: dict[str, Any] = {
        "urlSecret": {"name": webhook.url_secret.name, "key": webhook.url_secret.key},
        "sendResolved": webhook.send_resolved,
    }
    if webhook.max_alerts is not None:
        config["maxAlerts"] = webhook.max_alerts
    return {"name": receiver.name, "webhookConfigs": [config]}


def _mute_interval(interval: MuteInterval) -> dict[str, Any]:
    within: dict[str, Any] = {}
    if interval.times:
        within["times"] = [{"startTime": time.from_, "endTime": time.to} for time in interval.times]
    if interval.weekdays:
        within["weekdays"] = [day.value for day in interval.weekdays]
    return {"name": interval.name, "timeIntervals": [within]}


def _unknown_names(routing: Routing) -> list[Diagnostic]:
    """References to receivers and mute intervals that are not there (the CRD refuses these too)."""
    receivers = {receiver.name for receiver in routing.receivers}
    intervals = {interval.name for interval in routing.mute_time_intervals or ()}
    found: list[Diagnostic] = []
    for priority, route in _prioritised(routing):
        for kind, field, names, known in (
            ("receiver", "receivers", route.receivers, receivers),
            ("mute interval", "muteTimeIntervals", route.mute_time_intervals or (), intervals),
        ):
            found += [
                Diagnostic(
                    Code.UNKNOWN_RECEIVER if kind == "receiver" else Code.UNKNOWN_MUTE_INTERVAL,
                    f"spec.routing.{priority}.{field}[{index}]",
                    f"there is no {kind} {name!r} in this monitor",
                    f"name one of: {', '.join(sorted(known))}" if known else f"define a {kind} of that name",
                )
                for index, name in enumerate(names)
                if name not in known
            ]
    return found
