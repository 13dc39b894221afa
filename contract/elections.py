"""The words of the second dialect: events as elections, contestants as candidates, in camelCase under /api/v1. Pure.

What its calls leave open is decided in ELECTIONS.md beside this.
"""

import re
import uuid
from typing import Literal, get_args

import msgspec

from contract.errors import ContractError

PREFIX = "/api/v1/"
ACTIVE, CLOSED = "ACTIVE", "CLOSED"
ElectionStatus = Literal["DRAFT", "SCHEDULED", "ACTIVE", "CLOSED", "CANCELLED"]
STATUSES = get_args(ElectionStatus)

# A pause is part of the voting: there is no word for it, and the window is not closed.
_STATUS_WORDS = {
    "draft": "DRAFT",
    "scheduled": "SCHEDULED",
    "open": ACTIVE,
    "paused": ACTIVE,
    "closed": CLOSED,
    "cancelled": "CANCELLED",
}

_CODES = {
    "already_voted": "DUPLICATE_VOTE",
    "event_not_open": "ELECTION_NOT_ACTIVE",
    "wrong_state": "INVALID_STATUS",
    **dict.fromkeys(("invalid_body", "invalid_field", "missing_field", "not_json"), "INVALID_REQUEST"),
}
_HTTP_STATUSES = {"wrong_state": 400, "not_json": 400}  # there these are bad requests, too

_WORDS = {
    "event": "election",
    "events": "elections",
    "contestant": "candidate",
    "contestants": "candidates",
    "event_id": "electionId",
    "event_name": "title",
    "event_description": "description",
    "opens_at": "startDate",
    "closes_at": "endDate",
    "contestant_id": "candidateId",
    "contestant_name": "name",
    "contestant_image_url": "photoUrl",
    "user_id": "userId",
    "vote_id": "voteId",
    "captcha_token": "captchaToken",
    "date_of_birth": "dateOfBirth",
}
_ANY_WORD = re.compile(r"\b(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")\b")


class ElectionError(msgspec.Struct, rename="camel"):
    """Why a request was refused; `traceId` is the trace id, spelled as a UUID."""

    code: str
    message: str
    trace_id: str


def status_word(status: str) -> str:
    """What an event's status is called."""
    return _STATUS_WORDS[status]


def statuses_called(word: str) -> list[str]:
    """The statuses of events that this word stands for; none: it is no word."""
    return [status for status, each in _STATUS_WORDS.items() if each == word]


def said_of(error: ContractError | type[ContractError]) -> tuple[int, str]:
    """The HTTP status and the code of an error."""
    return _HTTP_STATUSES.get(error.code, error.status), _CODES.get(error.code, error.code.upper())


def election_error(error: ContractError, trace_id: str) -> ElectionError:
    """An error as /api/v1 writes it, its message in these words; `trace_id` is 32 hexadecimal digits."""
    message = _ANY_WORD.sub(lambda word: _WORDS[word[0]], error.message)
    return ElectionError(said_of(error)[1], message, str(uuid.UUID(trace_id)))
