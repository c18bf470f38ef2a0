"""Prometheus objects for the environments that have one made.

Each selects by class and environment what is its own, wherever that is; what it may discover is for its ServiceAccount
to say. prometheus-operator refuses an object as a whole for one Secret that is not there, one wrong step of relabeling
in a scrape class, or a second default scrape class (its `getScrapeClassConfig`, `AddRemoteWritesToStore`): the old
configuration stays, or there is none at all. So what has such a fault is left out and told, and the rest is made.
"""

from __future__ import annotations

import re
from typing import Any

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.environments import Environment, ManagedPrometheus, ScrapeClass, Storage
from walletmon.api.governance import Governance
from walletmon.api.monitor_class import MonitorClass, WalletMonitorClass
from walletmon.compiler.bundle import Part
from walletmon.compiler.credentials import missing_secrets, tls_fields
from walletmon.compiler.discovery import PROMETHEUS_FIELDS, alertmanagers_for, managed_name, managed_name_problem
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.objects import CLASS_LABEL, ENVIRONMENT_LABEL, class_child
from walletmon.compiler.remote_write import (
    Entry,
    relabeling_entries,
    relabeling_problems,
    remote_write_entries,
)
from walletmon.compiler.retention import retention_diagnostics

EVALUATION_INTERVAL = "30s"
"""For rules that say none themselves; those of monitors do."""

# As kube-prometheus has it, and what the Pod Security Standard `restricted` asks for besides. The containers' own
# restrictions are prometheus-operator's.
_SECURITY: Entry = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 2000,
    "fsGroup": 2000,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def prometheus_objects(resource: WalletMonitorClass, class_: MonitorClass, facts: ClusterFacts) -> Part:
    """A Prometheus `<class>-<environment>` for each environment that says `prometheus`; and, as a finding, each
    environment whose series nothing keeps as it wants them kept."""
    part = Part()
    for index, environment in enumerate(resource.spec.environments or ()):
        if environment.prometheus is not None:
            path = f"spec.environments[{index}]"
            part += _prometheus(resource, class_, environment, environment.prometheus, path, facts)
    # What is left out above is told already.
    told = {each.message for each in part.diagnostics}
    part.diagnostics += [each for each in retention_diagnostics(resource, facts) if each.message not in told]
    return part


def _prometheus(
    resource: WalletMonitorClass,
    class_: MonitorClass,
    environment: Environment,
    managed: ManagedPrometheus,
    path: str,
    facts: ClusterFacts,
) -> Part:
    class_name = resource.metadata.name
    unnamed = managed_name_problem(class_name, environment.name)
    if unnamed is not None:
        return Part(diagnostics=[Diagnostic(Code.INVALID_FIELD, path, *unnamed)])
    writes, unsent = remote_write_entries(environment, path, managed.namespace, facts)
    classes, wrong = _scrape_classes(managed, f"{path}.prometheus", facts)
    spec = {
        **_run(managed),
        **({} if environment.retention is None else {"retention": environment.retention}),
        **_storage(managed.storage),
        "externalLabels": _external_labels(resource, environment),
        "evaluationInterval": EVALUATION_INTERVAL,
        "serviceDiscoveryRole": "EndpointSlice",
        **_selectors(class_name, environment.name),
        **({"scrapeClasses": classes} if classes else {}),
        # Whoever may label objects with this class's name may have them scraped, but not with our token.
        "arbitraryFSAccessThroughSMs": {"deny": True},
        **_enforced_limits(resource.spec.governance),
        **({"remoteWrite": writes} if writes else {}),
        **_alerting(class_, facts),
    }
    made = class_child(
        "monitoring.coreos.com/v1",
        "Prometheus",
        managed.namespace,
        managed_name(class_name, environment.name),
        resource,
        {"spec": spec},
        labels={ENVIRONMENT_LABEL: environment.name},
    )
    return Part([made], [*unsent, *wrong])


def _run(managed: ManagedPrometheus) -> Entry:
    version = {} if managed.version is None else {"version": managed.version}
    return {
        **version,
        "replicas": managed.replicas,
        "serviceAccountName": managed.service_account_name,
        "securityContext": _SECURITY,
    }


