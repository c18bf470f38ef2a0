"""Judges PromQL by a recorded exposition: are the metrics there, and do types, labels and values fit their use?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

from walletmon.language.promql_text import parse
from walletmon.language.result_labels import is_scalar
from walletmon.language.selectors import selected

INJECTED = frozenset(
    {"namespace", "walletmon", "wallet", "instance", "target", "role", "environment", "cluster"}
    | {"pod", "job", "host", "node", "wallet_type", "chain_id"}
)
"""Labels that scraping or a static setting adds, whatever the software exposes."""

GROWS = frozenset({"rate", "increase", "irate", "resets"})
"""What is meant for counters."""
_AS_GAUGE = frozenset(
    {"delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing", "avg_over_time", "min_over_time"}
    | {"max_over_time", "quantile_over_time", "stddev_over_time", "stdvar_over_time", "sum_over_time"}
)
_PRESENCE = frozenset({"absent", "absent_over_time", "count_over_time", "present_over_time", "timestamp", "changes"})
_OURS = re.compile(r"(?:wallet|sse|walletmon):|up$")


@dataclass(frozen=True)
class Recording:
    """The samples of one exposition."""

    kinds: Mapping[str, str]
    """What each series name is: `counter`, `gauge`, `quantile` of a summary, or `bucket` of a histogram."""
    series: Mapping[str, list[Mapping[str, str]]]
    """The label sets under each name; labels with empty values are none, as in Prometheus."""
    values: Mapping[str, float]
    """For each name the sum of its samples."""


def read(path: Path) -> Recording:
    """The recording in a file in Prometheus's text format."""
    text = path.read_text(encoding="utf-8")
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, flags=re.MULTILINE))
    kinds: dict[str, str] = {}
    series: dict[str, list[Mapping[str, str]]] = {}
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            # The parser adds _total to a counter that the text calls otherwise.
            name = family.name if types.get(family.name) == "counter" else sample.name
            kinds[name] = _kind(family.type, sample.name)
            series.setdefault(name, []).append({key: value for key, value in sample.labels.items() if value != ""})
            values[name] = values.get(name, 0.0) + sample.value
    return Recording(kinds, series, values)


def _kind(family_type: str, name: str) -> str:
    if family_type in ("histogram", "summary"):
        if name.endswith("_bucket"):
            return "bucket"
        return "counter" if name.endswith(("_count", "_sum")) else "quantile"
    return family_type


