"""The monitor's own routing, and what its alerts silence, to one AlertmanagerConfig.

The route asks for the monitor and for its namespace, so it is right under each matcher strategy of the Alertmanager.
prometheus-operator sets `continue: true` on it, so that the cluster's other routes see the alert as well; and an
AlertmanagerConfig without a route, as a monitor has that only silences, takes no part in routing at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.routing import Route, Routing
from walletmon.compiler.bundle import Part
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.inhibition import inhibition
from walletmon.compiler.matchers import matcher
from walletmon.compiler.mute_intervals import compiled_intervals, idle_intervals
from walletmon.compiler.objects import child
from walletmon.compiler.receivers import Receivers, compiled_receivers
from walletmon.compiler.routes import (
    API_VERSION,
    KIND,
    NOBODY,
    Routes,
    Told,
    configuration,
    priority_routes,
    timings_of,
    told_to_nobody,
)

_PATH = "spec.routing"


def routing_objects(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Part:
    """One AlertmanagerConfig, or nothing if the monitor neither routes by itself nor has anything to silence."""
    known = ClusterFacts() if facts is None else facts
    part = Part()
    spec: dict[str, Any] = {}
    if monitor.spec.routing is not None:
        spec, part.diagnostics = _routed(monitor, monitor.spec.routing, class_, known)
    silences = inhibition(monitor, known)
    part.diagnostics += silences.diagnostics
    if silences.rules:
        spec["inhibitRules"] = silences.rules
    if spec:
        part.objects.append(child(API_VERSION, KIND, monitor.metadata.name, monitor, class_, {"spec": spec}))
    return part


def _routed(
    monitor: WalletMonitor, routing: Routing, class_: MonitorClass, facts: ClusterFacts
) -> tuple[dict[str, Any], list[Any]]:
    name, namespace = monitor.metadata.name, monitor.metadata.namespace
    receivers = compiled_receivers(routing.receivers, f"{_PATH}.receivers", namespace, class_.hub_url, facts)
    said = routing.mute_time_intervals or []
    intervals = compiled_intervals(said, f"{_PATH}.muteTimeIntervals", facts.year)
    if any(True for _ in _prioritised(routing)):
        # A route must end somewhere: alerts of a priority without a route of its own are sent to nobody by this object.
        first, routes = NOBODY, priority_routes(_told(routing), receivers, intervals, "monitor")
    else:
        first, routes = _everybody(routing, receivers)
    top = {
        "receiver": first,
        "groupBy": routing.group_by or ["alertname", "wallet"],
        "matchers": [matcher("walletmon", "=", name), matcher("namespace", "=", namespace)],
    }
    named = {each for _, route in _prioritised(routing) for each in route.mute_time_intervals or ()}
    idle = idle_intervals(said, f"{_PATH}.muteTimeIntervals", named)
    diagnostics = [*receivers.diagnostics, *intervals.diagnostics, *routes.diagnostics, *idle]
    return configuration(top, receivers, intervals, routes), diagnostics


def _everybody(routing: Routing, receivers: Receivers) -> tuple[str, Routes]:
    """The first receiver, and the routes by which all get every alert: a route itself ends at one receiver only."""
    names = list(receivers.working)
    if not names:
        defined = [receiver.name for receiver in routing.receivers]
        return NOBODY, Routes(diagnostics=[told_to_nobody(f"{_PATH}.receivers", "the monitor's", defined)])
    children = [{"receiver": name, "continue": True} for name in names] if len(names) > 1 else []
    return names[0], Routes(children)


def _prioritised(routing: Routing) -> Iterator[tuple[str, Route]]:
    for priority, route in (("P0", routing.p0), ("P1", routing.p1), ("P2", routing.p2)):
        if route is not None:
            yield priority, route


def _told(routing: Routing) -> Iterator[Told]:
    for priority, route in _prioritised(routing):
        muted = route.mute_time_intervals or ()
        yield Told(priority, f"{_PATH}.{priority}", route.receivers, timings_of(route), muted)
