"""GET /v1/me/votes, as /v1 says it; own_votes looks them up."""

from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id, Time
from contract.errors import InvalidField
from contract.moment import rfc3339
from contract.web.answering import answer
from contract.web.call import call
from contract.web.request_content import parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.own_votes import OwnVotePages


class OwnVote(msgspec.Struct):
    """A vote that counts; for whom it was isn't told, as by every call."""

    event_id: Id
    event_name: str
    vote_id: Id
    voted_at: Time


class OwnVotesPage(msgspec.Struct):
    """The caller's votes in some events, newest first; `next_cursor` asks for the next events, null: no more.

    A page may be empty though others follow. Votes of archived events aren't here any more.
    """

    votes: list[OwnVote]
    next_cursor: Id | None


class OwnVotesHandler:
    """Turns a person's votes into answers."""

    def __init__(self, verifier: TokenVerifier, votes: OwnVotePages) -> None:
        self._verifier = verifier
        self._votes = votes

    @call(
        "GET",
        "/v1/me/votes",
        name="my_votes",
        query={"cursor": UUID},
        answers={200: OwnVotesPage},
        refusals=[InvalidField],
    )
    async def votes(self, request: Request) -> HTTPResponse:
        """In which events the caller has voted."""
        caller = self._verifier.caller(request)
        cursor = parameter_of(request, "cursor")
        page = await self._votes.page(caller, uuid_of(cursor, "cursor") if cursor is not None else None)
        votes = [
            OwnVote(event.event_id, event.event_name, vote.vote_id, rfc3339(vote.accepted_at))
            for event, vote in page.votes
        ]
        return answer(OwnVotesPage(votes, page.next_cursor))
