"""A journey and a list of journeys as plain text, for a terminal: whatever a span says, it moves no cursor."""

from collections.abc import Iterable, Iterator

from ops.traces.journey import Journey, Step

DEPTH_MAX = 20  # deeper steps stand below each other
DETAIL_CHARACTERS_MAX = 160


def tree_text(shown: Journey) -> str:
    """The tree with times in ms, a line a step."""
    linked = [f"in a batch with trace {trace_id}" for trace_id in shown.linked]
    return "\n".join([f"trace {shown.trace_id}: {summary(shown)}", "", *_lines(shown), *linked, ""])


def list_text(journeys: Iterable[Journey]) -> str:
    """A line for each journey."""
    return "\n".join([*(f"{each.trace_id}  {title(each)}: {summary(each)}" for each in journeys), ""])


def title(shown: Journey) -> str:
    """What it began with."""
    return visible(shown.steps[0].span.name)


def summary(shown: Journey) -> str:
    """How much it is of what, and how long it took."""
    count = len(shown.steps) + shown.left_out
    parts = [
        f"{count} span{'s' * (count != 1)} of {', '.join(map(visible, shown.processes))}",
        f"{ms(shown.took_ns)} ms",
        *([f"{shown.errors} failed"] if shown.errors else []),
    ]
    return ", ".join(parts)


def details(step: Step) -> str:
    """What a step has beside its name and its times: attributes, links, a remark."""
    attributes = " ".join(f"{name}={value}" for name, value in sorted(step.span.attributes.items()))
    links = len(step.span.links)
    parts = [
        "FAILED" * step.span.is_error,
        visible(attributes)[:DETAIL_CHARACTERS_MAX],
        f"{links} link{'s' * (links > 1)}" * bool(links),
        f"({step.remark})" * bool(step.remark),
    ]
    return "  ".join(filter(None, parts))


def ms(duration_ns: int) -> str:
    """Nanoseconds in ms with one decimal."""
    return f"{duration_ns / 1e6:.1f}"


def visible(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _lines(shown: Journey) -> Iterator[str]:
    yield f"{'at ms':>10}{'took ms':>10}"
    width = max(2 * min(step.depth, DEPTH_MAX) + len(step.span.name) for step in shown.steps)
    for step in shown.steps:
        name = "  " * min(step.depth, DEPTH_MAX) + visible(step.span.name)
        line = f"{ms(step.at_ns):>10}{ms(step.took_ns):>10}  {name:<{width}}  {visible(step.span.service):<9}"
        yield f"{line}  {details(step)}".rstrip()
    if shown.left_out:
        yield f"… and {shown.left_out} more"
