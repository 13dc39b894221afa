"""What a process says of itself at /metrics; and how to measure nothing at all, to find out what measuring costs.

Each process is a target of its own for a scraper: it listens at a port that nobody shares, so what two of a kind say
adds up, and prometheus_client's files for several workers behind one port aren't needed.
"""

from importlib import metadata

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from contract import metric_names
from contract.latency_histogram import Latencies
from contract.unlocked_counter import UnlockedCounter

BUILD_INFO = Gauge(metric_names.BUILD_INFO, "1: this version runs as this process", ["version", "process"])
READY = Gauge(metric_names.READY, "1 when traffic may come here, else 0")


def version() -> str:
    """Of this project, as it is installed."""
    return metadata.version("live-vote")


def introduce(process: str, *, measuring: bool) -> None:
    """Say what runs here, once, before anything is measured; without `measuring` nothing ever is, not even this."""
    measure(on=measuring)
    BUILD_INFO.labels(version(), process).set(1)


def measure(*, on: bool) -> None:
    """Measure, or nothing at all from here on: the whole process is without."""
    for kind, method, real in _MEASURING:
        setattr(kind, method, real if on else _nothing)


def exposition(accept: str | None) -> tuple[bytes, str]:
    """All metrics, and their content type, in the format that an Accept header asks for: OpenMetrics has exemplars."""
    try:
        encode, content_type = choose_encoder(accept or "")
    except (TypeError, ValueError):  # the version that is asked for isn't one
        encode, content_type = choose_encoder("")
    return encode(REGISTRY), content_type


def _nothing(*_given: object, **_named: object) -> None:
    """In the place of whatever would measure."""


_MEASURING = [
    (kind, method, getattr(kind, method))
    for kind, methods in (
        (Counter, ["inc"]),
        (UnlockedCounter, ["inc"]),
        (Gauge, ["inc", "dec", "set"]),
        (Histogram, ["observe"]),
        (Latencies, ["observe"]),
    )
    for method in methods
]
