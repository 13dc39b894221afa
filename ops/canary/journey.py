"""What became of synthetic votes: as metrics, and for the table that is printed in the end.

    sent ──► acked ──► streamed        the first frame of the event's stream with the vote
                └────► on the board    the first leaderboard with it

All times are of one clock, this process'. A frame may come before the answer does, as both follow the same COMMIT: then
acked_to_streamed is 0. What has been refused was never counted; what was lost at the ack may be counted later.
"""

import enum
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import prometheus_client

from contract import metric_names

JOURNEYS_KEPT_MAX = 24_000  # for the table


class Outcome(enum.Enum):
    """The end of a synthetic vote."""

    SEEN = "seen"
    LOST_AT_ACK = "lost_at_ack"
    LOST_AT_STREAM = "lost_at_stream"
    LOST_AT_LEADERBOARD = "lost_at_leaderboard"
    REFUSED = "refused"


STAGES = ("sent_to_acked", "acked_to_streamed", "sent_to_streamed", "sent_to_leaderboard")

VOTES = prometheus_client.Counter(metric_names.SYNTHETIC_VOTES, "Synthetic votes, by what became of them", ["outcome"])
STAGE_SECONDS = prometheus_client.Histogram(
    metric_names.SYNTHETIC_STAGE_SECONDS,
    "How long synthetic votes took from one point of their way to another",
    ["stage"],
    buckets=metric_names.STAGE_BOUNDS_S,
)
LAST_SEEN = prometheus_client.Gauge(
    metric_names.SYNTHETIC_LAST_SEEN_UNIX_SECONDS,
    "When a synthetic vote was last seen on stream and leaderboard, or when its program began",
)
PER_HOUR = prometheus_client.Gauge(
    metric_names.SYNTHETIC_PER_HOUR,
    "How many synthetic votes an hour are to be sent: so one that is missing is known",
)
_VOTES_BY = {each: VOTES.labels(each.value) for each in Outcome}
_STAGE_BY = {each: STAGE_SECONDS.labels(each) for each in STAGES}


@dataclass
class Journey:
    """One vote: the stages that it got through, in seconds, and what became of it; `is_traced`: it asks for a trace."""

    trace_id: str
    is_traced: bool
    outcome: Outcome | None = None  # none yet
    stages: dict[str, float] = field(default_factory=dict)


class Journeys:
    """All votes of this process; the newest of them are kept."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.kept: deque[Journey] = deque(maxlen=JOURNEYS_KEPT_MAX)
        LAST_SEEN.set(time.time())  # so that a start is no silence, but a start after which nothing is seen is one

    def end(self, journey: Journey, outcome: Outcome) -> None:
        """Count it."""
        journey.outcome = outcome
        self.outcomes[outcome] += 1
        self.kept.append(journey)
        _VOTES_BY[outcome].inc()
        exemplar = {"trace_id": journey.trace_id} if journey.is_traced else None
        for stage, seconds in journey.stages.items():
            _STAGE_BY[stage].observe(seconds, exemplar)
        if outcome is Outcome.SEEN:
            LAST_SEEN.set(time.time())

    @property
    def ended(self) -> int:
        """How many have an outcome."""
        return self.outcomes.total()
