"""`compile_class`: from a class to the objects that are its own: routes, Prometheus servers, federation.

As with monitors: pure, the same bytes each time, and a finding never raises. What a class decides about each monitor's
objects is not here: `compile` reads it from the `MonitorClass` that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor_class import DEFAULT_CLASS_ANNOTATION, MonitorClass, WalletMonitorClass, in_force
from walletmon.compiler.bundle import Bundle, Part
from walletmon.compiler.class_routing import class_routing_objects
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.federation import federation_objects
from walletmon.compiler.prometheus import prometheus_objects
from walletmon.compiler.selectors import selects


def compile_class(
    resource: WalletMonitorClass, built_in: MonitorClass | None = None, facts: ClusterFacts | None = None
) -> Bundle:
    """Everything that is made for `resource` itself; `built_in` is what holds where it says nothing."""
    known = ClusterFacts() if facts is None else facts
    class_ = in_force(resource, MonitorClass() if built_in is None else built_in)
    total = Part(diagnostics=[*_ambiguous_default(resource, known), *_idle_environments(resource, known)])
    for part in (class_routing_objects, prometheus_objects, federation_objects):
        total += part(resource, class_, known)
    return Bundle(tuple(total.objects), tuple(total.diagnostics))


def _ambiguous_default(resource: WalletMonitorClass, facts: ClusterFacts) -> Iterator[Diagnostic]:
    if resource.is_default and len(facts.ambiguous_default) > 1:
        first = facts.ambiguous_default[0]
        yield Diagnostic(
            Code.AMBIGUOUS_CLASS,
            "metadata.annotations",
            f"{', '.join(facts.ambiguous_default)} are all marked as default; {first} counts, as the oldest",
            f"take the annotation {DEFAULT_CLASS_ANNOTATION} off all but one",
            Severity.WARNING,
        )


def _idle_environments(resource: WalletMonitorClass, facts: ClusterFacts) -> Iterator[Diagnostic]:
    if facts.namespaces is None:
        return
    for index, environment in enumerate(resource.spec.environments or ()):
        selector = environment.namespace_selector
        if selector is not None and not any(selects(selector, labels) for labels in facts.namespaces.values()):
            yield Diagnostic(
                Code.IDLE_ENVIRONMENT,
                f"spec.environments[{index}].namespaceSelector",
                f"no namespace has the labels that environment {environment.name} selects",
                "label the namespaces that are meant, or correct the selector",
                Severity.WARNING,
            )
