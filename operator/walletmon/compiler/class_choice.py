"""Which class is in force for a monitor: the one it names, else that which is marked as default, else the built-in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import CLASS_KIND, MonitorClass, WalletMonitorClass, in_force

_NEVER = "~"
"""After every time of creation (RFC 3339 in UTC, so that texts are in order of time)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The class in force for one monitor."""

    class_: MonitorClass | None
    """Its decisions; None if the monitor names a class that does not exist: then nobody knows what is allowed."""

    resource: WalletMonitorClass | None = None
    """The class itself; None for the built-in one."""

    problem: Diagnostic | None = None
    """Why there is none."""


def choose(monitor: WalletMonitor, classes: Iterable[WalletMonitorClass], built_in: MonitorClass) -> Choice:
    """The class of `classes` that is in force for `monitor`; `built_in` is what holds where it says nothing."""
    by_name = {each.metadata.name: each for each in classes}
    named = monitor.spec.class_name
    if named is None:
        defaults = default_names(by_name.values())
        if not defaults:
            return Choice(built_in)
        named = defaults[0]
    found = by_name.get(named)
    if found is None:
        return Choice(None, problem=_unknown(named, sorted(by_name)))
    return Choice(in_force(found, built_in), found)


def default_names(classes: Iterable[WalletMonitorClass]) -> tuple[str, ...]:
    """Names of the classes that are marked as default, the oldest first: that one counts.

    Of several that are equally old the first by name; one that says nothing of its age counts as the youngest.
    """
    marked = [each.metadata for each in classes if each.is_default]
    in_order = sorted(marked, key=lambda each: (each.creation_timestamp or _NEVER, each.name))
    return tuple(each.name for each in in_order)


def _unknown(name: str, known: list[str]) -> Diagnostic:
    near = get_close_matches(name, known, 1, 0.6)
    cure = f"did you mean {near[0]}?" if near else f"create the {CLASS_KIND}, or name another"
    there = "" if near or not known else f"; there are: {', '.join(known)}"
    return Diagnostic(Code.UNKNOWN_CLASS, "spec.className", f"there is no {CLASS_KIND} {name!r}", cure + there)