@dataclass
class Judge:
    """Collects what is wrong with expressions, as sentences."""

    recording: Recording
    recorded: Mapping[str, str] = field(default_factory=dict)
    """Expressions of the recordings that may be read, by name."""
    counters: frozenset[str] = frozenset()
    """Gauges of the recording that are said to only grow."""
    findings: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    """Names of metrics that were asked for."""
    counted: set[str] = field(default_factory=set)
    """Names of those under a function for counters."""

    def judge(self, expr: str) -> list[str]:
        """What is wrong with `expr`; an empty list if nothing."""
        self.findings = []
        self._labels(parse(expr), None)
        return self.findings

    def _labels(self, node: promql.Expr, function: str | None) -> frozenset[str]:
        """The labels of the result of `node`, which stands in `function`; notes on the way what is wrong."""
        match node:
            case promql.ParenExpr() | promql.UnaryExpr():
                return self._labels(node.expr, function)
            case promql.SubqueryExpr():
                return self._labels(node.expr, None)
            case promql.MatrixSelector():
                return self._of_selector(node.vector_selector, function)
            case promql.VectorSelector():
                return self._of_selector(node, function)
            case promql.AggregateExpr():
                return self._of_aggregation(node, function)
            case promql.Call():
                return self._of_call(node)
            case promql.BinaryExpr():
                return self._of_binary(node, function)
            case _:
                return frozenset()

    def _of_selector(self, node: promql.VectorSelector, function: str | None) -> frozenset[str]:
        names = selected(node)
        if all(_OURS.match(name) for name in names):
            (name,) = names
            if name in self.recorded:
                # What is wrong in there is said of that recording. One that reads itself adds nothing to itself.
                others = {key: expr for key, expr in self.recorded.items() if key != name}
                found = Judge(self.recording, others, self.counters)._labels(parse(self.recorded[name]), None)
                asked = frozenset(m.name for m in node.matchers.matchers if m.value != "") - {"__name__"}
                self._require(asked, found, node.prettify())
                return found
            return INJECTED
        self.read.update(names)
        present = [name for name in names if name in self.recording.kinds]
        if not present:
            self.findings.append(f"{' or '.join(names)} is not there")
            return INJECTED
        labels_found: set[str] = set()
        for name in present:
            self._check_use(name, function)
            known = {label for labels in self.recording.series[name] for label in labels}
            matchers = [m for m in node.matchers.matchers if m.name != "__name__" and m.name not in INJECTED]
            chosen = [labels for labels in self.recording.series[name] if all(_matches(m, labels) for m in matchers)]
            unknown = sorted({m.name for m in matchers if m.value != ""} - known)
            self.findings += [f"{name} has no label {label}" for label in unknown]
            if not chosen and not unknown:
                self.findings.append(f"{node.prettify()} matches no series of {name}")
            labels_found.update(key for labels in chosen or self.recording.series[name] for key in labels)
        return frozenset(labels_found) | INJECTED

    def _check_use(self, name: str, function: str | None) -> None:
        kind = self.recording.kinds[name]
        if function in GROWS:
            self.counted.add(name)
            if kind == "gauge" and name not in self.counters:
                self.findings.append(f"{function}() of {name}, which is called a gauge and is not among `counters`")
            elif kind == "quantile":
                self.findings.append(f"{function}() of {name}, which is a quantile")
        elif (kind in ("counter", "bucket") or name in self.counters) and function not in _PRESENCE:
            how = f"{function}() of" if function in _AS_GAUGE else "the bare figure of"
            self.findings.append(f"{how} {name}, which is a counter")

    def _of_aggregation(self, node: promql.AggregateExpr, function: str | None) -> frozenset[str]:
        counts = str(node.op) in ("count", "group")
        inner = self._labels(node.expr, "timestamp" if counts else function)
        labels = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
        if node.modifier is not None and node.modifier.type == promql.AggModifierType.Without:
            return inner - labels
        self._require(labels, inner, f"{node.op} {node.modifier}")
        if str(node.op) in ("topk", "bottomk"):
            return inner
        return (inner & labels) | INJECTED

    def _of_call(self, node: promql.Call) -> frozenset[str]:
        name = node.func.name
        function = name if name in GROWS | _AS_GAUGE | _PRESENCE else None
        found = [self._labels(argument, function) for argument in node.args if not is_scalar(argument)]
        labels = found[0] if found else frozenset()
        if name == "histogram_quantile":
            self._require(frozenset({"le"}), labels, name)
            return labels - {"le"}
        if name in ("label_replace", "label_join"):
            sources = node.args[3:4] if name == "label_replace" else node.args[3:]
            self._require(frozenset(each.val for each in sources) - {""}, labels, name)
            return labels | {node.args[1].val}
        return labels

    def _of_binary(self, node: promql.BinaryExpr, function: str | None) -> frozenset[str]:
        modifier, operator = node.modifier, str(node.op)
        asks_presence = operator in ("and", "unless")
        left = self._labels(node.lhs, function if asks_presence or operator == "or" else None)
        right = self._labels(node.rhs, "timestamp" if asks_presence else function if operator == "or" else None)
        if is_scalar(node.lhs) or is_scalar(node.rhs):
            return left | right
        named = modifier.matching if modifier is not None else None
        matching = frozenset(named.labels) if named is not None else frozenset()
        on = named is not None and named.type == promql.LabelModifierType.Include
        if on:
            self._require(matching, left, f"the left side of {operator}")
            self._require(matching, right, f"the right side of {operator}")
        if asks_presence:
            return left
        if operator == "or":
            return left | right
        many, one = left, right
        if modifier is not None and modifier.card == promql.VectorMatchCardinality.OneToMany:
            many, one = right, left
        group = frozenset(modifier.group_labels or ()) if modifier is not None else frozenset()
        self._require(group, one, f"group of {operator}")
        if modifier is not None and modifier.card != promql.VectorMatchCardinality.OneToOne:
            return many | group
        return (left & matching) | INJECTED if on else left - matching

    def _require(self, labels: frozenset[str], there: frozenset[str], where: str) -> None:
        for label in sorted(labels - there - INJECTED):
            self.findings.append(f"label {label} ({where}) is not there")


def _matches(matcher: promql.Matcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    match matcher.op:
        case promql.MatchOp.Equal:
            return value == matcher.value
        case promql.MatchOp.NotEqual:
            return value != matcher.value
        case promql.MatchOp.Re:
            return re.fullmatch(matcher.value, value) is not None
        case _:
            return re.fullmatch(matcher.value, value) is None
