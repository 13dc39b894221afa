"""The query process: reads of events, results and votes, the pages and the documentation.

It connects to Redis and to the replica when they are needed; either may come later or go away.

    python -m query.reads
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse

from contract import settings
from contract.revocations import RevocationList
from contract.road import Part
from contract.tokens import SeedBox
from contract.vote_id import ReceiptCipher
from contract.web.background import Work
from contract.web.revocation_listener import RevocationListener
from contract.web.road_beacon import RoadBeacon
from contract.web.service import Service, run_service
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.identity_door import IdentityDoor
from query.pages.desk_handler import DeskHandler
from query.pages.home_handler import HomeHandler
from query.pages.join_handler import JoinHandler
from query.pages.page_handler import PageHandler, load_files
from query.pages.viewer_handler import ViewerHandler
from query.reads.audit_handler import AuditHandler
from query.reads.election_results_handler import ElectionResultsHandler
from query.reads.election_votes_handler import ElectionVotesHandler
from query.reads.event_pages import EventPages
from query.reads.event_statistics import EventStatistics
from query.reads.events_handler import EventsHandler
from query.reads.own_votes import OwnVotePages
from query.reads.own_votes_handler import OwnVotesHandler
from query.reads.result_answers import ResultAnswers
from query.reads.result_renderer import ResultRenderer
from query.reads.results_handler import ResultsHandler
from query.reads.road_handler import RoadHandler
from query.reads.road_health import RoadWatch
from query.reads.sheet_handler import SheetHandler
from query.reads.sheet_maker import SheetMaker
from query.reads.statistics_handler import StatisticsHandler
from query.reads.statistics_reader import StatisticsReader
from query.reads.status_page import StatusPage
from query.reads.user_vote_handler import UserVoteHandler
from query.reads.user_votes import UserVotes
from query.reads.vote_counter import VoteCounter
from query.reads.vote_status_handler import VoteStatusHandler
from query.reads.vote_tracker import VoteTracker
from query.redis_reader import RedisReader, redis_client
from query.replica_age import ReplicaAge
from query.replica_reader import ReplicaReader, primary_behind
from query.results_access import ResultsAccess
from query.settings import Framing, PublicAddress, QueryListening, Staleness
from query.standings_bell import StandingsBell
from query.standings_reader import StandingsReader


class QueryService(Service):
    """Everything that this process holds."""

    handler_types = (
        EventsHandler,
        ResultsHandler,
        StatisticsHandler,
        AuditHandler,
        SheetHandler,
        VoteStatusHandler,
        UserVoteHandler,
        OwnVotesHandler,
        RoadHandler,
        PageHandler,
        DeskHandler,
        HomeHandler,
        JoinHandler,
        ViewerHandler,
        ElectionResultsHandler,
        ElectionVotesHandler,
    )

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(QueryListening, env)
        redis = settings.read(settings.Redis, env)
        verification = settings.read(settings.Verification, env)
        stale_after_s = settings.read(Staleness, env).after_ms / 1000
        receipt_keys = settings.read(settings.ReceiptKeys, env).by_number
        revoked = RevocationList()
        identity_url = settings.read(settings.IdentityDatabase, env).url
        self._revocations = RevocationListener(identity_url, revoked)
        self._people = people = IdentityDoor(identity_url)
        self._verifier = verifier = TokenVerifier(verification.jwks_url, revoked)
        replica = settings.read(settings.Replica, env)
        self._replica = ReplicaReader(replica.url, has_primary=bool(replica.primary_url))
        self._primary = primary = primary_behind(replica.primary_url)
        self._age = age = ReplicaAge(self._replica, stale_after_s)
        self._statistics = statistics = StatisticsReader(replica.url)
        self._redis = redis_client(redis.url)
        redis_reader = RedisReader(self._redis, redis.sources, stale_after_s)
        standings = StandingsReader(redis_reader, self._replica, redis.sources)
        ciphers = {number: ReceiptCipher(key) for number, key in receipt_keys.items()}
        files = load_files()
        seeds, events = SeedBox(verification.seed_keys), EventDirectory(self._replica, primary)
        self._bell = StandingsBell(self._redis, events.hear)
        pages = EventPages(self._replica)
        user_votes = UserVotes(seeds, ciphers, events, self._replica, people, primary, age)
        results = ResultAnswers(events, ResultsAccess(verifier), ResultRenderer(events, standings))
        figures = EventStatistics(events, standings, statistics, VoteCounter(statistics))
        road = RoadWatch(redis_reader, self._replica)
        self._status = StatusPage(road)
        self._beacon = RoadBeacon(self._redis, Part.READS, self.why_not_ready)
        self.handlers = (
            EventsHandler(verifier, events, pages),
            ResultsHandler(verifier, events, results),
            StatisticsHandler(verifier, figures),
            AuditHandler(verifier, statistics),
            SheetHandler(verifier, events, SheetMaker(standings, statistics)),
            VoteStatusHandler(verifier, VoteTracker(seeds, ciphers, self._replica, redis_reader, primary)),
            UserVoteHandler(verifier, user_votes),
            OwnVotesHandler(verifier, OwnVotePages(self._replica, user_votes)),
            RoadHandler(verifier, road),
            PageHandler(files, settings.read(Framing, env).framed_by),
            DeskHandler(files),
            HomeHandler(files, self._replica),
            JoinHandler(self._replica, settings.read(PublicAddress, env)),
            ViewerHandler(),
            ElectionResultsHandler(verifier, results, figures),
            ElectionVotesHandler(verifier, user_votes),
        )

    async def why_not_ready(self) -> str:
        """Reads need the public keys and the replica; Redis is no reason, its absence only makes stale."""
        if not self._verifier.ready:
            return "no public keys yet"
        if not self._revocations.has_looked:
            return "hasn't looked yet which sessions are revoked"
        return await self._replica.why_not_ready()

    async def open(self) -> None:
        """Make the pools."""
        await self._replica.open()
        if self._primary:
            await self._primary.open()
        await self._statistics.open()
        await self._people.open()

    def work(self) -> Iterable[Work]:
        """Keep the public keys, hear of events that change, see how old the replica is, and tell how it goes."""
        return [self._verifier.run(), self._revocations.run(), self._bell.run(), self._age.run(), self._beacon.run()]

    def configure(self, app: Sanic[Any, Any]) -> None:
        """Mark what is old; and what operators ask: no call of the contract, so the edge lets nobody else to it."""
        app.register_middleware(self._mark, "response")
        app.add_route(self._status.show, "/status", name="status", methods=["GET", "HEAD"])

    async def _mark(self, _request: Request, response: BaseHTTPResponse) -> None:
        if self._age.is_stale:
            response.headers["X-Replica-Behind"] = str(self._age.seconds)

    async def close(self) -> None:
        """Let the connections go."""
        await self._replica.close()
        if self._primary:
            await self._primary.close()
        await self._statistics.close()
        await self._people.close()
        await self._redis.aclose()


if __name__ == "__main__":
    sys.exit(run_service("query", QueryService))
