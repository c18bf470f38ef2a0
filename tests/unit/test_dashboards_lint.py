"""The overview is held to the rules of grafana/dashboard-linter (read at commit 1be3836, 2026-05), which cannot be
installed here, and to some of our own: ids, places, links.

A rule is left out for a panel only by name and with a reason, in EXEMPT.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml

from walletmon.api.monitor import WalletMonitor
from walletmon.api.monitor_class import MonitorClass
from walletmon.compiler.dashboards import dashboard_objects
from walletmon.instrument.families import FAMILIES

TREASURY = WalletMonitor.model_validate(
    yaml.safe_load((Path(__file__).parents[2] / "examples/treasury.yaml").read_text())
)
BOARD = json.loads(
    dashboard_objects(TREASURY, MonitorClass()).objects[0]["data"]["wallets-prod.treasury.overview.json"]
)
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
DATA_SOURCE = {"type": "prometheus", "uid": "$datasource"}

# Those of the linter's list (from Grafana's value formats) that are in use here.
UNITS = {"none", "short", "percentunit", "bytes", "s", "dtdurations", "ops", "reqps", "cps", "locale"}

BY_RULES = ("ALERTS", "ALERTS_FOR_STATE")
"""Series that rules make; with those that have a colon in their names they have no job and no instance of a process."""

WATCHED = {"Wallets watched", "Wallets down", "State of each wallet", "Wallets now"}
"""Whether a wallet is watched must not depend on which job or instance somebody chose to look at: `up` there has
the wallet's matcher alone (exempt from target-job-rule and target-instance-rule)."""

FROM_PROBERS = {"probe_success"}
FROM_PROMETHEUS = {"up", "scrape_duration_seconds", *BY_RULES}
FROM_CLIENTS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "go_goroutines"}
FROM_OUR_RULES = {"walletmon:wallet:expected"}


def metrics_of_the_library() -> set[str]:
    suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}
    return {family.name + suffix for family in FAMILIES for suffix in suffixes[family.type]}


COUNTERS = {family.name for family in FAMILIES if family.type == "counter"} | {"process_cpu_seconds_total"}
CUMULATIVE = COUNTERS | {
    family.name + suffix
    for family in FAMILIES
    if family.type == "histogram"
    for suffix in ("_bucket", "_sum", "_count")
}


def without_macros(expr: str) -> str:
    return expr.replace("[$__rate_interval]", "[5m]")


def selectors(node: Any, inside: tuple[str, ...] = ()) -> list[tuple[Any, tuple[str, ...]]]:
    """Every vector selector of a query, with the names of the functions around it."""
    match node:
        case promql.VectorSelector():
            return [(node, inside)]
        case promql.MatrixSelector():
            return [(node.vector_selector, inside)]
        case promql.Call():
            return [found for arg in node.args for found in selectors(arg, (*inside, node.func.name))]
        case promql.BinaryExpr():
            return selectors(node.lhs, inside) + selectors(node.rhs, inside)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return selectors(node.expr, inside)
    return []


def matchers(selector: Any) -> dict[str, str]:
    return {matcher.name: f"{_OPERATORS[str(matcher.op)]}{matcher.value}" for matcher in selector.matchers.matchers}


_OPERATORS = {str(promql.MatchOp.Equal): "=", str(promql.MatchOp.NotEqual): "!=", str(promql.MatchOp.Re): "=~"}

TARGETS = [(panel, target) for panel in PANELS for target in panel["targets"]]


def named(pair: tuple[dict[str, Any], dict[str, Any]]) -> str:
    return f"{pair[0]['title']} {pair[1]['refId']}"


each_target = pytest.mark.parametrize(("panel", "target"), TARGETS, ids=map(named, TARGETS))
each_panel = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])


def test_template_datasource_rule() -> None:
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    assert VARIABLES["datasource"]["label"] == "Data source"


@pytest.mark.parametrize("name", ["job", "instance", "wallet"])
def test_template_job_instance_and_wallet_rules(name: str) -> None:
    variable = VARIABLES[name]
    assert variable["type"] == "query"
    assert variable["datasource"] == DATA_SOURCE
    assert variable["label"] == name.capitalize()
    assert variable["multi"]
    assert variable["includeAll"]
    assert variable["allValue"] == ".+"


@pytest.mark.parametrize("name", ["job", "instance", "wallet"])
def test_template_label_promql_rule(name: str) -> None:
    found = re.fullmatch(r"label_values\((.*), (\w+)\)", VARIABLES[name]["query"]["query"])
    assert found is not None
    (selector, _), *others = selectors(promql.parse(found[1]))
    assert not others
    assert matchers(selector).items() >= {"namespace": "=wallets-prod", "walletmon": "=treasury"}.items()
    assert found[2] == name


def test_template_on_time_change_reload_rule() -> None:
    asked = [variable for variable in VARIABLES.values() if variable["type"] == "query"]
    assert {variable["refresh"] for variable in asked} == {2}


