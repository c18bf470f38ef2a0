"""Packs read metrics that somebody exposes, under the names, types and labels of `docs/metrics.md`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import promql_parser as promql
import pytest

from walletmon.language.selectors import nodes, selected
from walletmon.packs.catalogue import packs

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

OF_COUNTERS = {"rate", "irate", "increase", "resets"}
"""Functions that mean something for what only grows."""

OF_GAUGES = {"delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing"}
"""Functions that mean nothing where a restart begins at 0 again."""

OF_TARGETS = {
    *("namespace", "walletmon", "wallet", "target", "role", "environment", "cluster", "wallet_type", "chain_id"),
    *("instance", "pod", "host", "job", "endpoint", "service", "container"),
}
"""Labels that every scraped series has from its target."""


@dataclass(frozen=True)
class Row:
    """A metric as the page has it."""

    name: str
    type: str
    labels: frozenset[str]
    meaning: str


@dataclass(frozen=True)
class Read:
    """A selector of a pack, with the function that takes its range directly."""

    metric: str
    labels: frozenset[str]
    function: str | None
    only_grow: frozenset[str]
    """Metrics that the preset says are counters, whatever their type."""


def all_rows() -> list[Row]:
    found = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]*\| ([^|]*)\| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    return [Row(name, type_, frozenset(re.findall(r"`(\w+)`", labels)), text) for name, type_, labels, text in found]


@cache
def rows() -> dict[str, Row]:
    return {row.name: row for row in all_rows()}


def described(metric: str) -> tuple[str, Row] | None:
    """The type of the series called `metric`, and the row that describes it. A histogram's own name is its native
    form, which counts as its buckets do."""
    row = rows().get(metric)
    if row is not None:
        return {"summary": "quantiles", "histogram": "counter"}.get(row.type, row.type), row
    name, _, part = metric.rpartition("_")
    row = rows().get(name)
    parts = {"histogram": ("bucket", "sum", "count"), "summary": ("sum", "count")}
    return ("counter", row) if row is not None and part in parts.get(row.type, ()) else None


def reads(expr: str, only_grow: frozenset[str] = frozenset()) -> Iterator[Read]:
    tree = promql.parse(expr)
    functions: dict[str, str] = {}
    for node in nodes(tree):
        if isinstance(node, promql.Call):
            ranges = (each for each in node.args if isinstance(each, promql.MatrixSelector))
            functions |= {each.vector_selector.prettify(): node.func.name for each in ranges}
    for node in nodes(tree):
        if isinstance(node, promql.VectorSelector):
            matched = frozenset(each.name for each in node.matchers.matchers) - {"__name__"}
            for metric in selected(node):
                yield Read(metric, matched, functions.get(node.prettify()), only_grow)


def read_by_packs() -> list[tuple[str, Read]]:
    """Every selector of every pack that is about a metric somebody exposes, with where it stands."""
    expressions = [
        (f"{pack.name}/{name}", expr, frozenset[str]())
        for pack in packs().values()
        for name, expr in [(each.record, each.expr) for each in pack.recordings]
        + [(each.name, each.expr) for each in pack.alerts]
    ] + [
        (f"{pack.name}/{name}/{record}", expr, frozenset(preset.counters))
        for pack in packs().values()
        for name, preset in pack.presets.items()
        for record, expr in preset.recordings.items()
    ]
    return [(where, read) for where, expr, grow in expressions for read in reads(expr, grow) if ":" not in read.metric]


def test_packs_are_read() -> None:
    assert len(read_by_packs()) > 20


def test_the_page_describes_each_metric_once() -> None:
    twice = [name for name, times in Counter(row.name for row in all_rows()).items() if times > 1]
    assert twice == []
    assert {row.type for row in all_rows()} <= {"counter", "gauge", "histogram", "summary"}


def test_every_metric_that_a_pack_reads_stands_in_the_page() -> None:
    missing = sorted({f"{read.metric} ({where})" for where, read in read_by_packs() if described(read.metric) is None})
    assert missing == []


def test_functions_fit_the_types() -> None:
    wrong = []
    for where, read in read_by_packs():
        if (found := described(read.metric)) is None:
            continue
        type_, _ = found
        if read.function in OF_COUNTERS and type_ != "counter" and read.metric not in read.only_grow:
            wrong.append(f"{where}: {read.function} of the {type_} {read.metric}")
        if read.function in OF_GAUGES and (type_ == "counter" or read.metric in read.only_grow):
            wrong.append(f"{where}: {read.function} of the counter {read.metric}")
    assert wrong == []


def test_selectors_match_on_labels_that_the_metric_has() -> None:
    ends = {"histogram": {"le"}, "summary": {"quantile"}}
    wrong = [
        f"{where}: {read.metric} has no label {label}"
        for where, read in read_by_packs()
        if (found := described(read.metric)) is not None
        for label in sorted(read.labels - found[1].labels - OF_TARGETS - ends.get(found[1].type, set()))
    ]
    assert wrong == []


def test_what_a_preset_takes_for_a_counter_is_a_gauge_that_only_grows() -> None:
    for pack in packs().values():
        for preset in pack.presets.values():
            for metric in preset.counters:
                assert rows()[metric].type == "gauge", metric
                assert "Only grows" in rows()[metric].meaning, metric


@pytest.mark.parametrize(
    ("expr", "function"),
    [
        ("rate(x_total[5m])", "rate"),
        ("sum by (le) (increase(x_total[5m] offset 1h))", "increase"),
        ("x_total > 1", None),
        ("max_over_time(rate(x_total[5m])[1h:])", "rate"),
    ],
)
def test_the_function_around_a_selector_is_found(expr: str, function: str | None) -> None:
    assert [read.function for read in reads(expr)] == [function]
