"""Metrics by themselves: their names, histograms that agree with prometheus_client's, lag, and nothing measured."""

import ast
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

from command.__main__ import CommandService
from command.identity.outcome_counter import counted
from contract import metering, metric_names
from contract.errors import TooMany
from contract.latency_histogram import LatencyHistogram
from contract.unlocked_counter import UnlockedCounter
from contract.web.answer_metrics import ACKING, answers_of
from contract.web.call import calls_of
from fanout import slot_watch, vitals
from fanout.counting_lag import CountingLag
from ops.reference import EXPORTING, PROJECT, metrics

BOUNDS_S = (0.01, 0.1, 1, 60)
KINDS = ("Counter", "Enum", "Family", "Gauge", "Histogram", "Info", "LatencyHistogram", "Summary", "UnlockedCounter")
UNITS = {"in seconds": "_seconds", "in bytes": "_bytes", "Unix": "_unix_seconds", "milliseconds": "only seconds"}


def calls_that_make_metrics() -> Iterator[tuple[Path, ast.Call]]:
    for path in (path for package in EXPORTING for path in (PROJECT / package).rglob("*.py")):
        text = path.read_text()
        if not re.search("prometheus_client|latency_histogram|unlocked_counter", text):
            continue
        collections = re.search(r"from collections import .*\bCounter\b", text)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in KINDS and not (collections and isinstance(node.func, ast.Name)):
                    yield path, node


def test_each_metric_is_named_by_its_constant() -> None:
    """So that one module has all names, and what looks for one finds it."""
    made = list(calls_that_make_metrics())
    literal = [
        f"{path}:{node.lineno}"
        for path, node in made
        if not ast.unparse(node.args[0] if node.args else node).startswith("metric_names.")
    ]
    assert literal == []
    assert len(made) >= len(metrics())


def test_names_have_the_prefix_and_their_units() -> None:
    """What is said to be of a unit ends with it, in seconds or bytes; each has a sentence that helps."""
    for name, (described, _) in metrics().items():
        assert re.fullmatch(r"vote_[a-z]+(_[a-z]+)*", name)
        assert len(described.documentation.split()) > 2
        for word, end in UNITS.items():
            if re.search(rf"\b{word}\b", described.documentation):
                assert name.endswith(end), name
        if described.type == "histogram":
            assert name.endswith(("_seconds", "_votes"))
    names = [value for name, value in vars(metric_names).items() if name.isupper() and isinstance(value, str)]
    assert len(set(names)) == len(names)


def a_histogram(name: str) -> tuple[LatencyHistogram, CollectorRegistry]:
    """One that no process exports."""
    registry = CollectorRegistry()
    return LatencyHistogram(name, "of a test", BOUNDS_S, "stage", registry=registry), registry


def text_of(registry: CollectorRegistry) -> str:
    """In OpenMetrics."""
    return str(generate_latest(registry).decode())  # type: ignore[no-untyped-call]


@settings(max_examples=50)
@given(st.lists(st.sampled_from([0.0, 0.005, 0.01, 0.0100001, 0.1, 1.0, 59.9, 60.0, 61.0]) | st.floats(0, 100)))
def test_it_counts_as_prometheus_clients_own_does(observed: list[float]) -> None:
    """The same text of the same observations, whatever they are."""
    ours, registry = a_histogram("h_seconds")
    expected = CollectorRegistry()
    theirs = Histogram("h_seconds", "of a test", ["stage"], buckets=BOUNDS_S, registry=expected)
    for seconds in observed:
        ours.labels("acked").observe(seconds)
        theirs.labels("acked").observe(seconds)
    assert text_of(registry) == re.sub(r"h_seconds_created.*\n", "", text_of(expected))


@pytest.mark.parametrize("amounts", [[], [1], [1, 2.5, 0]])
def test_it_counts_without_a_lock_as_prometheus_clients_own_does(amounts: list[float]) -> None:
    """The same text, by label."""
    texts = []
    for kind in (UnlockedCounter, Counter):
        registry = CollectorRegistry()
        counter = kind("c", "of a test", ["route"], registry=registry)
        for amount in amounts:
            counter.labels("submit").inc(amount)
        texts.append(re.sub(r"c_created.*\n", "", text_of(registry)))
    assert texts[0] == texts[1]


def test_an_answer_is_observed_once_and_told_in_three_ways() -> None:
    """By route and status, by route, and as a vote's ack where it is one; the routes of acks are calls."""

    def told(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    def all_told() -> list[float]:
        return [
            *(told("vote_http_answers_total", route="vote_submit", status=status) for status in ("200", "409")),
            *(told("vote_http_seconds_count", route=route) for route in ACKING),
            told("vote_stage_seconds_count", stage="received_to_acked"),
        ]

    before = all_told()
    answers = (("election_vote", 200, "aa"), ("vote_submit", 200, "bb"), ("vote_submit", 409, None))
    for route, status, trace_id in answers:
        answers_of(f"command.{route}", status).observe(0.0201, trace_id)
    assert [after - each for after, each in zip(all_told(), before, strict=True)] == [1, 1, 2, 1, 2]
    text = metering.exposition("application/openmetrics-text; version=1.0.0")[0].decode()
    assert re.search(r'vote_stage_seconds_bucket\{le="0.03",stage="received_to_acked"\} .* # \{trace_id="bb"\}', text)
    assert set(ACKING) <= {call.name for handler in CommandService.handler_types for call, _ in calls_of(handler)}


def test_an_exemplar_is_the_newest_sampled_trace_of_its_bucket() -> None:
    """With its value; what is not sampled leaves it, and without any there is none."""
    histogram, registry = a_histogram("h_seconds")
    for seconds, trace_id in ((0.02, "aa"), (0.03, "bb"), (0.04, None), (5.0, None)):
        histogram.labels("acked").observe(seconds, trace_id)
    lines = [line for line in text_of(registry).splitlines() if " # " in line]
    assert len(lines) == 1
    assert re.fullmatch(r'h_seconds_bucket\{le="0.1",stage="acked"\} 3.0 # \{trace_id="bb"\} 0.03 [\d.]+', lines[0])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("application/openmetrics-text; version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=x.y", "text/plain"),
    ],
)
def test_the_format_is_what_a_scraper_asks_for(accept: str | None, content_type: str) -> None:
    """OpenMetrics for who knows it, else the plain text; nonsense is answered, too."""
    body, said = metering.exposition(accept)
    assert said.startswith(content_type)
    assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)


