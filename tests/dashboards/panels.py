"""The few kinds of panels that the dashboards are made of."""

from collections.abc import Mapping
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode

from tests.dashboards.descriptions import DESCRIPTIONS

Panel = Builder[models.Panel]
Queries = Mapping[str, str]
"""Legend -> PromQL. `{{label}}` in a legend is the value of that label."""

P = TypeVar("P", timeseries.Panel, stat.Panel, heatmap.Panel)

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${source}")
WIDTH = 24

COLOURS = {
    "waiting": "#8e8e8e",
    "probing": "#b8b8b8",
    "running": "#3274d9",
    "rebooting": "#8ab8ff",
    "held": "#e0b400",
    "takenOver": "#a352cc",
    "succeeded": "#37872d",
    "failed": "#c4162a",
    "skipped": "#5c5c5c",
    "cancelled": "#705da0",
}
"""The colour of a state, everywhere the same."""
PHASES = {
    "Pending": "#8e8e8e",
    "Running": "#3274d9",
    "Held": "#e0b400",
    "Completed": "#37872d",
    "CompletedWithFailures": "#ff9830",
    "Invalid": "#c4162a",
}
"""The colour of a rollout's phase."""


def board(title: str, uid: str, description: str) -> dashboard.Dashboard:
    """Returns a dashboard with a choice of the data source, and links to its sisters."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["ibgu"])
        .readonly()
        .refresh("30s")
        .time("now-6h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("ibgu")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["ibgu"])
            .as_dropdown(True)
            .keep_time(True)
        )
        .with_variable(
            dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus")
        )
    )


def choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable whose values Prometheus knows; `query` as in label_values(metric, label)."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def lines(title: str, queries: Queries, unit: str = "short", *, span: int = 12) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).unit(unit).datasource(SOURCE)
    panel.description(DESCRIPTIONS[title])
    table = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST)
    return (
        _asking(panel, queries)
        .legend(table.placement(options.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
        .line_width(1)
        .fill_opacity(10)
        .min(0)
        .span(span)
        .height(8)
    )


def stacked(
    title: str, queries: Queries, unit: str = "short", *, span: int = 12
) -> timeseries.Panel:
    panel = lines(title, queries, unit, span=span).fill_opacity(60)
    panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
    for state, colour in (COLOURS | PHASES).items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        panel.override_by_name(state, [models.DynamicConfigValue("color", fixed)])
    return panel


def number(
    title: str, query: str, unit: str = "short", *, bad_from: float | None = None, name: str = ""
) -> stat.Panel:
    """`bad_from`: red from there on. `name`: show this, a label's value, and no number."""
    steps = [models.Threshold(value=None, color="green" if bad_from is not None else "text")]
    if bad_from is not None:
        steps.append(models.Threshold(value=bad_from, color="red"))
    limits = dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    panel = stat.Panel().title(title).unit(unit).datasource(SOURCE)
    panel.description(DESCRIPTIONS[title])
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        _asking(panel, {name: query})
        .thresholds(limits)
        .text_mode(options.BigValueTextMode.NAME if name else options.BigValueTextMode.VALUE)
        .reduce_options(last)
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.AREA)
        .no_value("0")
        .span(4)
        .height(4)
    )


def heat(title: str, buckets: str, *, span: int = 12) -> heatmap.Panel:
    """`buckets`: increases of a histogram's buckets by `le`."""
    panel = heatmap.Panel().title(title).description(DESCRIPTIONS[title]).datasource(SOURCE)
    query = prometheus.Dataquery().expr(buckets).legend_format("{{le}}").range()
    query.format("heatmap").datasource(SOURCE)  # type: ignore[arg-type]
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges")
    axis = heatmap.YAxisConfig().unit("s")
    panel.with_target(query).calculate(False).color(colour).y_axis(axis)
    return panel.span(span).height(8)


def _asking(panel: P, queries: Queries) -> P:
    for index, (legend, query) in enumerate(queries.items()):
        asked = prometheus.Dataquery().expr(query).legend_format(legend).range()
        panel.with_target(asked.ref_id(chr(ord("A") + index)).datasource(SOURCE))
    return panel


def quantiles(metric: str, by: str = "", selector: str = "") -> dict[str, str]:
    """p50 and p95 (p99 without `by`) of a histogram, for each value of the label `by`."""
    high = 0.95 if by else 0.99
    labels = f"le, {by}" if by else "le"
    name = f" {{{{{by}}}}}" if by else ""
    rates = f"sum by ({labels}) (rate({metric}_bucket{selector}[$__rate_interval]))"
    return {
        f"p{quantile * 100:.0f}{name}": f"histogram_quantile({quantile}, {rates})"
        for quantile in (0.5, high)
    }
