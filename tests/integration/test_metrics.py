"""Metrics as a scraper gets them from real processes: sums that are right, states of the moment, bounded series."""

import asyncio
import random
import string
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import psycopg
import pytest

from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.people import TokenMint
from ops.rig.scrape import OPENMETRICS, scrape
from ops.rig.service import Service, command_process, read_process
from ops.rig.votes import cast, submit, vote_of

SUBMIT = {"route": "vote_submit"}


@pytest.fixture
def command(tmp_path: Path, database: Database, mint: TokenMint) -> Iterator[Service]:
    with command_process(tmp_path, database.url("vote_command"), mint) as process:
        yield process


async def test_two_processes_add_up_to_the_votes(
    tmp_path: Path, database: Database, mint: TokenMint, command: Service, owner: psycopg.Connection
) -> None:
    """Each vote is counted by one of them, at each place that it passes, and each refusal by its code."""
    event, voters = make_event(owner), [mint.voter() for _ in range(40)]
    with command_process(tmp_path, database.url("vote_command"), mint) as other:
        services = [command, other]
        async with aiohttp.ClientSession(command.url) as one, aiohttp.ClientSession(other.url) as two:
            sessions = [one, two, two]
            sending = [submit(sessions[at % 3], voter, vote_of(voter, event)) for at, voter in enumerate(voters)]
            assert {status for status, _ in await asyncio.gather(*sending)} == {200}
            for session, voter in ((one, voters[0]), (two, voters[1]), (two, voters[2])):
                assert (await submit(session, voter, vote_of(voter, event, 1)))[0] == 409
            assert (await submit(two, voters[0], {"user_id": "x"}))[0] == 400
        scrapes = [scrape(each.url) for each in services]
    (votes,) = owner.execute("SELECT count(*) FROM votes WHERE event_no = %s", [event.event_no]).fetchone() or (0,)
    assert votes == len(voters)
    accepted = [each.sum("vote_outcomes_total", {"outcome": "accepted"}) for each in scrapes]
    assert 0 < accepted[0] < accepted[1]

    def total(sample: str, **labels: str) -> float:
        return sum(each.sum(sample, labels) for each in scrapes)

    assert sum(accepted) == total("vote_accepted_total") == votes
    assert total("vote_stage_seconds_count", stage="received_to_acked") == votes
    assert total("vote_http_answers_total", status="200", **SUBMIT) == votes
    assert total("vote_http_seconds_count", **SUBMIT) == votes + 4
    assert total("vote_queue_wait_seconds_count") == total("vote_batch_votes_sum") == votes + 3
    assert total("vote_batch_seconds_count") == total("vote_batch_votes_count") <= votes + 3
    assert total("vote_refusals_total", reason="already_voted") == 3
    assert total("vote_refusals_total") == 4
    assert total("vote_ready") == total("vote_build_info", process="command") == 2


