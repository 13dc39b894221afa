"""Elections and candidates as /api/v1 shows them to staff: pure, from events as they are."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from command.events.event_reading import WholeContestant, WholeEvent
from contract.answer_text import Id, Time
from contract.elections import status_word
from contract.moment import rfc3339
from contract.visible_text import NO_NUL

Title = Annotated[str, msgspec.Meta(min_length=3, max_length=200, pattern=NO_NUL)]


class Candidate(msgspec.Struct, rename="camel", omit_defaults=True):
    """A candidate; without `party` or `photoUrl` if it has none."""

    id: Id
    election_id: Id
    name: str
    created_at: Time
    party: str | UnsetType = UNSET
    photo_url: str | UnsetType = UNSET


class Election(msgspec.Struct, rename="camel", omit_defaults=True):
    """An election with its candidates in their order; without what it doesn't have."""

    id: Id
    title: str
    status: str
    candidates: list[Candidate]
    created_at: Time
    updated_at: Time
    description: str | UnsetType = UNSET
    start_date: Time | UnsetType = UNSET
    end_date: Time | UnsetType = UNSET


class ElectionPage(msgspec.Struct, rename="camel"):
    """Elections, newest first; pages are counted from 0."""

    content: list[Election]
    page: int
    size: int
    total_elements: int
    total_pages: int


def election_of(event: WholeEvent) -> Election:
    """An event in the words of elections."""
    return Election(
        id=str(event.event_id),
        title=event.event_name,
        status=status_word(event.status),
        candidates=[candidate_of(event.event_id, each) for each in event.contestants],
        created_at=rfc3339(event.created_at),
        updated_at=rfc3339(event.changed_at),
        description=UNSET if event.event_description is None else event.event_description,
        start_date=_time(event.opens_at),
        end_date=_time(event.closes_at),
    )


def candidate_of(event_id: UUID, contestant: WholeContestant) -> Candidate:
    """A contestant of this event in the words of elections."""
    return Candidate(
        str(contestant.contestant_id),
        str(event_id),
        contestant.contestant_name,
        rfc3339(contestant.created_at),
        contestant.party or UNSET,
        contestant.contestant_image_url or UNSET,
    )


def _time(moment: datetime | None) -> str | UnsetType:
    return rfc3339(moment) if moment else UNSET
