"""The calls about one's own sessions, as /v1 says them: list, end, log out; what they do is in session_list."""

import msgspec
from sanic import HTTPResponse, Request

from command.identity.session_list import OpenSession, SessionList
from command.identity.signed_in import SignedIn
from contract.answer_text import Id, Time
from contract.errors import NotFound
from contract.moment import rfc3339
from contract.tokens import Caller
from contract.web.answering import answer, trace_id
from contract.web.call import call
from contract.web.request_content import uuid_of


class SessionView(msgspec.Struct):
    """One login; `device` is what its client said it is, `current` marks the one that asks."""

    session_id: Id
    created_at: Time
    last_used_at: Time
    device: str | None
    current: bool


class SessionsView(msgspec.Struct):
    """The logins of a person that go on, the last used first."""

    sessions: list[SessionView]


class SessionListHandler:
    """Turns requests into the sessions of those who call."""

    def __init__(self, signed_in: SignedIn, sessions: SessionList) -> None:
        self._signed_in = signed_in
        self._sessions = sessions

    @call("POST", "/v1/auth/logout", name="auth_logout", answers={204: None})
    async def logout(self, request: Request) -> HTTPResponse:
        """Log out: token and session are dead everywhere within two seconds, open restricted streams included."""
        caller = await self._signed_in.caller(request)
        await self._sessions.log_out(caller, trace_id(request))
        return HTTPResponse(status=204)

    @call("GET", "/v1/auth/sessions", name="auth_sessions", answers={200: SessionsView})
    async def list(self, request: Request) -> HTTPResponse:
        """The caller's sessions."""
        caller = await self._signed_in.caller(request)
        return answer(SessionsView([session_view(each, caller) for each in await self._sessions.of(caller)]))

    @call("DELETE", "/v1/auth/sessions/{session_id}", name="auth_session_end", answers={204: None}, refusals=[NotFound])
    async def end(self, request: Request, session_id: str) -> HTTPResponse:
        """End one of the caller's sessions, as by a logout there."""
        caller = await self._signed_in.caller(request)
        await self._sessions.end(caller, uuid_of(session_id, "session_id"), trace_id(request))
        return HTTPResponse(status=204)


def session_view(session: OpenSession, caller: Caller) -> SessionView:
    """What its owner is shown of a session."""
    return SessionView(
        str(session.session_id),
        rfc3339(session.started_at),
        rfc3339(session.rotated_at),
        session.device,
        str(session.session_id) == caller.session_id,
    )
