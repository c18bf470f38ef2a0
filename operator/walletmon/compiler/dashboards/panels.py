"""Panels and dashboards in this product's own few words; the only module that knows the dashboard library.

Everything a panel here is made of is required by its factory: a title, a description, a unit, queries. What the library
leaves open and Grafana would fill in by itself (panel ids, refIds) is set, so that the same input gives the same bytes
and a provisioned file equals what Grafana holds.

Importing this module costs about 0.1 s and 10 MB: import it where a dashboard is built, not at the top of a module.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

with warnings.catch_warnings():
    # It would like everybody to use the model of Grafana 12 and later; the classic one is taken by all since 10.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    from grafana_foundation_sdk.builders import common as common_builders
    from grafana_foundation_sdk.builders import dashboard as builders
    from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models import common, dashboard
    from grafana_foundation_sdk.models.prometheus import PromQueryFormat

GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"

DATA_SOURCE = common.DataSourceRef(type_val="prometheus", uid="$datasource")

Panel = stat.Panel | timeseries.Panel | statetimeline.Panel | table.Panel


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL query of a panel; `legend` is Grafana's template over the series' labels."""

    expr: str
    min_step: str
    """Finest step, a duration: `$__rate_interval` then spans at least four of it. The slowest scrape interval."""
    legend: str = ""
    exemplars: bool = False
    limit: bool = False
    """Draw it as a bound: dashed and red. For thresholds that differ between wallets."""


@dataclass(frozen=True, slots=True)
class State:
    """What a range of values (both ends included; None is open) is called, and its colour."""

    low: float | None
    high: float | None
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. `source` is the label it shows, or `Value #A` for the value of query A."""

    source: str
    title: str
    unit: str | None = None
    red_from: float | None = None
    """The value from which the cell is red; None leaves it uncoloured."""
    states: tuple[State, ...] = ()
    link: tuple[str, str] | None = None
    """Title and address of where a click on the cell goes."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the dashboard: values that the label `name` has on the series of `selector`, or all."""

    name: str
    selector: str
    description: str


@dataclass(frozen=True, slots=True)
class Section:
    """A row of the dashboard and what is in it."""

    title: str
    panels: Sequence[Panel]


def stat_panel(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    steps: Sequence[tuple[float | None, str]],
    width: int = 4,
) -> Panel:
    """A figure in large. `steps` are (value from which, colour), the first value None; no data shows as `unknown`."""
    panel = (
        stat.Panel()
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.NONE)
        .text_mode(common.BigValueTextMode.VALUE)
        .unit(unit)
        .thresholds(_steps(steps))
        .no_value("unknown")
        .span(width)
        .height(4)
    )
    return _fill(panel, title, description, queries, instant=True)


