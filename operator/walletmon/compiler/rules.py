"""Rules: one PrometheusRule a monitor, with a group for each pack, for its own rules, and for what the rules go by.

Everything that a monitor's team writes passes `walletmon.language` before it stands here: expressions are scoped, and
templates in annotations and labels cannot run queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

import promql_parser as promql

from walletmon.api.alerting import AlertOverride, Priority, Rule
from walletmon.api.base import RESERVED_LABELS
from walletmon.api.diagnostic import Code, Diagnostic, Severity
from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.alert_labels import AlertLabels
from walletmon.compiler.bookkeeping import bookkeeping_interval, expectations, threshold_series
from walletmon.compiler.bundle import Part
from walletmon.compiler.environment import common_labels, surroundings
from walletmon.compiler.facts import ClusterFacts
from walletmon.compiler.governance import LabelPolicy
from walletmon.compiler.links import dashboard_url, runbook_url
from walletmon.compiler.metrics import known_metrics
from walletmon.compiler.objects import child
from walletmon.compiler.packing import GroupRules, packed
from walletmon.compiler.thresholds import PackUses, UsedPack, metric_of, nearest, pack_uses
from walletmon.language.lint import Metrics, lint, missing_labels
from walletmon.language.promql import Scope, Thresholds, scope
from walletmon.language.promql_text import PromqlError
from walletmon.language.rule import CompiledRule, compile_rule
from walletmon.language.rule_error import RuleError, excerpt, position
from walletmon.language.template import TemplateError, check_template
from walletmon.packs.schema import Alert

OWN_RULES = "rules"
"""Value of the label `pack` on alerts of the monitor's own, and the end of their group's name."""

WINDOW_SECONDS = 300
"""Range over which the packs take rates."""


def rule_objects(monitor: WalletMonitor, class_: MonitorClass, facts: ClusterFacts | None = None) -> Part:
    """The monitor's PrometheusRules: `<monitor>`, and `<monitor>.2` and so on if one cannot hold all."""
    known = facts or ClusterFacts()
    uses = pack_uses(monitor, known.catalogue)
    compiler = _Compiler(monitor, class_, uses, known)
    name, interval = monitor.metadata.name, monitor.spec.evaluation_interval
    bookkeeping = [*expectations(monitor), *threshold_series(monitor, uses)]
    groups: list[GroupRules] = [(f"{name}.walletmon", bookkeeping_interval(interval), bookkeeping)]
    groups += [(f"{name}.{used.pack.name}", interval, compiler.pack(used)) for used in uses.used]
    groups.append((f"{name}.{OWN_RULES}", interval, compiler.own()))
    part = Part(diagnostics=[*uses.diagnostics, *compiler.diagnostics, *_sparse_targets(monitor, uses)])
    for index, content in enumerate(packed(groups), start=1):
        object_name = name if index == 1 else f"{name}.{index}"
        part.objects.append(
            child(
                "monitoring.coreos.com/v1",
                "PrometheusRule",
                object_name,
                monitor,
                class_,
                {"spec": {"groups": content}},
            )
        )
    return part


