"""A journey and a list of journeys as pages: a waterfall of bars, without a script. Whatever a span says is text."""

from collections.abc import Iterable, Sequence
from html import escape
from importlib import resources
from string import Template

from ops.traces.journey import Journey, Step
from ops.traces.journey_text import DEPTH_MAX, details, ms, summary, title

BAR_UNITS = 1000  # the width of all bars; the least one is 2 wide, so that it is seen
STYLE = resources.files("ops.traces").joinpath("journey.css")
_PAGE = resources.files("ops.traces").joinpath("journey_page.html")


def journey_page(shown: Journey) -> str:
    """The waterfall of one journey."""
    head = "<tr><th class=number>at ms<th class=number>took ms<th>process<th>step<th class=time>"
    rows = [head, *(_step_row(step, shown.took_ns) for step in shown.steps)]
    if shown.left_out:
        rows.append(f"<tr><td colspan=5>… and {shown.left_out} more")
    linked = [f'in a batch with <a href="/trace/{escape(each)}">{escape(each)}</a>' for each in shown.linked]
    footer = "<br>".join([*linked, '<a href="/">All journeys</a>'])
    return _page(f"{title(shown)} · {shown.trace_id}", summary(shown), rows, footer)


def list_page(journeys: Iterable[Journey], footer: str) -> str:
    """The journeys in the order given, each a link to its waterfall; the footer is HTML."""
    head = "<tr><th class=number>took ms<th>failed<th>spans<th>began with<th>trace"
    rows = [head, *map(_journey_row, journeys)]
    return _page("Journeys", "From the request to the frame, as far as they are traced", rows, footer)


def _journey_row(shown: Journey) -> str:
    failed = ' class="failed"' if shown.errors else ""
    trace_id = escape(shown.trace_id)
    return (
        f"<tr{failed}><td class=number>{ms(shown.took_ns)}<td>{shown.errors or ''}"
        f"<td>{len(shown.steps) + shown.left_out} of {escape(', '.join(shown.processes))}<td>{escape(title(shown))}"
        f'<td><a href="/trace/{trace_id}">{trace_id}</a>'
    )


def _step_row(step: Step, took_ns: int) -> str:
    failed = ' class="failed"' if step.span.is_error else ""
    indent = "\N{NO-BREAK SPACE}" * (3 * min(step.depth, DEPTH_MAX))
    return (
        f"<tr{failed}><td class=number>{ms(step.at_ns)}<td class=number>{ms(step.took_ns)}"
        f"<td>{escape(step.span.service)}<td class=name>{indent}{escape(step.span.name)}"
        f"<span class=details>{escape(details(step))}</span><td class=time>{_bar(step, took_ns)}"
    )


def _bar(step: Step, took_ns: int) -> str:
    begin, end = (
        min(max(BAR_UNITS * at_ns // max(took_ns, 1), 0), BAR_UNITS)
        for at_ns in (step.at_ns, step.at_ns + step.took_ns)
    )
    left = min(begin, BAR_UNITS - 2)
    size = f'viewBox="0 0 {BAR_UNITS} 1" preserveAspectRatio="none"'
    return f'<svg {size}><rect x="{left}" width="{max(end - left, 2)}" height="1"/></svg>'


def _page(title_text: str, summary_text: str, rows: Sequence[str], footer: str) -> str:
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(title_text), summary=escape(summary_text), rows="\n".join(rows), footer=footer
    )