def _storage(storage: Storage | None) -> Entry:
    if storage is None:
        return {}
    of_class = {} if storage.storage_class_name is None else {"storageClassName": storage.storage_class_name}
    claim = {
        **of_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage.size}},
    }
    return {"storage": {"volumeClaimTemplate": {"spec": claim}}}


def _external_labels(resource: WalletMonitorClass, environment: Environment) -> dict[str, str]:
    """Labels on what leaves this Prometheus: alerts, remote writes, federation. Whatever has a label of that name
    already keeps it; what was recorded without them gets them here."""
    labels = {**(resource.spec.external_labels or {}), **(environment.labels or {})}
    return {**dict(sorted(labels.items())), "environment": environment.name}


def _selectors(class_name: str, environment: str) -> Entry:
    ours = {"matchLabels": {CLASS_LABEL: class_name, ENVIRONMENT_LABEL: environment}}
    selectors: Entry = {}
    for field in PROMETHEUS_FIELDS.values():
        selectors[f"{field}Selector"] = ours
        selectors[f"{field}NamespaceSelector"] = {}
    return selectors


def _scrape_classes(managed: ManagedPrometheus, path: str, facts: ClusterFacts) -> tuple[list[Entry], list[Diagnostic]]:
    entries: list[Entry] = []
    problems: list[Diagnostic] = []
    default: str | None = None
    for index, each in enumerate(managed.scrape_classes or ()):
        where = f"{path}.scrapeClasses[{index}]"
        lost = f"scrape class {each.name} is left out"
        wrong = [
            *relabeling_problems(each.relabelings, f"{where}.relabelings", lost),
            *relabeling_problems(each.metric_relabelings, f"{where}.metricRelabelings", lost),
        ]
        problems += wrong
        if wrong:
            continue
        second = each.default and default is not None
        if second:
            problems.append(_second_default(where, each.name, default))
        elif each.default:
            default = each.name
        missing = list(missing_secrets(each, where, managed.namespace, facts, f"scrape class {each.name} has no tls"))
        problems += missing
        entries.append(_scrape_class(each, default=each.default and not second, with_tls=not missing))
    return entries, problems


def _second_default(path: str, name: str, first: str | None) -> Diagnostic:
    return Diagnostic(
        Code.INVALID_FIELD,
        f"{path}.default",
        f"{first} and {name} are both the default scrape class; {first} counts, as the first",
        "let one scrape class be the default",
    )


def _scrape_class(each: ScrapeClass, *, default: bool, with_tls: bool) -> Entry:
    entry: Entry = {"name": each.name}
    if default:
        entry["default"] = True
    if each.tls is not None and with_tls:
        entry["tlsConfig"] = tls_fields(each.tls)
    if each.relabelings:
        entry["relabelings"] = relabeling_entries(each.relabelings)
    if each.metric_relabelings:
        entry["metricRelabelings"] = relabeling_entries(each.metric_relabelings)
    return entry


def _enforced_limits(governance: Governance | None) -> Entry:
    """Bounds that no monitor object can lift, whoever wrote it."""
    limits = None if governance is None else governance.limits
    if limits is None:
        return {}
    fields: dict[str, Any] = {
        "enforcedSampleLimit": limits.samples,
        "enforcedLabelLimit": limits.labels,
        "enforcedLabelNameLengthLimit": limits.label_name_length,
        "enforcedLabelValueLengthLimit": limits.label_value_length,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _alerting(class_: MonitorClass, facts: ClusterFacts) -> Entry:
    """Where alerts go to: the Service that prometheus-operator makes for the Alertmanagers of a namespace, if the
    Alertmanager is not known to have another."""
    ref = class_.spec.alertmanager
    if ref is None:
        return {}
    known = alertmanagers_for(class_, facts)
    said = known[0].get("spec") or {} if len(known) == 1 else {}
    endpoint: Entry = {
        "namespace": ref.namespace,
        "name": said.get("serviceName") or "alertmanager-operated",
        "port": said.get("portName") or "web",
    }
    if said.get("routePrefix"):
        endpoint["pathPrefix"] = said["routePrefix"]
    if ref.name is not None:
        # That Service stands for every Alertmanager of the namespace.
        one = {
            "action": "keep",
            "sourceLabels": ["__meta_kubernetes_pod_label_alertmanager"],
            "regex": re.escape(ref.name),
        }
        endpoint["relabelings"] = [one]
    return {"alerting": {"alertmanagers": [endpoint]}}
