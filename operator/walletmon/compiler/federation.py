"""Federation: what other clusters' Prometheus servers recorded and alert, as ScrapeConfigs.

Only what walletmon recorded is taken over, and the alerts it raised; raw series stay where they are. A series keeps the
labels that it has (`honorLabels`), and gets those of the entry where it has none of that name. Prometheus would add the
target's `job` to each series too, and an aggregate has none: it is taken off again. (The empty `instance` that the
other side sends keeps the target's away by itself.)
"""

from __future__ import annotations

from walletmon.api.diagnostic import Code, Diagnostic
from walletmon.api.monitor_class import Federation, MonitorClass, WalletMonitorClass
from walletmon.api.targets import Scheme
from walletmon.compiler.bundle import Part
from walletmon.compiler.credentials import access_fields, missing_secrets
from walletmon.compiler.discovery import class_prometheuses, labels_for_selection
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.objects import CLASS_LABEL, MANAGED_BY, MANAGED_BY_LABEL, class_child

MATCHES = ('{__name__=~"(wallet|sse|walletmon):.+",walletmon!=""}', 'ALERTS{walletmon!=""}')
"""What is taken over: recordings of packs, what is expected, thresholds; and alerts. Others may use the same names for
recordings, but not with the monitor's label."""

_KIND = "ScrapeConfig"


def federation_objects(resource: WalletMonitorClass, class_: MonitorClass, facts: ClusterFacts) -> Part:
    """A ScrapeConfig `walletmon.<class>.<entry>` for each entry of `federation`."""
    part = Part()
    for index, entry in enumerate(resource.spec.federation or ()):
        path = f"spec.federation[{index}]"
        namespace = federation_namespace(resource, entry)
        if namespace is None:
            part.diagnostics.append(
                Diagnostic(
                    Code.INVALID_FIELD,
                    f"{path}.namespace",
                    f"nothing says in which namespace the ScrapeConfig of {entry.name} belongs, so it is left out",
                    "set namespace here, or prometheusRef or alertmanager in the class",
                )
            )
            continue
        missing = list(missing_secrets(entry, path, namespace, facts, f"nothing is taken over from {entry.name}"))
        part.diagnostics += missing
        if not missing:
            name = f"walletmon.{resource.metadata.name}.{entry.name}"
            labels = _labels(resource, class_, namespace, facts)
            content = {"spec": _spec(resource, entry)}
            part.objects.append(
                class_child("monitoring.coreos.com/v1alpha1", _KIND, namespace, name, resource, content, labels=labels)
            )
    return part


def federation_namespace(resource: WalletMonitorClass, entry: Federation) -> str | None:
    """Where an entry's ScrapeConfig and its Secrets are; None if nothing says so."""
    spec = resource.spec
    if entry.namespace is not None:
        return entry.namespace
    if spec.prometheus_ref is not None:
        return spec.prometheus_ref.namespace
    return None if spec.alertmanager is None else spec.alertmanager.namespace


def _labels(resource: WalletMonitorClass, class_: MonitorClass, namespace: str, facts: ClusterFacts) -> dict[str, str]:
    if class_.object_labels:
        return dict(class_.object_labels)
    ours = {MANAGED_BY_LABEL: MANAGED_BY, CLASS_LABEL: resource.metadata.name}
    found = labels_for_selection(namespace, ours, class_prometheuses(class_, facts), (), facts)
    return found.get(_KIND, {})


def _spec(resource: WalletMonitorClass, entry: Federation) -> dict[str, object]:
    job = f"federation/{resource.metadata.name}/{entry.name}"
    static: dict[str, object] = {"targets": entry.targets}
    if entry.labels:
        static["labels"] = dict(sorted(entry.labels.items()))
    return {
        "jobName": job,
        "staticConfigs": [static],
        **({"scheme": "HTTPS"} if entry.scheme is Scheme.HTTPS else {}),
        "metricsPath": entry.path,
        "params": {"match[]": list(MATCHES)},
        "honorLabels": True,
        "scrapeInterval": entry.interval,
        **access_fields(entry.basic_auth, entry.authorization, entry.tls),
        "metricRelabelings": [
            {"action": "replace", "sourceLabels": ["job"], "regex": job, "targetLabel": "job", "replacement": ""}
        ],
    }
