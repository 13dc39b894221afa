"""The tree of one vote's journey, as text and as a page, whatever spans there are."""

import dataclasses
import re
from argparse import ArgumentTypeError
from html import escape

import pytest

from ops.traces import journey_page, journey_text
from ops.traces.ask import trace_id
from ops.traces.journey import ASKED, CIRCLE, EARLY, LOST, STEPS_MAX, journey
from ops.traces.otlp_receiver import ReceivedSpan

MS = 1_000_000
OURS, OTHER = "a" * 32, "b" * 32


def span(name: str, parent: str = "", at_ms: float = 0, took_ms: float = 1, **more: object) -> ReceivedSpan:
    """A span whose id is its name."""
    begin = int(1_800_000_000_000 * MS + at_ms * MS)
    made = ReceivedSpan(
        OURS, name, parent, "command", name, "internal", begin, begin + int(took_ms * MS), {}, (), is_error=False
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def outline(*spans: ReceivedSpan) -> list[tuple[int, str, str]]:
    """Depth, name and remark of each step."""
    return [(step.depth, step.span.name, step.remark) for step in journey(spans).steps]


def test_children_stand_below_their_parents_in_order() -> None:
    """Whatever order they came in."""
    assert outline(
        span("paint", "frame", 40),
        span("batch", "post", 2),
        span("post"),
        span("judge", "post", 1),
        span("frame", "batch", 9),
    ) == [(0, "post", ""), (1, "judge", ""), (1, "batch", ""), (2, "frame", ""), (3, "paint", "")]


def test_orphans_are_shown() -> None:
    """A span whose parent never came stands at the top and says so, with its own; clients keep theirs."""
    assert outline(span("count", "wal", 5), span("flush", "count", 6), span("post", "page", kind="server")) == [
        (0, "post", ASKED),
        (0, "count", LOST),
        (1, "flush", ""),
    ]


@pytest.mark.parametrize("ring", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_circles_end(ring: list[str]) -> None:
    """Spans that are each other's parents are shown once, from the earliest on."""
    spans = [span(name, ring[place - 1], place) for place, name in enumerate(ring)]
    shown = outline(span("post"), *spans)
    assert shown[:2] == [(0, "post", ""), (0, "a", CIRCLE)]
    assert sorted(name for _, name, _ in shown) == [*ring, "post"]


def test_links_lead_to_other_traces() -> None:
    """To each once, to a few of them, and not to itself."""
    links = tuple((trace_id, "x") for trace_id in (OTHER, OTHER, OURS, "c", "d", "e", "f", "g"))
    shown = journey([span("post"), span("batch", "post", 1, links=links)])
    assert shown.linked == [OTHER, "c", "d", "e", "f"]
    assert f"in a batch with trace {OTHER}\n" in journey_text.tree_text(shown)
    assert f'<a href="/trace/{OTHER}">' in journey_page.journey_page(shown)


def test_clocks_may_differ() -> None:
    """A step that begins before its parent, or ends before it begins, is shown and spoils no bar."""
    shown = journey([span("post"), span("phone", "post", -3_600_000), span("back", "post", 1, took_ms=-5)])
    assert [(step.span.name, step.remark, step.took_ns) for step in shown.steps] == [
        ("post", "", MS),
        ("phone", EARLY, MS),
        ("back", "", 0),
    ]
    for x, width in re.findall(r'rect x="(\d+)" width="(\d+)"', journey_page.journey_page(shown)):
        assert 0 <= int(x) < int(x) + int(width) <= journey_page.BAR_UNITS


def test_huge_and_deep_traces_are_cut() -> None:
    """Thousands of spans, each the next one's parent: so many are shown, the others are counted."""
    spans = [span(str(number), str(number - 1) if number else "", number) for number in range(5_000)]
    text = journey_text.tree_text(journey(spans))
    assert text.splitlines()[-1] == f"… and {5_000 - STEPS_MAX} more"
    assert len(text.splitlines()) == STEPS_MAX + 4
    assert max(map(len, text.splitlines())) < 200
    assert journey_page.journey_page(journey(spans)).count("<svg") == STEPS_MAX


def test_tree_in_text() -> None:
    """Times, names, processes, and what is to be known of a step, in columns."""
    spans = [
        span("POST /v1/vote/submit", took_ms=9.85),
        span("batch", "POST /v1/vote/submit", 1.2, 7, attributes={"votes": 3, "tries": 2}, links=((OTHER, "x"),)),
        span("flush", "batch", 20, 3, service="fanout", is_error=True),
    ]
    assert journey_text.tree_text(journey(spans)) == (
        f"trace {OURS}: 3 spans of command, fanout, 23.0 ms, 1 failed\n\n"
        "     at ms   took ms\n"
        "       0.0       9.8  POST /v1/vote/submit  command\n"
        "       1.2       7.0    batch               command    tries=2 votes=3  1 link\n"
        "      20.0       3.0      flush             fanout     FAILED\n"
        f"in a batch with trace {OTHER}\n"
    )


def test_spans_say_nothing_to_terminals_and_browsers() -> None:
    """Control characters and markup of a span are text, whoever sent it."""
    evil = "\x1b[2J<script>$title{rows}"
    shown = journey([span(evil, service=evil, attributes={evil: evil})])
    assert "\x1b" not in journey_text.tree_text(shown) + journey_text.list_text([shown])
    for page in (journey_page.journey_page(shown), journey_page.list_page([shown], "")):
        assert "<script" not in page
        assert escape("<script>$title{rows}") in page


@pytest.mark.parametrize("text", [OURS, OURS.upper(), f"00-{OURS}-{'c' * 16}-01"])
def test_whole_traceparents_name_their_trace(text: str) -> None:
    """What is asked for may be copied from where it stands."""
    assert trace_id(text) == OURS
    with pytest.raises(ArgumentTypeError, match="32 hexadecimal digits"):
        trace_id(text[:20])
