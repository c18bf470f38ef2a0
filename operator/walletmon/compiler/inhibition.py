"""Which alerts are not told while another one fires, because they say nothing new.

Three kinds of causes: an alert of a pack silences what it explains (`silences`), one that says that the wallet is down
silences everything else about that wallet (`outage`), and a dependency that is down silences the wallets that need it
(`spec.dependencies`). No outage explains an attack, or money or keys that are gone: alerts of that kind (`alwaysTold`
in the packs) are told in any case. So are P0 alerts of the monitor's own, since nobody but its author knows what
explains them.

Alertmanager takes a label that is missing for an empty one, so a rule that asks both sides for the same `wallet` would
let an alert without a wallet silence all others without one. Hence both sides are asked for a value as well. Of further
labels in which alerts of one monitor have to agree (`endpoint`, `asset`, `cluster`) only equality is asked: two alerts
that both have none are about the same thing. `cluster` is always among them, for an Alertmanager that gets the alerts
of several clusters: the same wallet may well have the same name and namespace in each.

A silenced alert still silences others. A circle would leave an outage untold, so there is none: `silences` of the packs
have none (a test sees to that), nothing silences an outage but a dependency, and what a dependency is known to be down
by is silenced neither by an outage nor by a dependency, and nor is anything that would silence it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import Dependency, WalletMonitor
from walletmon.compiler.bundle import Manifest
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.matchers import any_of, matcher
from walletmon.compiler.rules import OWN_RULES
from walletmon.compiler.thresholds import used_packs
from walletmon.packs.schema import Alert

DOWN_ALERTS = ("InstanceDown", "TargetDown", "WalletDependencyDown")
"""Alerts that say that a dependency is down, where it names none: that of Prometheus' own examples, that of the
kubernetes-mixin, and ours about targets that belong to no single wallet."""

DEFAULT_SCOPE = ("namespace",)


@dataclass(slots=True)
class Inhibition:
    """`inhibitRules` of an AlertmanagerConfig, and what is wrong with what they were made from."""

    rules: list[Manifest] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def inhibition(monitor: WalletMonitor, facts: ClusterFacts) -> Inhibition:
    """What the alerts of one monitor silence, and what silences them."""
    alerts = [alert for used in used_packs(monitor, facts.catalogue) for alert in used.alerts]
    return _Compiler(monitor, alerts, facts).all()


class _Compiler:
    """Makes the rules of one monitor from the alerts of its packs, in their order."""

    def __init__(self, monitor: WalletMonitor, alerts: list[Alert], facts: ClusterFacts) -> None:
        self._monitor = monitor
        self._alerts = alerts
        self._facts = facts
        self._namespace = matcher("namespace", "=", monitor.metadata.namespace)
        self._common = [matcher("walletmon", "=", monitor.metadata.name), self._namespace, matcher("wallet", "!=", "")]
        self._dependencies = monitor.spec.dependencies or []
        self._causes = {name for each in self._dependencies for name in each.alerts or DOWN_ALERTS}
        """The alerts by which some dependency is known to be down."""

    def all(self) -> Inhibition:
        """All rules: of single alerts, of outages, of dependencies."""
        found = Inhibition([*self._silences(), *self._outages()])
        for index, dependency in enumerate(self._dependencies):
            problems = list(self._problems(dependency, f"spec.dependencies[{index}]"))
            found.diagnostics += problems
            if all(problem.severity is Severity.WARNING for problem in problems):
                found.rules += self._of_dependency(dependency)
        return found

    def _silences(self) -> Iterator[Manifest]:
        there = {alert.name for alert in self._alerts}
        for alert in self._alerts:
            by_labels: dict[tuple[str, ...], list[str]] = defaultdict(list)
            for silenced in alert.silenced:
                if silenced.alert in there:
                    by_labels[silenced.equal].append(silenced.alert)
            for labels, names in by_labels.items():
                yield {
                    "sourceMatch": [matcher("alertname", "=", alert.name), *self._common],
                    "targetMatch": [matcher("alertname", "=~", any_of(names)), *self._common],
                    "equal": ["namespace", "wallet", "cluster", *labels],
                }

    def _outages(self) -> Iterator[Manifest]:
        outages = [alert.name for alert in self._alerts if alert.outage]
        if outages:
            source = [matcher("alertname", "=~", any_of(outages)), *self._common]
            for target in self._explained({*outages, *self._causes, *DOWN_ALERTS}):
                yield {"sourceMatch": source, "targetMatch": target, "equal": ["namespace", "wallet", "cluster"]}

    def _of_dependency(self, dependency: Dependency) -> Iterator[Manifest]:
        names = dependency.alerts or DOWN_ALERTS
        scope = dependency.scope or DEFAULT_SCOPE
        there = [matcher(label, "!=", "") for label in scope if label != "namespace"]
        source = [matcher("alertname", "=~", any_of(names))]
        source += [matcher(label, "=", value) for label, value in sorted(dependency.match.items())]
        # Without the namespace in its scope, what is depended on may be anywhere.
        source += [self._namespace] if "namespace" in scope else []
        for target in self._explained(self._before(self._causes)):
            yield {"sourceMatch": [*source, *there], "targetMatch": [*target, *there], "equal": list(scope)}

    def _explained(self, but: Iterable[str]) -> Iterator[list[Manifest]]:
        """Matchers of the alerts that an outage explains, without those called as in `but`."""
        told = {alert.name for alert in self._alerts if alert.always_told}
        others = [matcher("alertname", "!~", any_of(sorted({*told, *but}))), *self._common]
        if not self._monitor.spec.rules:
            yield others
            return
        yield [*others, matcher("pack", "!=", OWN_RULES)]
        yield [*others, matcher("pack", "=", OWN_RULES), matcher("priority", "!=", "P0")]

    def _before(self, names: Iterable[str]) -> set[str]:
        """`names`, and the alerts that silence one of them, or one that silences one of them, and so on."""
        found = set(names)
        while more := {
            alert.name
            for alert in self._alerts
            if alert.name not in found and any(silenced.alert in found for silenced in alert.silenced)
        }:
            found |= more
        return found

    def _problems(self, dependency: Dependency, path: str) -> Iterator[Diagnostic]:
        for index, label in enumerate(dependency.scope or ()):
            reason = _never_agrees(label, dependency)
            if reason is not None:
                yield Diagnostic(
                    Code.IMPOSSIBLE_SCOPE,
                    f"{path}.scope[{index}]",
                    f"{reason}; the dependency {dependency.name} silences nothing",
                    "name labels that alerts on both sides carry, such as namespace and cluster",
                )
        job = dependency.match.get("job")
        if job is not None and self._is_unknown(job, dependency):
            yield Diagnostic(
                Code.UNKNOWN_DEPENDENCY,
                f"{path}.match.job",
                f"no target of the monitor has the job {job!r}, and there is no Service of that name in namespace "
                f"{self._monitor.metadata.namespace}",
                "correct the name of the job, or have it scraped",
                Severity.WARNING,
            )

    def _is_unknown(self, job: str, dependency: Dependency) -> bool:
        """Whether nothing in the monitor's namespace has this job, as far as prometheus-operator's names for jobs tell.

        A Service's name is the job of what a ServiceMonitor finds, ours as well as another's.
        """
        metadata = self._monitor.metadata
        if "namespace" not in (dependency.scope or DEFAULT_SCOPE) or job in self._own_jobs():
            return False
        return self._facts.services.get((metadata.namespace, job)) is False

    def _own_jobs(self) -> Iterator[str]:
        metadata = self._monitor.metadata
        for target in self._monitor.spec.targets or ():
            name = f"{metadata.namespace}/{metadata.name}.{target.name}"
            if target.pods is not None:
                yield name
            elif target.probe is not None:
                yield f"probe/{name}"
            elif target.static is not None:
                yield f"scrapeConfig/{name}"


def _never_agrees(label: str, dependency: Dependency) -> str | None:
    """Why no alert of ours can have the same value of this label as one on the dependency."""
    if label == "alertname":
        return "an alert on the dependency has another name than those that it silences"
    if label == "wallet" and dependency.alerts is None and "wallet" not in dependency.match:
        return "alerts on what several wallets depend on name no wallet"
    return None
