"""What each call takes and answers, said once beside its handler; `python -m ops.openapi` merges all of it.

    @documented("Cast a vote", body=VoteRequest, answers={200: VoteAck}, refusals=[NotYours, NotFound, AlreadyVoted])
    async def submit(self, request: Request) -> HTTPResponse: ...

The declaration is data on the function: it wraps nothing, so it costs a request nothing. Put it on each
handler that is routed (also on methods); a test fails for a route without one. Left out, since it follows
from the rest: 401 and 503 of a call that needs a Bearer, 403 of one that needs a role, 400, 413 and 415 of one
with a body, 400 of a UUID in the path. Struct docstrings become the schemas' descriptions, `msgspec.Meta` their limits.
After a change of any declaration: `python -m ops.openapi`, and commit contract/openapi.json with it.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from contract.errors import ContractError

Handler = TypeVar("Handler", bound=Callable[..., Any])
Answer = type[msgspec.Struct] | str | None

_MARK = "_documented_call"


class Access(enum.Enum):
    """Who may call: the value is the sentence in the documentation."""

    PUBLIC = "public"
    OPTIONAL = "public; a person's access token shows more where results are restricted"
    PERSON = "a person's access token"
    STAFF = "an access token of a host or admin"
    AUDIT = "an access token of an admin or auditor"
    CLIENT = "an application's client token, or the token of a solved challenge"


@dataclass(frozen=True, slots=True)
class Call:
    """One documented call. An answer is a Struct (JSON), a media type (anything else) or None (no body)."""

    summary: str
    answers: Mapping[int, Answer]
    access: Access
    body: type[msgspec.Struct] | None
    refusals: Sequence[type[ContractError]]
    query: Mapping[str, type]


def documented(
    summary: str,
    *,
    answers: Mapping[int, Answer],
    access: Access = Access.PERSON,
    body: type[msgspec.Struct] | None = None,
    refusals: Sequence[type[ContractError]] = (),
    query: Mapping[str, type] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare a handler's call; gives the same function back."""
    call = Call(summary, answers, access, body, refusals, query or {})

    def mark(handler: Handler) -> Handler:
        setattr(handler, _MARK, call)
        return handler

    return mark


def call_of(handler: Callable[..., Any]) -> Call | None:
    """The declaration of a handler, or None when there is none."""
    return getattr(handler, _MARK, None)
