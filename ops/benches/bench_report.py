"""What every bench prints: a table, the conditions it was measured under, and a last line of JSON with its ratios."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence


def conditions(**extra: object) -> None:
    """Say what this machine is and what else was going on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    facts = {"cores": os.cpu_count(), "python": platform.python_version(), "load before": load, **extra}
    print("conditions: " + " · ".join(f"{name} {value}" for name, value in facts.items()), flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Aligned columns; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(head), *cells]) for column in range(len(head))]
    print()
    for line in [list(head), ["-" * width for width in widths], *cells]:
        first, *rest = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        print("  ".join([first, *(text.strip().rjust(width) for text, width in zip(rest, widths[1:], strict=True))]))
    print(flush=True)


def ratios(values: Mapping[str, float]) -> None:
    """The last line: one JSON object."""
    print(json.dumps({name: round(value, 3) for name, value in values.items()}), flush=True)


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios of what was measured side by side, round by round."""
    return statistics.median(one / other for one, other in zip(over, under, strict=True))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