@each_panel
def test_panel_datasource_rule(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == DATA_SOURCE
    assert {tuple(target["datasource"].items()) for target in panel["targets"]} == {tuple(DATA_SOURCE.items())}


@each_panel
def test_panel_title_description_rule(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")


@each_panel
def test_panel_units_rule(panel: dict[str, Any]) -> None:
    if panel["type"] == "state-timeline":
        assert panel["fieldConfig"]["defaults"]["mappings"]
        return
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for override in panel["fieldConfig"]["overrides"]:
        assert {each["value"] for each in override["properties"] if each["id"] == "unit"} <= UNITS


@each_panel
def test_panel_no_targets_rule(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGH")[: len(panel["targets"])]


@each_target
def test_target_promql_rule(panel: dict[str, Any], target: dict[str, Any]) -> None:
    assert selectors(promql.parse(without_macros(target["expr"])))


@each_target
def test_target_rate_interval_rule(panel: dict[str, Any], target: dict[str, Any]) -> None:
    assert set(re.findall(r"\[[^\]]*\]", target["expr"])) <= {"[$__rate_interval]"}


@each_target
def test_target_job_and_instance_rules(panel: dict[str, Any], target: dict[str, Any]) -> None:
    for selector, _ in selectors(promql.parse(without_macros(target["expr"]))):
        if (
            selector.name in BY_RULES
            or ":" in selector.name
            or (panel["title"] in WATCHED and selector.name in ("up", "probe_success"))
        ):
            assert {"job", "instance"}.isdisjoint(matchers(selector))
        else:
            assert matchers(selector).items() >= {"job": "=~$job", "instance": "=~$instance"}.items()


@each_target
def test_every_selector_follows_the_choice_of_wallets(panel: dict[str, Any], target: dict[str, Any]) -> None:
    for selector, _ in selectors(promql.parse(without_macros(target["expr"]))):
        # What belongs to no wallet (a shared node, an alert about the whole) stays in sight in the lists of everything.
        assert matchers(selector)["wallet"] in ("=~$wallet", "=~$wallet|")


@each_target
def test_target_counter_agg_rule(panel: dict[str, Any], target: dict[str, Any]) -> None:
    for selector, inside in selectors(promql.parse(without_macros(target["expr"]))):
        counted = {"rate", "increase", "irate"} & set(inside)
        assert bool(counted) == (selector.name in CUMULATIVE), (
            "counters are read through rate or increase, gauges never"
        )


@each_target
def test_every_metric_is_one_that_something_exposes(panel: dict[str, Any], target: dict[str, Any]) -> None:
    known = metrics_of_the_library() | FROM_PROBERS | FROM_PROMETHEUS | FROM_CLIENTS | FROM_OUR_RULES
    for selector, _ in selectors(promql.parse(without_macros(target["expr"]))):
        assert selector.name in known


@each_target
def test_quantiles_are_over_buckets_summed_by_le(panel: dict[str, Any], target: dict[str, Any]) -> None:
    def check(node: Any) -> bool:
        if isinstance(node, promql.Call) and node.func.name == "histogram_quantile":
            assert isinstance(node.args[1], promql.AggregateExpr)
            assert {"le", "wallet"} <= set(node.args[1].modifier.labels)
        return True

    promql.walk(promql.parse(without_macros(target["expr"])), check)


@each_target
def test_every_legend_names_only_labels_that_the_query_keeps(panel: dict[str, Any], target: dict[str, Any]) -> None:
    legend = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
    if not legend:
        assert panel["type"] in ("stat", "table")
        return
    kept = {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(", ")} - {"le"}
    assert legend == kept


def test_uneditable_dashboard() -> None:
    assert BOARD["editable"] is False


def test_ids_are_unique_and_there_from_the_start() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert ids == list(range(1, len(ids) + 1))


def test_panels_lie_side_by_side_within_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert taken.isdisjoint(cells)
        taken |= cells


def test_the_monitors_dashboards_link_to_one_another_and_carry_the_time_over_but_no_choices() -> None:
    assert BOARD["tags"] == ["walletmon"]
    (link,) = BOARD["links"]
    assert link["type"] == "dashboards"
    assert link["tags"] == BOARD["tags"]
    assert link["asDropdown"]
    assert link["keepTime"]
    assert not link["includeVars"]


@pytest.mark.parametrize(
    "panel", [panel for panel in PANELS if panel["type"] == "table"], ids=lambda panel: panel["title"]
)
def test_every_column_of_a_table_has_a_name_and_overrides_mean_one_of_them(panel: dict[str, Any]) -> None:
    by_name = {each["id"]: each["options"] for each in panel["transformations"]}
    kept = by_name["filterFieldsByName"]["include"]["names"]
    titles = by_name["organize"]["renameByName"]
    assert set(titles) == set(kept)
    assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= set(titles.values())
    values = {"Value"} if len(panel["targets"]) == 1 else {f"Value #{target['refId']}" for target in panel["targets"]}
    assert {name for name in kept if name.startswith("Value")} == values
    labels = {label for by in re.findall(r"by \(([^)]*)\)", panel["targets"][0]["expr"]) for label in by.split(", ")}
    assert {name for name in kept if not name.startswith("Value")} <= labels


def test_the_alerts_of_the_monitor_mark_their_times_on_the_graphs() -> None:
    (annotation,) = BOARD["annotations"]["list"]
    assert annotation["enable"]
    assert annotation["datasource"] == DATA_SOURCE
    ((selector, _),) = selectors(promql.parse(annotation["expr"]))
    assert selector.name == "ALERTS"
    assert matchers(selector).items() >= {"alertstate": "=firing", "walletmon": "=treasury"}.items()
