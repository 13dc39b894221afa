"""The bodies of election results: pure, from what an audience is shown, and of the same numbers as result_views.

The fields that say how the numbers are to be read (`stale`, `frozen`, `revealed`) are the contract's in both dialects.
"""

from datetime import UTC, datetime

import msgspec

from contract.answer_text import Id, Time
from contract.elections import status_word
from contract.moment import rfc3339
from query.on_air import Shown
from query.reading import UNKNOWN_TIME
from query.reads.event_statistics import EventFigures
from query.reads.percentages import share
from query.reads.result_views import Rendered, Revealed, etag_of, result_rows, revealed_of


class CandidateTotal(msgspec.Struct, rename="camel", omit_defaults=True):
    """A candidate's votes; `percentage` has two decimals, all of them add up to 100.00."""

    candidate_id: Id
    name: str
    votes: int
    party: str | msgspec.UnsetType = msgspec.UNSET
    percentage: float | msgspec.UnsetType = msgspec.UNSET


class ElectionResults(msgspec.Struct, rename="camel"):
    """The results of an election, most votes first; `stale`: the numbers may lag.

    `frozen`: they are those of an earlier moment; `revealed`: only so many places are shown, from the last up, and no
    percentages.
    """

    election_id: Id
    election_title: str
    status: str
    totals: list[CandidateTotal]
    total_votes: int
    stale: bool
    frozen: bool
    generated_at: Time
    revealed: Revealed = msgspec.UNSET


class ElectionCount(msgspec.Struct, rename="camel"):
    """All votes counted so far; `lastUpdated` is this answer's time before the first, else as in the results."""

    election_id: Id
    current_votes: int
    stale: bool
    frozen: bool
    last_updated: Time
    revealed: Revealed = msgspec.UNSET


class ElectionHour(msgspec.Struct, rename="camel"):
    """Votes in the hour that begins then."""

    hour: Time
    count: int


class RegionCandidate(msgspec.Struct, rename="camel"):
    """A candidate's votes from a region."""

    candidate_id: Id
    votes: int


class ElectionRegion(msgspec.Struct, rename="camel"):
    """Votes from a country (ISO 3166-1, two letters), or from nobody knows where (`--`).

    `candidates`, those with any, is there once the election is over, if it doesn't tell what a few people have chosen.
    """

    region: str
    total_votes: int
    candidates: list[RegionCandidate] | msgspec.UnsetType = msgspec.UNSET


class ElectionStatistics(msgspec.Struct, rename="camel", omit_defaults=True):
    """An election's statistics; `totalEligibleVoters` and `turnoutPercentage` are 0 where nobody has said how many.

    The last three are there once votes have been counted in the ledger, the hours and regions if they were asked for.
    """

    election_id: Id
    total_votes: int
    total_eligible_voters: int
    turnout_percentage: float
    candidate_stats: list[CandidateTotal]
    generated_at: Time
    peak_voting_time: Time | msgspec.UnsetType = msgspec.UNSET
    votes_per_hour: list[ElectionHour] | msgspec.UnsetType = msgspec.UNSET
    regional_breakdown: list[ElectionRegion] | msgspec.UnsetType = msgspec.UNSET


def results(shown: Shown) -> Rendered:
    """GET /api/v1/results/{electionId}?includePercentages=false"""
    return _results(shown, with_percentages=False)


def results_with_percentages(shown: Shown) -> Rendered:
    """GET /api/v1/results/{electionId}"""
    return _results(shown, with_percentages=True)


def live_count(shown: Shown) -> Rendered:
    """GET /api/v1/results/live/{electionId}"""
    last_updated = "" if shown.as_of == UNKNOWN_TIME else shown.as_of
    content = ElectionCount(
        election_id=shown.event.event_id,
        current_votes=shown.total_votes,
        stale=shown.stale,
        frozen=shown.frozen,
        last_updated=last_updated,
        revealed=revealed_of(shown),
    )
    etag = etag_of(msgspec.json.encode(content))
    content.last_updated = last_updated or _now()
    return Rendered(msgspec.json.encode(content), etag, shown.held_back)


def statistics(figures: EventFigures, *, hourly: bool, regional: bool) -> ElectionStatistics:
    """GET /api/v1/results/statistics/{electionId}"""
    total, eligible, counts = figures.shown.total_votes, figures.facts.eligible_voters, figures.counts
    content = ElectionStatistics(
        election_id=figures.event.event_id,
        total_votes=total,
        total_eligible_voters=eligible or 0,
        turnout_percentage=share(total, eligible) if eligible else 0.0,
        candidate_stats=_totals(figures.shown, with_percentages=True),
        generated_at=_now(),
    )
    if counts and (peak := counts.peak_hour()):
        content.peak_voting_time = rfc3339(peak)
    if counts and hourly:
        content.votes_per_hour = [ElectionHour(rfc3339(hour), votes) for hour, votes in counts.by_hour()]
    if counts and regional:
        content.regional_breakdown = [_region(figures, region, votes) for region, votes in counts.regions()]
    return content


def _region(figures: EventFigures, region: str, votes: int) -> ElectionRegion:
    candidates = [RegionCandidate(each, count) for each, count in figures.choices_in(region)]
    return ElectionRegion(region, votes, candidates or msgspec.UNSET)


def _results(shown: Shown, *, with_percentages: bool) -> Rendered:
    content = ElectionResults(
        election_id=shown.event.event_id,
        election_title=shown.event.event_name,
        status=status_word(shown.status),
        totals=_totals(shown, with_percentages=with_percentages),
        total_votes=shown.total_votes,
        stale=shown.stale,
        frozen=shown.frozen,
        generated_at="",
        revealed=revealed_of(shown),
    )
    etag = etag_of(msgspec.json.encode(content))
    content.generated_at = _now()
    return Rendered(msgspec.json.encode(content), etag, shown.held_back)


def _totals(shown: Shown, *, with_percentages: bool) -> list[CandidateTotal]:
    return [
        CandidateTotal(row.contestant_id, row.name, row.votes, row.party or msgspec.UNSET, row.percentage)
        for row in result_rows(shown, with_percentages=with_percentages)
    ]


def _now() -> str:
    return rfc3339(datetime.now(UTC))
