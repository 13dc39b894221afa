"""GET /v1/event/{event_id}/statistics, as /v1 says it; event_statistics finds them out."""

from datetime import UTC, datetime

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id, Time
from contract.errors import NotFound
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import flag_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.event_statistics import EventFigures, EventStatistics
from query.reads.percentages import share
from query.reads.result_views import ResultRow, result_rows
from query.reads.statistics_reader import EventFacts


class Minute(msgspec.Struct):
    """Votes in the minute that begins then."""

    minute: Time
    votes: int


class Hour(msgspec.Struct):
    """Votes in the hour that begins then."""

    hour: Time
    votes: int


class RegionContestant(msgspec.Struct):
    """A contestant's votes from a region."""

    contestant_id: Id
    votes: int


class RegionVotes(msgspec.Struct):
    """Votes from a country (ISO 3166-1, two letters), or from nobody knows where (`--`).

    `contestants`, those with any, is there once the event is over, if it doesn't tell what a few people have chosen.
    """

    region: str
    votes: int
    contestants: list[RegionContestant] | msgspec.UnsetType = msgspec.UNSET


class RefusedVoters(msgspec.Struct):
    """So many voters were refused for this reason, each counted once."""

    reason: str
    voters: int


class AssuredVotes(msgspec.Struct):
    """So many votes came from people of this level of assurance."""

    level: str
    votes: int


class CountedVotes(msgspec.Struct, omit_defaults=True):
    """What was counted in the ledger, in `took_s` seconds, when it had `votes` votes.

    `distinct_devices` is null where they take too long to count; `hourly` and `regional` are there when asked for.
    `assurances` are told by the evidence of fraud rules, not by votes: without those whose evidence was dropped.
    """

    as_of: Time
    took_s: float
    votes: int
    votes_last_minute: int
    peak: Minute | None
    refusals: list[RefusedVoters]
    assurances: list[AssuredVotes]
    distinct_devices: int | None
    hourly: list[Hour] | msgspec.UnsetType = msgspec.UNSET
    regional: list[RegionVotes] | msgspec.UnsetType = msgspec.UNSET


class Figures(msgspec.Struct):
    """An event's figures; `counted` is null while they are counted for the first time, and of an archived event.

    `turnout_percentage` is null without `eligible_voters`.
    """

    total_votes: int
    stale: bool
    eligible_voters: int | None
    turnout_percentage: float | None
    assurance_min: str
    opened_at: Time | None
    closed_at: Time | None
    archived: bool
    counted: CountedVotes | None


class Statistics(msgspec.Struct):
    """An event's statistics; contestants with most votes first."""

    event_id: Id
    timestamp: Time
    status: str
    contestants: list[ResultRow]
    statistics: Figures


class StatisticsHandler:
    """Turns what was counted into answers."""

    def __init__(self, verifier: TokenVerifier, statistics: EventStatistics) -> None:
        self._verifier = verifier
        self._statistics = statistics

    @call(
        "GET",
        "/v1/event/{event_id}/statistics",
        name="statistics",
        access=Access.AUDIT,
        query={"include_hourly": bool, "include_regional": bool},
        answers={200: Statistics},
        refusals=[NotFound],
    )
    async def statistics(self, request: Request, event_id: str) -> HTTPResponse:
        """Turnout, votes by minute, hour and region, refusals by reason, devices."""
        self._verifier.auditor(request)
        hourly, regional = flag_of(request, "include_hourly"), flag_of(request, "include_regional")
        found = await self._statistics.of(uuid_of(event_id, "event_id"))
        event, facts, shown, _ = found
        rows = result_rows(shown, with_percentages=True)
        counted = _counted(found, hourly=hourly, regional=regional)
        figures = _figures(facts, shown.total_votes, counted, stale=shown.stale)
        return answer(Statistics(event.event_id, rfc3339(datetime.now(UTC)), event.status, rows, figures))


def _figures(facts: EventFacts, total: int, counted: CountedVotes | None, *, stale: bool) -> Figures:
    eligible = facts.eligible_voters
    return Figures(
        total_votes=total,
        stale=stale,
        eligible_voters=eligible,
        turnout_percentage=share(total, eligible) if eligible else None,
        assurance_min=facts.assurance_min,
        opened_at=rfc3339(facts.opened_at) if facts.opened_at else None,
        closed_at=rfc3339(facts.closed_at) if facts.closed_at else None,
        archived=facts.archived,
        counted=counted,
    )


def _counted(found: EventFigures, *, hourly: bool, regional: bool) -> CountedVotes | None:
    if (counts := found.counts) is None:
        return None
    peak = counts.peak()
    counted = CountedVotes(
        as_of=rfc3339(counts.as_of),
        took_s=round(counts.took_s, 3),
        votes=counts.votes,
        votes_last_minute=counts.last_minute,
        peak=Minute(rfc3339(peak[0]), peak[1]) if peak else None,
        refusals=[RefusedVoters(kind.name.lower(), voters) for kind, voters in sorted(counts.refusals.items())],
        assurances=[AssuredVotes(level, votes) for level, votes in sorted(counts.assurances.items())],
        distinct_devices=counts.devices,
    )
    if hourly:
        counted.hourly = [Hour(rfc3339(hour), votes) for hour, votes in counts.by_hour()]
    if regional:
        counted.regional = [_region(found, region, votes) for region, votes in counts.regions()]
    return counted


def _region(found: EventFigures, region: str, votes: int) -> RegionVotes:
    contestants = [RegionContestant(each, count) for each, count in found.choices_in(region)]
    return RegionVotes(region, votes, contestants or msgspec.UNSET)
