"""`compile`: from a monitor to everything it should have, without I/O, the same bytes each time.

This one function stands behind the controller, `walletmon render`, admission and the tests. What it decides depends
on its arguments alone; lists come out in the order of the document, and names are built so that no two monitors can
want the same object: `<monitor>.<target>`, both DNS labels, in the monitor's own namespace.

A finding never raises: it is a Diagnostic in the Bundle. One bad rule, pack or target is left out and the rest is
built; only a document that cannot be understood as a whole gives no objects at all.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import DEFAULT_CLASS_ANNOTATION, MonitorClass
from walletmon.compiler.bundle import Bundle, Manifest, Part
from walletmon.compiler.dashboards import dashboard_objects
from walletmon.compiler.discovery import discovered_labels
from walletmon.compiler.environment import surroundings
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.labels import instance_of
from walletmon.compiler.objects import ENVIRONMENT_LABEL
from walletmon.compiler.routing import routing_objects
from walletmon.compiler.rules import rule_objects
from walletmon.compiler.scraping import scraping_objects

MAX_OBJECT_BYTES = 1_000_000
"""Most that one object may weigh as JSON. etcd takes requests of 1.5 MiB, which hold managedFields as well."""


def compile(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Bundle:
    """Everything that follows from `monitor` under the decisions of `class_`, in a cluster of which `facts` are known
    (none: one that adds nothing)."""
    known = ClusterFacts() if facts is None else facts
    contradictions = _duplicate_instances(monitor)
    if contradictions:
        return Bundle.rejected(contradictions)
    where = surroundings(monitor, class_, known)
    class_ = replace(class_, discovered_labels=discovered_labels(monitor, class_, known))
    total = Part(diagnostics=[*where.diagnostics, *_ambiguous_default(monitor, known)])
    for part in (scraping_objects, rule_objects, routing_objects, dashboard_objects):
        total += part(monitor, class_, known)
    if where.name is not None:
        # By these a Prometheus that is made for the environment selects what is its own.
        for obj in total.objects:
            obj["metadata"]["labels"][ENVIRONMENT_LABEL] = where.name
    too_large = _too_large(total.objects)
    if too_large:
        # Without the object its wallets would go unwatched; what the last accepted spec made is better than that.
        return Bundle.rejected([*too_large, *total.diagnostics])
    return Bundle(tuple(total.objects), tuple(total.diagnostics))


def _ambiguous_default(monitor: WalletMonitor, facts: ClusterFacts) -> list[Diagnostic]:
    if monitor.spec.class_name is not None or len(facts.ambiguous_default) < 2:
        return []
    first, *others = facts.ambiguous_default
    return [
        Diagnostic(
            Code.AMBIGUOUS_CLASS,
            "spec.className",
            f"{', '.join(others)} and {first} are marked as default class; {first} counts, as the oldest",
            f"set spec.className, or take the annotation {DEFAULT_CLASS_ANNOTATION} off all but one",
            Severity.WARNING,
        )
    ]


def _too_large(objects: list[Manifest]) -> list[Diagnostic]:
    sizes = ((obj, len(json.dumps(obj, ensure_ascii=False).encode())) for obj in objects)
    return [
        Diagnostic(
            Code.TOO_LARGE,
            "spec",
            f"{obj['kind']} {obj['metadata']['name']} would have {size} bytes; {MAX_OBJECT_BYTES} are the limit",
            "split the monitor in two, or let its wallets share labels",
        )
        for obj, size in sizes
        if size > MAX_OBJECT_BYTES
    ]


def _duplicate_instances(monitor: WalletMonitor) -> list[Diagnostic]:
    instances = [instance_of(wallet) for wallet in monitor.spec.wallets]
    counts = Counter(instances)
    return [
        Diagnostic(
            Code.DUPLICATE_INSTANCE,
            f"spec.wallets[{index}].instance",
            f"{instance!r} is the instance of {counts[instance]} wallets, whose series could not be told apart",
            "give each wallet its own instance, or leave it out to use the wallet's name",
        )
        for index, instance in enumerate(instances)
        if counts[instance] > 1
    ]
