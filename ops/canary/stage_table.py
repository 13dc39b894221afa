"""The table of stages that ends a run, for people and for scripts."""

from collections.abc import Sequence
from typing import Any

from ops.canary.journey import STAGES, Journey, Journeys, Outcome
from ops.load.latency import percentile_ms

PERCENTS = (50, 95, 99)
# What is promised: the stage, the per cent of votes, and within how many milliseconds.
OBJECTIVES = (
    ("sent_to_acked", 99, 150),
    ("sent_to_streamed", 95, 500),
    ("sent_to_streamed", 99, 1000),
    ("sent_to_leaderboard", 99, 1000),
)
SLOWEST_BY = "sent_to_streamed"


def summary(journeys: Journeys) -> dict[str, Any]:
    """Outcomes, each stage's percentiles and maximum in milliseconds, what was missed, and the slowest vote's trace."""
    stages = {stage: _stage(_seconds(journeys, stage)) for stage in STAGES}
    missed = [
        f"{stage} p{percent} {stages[stage][f'p{percent}_ms']} ms, not {limit_ms}"
        for stage, percent, limit_ms in OBJECTIVES
        if stages[stage]["votes"] and stages[stage][f"p{percent}_ms"] > limit_ms
    ]
    slowest = max(journeys.kept, key=_slowness, default=None)
    return {
        "votes": journeys.ended,
        "outcomes": {each.value: journeys.outcomes[each] for each in Outcome},
        "stages": stages,
        "missed": missed,
        "slowest": slowest and {"trace_id": slowest.trace_id, "ms": round(1000 * _slowness(slowest), 1)},
    }


def table(content: dict[str, Any]) -> str:
    """The summary for people."""
    names = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
    lines = [f"{'stage':<20} {'votes':>6}" + "".join(f" {name.replace('_', ' '):>9}" for name in names)]
    for stage, row in content["stages"].items():
        cells = "".join(f" {row[name]:>9}" if row["votes"] else f" {'-':>9}" for name in names)
        lines.append(f"{stage:<20} {row['votes']:>6}{cells}")
    counted = [f"{number} {outcome}" for outcome, number in content["outcomes"].items()]
    lines.append(f"{content['votes']} votes: {', '.join(counted)}")
    lines += [f"missed: {each}" for each in content["missed"]]
    if content["slowest"]:
        lines.append("slowest: {ms} ms, trace {trace_id}".format(**content["slowest"]))
    return "\n".join(lines)


def _seconds(journeys: Journeys, stage: str) -> list[float]:
    return [each.stages[stage] for each in journeys.kept if stage in each.stages]


def _stage(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {"votes": 0}
    figures = {f"p{percent}_ms": round(percentile_ms(seconds, percent), 1) for percent in PERCENTS}
    return {"votes": len(seconds), **figures, "max_ms": round(1000 * max(seconds), 1)}


def _slowness(journey: Journey) -> float:
    return journey.stages.get(SLOWEST_BY, 0.0)
