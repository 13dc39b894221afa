"""GET /v1/event/{event_id}/sheet.pdf, as /v1 says it; sheet_maker makes it."""

from sanic import HTTPResponse, Request

from contract.errors import NotFound
from contract.web.call import Access, call
from contract.web.request_content import uuid_of
from contract.web.token_verifier import TokenVerifier
from query.event_directory import EventDirectory
from query.reads.sheet_maker import SheetMaker


class SheetHandler:
    """Turns sheets into answers."""

    def __init__(self, verifier: TokenVerifier, events: EventDirectory, sheets: SheetMaker) -> None:
        self._verifier = verifier
        self._events = events
        self._sheets = sheets

    @call(
        "GET",
        "/v1/event/{event_id}/sheet.pdf",
        name="sheet",
        access=Access.OVERSIGHT,
        answers={200: "application/pdf"},
        refusals=[NotFound],
    )
    async def sheet(self, request: Request, event_id: str) -> HTTPResponse:
        """The result sheet to print: numbers, hours, digests, positions, and who did what."""
        self._verifier.overseer(request)
        event = await self._events.current(uuid_of(event_id, "event_id"))
        headers = {
            "Cache-Control": "no-store",
            "Content-Disposition": f'inline; filename="result-{event.event_id}.pdf"',
        }
        return HTTPResponse(await self._sheets.sheet(event), headers=headers, content_type="application/pdf")
