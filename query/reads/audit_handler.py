"""GET /v1/audit/log: who did what, newest first, a page at a time."""

from uuid import UUID

import msgspec
from sanic import HTTPResponse, Request

from contract.answer_text import Id, Time
from contract.errors import InvalidField
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import LogCursor, log_cursor_of, parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.statistics_reader import AuditRow, StatisticsReader

PAGE_ENTRIES = 100


class AuditEntry(msgspec.Struct):
    """Something that was done, `before` and `after` of it; a schedule has no actor, an `operator` a command line."""

    at: Time
    actor: Id | None
    operator: str | None
    role: str | None
    action: str
    event_id: Id | None
    trace_id: str | None
    before: msgspec.Raw
    after: msgspec.Raw


class AuditPage(msgspec.Struct):
    """Entries, newest first; `next_cursor` asks for those before them and is null on the last page."""

    entries: list[AuditEntry]
    next_cursor: str | None


class AuditHandler:
    """Turns pages of the log into answers."""

    def __init__(self, verifier: TokenVerifier, reader: StatisticsReader) -> None:
        self._verifier = verifier
        self._reader = reader

    @call(
        "GET",
        "/v1/audit/log",
        name="audit_log",
        access=Access.AUDIT,
        query={"actor": UUID, "event_id": UUID, "cursor": LogCursor},
        answers={200: AuditPage},
        refusals=[InvalidField],
    )
    async def log(self, request: Request) -> HTTPResponse:
        """Who did what, newest first; of one person, or about one event, if asked so."""
        self._verifier.auditor(request)
        found = await self._reader.audit_log(
            _id_of(request, "actor"), _id_of(request, "event_id"), log_cursor_of(request), PAGE_ENTRIES + 1
        )
        rows = found[:PAGE_ENTRIES]
        return answer(
            AuditPage([_entry(row) for row in rows], str(rows[-1].audit_no) if len(found) > len(rows) else None)
        )


def _entry(row: AuditRow) -> AuditEntry:
    before, after = (msgspec.Raw((each or "null").encode()) for each in (row.before, row.after))
    return AuditEntry(row.at, row.actor, row.operator, row.role, row.action, row.event_id, row.trace_id, before, after)


def _id_of(request: Request, name: str) -> UUID | None:
    text = parameter_of(request, name)
    return uuid_of(text, name) if text is not None else None
