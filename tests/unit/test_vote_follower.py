"""One synthetic vote, whatever its edge answers: here a server that says what the test wants."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ops.canary.canary_file import Canary, CanaryEvent, CanaryFile
from ops.canary.edge_client import EdgeClient, Renewed, session
from ops.canary.journey import Journeys, Outcome
from ops.canary.shown_totals import ShownTotals
from ops.canary.vote_follower import VoteFollower
from ops.rig.eventually import PATIENCE_S

TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-0[01]")
VOTER = Renewed(Canary("ada", "r1"), "t1")


class Edge:
    """Answers votes by these statuses in turn, the last of them for ever; `on_answer` is called before each answer."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.received: list[tuple[object, str]] = []
        self.on_answer: Callable[[int], None] = lambda _: None
        self.url = ""

    async def vote(self, request: web.Request) -> web.Response:
        """POST /v1/vote/submit"""
        traceparent = TRACEPARENT.fullmatch(request.headers["traceparent"])
        assert traceparent
        self.received.append((await request.json(), traceparent[1]))
        status = self.statuses[min(len(self.received), len(self.statuses)) - 1]
        self.on_answer(status)
        return web.json_response({"error": {"code": "some_code"}}, status=status)


class Following:
    """A follower with all that it works with; the contestant c1 has two votes."""

    def __init__(self, client: EdgeClient, file: CanaryFile) -> None:
        self.file = file
        self.stream, self.board, self.journeys = ShownTotals(), ShownTotals(), Journeys()
        self._follower = VoteFollower(
            client,
            file,
            CanaryEvent("final", ["c1"]),
            (self.stream, self.board),
            self.journeys,
            ack_within_s=0.02,
            seen_within_s=0.02,
        )

    async def follow(self) -> Outcome:
        """The outcome of one vote."""
        await self._follower.follow(VOTER, "c1", traced=True)
        [journey] = self.journeys.kept
        assert journey.outcome
        return journey.outcome

    def is_patient(self) -> None:
        """Give the ack all the time that it takes."""
        self._follower._ack_within_s = PATIENCE_S

    def show(self, total: int) -> None:
        """Both roads show it."""
        for road in (self.stream, self.board):
            road.show({"c1": total}, at=1e9)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    given, app = Edge(), web.Application()
    app.router.add_post("/v1/vote/submit", given.vote)
    async with TestServer(app) as server:
        given.url = str(server.make_url(""))
        yield given


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CanaryFile]:
    with CanaryFile(tmp_path / "canaries") as opened:
        opened.start("final", ["c1"])
        opened.acked("c1", 2)
        yield opened


@pytest.fixture
async def following(edge: Edge, file: CanaryFile) -> AsyncIterator[Following]:
    async with session(edge.url) as http:
        yield Following(EdgeClient(http), file)


async def test_a_vote_is_sent_again_until_it_is_acked(edge: Edge, following: Following) -> None:
    """The very same vote in the same trace, past 429 and 503; the next total of its contestant is one more."""
    edge.statuses = [503, 429, 200]
    edge.on_answer = lambda status: following.show(3) if status == 200 else None
    following.is_patient()
    assert await following.follow() is Outcome.SEEN
    assert len(edge.received) == 3
    assert len({trace_id for _, trace_id in edge.received}) == 1
    assert [vote for vote, _ in edge.received] == 3 * [{"user_id": "ada", "event_id": "final", "contestant_id": "c1"}]
    assert following.file.acks("c1") == 3
    [journey] = following.journeys.kept
    assert journey.stages.keys() == {"sent_to_acked", "acked_to_streamed", "sent_to_streamed", "sent_to_leaderboard"}


async def test_a_vote_without_an_ack_in_its_time_is_lost(edge: Edge, following: Following) -> None:
    """It stays lost, and is sent on until it is known whether it counts: the next one needs to know."""
    edge.statuses = [503, 503, 503, 200]
    assert await following.follow() is Outcome.LOST_AT_ACK
    assert (len(edge.received), following.file.acks("c1")) == (4, 3)
    assert following.journeys.outcomes == {Outcome.LOST_AT_ACK: 1}


@pytest.mark.parametrize(
    ("on_stream", "on_board", "outcome"),
    [
        (2, 3, Outcome.LOST_AT_STREAM),
        (3, 2, Outcome.LOST_AT_LEADERBOARD),
        (2, 2, Outcome.LOST_AT_STREAM),
        (4, 3, Outcome.SEEN),
    ],
)
async def test_an_acked_vote_that_a_road_does_not_show(
    edge: Edge, following: Following, on_stream: int, on_board: int, outcome: Outcome
) -> None:
    """It is lost where it is missing, by the name of the first such road; fewer votes than its total are not it."""

    def show(_: int) -> None:
        following.stream.show({"c1": on_stream}, at=1e9)
        following.board.show({"c1": on_board}, at=1e9)

    edge.on_answer = show
    following.is_patient()
    assert await following.follow() is outcome
    assert following.file.acks("c1") == 3


async def test_a_refused_vote_counts_nowhere(edge: Edge, following: Following) -> None:
    """A definite no ends it; the contestant's next total stays what it was."""
    edge.statuses = [403]
    following.is_patient()
    assert await following.follow() is Outcome.REFUSED
    assert (len(edge.received), following.file.acks("c1")) == (1, 2)


async def test_what_the_road_shows_beyond_the_acks_is_no_vote_of_this_one(edge: Edge, following: Following) -> None:
    """As after a kill, when a vote was counted whose ack nobody heard: the next total is one more than is shown."""
    following.show(7)
    edge.on_answer = lambda _: following.show(8)
    following.is_patient()
    assert await following.follow() is Outcome.SEEN
    assert following.file.acks("c1") == 8
