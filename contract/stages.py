"""How long a vote takes from one station of its way to the next: each process observes the stages that end with it.

    sent ─► received ─► acked                      committed ─► tallied ─► delivered ─► painted
    page    command     page                       command      fanout     sse          page

Moments of two machines are compared by their clocks, which must be kept alike; what a page says it has measured by its
own. With the trace_id of a sampled trace an observation is its bucket's exemplar, so a dashboard's slow dot opens the
trace. Observing never fails and costs a fifth of a microsecond.
"""

from contract import metric_names
from contract.latency_histogram import Latencies, LatencyHistogram

RECEIVED_TO_ACKED = "received_to_acked"
SENT_TO_ACKED = "sent_to_acked"
COMMITTED_TO_TALLIED = "committed_to_tallied"
TALLIED_TO_DELIVERED = "tallied_to_delivered"
COMMITTED_TO_DELIVERED = "committed_to_delivered"
COMMITTED_TO_PAINTED = "committed_to_painted"

SECONDS = LatencyHistogram(
    metric_names.STAGE_SECONDS,
    "From one station of a vote's way to the next: received_to_acked (each accepted vote), sent_to_acked and "
    "committed_to_painted (sampled viewers' own word), committed_to_tallied (the oldest vote of a flush to Redis), "
    "tallied_to_delivered and committed_to_delivered (the newest vote of a frame, until its last client)",
    metric_names.STAGE_BOUNDS_S,
    label="stage",
)


def observe(stage: str, seconds: float, trace_id: str | None = None) -> None:
    """Count one passage through a stage, one of the names above; `trace_id` only of a trace that is sampled."""
    SECONDS.labels(stage).observe(seconds, trace_id)


def latencies(stage: str) -> Latencies:
    """What was observed of a stage."""
    return SECONDS.labels(stage)
