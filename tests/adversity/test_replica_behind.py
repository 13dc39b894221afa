"""A replica that stands still, and one that is gone: one's own vote stays exact, and what is old says so."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from contract.vote_id import ReceiptCipher, VoteKind
from ops.rig.event import Event, change_status, make_event
from ops.rig.eventually import eventually
from ops.rig.people import RECEIPT_KEY, TokenMint, Voter
from ops.rig.postgres import RunningPostgres, postgres, standby_of
from ops.rig.service import Service, read_process
from ops.rig.tallies import Tallies

STALE_AFTER_MS = "200"
SYSTEM_ID, FAR = 7, 2**62
BEHIND = "X-Replica-Behind"


@dataclasses.dataclass(frozen=True)
class Pair:
    """A primary and its standby."""

    primary: RunningPostgres
    standby: RunningPostgres

    def catch_up(self) -> None:
        """Return when the standby has replayed all that the primary has written."""
        ((end,),) = self.primary.execute("SELECT pg_current_wal_flush_lsn()::text")
        reached = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        eventually(lambda: self.standby.execute(reached, end) == [(True,)], "the standby has it all")

    def make_event(self) -> Event:
        """An open event on both of them."""
        with psycopg.connect(self.primary.database.url(), autocommit=True) as owner:
            event = make_event(owner)
        self.catch_up()
        return event

    def vote(self, event: Event, voter: Voter) -> str:
        """Vote on the primary, as the command process does; the receipt."""
        self.primary.execute(
            "SELECT count(*) FROM cast_votes(%s, %s, clock_timestamp(), ARRAY[%s::bytea], '{1}', '{NULL}', '{NULL}',"
            " ARRAY[%s::bytea], '{0}')",
            event.event_no,
            event.event_id,
            voter.pseudonym(event.event_no),
            bytes(16),
        )
        return receipt(event, voter)


def receipt(event: Event, voter: Voter) -> str:
    return ReceiptCipher(RECEIPT_KEY).seal(VoteKind.ACCEPTED, event.event_no, voter.pseudonym(event.event_no))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("servers")
    with postgres(folder / "primary") as primary:
        primary.execute("INSERT INTO fanout_checkpoint VALUES ('main', 1, %s, 1, '0/1')", SYSTEM_ID)
        with standby_of(primary, folder / "standby", "standby") as standby:
            yield Pair(primary, standby)


@pytest.fixture
def pair(servers: Pair) -> Iterator[Pair]:
    """Both of them up and at one; also after the test."""
    yield servers
    for server in (servers.primary, servers.standby):
        server.process.stop()
        server.process.start()
    servers.catch_up()


@pytest.fixture
def query(tmp_path: Path, pair: Pair, redis_url: str, mint: TokenMint) -> Iterator[Service]:
    """A query process that reads on the standby, and may ask the primary."""
    settings = {
        "PRIMARY_URL": pair.primary.database.url("vote_query"),
        "IDENTITY_DATABASE_URL": pair.primary.database.identity.url("vote_query"),
        "STALE_AFTER_MS": STALE_AFTER_MS,
    }
    replica_url = pair.standby.database.url("vote_query")
    with read_process("query.reads", tmp_path, replica_url, redis_url, mint, **settings) as process:
        yield process


async def ask(query: Service, path: str, asker: Voter) -> tuple[int, Any, bool]:
    """Status, body, and whether the answer says that the replica is behind."""
    async with aiohttp.ClientSession(query.url) as session, session.get(path, headers=asker.headers) as answer:
        return answer.status, await answer.json(), BEHIND in answer.headers


async def ask_when_current(query: Service, path: str, asker: Voter) -> tuple[int, Any, bool]:
    """The first answer that isn't marked: on a slow machine a replica is behind for a moment, too."""
    while (told := await ask(query, path, asker))[2]:
        pass
    return told


async def wait_until_marked(query: Service, asker: Voter, *, marked: bool) -> None:
    while (await ask(query, "/v1/events", asker))[2] is not marked:  # the test's own time limit ends it
        pass