def timeseries_panel(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    limit: float | None = None,
    limit_below: bool = False,
    ceiling: float | None = None,
    width: int = 8,
) -> Panel:
    """Lines over time. `limit` draws where the alert is (`limit_below`: under it is bad); `ceiling` ends the axis."""
    panel = (
        timeseries.Panel()
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(8)
        .show_points(common.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
            .show_legend(True)
        )
        .tooltip(
            common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
        )
        .span(width)
        .height(8)
    )
    if ceiling is not None:
        panel = panel.max(ceiling)
    if limit is not None:
        colours = (RED, GREEN) if limit_below else (GREEN, RED)
        panel = panel.thresholds(_steps([(None, colours[0]), (limit, colours[1])])).thresholds_style(
            common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    for ref, query in zip(ascii_uppercase, queries, strict=False):
        if query.limit:
            panel = panel.override_by_query(
                ref,
                [
                    _property("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
                    _property("custom.fillOpacity", 0),
                    _property("color", {"mode": "fixed", "fixedColor": RED}),
                ],
            )
    return _fill(panel, title, description, queries)


def state_panel(
    title: str, description: str, queries: Sequence[Query], *, states: Sequence[State], width: int = 12, height: int = 9
) -> Panel:
    """One band a series, coloured by what its value means; 25 series a page."""
    panel = (
        statetimeline.Panel()
        .mappings(_mappings(states))
        .show_value(common.VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .per_page(25)
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .span(width)
        .height(height)
    )
    return _fill(panel, title, description, queries)


def table_panel(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    columns: Sequence[Column],
    sort: tuple[str, bool],
    width: int = 12,
    height: int = 9,
) -> Panel:
    """The present values, one row a series; `columns` in order, `sort` is (column title, descending).

    Rows of several queries become one where they agree in all labels that are columns.
    """
    panel = (
        table.Panel()
        .unit("none")
        .filterable(True)
        .show_header(True)
        .sort_by([common_builders.TableSortByFieldState().display_name(sort[0]).desc(sort[1])])
        .span(width)
        .height(height)
    )
    # Every query brings its own Time column, the moment of the look: without it rows of several queries can meet.
    sources = [column.source for column in columns]
    panel = panel.with_transformation(_transformation("filterFieldsByName", {"include": {"names": sources}}))
    if len(queries) > 1:
        panel = panel.with_transformation(_transformation("merge", {}))
    panel = panel.with_transformation(
        _transformation(
            "organize",
            {
                "indexByName": {source: index for index, source in enumerate(sources)},
                "renameByName": {column.source: column.title for column in columns},
            },
        )
    )
    for column in columns:
        if properties := _column_properties(column):
            panel = panel.override_by_name(column.title, properties)
    return _fill(panel, title, description, queries, instant=True, as_table=True)


def render(
    *,
    title: str,
    uid: str,
    description: str,
    tags: Sequence[str],
    alerts: str,
    variables: Sequence[Variable],
    sections: Sequence[Section],
    min_step: str,
) -> str:
    """The dashboard as compact JSON in the classic model (Grafana 10 and later), the same bytes each time.

    `alerts` is the query whose series mark the times of alerts on every graph, `min_step` (a duration) its finest step.
    """
    # An empty placement is at the top, in sight; the library's default puts links and annotations into a menu.
    board = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(list(tags))
        .readonly()
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .annotation(
            builders.AnnotationQuery()
            .name("Alerts")
            .datasource(DATA_SOURCE)
            .enable(True)
            .icon_color(RED)
            .expr(alerts)
            .step(min_step)
            .title_format("{{alertname}}")
            .text_format("{{wallet}} {{priority}}")
            .placement("")
        )
        # Without the variables: another monitor has other wallets, and a choice carried over would show an empty board.
        .link(
            builders.DashboardLink("Wallet monitors")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags(list(tags))
            .as_dropdown(True)
            .include_vars(False)
            .keep_time(True)
            .placement("")
        )
    )
    for variable in variables:
        board = board.with_variable(_variable(variable))
    number = 0
    for section in sections:
        number += 1
        row = builders.Row(section.title).id(number)
        board = board.with_row(row)
        for panel in section.panels:
            number += 1
            board = board.with_panel(panel.id(number))
    return json.dumps(board.build(), cls=JSONEncoder, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _fill(
    panel: Panel,
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    instant: bool = False,
    as_table: bool = False,
) -> Panel:
    panel = panel.title(title).description(description).datasource(DATA_SOURCE)
    for ref, query in zip(ascii_uppercase, queries, strict=False):
        target = (
            prometheus.Dataquery()
            .ref_id(ref)
            .datasource(DATA_SOURCE)
            .expr(query.expr)
            .interval(query.min_step)
            .format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)
        )
        target = target.instant() if instant else target.range()
        if query.legend:
            target = target.legend_format(query.legend)
        if query.exemplars:
            target = target.exemplar(True)
        panel = panel.with_target(target)
    return panel


def _variable(variable: Variable) -> builders.QueryVariable:
    return (
        builders.QueryVariable(variable.name)
        .label(variable.name.capitalize())
        .description(variable.description)
        .datasource(DATA_SOURCE)
        .query({"query": f"label_values({variable.selector}, {variable.name})", "refId": f"variable-{variable.name}"})
        .definition(f"label_values({variable.selector}, {variable.name})")
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(dashboard.VariableOption(text="All", value="$__all", selected=True))
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _steps(steps: Sequence[tuple[float | None, str]]) -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(value=value, color=colour) for value, colour in steps])
    )


def _mappings(states: Sequence[State]) -> list[dashboard.ValueMapping]:
    return [
        dashboard.RangeMap(
            dashboard.DashboardRangeMapOptions(
                from_val=state.low,
                to=state.high,
                result=dashboard.ValueMappingResult(text=state.text, color=state.colour, index=index),
            )
        )
        for index, state in enumerate(states)
    ]


def _column_properties(column: Column) -> list[dashboard.DynamicConfigValue]:
    properties = []
    if column.unit is not None:
        properties.append(_property("unit", column.unit))
    if column.red_from is not None:
        properties.append(
            _property(
                "thresholds",
                {
                    "mode": "absolute",
                    "steps": [{"value": None, "color": GREEN}, {"value": column.red_from, "color": RED}],
                },
            )
        )
    if column.states:
        properties.append(_property("mappings", [mapping.to_json() for mapping in _mappings(column.states)]))
    if column.red_from is not None or column.states:
        properties.append(_property("custom.cellOptions", {"type": "color-text"}))
    if column.link is not None:
        title, url = column.link
        properties.append(_property("links", [{"title": title, "url": url}]))
    return properties


def _property(name: str, value: Any) -> dashboard.DynamicConfigValue:
    return dashboard.DynamicConfigValue(id_val=name, value=value)


def _transformation(name: str, options: dict[str, Any]) -> dashboard.DataTransformerConfig:
    return dashboard.DataTransformerConfig(id_val=name, options=options)