class _Compiler:
    """Makes the rules of one monitor; what it leaves out is in `diagnostics`."""

    def __init__(self, monitor: WalletMonitor, class_: MonitorClass, uses: PackUses, facts: ClusterFacts) -> None:
        self._monitor = monitor
        self._class = class_
        self._uses = uses
        self._packs = facts.catalogue.packs
        self._labels = AlertLabels(monitor, class_, facts)
        self._policy = LabelPolicy(class_, common_labels(class_, surroundings(monitor, class_, facts)))
        self._scope = Scope(monitor.metadata.namespace, monitor.metadata.name)
        common = uses.common(wallet.name for wallet in monitor.spec.wallets)
        self._thresholds: Thresholds = {metric_of(name): figure for name, figure in common.items()}
        self._pack_alerts = {alert.name: used.pack.name for used in uses.used for alert in used.alerts}
        self._recordings = tuple(each.record for used in uses.used for each in used.recordings)
        self.diagnostics: list[Diagnostic] = []

    @cached_property
    def _metrics(self) -> Metrics:
        return known_metrics(self._packs)

    def pack(self, used: UsedPack) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = [
            {"record": recording.record, "expr": scope(recording.expr, self._scope, self._thresholds)}
            for recording in used.recordings
        ]
        disabled = self._disabled(used)
        overrides = self._overrides(used)
        if not self._monitor.spec.suspend:
            rules += [
                self._pack_alert(used, alert, overrides.get(alert.name, AlertOverride()))
                for alert in used.alerts
                if alert.name not in disabled
            ]
        return rules

    def _disabled(self, used: UsedPack) -> frozenset[str]:
        names = used.use.disable or []
        for index, name in enumerate(names):
            self._known_alert(used, name, f"{used.path}.disable[{index}]")
        return frozenset(names)

    def _overrides(self, used: UsedPack) -> Mapping[str, AlertOverride]:
        overrides = used.use.overrides or {}
        for name in overrides:
            self._known_alert(used, name, f"{used.path}.overrides.{name}")
        return overrides

    def _known_alert(self, used: UsedPack, name: str, path: str) -> None:
        names = [alert.name for alert in used.pack.alerts]
        if name not in names:
            self._report(
                Code.UNKNOWN_ALERT, path, f"the pack {used.pack.name} has no alert {name!r}", nearest(name, names)
            )

    def _pack_alert(self, used: UsedPack, alert: Alert, override: AlertOverride) -> dict[str, Any]:
        annotations = {"summary": alert.summary, "description": alert.description}
        return self._alert(
            alert.name,
            scope(alert.expr, self._scope, self._thresholds),
            override.for_ or alert.for_,
            override.keep_firing_for or alert.keep_firing_for,
            override.priority or alert.priority,
            used.pack.name,
            {} if alert.action is None else {"action": alert.action},
            {**annotations, "runbook_url": runbook_url(self._class, alert.name)},
        )

    def own(self) -> list[dict[str, Any]]:
        rules = [
            compiled
            for index, rule in enumerate(self._monitor.spec.rules or ())
            if (compiled := self._own_rule(rule, f"spec.rules[{index}]")) is not None
        ]
        return [] if self._monitor.spec.suspend else rules

    def _own_rule(self, rule: Rule, path: str) -> dict[str, Any] | None:
        if not self._free_name(rule, path) or not self._own_texts(rule, path):
            return None
        labels = self._own_labels(rule, path)
        if rule.when is not None:
            return self._sentence(rule, rule.when, path, labels)
        if rule.expr is None:
            self._report(
                Code.INVALID_FIELD, path, "the rule says nothing", "give when (the rule language) or expr (PromQL)"
            )
            return None
        try:
            expr = scope(rule.expr, self._scope, self._thresholds)
        except PromqlError as error:
            self._report(error.code, f"{path}.expr", error.message, error.cure)
            return None
        if not self._sound(rule, rule.expr, expr, path):
            return None
        texts = {"summary": rule.summary, "description": rule.description, "runbook_url": rule.runbook_url}
        return self._alert(
            rule.name,
            expr,
            rule.for_,
            rule.keep_firing_for,
            rule.priority or Priority.P1,
            OWN_RULES,
            labels,
            {name: text for name, text in texts.items() if text is not None},
        )

    def _own_labels(self, rule: Rule, path: str) -> Mapping[str, str]:
        verdict = self._policy.judge(rule.labels or {}, f"{path}.labels")
        self.diagnostics += verdict.diagnostics
        return verdict.labels

    def _sentence(self, rule: Rule, when: str, path: str, labels: Mapping[str, str]) -> dict[str, Any] | None:
        """The alert that a rule in the language makes."""
        try:
            compiled = compile_rule(when, self._scope, self._recordings)
        except RuleError as error:
            self._report_in(when, error, f"{path}.when")
            return None
        for warning in compiled.warnings:
            self._report_in(when, warning, f"{path}.when", Severity.WARNING)
        if self._contradicts(rule, compiled, path):
            return None
        self._sparse_windows(compiled, f"{path}.when")
        texts = {
            "summary": compiled.summary,
            "description": rule.description or compiled.description,
            "runbook_url": rule.runbook_url,
        }
        return self._alert(
            rule.name,
            compiled.expr,
            compiled.for_ or rule.for_,
            compiled.keep_firing_for or rule.keep_firing_for,
            compiled.priority or rule.priority or Priority.P1,
            OWN_RULES,
            labels,
            {name: text for name, text in texts.items() if text is not None},
        )

    def _contradicts(self, rule: Rule, compiled: CompiledRule, path: str) -> bool:
        """Whether a field beside `when` says otherwise than the sentence; nobody could tell which of them is meant."""
        pairs = {
            "priority": (rule.priority, compiled.priority, "AS"),
            "for": (_length(rule.for_), _length(compiled.for_), "FOR"),
            "keepFiringFor": (_length(rule.keep_firing_for), _length(compiled.keep_firing_for), "KEEP"),
            "summary": (rule.summary, compiled.summary, "ALERT"),
        }
        found = False
        for field, (beside, within, keyword) in pairs.items():
            if beside is not None and within is not None and beside != within:
                self._report(
                    Code.CONFLICTING_FIELDS,
                    f"{path}.{field}",
                    f"{field} says otherwise than {keyword} in when",
                    f"leave {field} out, or say it there alone",
                )
                found = True
        return found

    def _sparse_windows(self, compiled: CompiledRule, path: str) -> None:
        intervals = [each.interval for each in self._monitor.spec.targets or ()]
        slowest = max((promql.parse_duration(interval) for interval in intervals), default=None)
        for window in compiled.windows:
            if slowest is not None and 2 * slowest > promql.parse_duration(window):
                self._report(
                    Code.SPARSE_SAMPLES,
                    path,
                    f"a window of {window} may hold fewer than two samples, as a target is scraped every "
                    f"{promql.display_duration(slowest)}: the rule cannot fire there",
                    "make the window at least four times the interval",
                    Severity.WARNING,
                )

    def _report_in(self, text: str, error: RuleError, path: str, severity: Severity = Severity.ERROR) -> None:
        if error.offset is None:
            self._report(error.code, path, error.message, error.cure, severity)
            return
        line, column = position(text, error.offset)
        shown = excerpt(text, error.offset)
        self.diagnostics.append(Diagnostic(error.code, path, error.message, error.cure, severity, line, column, shown))

    def _free_name(self, rule: Rule, path: str) -> bool:
        pack = self._pack_alerts.get(rule.name)
        if pack is not None:
            self._report(
                Code.DUPLICATE_ALERT,
                f"{path}.name",
                f"the pack {pack} has an alert {rule.name}",
                "give the rule another name; to change the pack's alert, use overrides or disable of the pack",
            )
            return False
        rules = self._monitor.spec.rules or ()
        first = next(index for index, each in enumerate(rules) if each.name == rule.name)
        if rules[first] is not rule:
            self._report(
                Code.DUPLICATE_ALERT,
                f"{path}.name",
                f"spec.rules[{first}] is called {rule.name} too",
                "give each rule its own name",
            )
            return False
        return True

    def _sound(self, rule: Rule, written: str, scoped: str, path: str) -> bool:
        """Whether the rule can do what an alert is for: see `language.lint`."""
        flaws = list(lint(written, scoped, self._metrics))
        for flaw in flaws:
            self._report(flaw.code, f"{path}.expr", flaw.message, flaw.cure)
        blank = [
            (where, label) for where, text in _texts(rule, path).items() for label in missing_labels(scoped, text or "")
        ]
        for where, label in blank:
            self._report(
                Code.MISSING_LABEL,
                where,
                f"the result of the expression has no label {label}: the text would have a blank there",
                f"keep {label} in the aggregation, as in `by (wallet, {label})`, or leave it out of the text",
            )
        return not flaws and not blank

    def _own_texts(self, rule: Rule, path: str) -> bool:
        """Whether the rule's annotations and labels can be taken; Prometheus expands templates in both."""
        fine = True
        for where, text in _texts(rule, path).items():
            try:
                check_template(text or "")
            except TemplateError as error:
                self._report(Code.INVALID_TEMPLATE, where, error.message, error.cure)
                fine = False
        for name in sorted((rule.labels or {}).keys() & {*RESERVED_LABELS, "alertname"}):
            self._report(
                Code.INVALID_FIELD,
                f"{path}.labels.{name}",
                f"the label {name} is set by walletmon or Prometheus",
                "use another name; reserved are: " + ", ".join(RESERVED_LABELS),
            )
            fine = False
        return fine

    def _alert(
        self,
        name: str,
        expr: str,
        for_: str | None,
        keep_firing_for: str | None,
        priority: Priority,
        pack: str,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
    ) -> dict[str, Any]:
        dashboard = dashboard_url(self._class, self._scope.namespace, self._scope.monitor)
        return {
            "alert": name,
            "expr": expr,
            **({} if for_ is None else {"for": for_}),
            **({} if keep_firing_for is None else {"keep_firing_for": keep_firing_for}),
            "labels": self._labels.of(priority, pack, labels),
            "annotations": {**annotations, **({} if dashboard is None else {"dashboard_url": dashboard})},
        }

    def _report(self, code: Code, path: str, message: str, cure: str, severity: Severity = Severity.ERROR) -> None:
        self.diagnostics.append(Diagnostic(code, path, message, cure, severity))


def _length(duration: str | None) -> timedelta | None:
    length: timedelta | None = None if duration is None else promql.parse_duration(duration)
    return length


def _texts(rule: Rule, path: str) -> dict[str, str | None]:
    """Everything of a rule that Prometheus expands as a template, by its path."""
    return {
        f"{path}.summary": rule.summary,
        f"{path}.description": rule.description,
        f"{path}.runbookUrl": rule.runbook_url,
        **{f"{path}.labels.{name}": value for name, value in (rule.labels or {}).items()},
    }


def _sparse_targets(monitor: WalletMonitor, uses: PackUses) -> Iterator[Diagnostic]:
    """Warnings about targets that are scraped too seldom for the packs' rates, so that alerts on them cannot fire."""
    for index, target in enumerate(monitor.spec.targets or ()):
        if uses.used and promql.parse_duration(target.interval).total_seconds() > WINDOW_SECONDS / 2:
            yield Diagnostic(
                Code.SPARSE_SAMPLES,
                f"spec.targets[{index}].interval",
                f"scraped every {target.interval}, a rate over 5 minutes has too few samples: "
                "alerts on error rates and latency cannot fire",
                "make the interval at most 2m",
                Severity.WARNING,
            )