async def test_what_waits_is_seen_and_who_leaves_is_not(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Votes of an event whose lock is held are inside, and all but the first in the queue; who went away is not."""
    event, voters = make_event(owner), [mint.voter() for _ in range(3)]
    with (
        command_process(
            tmp_path, database.url("vote_command"), mint, BATCH_LATE_MS="600000", VOTE_DEADLINE_MS="600000"
        ) as command,
        owner.transaction(),
    ):
        owner.execute("SELECT pg_advisory_xact_lock(event_lock_class(), %s)", [event.event_no])
        async with aiohttp.ClientSession(command.url) as session:
            waiting = []
            for sent, voter in enumerate(voters):

                def is_inside(queued: int = sent) -> bool:
                    seen = scrape(command.url)
                    inside, waits = seen.sum("vote_http_inside"), seen.sum("vote_queue_votes")
                    return inside == queued + 1 and waits >= queued and seen.sum("vote_queue_wait_seconds_count") >= 1

                waiting.append(asyncio.create_task(submit(session, voter, vote_of(voter, event))))
                await asyncio.to_thread(eventually, is_inside, f"{sent} are in the queue, and one is taken")
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        gone = lambda: scrape(command.url).sum("vote_http_inside") == 0  # noqa: E731
        await asyncio.to_thread(eventually, gone, "nobody is inside")


def garbage(seed: int) -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """Methods, paths, headers and bodies that nobody has sent before."""
    draw = random.Random(seed)
    for _ in range(40):
        word = "".join(draw.choices(string.ascii_uppercase, k=8))
        yield word, "/v1/events", {}, b""
        yield "GET", f"/{word}/{word}", {}, b""
        yield "POST", f"/v1/{word}", {}, b"{}"
        yield "GET", f"/v1/events?status={word}&{word}=1", {"Authorization": f"Bearer {word}"}, b""
        yield "GET", f"/v1/event/{uuid.UUID(int=draw.getrandbits(128))}/results", {"User-Agent": word}, b""
        yield "POST", f"/live/{uuid.UUID(int=draw.getrandbits(128))}/seen", {"Content-Type": f"a/{word}"}, word.encode()
        yield "GET", f"/live/{word}", {"traceparent": word, "X-Forwarded-For": word, "Accept": word}, b""


async def test_nothing_that_a_client_sends_makes_a_series(
    tmp_path: Path, database: Database, redis_url: str, mint: TokenMint
) -> None:
    """Hundreds of requests of one kind are the series of a few; none of their words is in any label."""
    with read_process("query.reads", tmp_path, database.url("vote_query"), redis_url, mint) as query:
        sizes = []
        scrape(query.url)  # is an answer, too
        async with aiohttp.ClientSession(query.url) as session:
            for seed in range(2):
                for method, path, headers, body in garbage(seed):
                    async with session.request(method, path, headers=headers, data=body or None) as answer:
                        assert answer.status < 500
                sizes.append(scrape(query.url).series)
        seen = scrape(query.url)
    assert sizes[0] == sizes[1] < 1000
    assert seen.sum("vote_http_answers_total", {"route": "none"}) >= 160
    words = [word for seed in range(2) for word, path, _, _ in garbage(seed) if path == "/v1/events" and word.isupper()]
    assert [word for word in words if word in seen.text] == []


def test_fanout_tells_how_far_it_is(owner: psycopg.Connection, database: Database, redis_url: str) -> None:
    """With its own login: what the slot keeps, no lag once all is counted, and how long its writes take."""
    event = make_event(owner)
    with FanoutProcess(database.url("vote_fanout"), redis_url, CHECKPOINT_MS="50").running() as fanout:
        assert scrape(fanout.url).sum("vote_ready") == 1
        cast(owner, event, 1, 500)

        def is_told() -> bool:
            seen = scrape(fanout.url)
            return (
                seen.sum("vote_fanout_rows_total") == 500
                and seen.sum("vote_fanout_slot_retained_bytes") > 0
                and seen.sum("vote_fanout_lag_seconds") == 0
                and seen.sum("vote_fanout_checkpoint_seconds_count") > 1
            )

        eventually(is_told, "it tells what it has counted and what the slot keeps")
        seen = scrape(fanout.url, OPENMETRICS)
    safe = owner.execute("SHOW max_slot_wal_keep_size").fetchone()
    assert safe
    assert (seen.sum("vote_fanout_slot_safe_bytes") == -1) == (safe[0] == "-1")
    assert seen.sum("vote_fanout_lag_bytes") >= 0
    assert seen.sum("vote_fanout_flush_seconds_count") == seen.sum("vote_fanout_flushes_total") > 0
    assert seen.sum("vote_stage_seconds_count", {"stage": "committed_to_tallied"}) > 0
    assert abs(seen.sum("vote_fanout_checkpoint_unix_seconds") - time.time()) < 600


async def test_nothing_is_measured_when_metrics_are_off(
    tmp_path: Path, database: Database, mint: TokenMint, owner: psycopg.Connection
) -> None:
    """Votes are taken all the same, and there is no page that would tell zeros."""
    event, voter = make_event(owner), mint.voter()
    with command_process(tmp_path, database.url("vote_command"), mint, METRICS="off") as command:
        async with aiohttp.ClientSession(command.url) as session:
            assert (await submit(session, voter, vote_of(voter, event)))[0] == 200
            async with session.get("/metrics") as answer:
                assert answer.status == 404
