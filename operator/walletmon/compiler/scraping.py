"""Targets to prometheus-operator's monitor objects: one object for each target, named `<monitor>.<target>`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.api.targets import Auth, Limits, PodTarget, ProbeTarget, Scheme, Selector, ServiceTarget, Target
from walletmon.compiler.bundle import Manifest, Part
from walletmon.compiler.credentials import access_fields, missing_secrets
from walletmon.compiler.environment import common_labels, surroundings
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.governance import governed
from walletmon.compiler.labels import Relabeling, metric_relabelings, relabelings
from walletmon.compiler.objects import child
from walletmon.compiler.thresholds import used_packs

_V1 = "monitoring.coreos.com/v1"
_V1ALPHA1 = "monitoring.coreos.com/v1alpha1"
_NAMED_AT_MOST = 5


def scraping_objects(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Part:
    """ServiceMonitors, PodMonitors, ScrapeConfigs and Probes for the monitor's targets."""
    known = facts or ClusterFacts()
    where = surroundings(monitor, class_, known)
    common = common_labels(class_, where)
    allowed = governed(monitor, class_, common, used_packs(monitor, known.catalogue))
    part = Part(diagnostics=[*allowed.diagnostics])
    for index, target in enumerate(monitor.spec.targets or ()):
        problem = _contradiction(monitor, target, f"spec.targets[{index}]")
        if problem is not None:
            part.diagnostics.append(problem)
        else:
            steps = _Steps(
                relabelings(monitor, target, where, common, allowed.wallets),
                metric_relabelings(common, allowed.dropped),
                _limits(allowed.limits[target.name]),
            )
            part.objects.append(_monitor_object(monitor, class_, target, steps))
            # It is made all the same: prometheus-operator takes it up by itself once the Secret is there.
            part.diagnostics += missing_secrets(
                target,
                f"spec.targets[{index}]",
                monitor.metadata.namespace,
                known,
                f"prometheus-operator does not take target {target.name} and nothing of it is scraped",
            )
    unwatched = unwatched_wallets(monitor)
    if unwatched:
        named = ", ".join(unwatched[:_NAMED_AT_MOST]) + (", ..." if len(unwatched) > _NAMED_AT_MOST else "")
        part.diagnostics.append(
            Diagnostic(
                Code.UNWATCHED_WALLET,
                "spec.targets",
                f"no target's metrics tell about {len(unwatched)} of {len(monitor.spec.wallets)} wallets: {named}",
                "add a target with wallet or walletFrom for them",
                Severity.WARNING,
            )
        )
    return part


def watched_wallets(monitor: WalletMonitor) -> list[str]:
    """Names of the wallets that some target's metrics tell about, in the document's order."""
    targets = monitor.spec.targets or ()
    if any(target.wallet_from is not None for target in targets):
        return [wallet.name for wallet in monitor.spec.wallets]
    named = {target.wallet for target in targets}
    return [wallet.name for wallet in monitor.spec.wallets if wallet.name in named]


def unwatched_wallets(monitor: WalletMonitor) -> list[str]:
    """Names of the wallets that no target's metrics tell about, in the document's order."""
    watched = set(watched_wallets(monitor))
    return [wallet.name for wallet in monitor.spec.wallets if wallet.name not in watched]


def _contradiction(monitor: WalletMonitor, target: Target, path: str) -> Diagnostic | None:
    """What makes the target senseless; the CRD refuses these too, but not every document comes through an apiserver."""
    sources = [source for source in (target.service, target.pods, target.static, target.probe) if source is not None]
    if len(sources) != 1:
        return Diagnostic(
            Code.INVALID_FIELD,
            path,
            f"{len(sources)} of service, pods, static and probe are given",
            "exactly one of service, pods, static and probe says where the metrics are",
        )
    if target.wallet is not None and all(wallet.name != target.wallet for wallet in monitor.spec.wallets):
        return Diagnostic(
            Code.UNKNOWN_WALLET,
            f"{path}.wallet",
            f"there is no wallet {target.wallet!r} in spec.wallets",
            "name a wallet of this monitor",
        )
    return None