def test_outcomes_are_codes_of_refusals() -> None:
    """ok, the code, or failed: whatever the error says to people is no label."""
    counter = Counter("outcomes", "of a test", ["outcome"], registry=CollectorRegistry())
    with counted(counter):
        pass
    for error in (TooMany("anything that a client wrote"), RuntimeError("unforeseen")):
        with contextlib.suppress(type(error)), counted(counter):
            raise error
    (family,) = counter.collect()
    found = {each.labels["outcome"]: each.value for each in family.samples if each.name.endswith("_total")}
    assert found == {"ok": 1, "too_many": 1, "failed": 1}


def test_an_idle_source_has_no_lag() -> None:
    """Nobody has voted for an hour, and fanout has read all there is."""
    lag = CountingLag()
    lag.begin(100, counted_at=0.0)
    assert lag.seconds(3600.0) == 0  # where the WAL ends isn't known yet
    lag.learn_end(120, asked_at=3600.0)
    lag.count(120, newest_at=0.0)
    assert lag.seconds(3601.0) == 0
    lag.learn_end(140, asked_at=3602.0)  # something that is no vote was written, and is read a moment later
    assert lag.seconds(3602.5) == 0.5
    lag.learn_end(160, asked_at=3604.0)
    assert lag.seconds(3604.5) == 2.5  # it is not
    lag.count(150, newest_at=0.0)
    assert lag.seconds(3604.5) == 0.5
    lag.count(160, newest_at=0.0)
    assert lag.seconds(3605.0) == 0


def test_who_catches_up_is_as_late_as_what_is_counted() -> None:
    """The lag is the age of the newest counted commit, and goes down with it."""
    lag = CountingLag()
    lag.begin(100, counted_at=1000.0)
    lag.learn_end(900, asked_at=1600.0)
    assert lag.seconds(1600.0) == 600
    lag.count(500, newest_at=1300.0)
    assert lag.seconds(1601.0) == 301
    lag.count(900, newest_at=1600.0)
    assert lag.seconds(1602.0) == 0
    lag.learn_end(950, asked_at=1602.0)  # counting stands still
    assert lag.seconds(1660.0) == 58
    for number in range(1000):  # and goes on to stand still
        lag.learn_end(951 + number, asked_at=1660.0 + number)
    assert lag.seconds(2660.0) == 1058


def test_who_leads_no_longer_has_no_lag() -> None:
    """A hot standby tells nothing of the slot, and its last words as leader don't grow old."""
    vitals.end_session()  # of whatever led in this process
    assert [each.samples[0].value for each in vitals.SLOT_SAFE_BYTES.collect()] == [-1]
    vitals.LAG.begin(100, counted_at=1000.0)
    vitals.LAG.learn_end(900, asked_at=1001.0)
    vitals.SLOT_SAFE_BYTES.set(5)
    assert vitals.LAG.seconds(1010.0) == 10
    vitals.end_session()
    assert vitals.LAG.seconds(2000.0) == 0
    assert [each.samples[0].value for each in vitals.SLOT_SAFE_BYTES.collect()] == [-1]


def test_what_postgres_says_of_the_slot_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement at a time, and not again before its time; a slot that is gone changes nothing."""
    answers = [[], [["900", "5", "7", "-1"]]]

    class Answered:
        def __init__(self, *_: object, **__: object) -> None: ...

        def poll(self) -> Iterator[list[str]]:
            return iter(answers.pop())

    monkeypatch.setattr(slot_watch, "PolledStatement", Answered)
    watch = slot_watch.SlotWatch(psycopg.Connection.__new__(psycopg.Connection), "a_slot")
    vitals.LAG.begin(100, counted_at=1000.0)
    for asked_at in (500.0, 500.0 + slot_watch.WATCH_S):
        watch.ask_when_due(asked_at)
        assert (watch.busy, watch.waited_s(asked_at + 1)) == (True, 1.0)
        watch.poll()
        watch.ask_when_due(asked_at + slot_watch.WATCH_S / 2)
        assert (watch.busy, watch.waited_s(asked_at + 1)) == (False, 0.0)
    told = scraped(metering.exposition(None)[0].decode())
    assert told["vote_fanout_lag_bytes"] == 5
    assert told["vote_fanout_slot_retained_bytes"] == 7
    assert told["vote_fanout_slot_safe_bytes"] == -1
    assert vitals.LAG.seconds(1600.0) == 600


def scraped(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}
