"""The calls with which admins look after staff, as /v1 says them; what they do is in staff."""

from typing import Any

import msgspec
from sanic import HTTPResponse, Request

from command.identity.audit import Actor, LogLine
from command.identity.signed_in import SignedIn
from command.identity.staff import Staff
from contract.answer_text import Id, Time
from contract.errors import Forbidden, InvalidField, NotDurable, NotFound, WrongState
from contract.moment import rfc3339
from contract.tokens import Caller
from contract.web.answering import answer, trace_id
from contract.web.call import Access, call
from contract.web.request_content import LogCursor, log_cursor_of, uuid_of

PAGE = 100
NEWEST = (1 << 63) - 1  # what no entry's number is above


class StaffMemberView(msgspec.Struct):
    """A person with a role; `second_factor`: has one, `sessions` that go on."""

    user_id: Id
    username: str
    roles: list[str]
    created_at: Time
    second_factor: bool
    sessions: int


class StaffView(msgspec.Struct):
    """Everybody with a role, by name."""

    staff: list[StaffMemberView]


class PersonRoles(msgspec.Struct):
    """A person's roles. `code`, if there is one, is good for one login: who needs a second factor sets it up with that.
    It is shown here only, so hand it over yourself.
    """

    user_id: Id
    roles: list[str]
    code: str | None


class EndedSessions(msgspec.Struct):
    """How many sessions were ended."""

    user_id: Id
    ended: int


class StaffLogLine(msgspec.Struct):
    """Who (`actor`: a user_id, or an operator's name) did what as what, to whom."""

    at: Time
    actor: str
    role: str
    action: str
    user_id: Id | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    trace_id: str | None


class StaffLog(msgspec.Struct):
    """A page of the log, newest first; `cursor` leads to the next one."""

    log: list[StaffLogLine]
    cursor: str | None


class StaffHandler:
    """Turns requests of admins into changes of what people may do."""

    def __init__(self, signed_in: SignedIn, staff: Staff) -> None:
        self._signed_in = signed_in
        self._staff = staff

    @call("GET", "/v1/staff", name="staff", access=Access.ADMIN, answers={200: StaffView})
    async def list(self, request: Request) -> HTTPResponse:
        """The people with a role."""
        await self._admin(request)
        members = [
            StaffMemberView(
                str(each.user_id),
                each.username,
                sorted(each.roles),
                rfc3339(each.created_at),
                each.second_factor,
                each.sessions,
            )
            for each in await self._staff.all()
        ]
        return answer(StaffView(members))

    @call(
        "PUT",
        "/v1/staff/{user_id}/roles/{role}",
        name="staff_role_give",
        access=Access.ADMIN,
        answers={200: PersonRoles},
        refusals=[NotFound, NotDurable],
    )
    async def give_role(self, request: Request, user_id: str, role: str) -> HTTPResponse:
        """Make a person host, admin or auditor; in their tokens from the next refresh on."""
        return await self._change(request, user_id, role, has=True)

    @call(
        "DELETE",
        "/v1/staff/{user_id}/roles/{role}",
        name="staff_role_take",
        access=Access.ADMIN,
        answers={200: PersonRoles},
        refusals=[NotFound, WrongState, NotDurable],
    )
    async def take_role(self, request: Request, user_id: str, role: str) -> HTTPResponse:
        """Take a role away, with all sessions of that person: effective everywhere within two seconds."""
        return await self._change(request, user_id, role, has=False)

    @call(
        "DELETE",
        "/v1/staff/{user_id}/sessions",
        name="staff_sessions_end",
        access=Access.ADMIN,
        answers={200: EndedSessions},
        refusals=[NotFound, NotDurable],
    )
    async def end_sessions(self, request: Request, user_id: str) -> HTTPResponse:
        """End all sessions of a person, staff or not: effective everywhere within two seconds."""
        admin, person = await self._admin(request), uuid_of(user_id, "user_id")
        ended = await self._staff.end_sessions(_actor(admin, request), person)
        return answer(EndedSessions(str(person), ended))

    @call(
        "GET",
        "/v1/staff/log",
        name="staff_log",
        access=Access.AUDIT,
        answers={200: StaffLog},
        refusals=[InvalidField],
        query={"cursor": LogCursor},
    )
    async def log(self, request: Request) -> HTTPResponse:
        """Who gave and took roles, ended sessions, and changed second factors."""
        if not (await self._signed_in.caller(request)).may_read_all:
            raise Forbidden
        lines = await self._staff.log(log_cursor_of(request) or NEWEST, PAGE)
        cursor = str(lines[-1].audit_no) if len(lines) == PAGE else None
        return answer(StaffLog([_line(each) for each in lines], cursor))

    async def _change(self, request: Request, user_id: str, role: str, *, has: bool) -> HTTPResponse:
        admin, person = await self._admin(request), uuid_of(user_id, "user_id")
        change = await self._staff.change_role(_actor(admin, request), person, role, has=has)
        return answer(PersonRoles(str(person), sorted(change.roles), change.code))

    async def _admin(self, request: Request) -> Caller:
        caller = await self._signed_in.caller(request)
        if "admin" not in caller.roles:
            raise Forbidden
        return caller


def _actor(admin: Caller, request: Request) -> Actor:
    return Actor(admin.user_id, "admin", trace_id(request))


def _line(line: LogLine) -> StaffLogLine:
    return StaffLogLine(
        rfc3339(line.at),
        line.actor,
        line.role,
        line.action,
        str(line.user_id) if line.user_id else None,
        line.before,
        line.after,
        line.trace_id,
    )