@dataclass(frozen=True, slots=True)
class _Steps:
    """What is done to the series of one target, and how many they may be."""

    before: list[Relabeling]
    """Of the target, before it is scraped."""

    after: list[Relabeling]
    """Of its series, once they are scraped."""

    limits: dict[str, int]
    """Bounds of a scrape."""

    def fields(self) -> dict[str, Any]:
        """As most of prometheus-operator's kinds call them."""
        return {"relabelings": self.before, **self.after_field()}

    def after_field(self) -> dict[str, Any]:
        return {"metricRelabelings": self.after} if self.after else {}


def _monitor_object(monitor: WalletMonitor, class_: MonitorClass, target: Target, steps: _Steps) -> Manifest:
    if target.service is not None:
        kind, version, spec = "ServiceMonitor", _V1, _service_monitor(target, target.service, steps)
    elif target.pods is not None:
        kind, version, spec = "PodMonitor", _V1, _pod_monitor(target, target.pods, steps)
    elif target.probe is not None:
        kind, version, spec = "Probe", _V1, _probe(target, target.probe, steps)
    else:
        kind, version, spec = "ScrapeConfig", _V1ALPHA1, _scrape_config(target, steps)
    if target.scrape_class is not None:
        spec["scrapeClass"] = target.scrape_class
    return child(version, kind, f"{monitor.metadata.name}.{target.name}", monitor, class_, {"spec": spec})


def _service_monitor(target: Target, source: ServiceTarget, steps: _Steps) -> dict[str, Any]:
    return {
        "selector": _selector(source.selector),
        "endpoints": [{"port": source.port, **_endpoint(target, steps)}],
        **steps.limits,
    }


def _pod_monitor(target: Target, source: PodTarget, steps: _Steps) -> dict[str, Any]:
    return {
        "selector": _selector(source.selector),
        "podMetricsEndpoints": [{"port": source.port, **_endpoint(target, steps)}],
        **steps.limits,
    }


def _endpoint(target: Target, steps: _Steps) -> dict[str, Any]:
    endpoint: dict[str, Any] = {"path": target.path or "/metrics", "interval": target.interval}
    if target.timeout is not None:
        endpoint["scrapeTimeout"] = target.timeout
    if target.scheme is Scheme.HTTPS:
        endpoint["scheme"] = "https"
    return {**endpoint, **_auth(target.auth), **steps.fields()}


def _scrape_config(target: Target, steps: _Steps) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "staticConfigs": [{"targets": target.static}],
        "metricsPath": target.path or "/metrics",
        "scrapeInterval": target.interval,
    }
    if target.timeout is not None:
        spec["scrapeTimeout"] = target.timeout
    if target.scheme is Scheme.HTTPS:
        spec["scheme"] = "HTTPS"
    return {**spec, **_auth(target.auth), **steps.limits, **steps.fields()}


def _probe(target: Target, source: ProbeTarget, steps: _Steps) -> dict[str, Any]:
    prober = {"url": source.prober, "path": target.path or "/probe"}
    if target.scheme is Scheme.HTTPS:
        prober["scheme"] = "https"
    spec: dict[str, Any] = {"prober": prober, "interval": target.interval}
    if target.timeout is not None:
        spec["scrapeTimeout"] = target.timeout
    if source.module is not None:
        spec["module"] = source.module
    static = {"static": source.urls, "relabelingConfigs": steps.before}
    common = {**_auth(target.auth), **steps.limits, **steps.after_field()}
    return {**spec, **common, "targets": {"staticConfig": static}}


def _selector(selector: Selector) -> dict[str, Any]:
    return selector.document()


def _limits(limits: Limits | None) -> dict[str, int]:
    if limits is None:
        return {}
    fields = {
        "sampleLimit": limits.samples,
        "labelLimit": limits.labels,
        "labelNameLengthLimit": limits.label_name_length,
        "labelValueLengthLimit": limits.label_value_length,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _auth(auth: Auth | None) -> dict[str, Any]:
    return {} if auth is None else access_fields(auth.basic_auth, auth.authorization, auth.tls)
