"""What the routes of a monitor and of a class have in common: one child route for each priority and receiver.

Every child says `continue`, so that a priority can have several receivers; what no child takes ends at `NOBODY`. Of a
route nothing is left out silently: a name that leads nowhere is said, and so is a priority that nobody is left for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.routing import Timings
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.matchers import matcher
from walletmon.compiler.mute_intervals import MuteIntervals, always_muted
from walletmon.compiler.receivers import Receivers

API_VERSION = "monitoring.coreos.com/v1alpha1"
KIND = "AlertmanagerConfig"

NOBODY = "_nobody"
"""Receiver without means. No receiver of ours can be called so: the underscore is not in DNS labels."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told of one priority, and when."""

    priority: str
    path: str
    """Where in the document this is said."""

    receivers: Sequence[str]
    timings: dict[str, str]
    mute_time_intervals: Sequence[str] = ()


@dataclass(slots=True)
class Routes:
    """Child routes, and what is wrong with what they were made from."""

    children: list[Manifest] = field(default_factory=list)
    used_intervals: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def priority_routes(told: Iterator[Told], receivers: Receivers, intervals: MuteIntervals, whose: str) -> Routes:
    """The child routes for `told`; `whose` is "monitor" or "class", for messages."""
    found = Routes()
    for each in told:
        found.diagnostics += _unknown(each, "receiver", each.receivers, receivers.named, whose)
        found.diagnostics += _unknown(each, "mute interval", each.mute_time_intervals, intervals.named, whose)
        reached = [name for name in each.receivers if name in receivers.working]
        muted = [name for name in each.mute_time_intervals if name in intervals.usable]
        if each.receivers and not reached:
            found.diagnostics.append(told_to_nobody(f"{each.path}.receivers", each.priority, each.receivers))
        if intervals.always_muted(muted):
            found.diagnostics.append(always_muted(f"{each.path}.muteTimeIntervals", muted))
        found.used_intervals += muted
        for name in reached:
            child = {"receiver": name, "matchers": [matcher("priority", "=", each.priority)], "continue": True}
            found.children.append({**child, **each.timings, **({"muteTimeIntervals": muted} if muted else {})})
    return found


def told_to_nobody(path: str, what: str, names: Sequence[str]) -> Diagnostic:
    """The finding that nobody is left to tell of `what`."""
    none = f"{names[0]} cannot" if len(names) == 1 else f"none of {', '.join(names)} can"
    return Diagnostic(
        Code.TOLD_TO_NOBODY,
        path,
        f"{none} be told, so nobody is told of {what} alerts",
        "put right what is said of these receivers, or name others",
    )


def timings_of(timings: Timings) -> dict[str, str]:
    """The timings that are given, as a route has them."""
    fields = {
        "groupWait": timings.group_wait,
        "groupInterval": timings.group_interval,
        "repeatInterval": timings.repeat_interval,
    }
    return {name: value for name, value in fields.items() if value is not None}


def configuration(route: Manifest, receivers: Receivers, intervals: MuteIntervals, routes: Routes) -> dict[str, Any]:
    """The spec of an AlertmanagerConfig whose top route is `route`, with the children of `routes`."""
    spec: dict[str, Any] = {"route": {**route, **({"routes": routes.children} if routes.children else {})}}
    spec["receivers"] = list(receivers.working.values())
    if route["receiver"] == NOBODY:
        spec["receivers"].append({"name": NOBODY})
    used = [interval for name, interval in intervals.usable.items() if name in routes.used_intervals]
    if used:
        spec["muteTimeIntervals"] = used
    return spec


def _unknown(told: Told, kind: str, names: Sequence[str], known: frozenset[str], whose: str) -> Iterator[Diagnostic]:
    """Names that lead nowhere (the CRD refuses these too, but not every document comes through an apiserver)."""
    is_receiver = kind == "receiver"
    for index, name in enumerate(names):
        if name not in known:
            yield Diagnostic(
                Code.UNKNOWN_RECEIVER if is_receiver else Code.UNKNOWN_MUTE_INTERVAL,
                f"{told.path}.{'receivers' if is_receiver else 'muteTimeIntervals'}[{index}]",
                f"there is no {kind} {name!r} in this {whose}",
                f"name one of: {', '.join(sorted(known))}" if known else f"define a {kind} of that name",
            )
