"""The few kinds of panels that all dashboards are made of, and the dashboard around them.

A query is PromQL and the name of its lines. Widths are in Grafana's 24 columns, heights in its rows of 30 pixels.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

GREEN, RED = "green", "red"
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
SECONDS, BYTES, A_SECOND, NUMBER, SHARE = "s", "bytes", "ops", "short", "percentunit"
WIDE, THIRD, QUARTER = 24, 8, 6
TALL, SHORT = 7, 4


class Query(NamedTuple):
    """PromQL, and what its lines are called: text in which {{label}} stands for a label's value."""

    expr: str
    legend: str


AnyPanel = timeseries.Panel | stat.Panel | statetimeline.Panel


def quantiles(histogram: str, selector: str = "") -> list[Query]:
    """p50, p95 and p99 of a histogram (without `_bucket`), of all that this selector ('{stage="…"}') takes in."""
    rates = f"sum by (le) (rate({histogram}_bucket{selector}[$__rate_interval]))"
    return [Query(f"histogram_quantile({percent / 100:g}, {rates})", f"p{percent}") for percent in (50, 95, 99)]


def rate(counter: str, by: str = "", selector: str = "") -> Query:
    """How often a second (`_total` is added), one line for each value of the label `by`."""
    grouped = f"sum by ({by}) " if by else "sum"
    legend = f"{{{{{by}}}}}" if by else counter.removeprefix("vote_")
    return Query(f"{grouped}(rate({counter}_total{selector}[$__rate_interval]))", legend)


def graph(
    title: str,
    unit: str,
    *queries: Query,
    width: int = THIRD,
    objective: float | None = None,
    about: str = "",
) -> AnyPanel:
    """Lines over time; what is above the objective is red, with a dashed line at it."""
    legend = (
        common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST).show_legend(show_legend=True)
    )
    panel = timeseries.Panel().unit(unit).min(0).legend(legend.placement(common.LegendPlacement.BOTTOM)).line_width(1)
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)).fill_opacity(10)
    if objective is not None:
        dashed = common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
        panel.thresholds(_steps(objective, GREEN, RED)).thresholds_style(dashed)
    return _finished(panel, title, queries, (width, TALL), about)


def rates(title: str, *queries: Query, width: int = THIRD, about: str = "") -> AnyPanel:
    """Lines of how often a second."""
    return graph(title, A_SECOND, *queries, width=width, about=about)


def latency(
    title: str,
    histogram: str,
    selector: str = "",
    *,
    objective: float | None = None,
    width: int = THIRD,
    about: str = "",
) -> AnyPanel:
    """Lines of p50, p95 and p99 of a histogram of seconds."""
    return graph(title, SECONDS, *quantiles(histogram, selector), width=width, objective=objective, about=about)


def number(
    title: str,
    unit: str,
    query: Query,
    *,
    width: int = 3,
    bad_from: float | None = None,
    good_from: float | None = None,
) -> AnyPanel:
    """One large figure, the newest: red from `bad_from` on, or until `good_from`."""
    newest = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    panel = stat.Panel().unit(unit).reduce_options(newest).graph_mode(common.BigValueGraphMode.AREA)
    panel.color_mode(common.BigValueColorMode.BACKGROUND if bad_from or good_from else common.BigValueColorMode.VALUE)
    if bad_from is not None:
        panel.thresholds(_steps(bad_from, GREEN, RED))
    if good_from is not None:
        panel.thresholds(_steps(good_from, RED, GREEN))
    return _finished(panel, title, [query], (width, SHORT), "")


def states(title: str, *queries: Query, width: int = THIRD, about: str = "") -> AnyPanel:
    """A bar over time for each line: green while it is 1, red while it is 0."""
    panel = (
        statetimeline.Panel().thresholds(_steps(1, RED, GREEN)).show_value(common.VisibilityMode.NEVER).min(0).max(1)
    )
    panel.legend(common_builders.VizLegendOptions().show_legend(show_legend=False))
    return _finished(panel, title, queries, (width, TALL), about)


def dashboard(name: str, title: str, about: str, panels: Sequence[AnyPanel]) -> models.Dashboard:
    """All panels, from left to right and from the top down; the data source is chosen in Grafana."""
    built = (
        builders.Dashboard(title)
        .uid(f"vote-{name}")
        .description(about)
        .tags(["vote"])
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time("now-30m", "now")
        .refresh("5s")
        .with_variable(builders.DatasourceVariable("datasource").type("prometheus").label("Prometheus"))
        .link(builders.DashboardLink("The others").tags(["vote"]).type(models.DashboardLinkType.DASHBOARDS))
    )
    made = built.build()
    made.panels = [*_laid_out([panel.build() for panel in panels])]
    return made


def _laid_out(panels: Sequence[models.Panel]) -> Iterator[models.Panel]:
    """Numbered, and beside each other as long as they fit; the SDK's own layout lets them stick out."""
    x = y = row_height = 0
    for number_of, panel in enumerate(panels, start=1):
        assert panel.grid_pos
        if x + panel.grid_pos.w > WIDE:
            x, y, row_height = 0, y + row_height, 0
        panel.id_val, panel.grid_pos.x, panel.grid_pos.y = number_of, x, y
        x, row_height = x + panel.grid_pos.w, max(row_height, panel.grid_pos.h)
        yield panel


def _finished(panel: AnyPanel, title: str, queries: Sequence[Query], size: tuple[int, int], about: str) -> AnyPanel:
    panel.title(title).datasource(SOURCE).span(size[0]).height(size[1])
    if about:
        panel.description(about)
    for letter, query in zip("ABCDEFGHIJ", queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter)
        panel.with_target(target.exemplar("_bucket" in query.expr))
    return panel


def _steps(border: float, below: str, above: str) -> builders.ThresholdsConfig:
    steps = [models.Threshold(color=below), models.Threshold(value=border, color=above)]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
