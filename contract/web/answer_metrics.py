"""What is measured of each answer: how long it took, by route and status, observed once.

How many there were, how long those of a route took, and how long votes wait for their ack, are made of that when
somebody scrapes: so an answer costs one observation, and not three.
"""

import functools
from collections.abc import Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from contract import metric_names, stages
from contract.latency_histogram import Latencies, LatencyHistogram

ACKING = ("vote_submit", "election_vote")  # the routes whose 200 is the ack of a vote


class AnswerCounts(Collector):
    """A registered counter of what was observed elsewhere."""

    _labelnames = ("route", "status")  # as prometheus_client's own have it

    def __init__(self) -> None:
        self._counted: list[tuple[str, int, Latencies]] = []
        REGISTRY.register(self)

    def include(self, route: str, status: int, latencies: Latencies) -> None:
        """Count what is observed there."""
        self._counted.append((route, status, latencies))

    def describe(self) -> list[CounterMetricFamily]:
        """Its name and help."""
        return [CounterMetricFamily(metric_names.HTTP_ANSWERS, "Answers by route and status", labels=self._labelnames)]

    def collect(self) -> Iterable[CounterMetricFamily]:
        """All answers."""
        (family,) = self.describe()
        for route, status, latencies in list(self._counted):
            family.add_metric([route, str(status)], sum(latencies.counts))
        return [family]


ANSWERS = AnswerCounts()
SECONDS = LatencyHistogram(
    metric_names.HTTP_SECONDS,
    "From the arrival of a request's last bytes until its answer begins; a stream goes on from there",
    metric_names.STAGE_BOUNDS_S,
    label="route",
)


@functools.cache
def answers_of(name: str, status: int) -> Latencies:
    """Where to observe the seconds of an answer: of a route as Sanic names it, and a status; a few dozen pairs."""
    route = name.rpartition(".")[2]  # Sanic puts the app's name before it
    latencies = Latencies(metric_names.STAGE_BOUNDS_S)
    ANSWERS.include(route, status, latencies)
    SECONDS.include(route, latencies)
    if route in ACKING and status == 200:
        stages.SECONDS.include(stages.RECEIVED_TO_ACKED, latencies)
    return latencies