async def test_a_replica_that_stands_still(pair: Pair, query: Service, mint: TokenMint, redis_url: str) -> None:
    """An own vote is found on the primary, and an event that changed; others' votes aren't, and all of it is marked."""
    event, voter, auditor = pair.make_event(), mint.voter(), mint.voter("auditor")
    own = f"/v1/event/{event.event_id}/vote/{voter.user_id}"
    assert await ask_when_current(query, own, voter) == (200, no_vote(event, voter), False)
    pair.standby.execute("SELECT pg_wal_replay_pause()")
    status = f"/v1/vote/{pair.vote(event, voter)}/status"
    Tallies(redis_url).applied(FAR, system_id=SYSTEM_ID, timeline=1)
    await wait_until_marked(query, voter, marked=True)
    assert [(code, body["vote_status"]) for code, body, _ in [await ask(query, status, voter)]] == [(200, "processed")]
    assert [(code, body["has_voted"]) for code, body, _ in [await ask(query, own, voter)]] == [(200, True)]
    mine = (await ask(query, "/v1/me/votes", voter))[1]["votes"]
    assert [vote["event_id"] for vote in mine] == [event.event_id]
    assert (await ask(query, status, auditor))[0] == 404
    with psycopg.connect(pair.primary.database.url(), autocommit=True) as owner:
        change_status(owner, event.event_id, "close")
    Tallies(redis_url).write(event, {}, change_no=event_change(pair.primary, event))
    while (await ask(query, f"/v1/event/{event.event_id}", voter))[1]["status"] != "closed":
        pass
    pair.standby.execute("SELECT pg_wal_replay_resume()")
    await wait_until_marked(query, voter, marked=False)
    assert (await ask(query, status, auditor))[0] == 200


async def test_a_replica_that_is_gone(pair: Pair, query: Service, mint: TokenMint) -> None:
    """One's own vote is told by the primary; what only the replica may be asked is 503; what is known grows old."""
    event, voter = pair.make_event(), mint.voter()
    status = f"/v1/vote/{pair.vote(event, voter)}/status"
    own = f"/v1/event/{event.event_id}/vote/{voter.user_id}"
    assert (await ask(query, own, voter))[0] == 200  # the event is known from here on
    pair.standby.process.kill()
    assert (await ask(query, status, voter))[1]["vote_status"] == "acked"
    assert (await ask(query, own, voter))[1]["has_voted"] is True
    assert (await ask(query, status, mint.voter("auditor")))[0] == 503
    await wait_until_marked(query, voter, marked=True)
    pair.standby.process.start()


async def test_a_primary_that_is_gone_too(pair: Pair, query: Service, mint: TokenMint) -> None:
    """With the replica behind and nobody else to ask, a receipt is still proof, and a doubtful no is marked."""
    event, voter = pair.make_event(), mint.voter()
    own = f"/v1/event/{event.event_id}/vote/{voter.user_id}"
    assert await ask_when_current(query, own, voter) == (200, no_vote(event, voter), False)
    pair.standby.execute("SELECT pg_wal_replay_pause()")
    status = f"/v1/vote/{pair.vote(event, voter)}/status"
    await wait_until_marked(query, voter, marked=True)
    pair.primary.process.kill()
    assert (await ask(query, status, voter))[1]["vote_status"] == "acked"
    assert await ask(query, own, voter) == (200, no_vote(event, voter), True)
    pair.primary.process.start()


def no_vote(event: Event, voter: Voter) -> dict[str, object]:
    return {
        "event_id": event.event_id,
        "user_id": voter.user_id,
        "has_voted": False,
        "vote_id": None,
        "voted_at": None,
    }


def event_change(server: RunningPostgres, event: Event) -> int:
    ((number,),) = server.execute("SELECT change_no FROM events WHERE event_id = %s", event.event_id)
    assert isinstance(number, int)
    return number
