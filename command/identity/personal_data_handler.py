"""The calls about oneself, as /v1 says them: what is stored, and its erasure; what they do is in personal_data."""

import msgspec
from sanic import HTTPResponse, Request

from command.identity.personal_data import PersonalRecords
from command.identity.session_list import SessionList
from command.identity.session_list_handler import SessionView, session_view
from command.identity.signed_in import SignedIn
from contract.answer_text import Id, Time
from contract.errors import WrongState
from contract.moment import rfc3339
from contract.web.answering import answer, trace_id
from contract.web.call import call


class Me(msgspec.Struct):
    """All that is stored of the caller, but for what is in the ledger: GET /v1/me/votes tells that."""

    user_id: Id
    username: str
    email: str | None
    date_of_birth: str | None
    created_at: Time
    roles: list[str]
    email_confirmed_at: Time | None
    issuer: str | None
    subject: list[str] | None
    sessions: list[SessionView]


class PersonalDataHandler:
    """Turns requests into what is stored of those who call."""

    def __init__(self, signed_in: SignedIn, records: PersonalRecords, sessions: SessionList) -> None:
        self._signed_in = signed_in
        self._records = records
        self._sessions = sessions

    @call("GET", "/v1/me", name="me", answers={200: Me})
    async def me(self, request: Request) -> HTTPResponse:
        """What is stored of the caller."""
        caller = await self._signed_in.caller(request)
        data = await self._records.of(caller)
        sessions = [session_view(each, caller) for each in await self._sessions.of(caller)]
        born = data.date_of_birth.isoformat() if data.date_of_birth else None
        created_at, roles = rfc3339(data.created_at), sorted(data.roles)
        confirmed_at = rfc3339(data.email_confirmed_at) if data.email_confirmed_at else None
        outside = (data.issuer, data.subject)
        return answer(
            Me(caller.user_id, data.username, data.email, born, created_at, roles, confirmed_at, *outside, sessions)
        )

    @call("DELETE", "/v1/me", name="me_erase", answers={204: None}, refusals=[WrongState])
    async def erase(self, request: Request) -> HTTPResponse:
        """Erase the caller: account and sessions are gone, tokens refused, votes counted on as nobody's.

        For as long as events may be open, the same mail address or outside identity gets no new account: it would be a
        second vote.
        """
        caller = await self._signed_in.caller(request)
        await self._records.erase(caller, trace_id(request))
        return HTTPResponse(status=204)
