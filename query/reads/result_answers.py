"""Answers of rendered results, in whatever dialect: what everybody sees, or who may see all; told apart by ETag."""

from uuid import UUID

from sanic import HTTPResponse, Request

from contract.errors import ResultsHidden
from contract.web.request_content import is_known, uuid_of
from query.event_directory import EventDirectory
from query.on_air import Audience
from query.reads.result_renderer import ResultRenderer
from query.reads.result_views import View
from query.results_access import ResultsAccess


class ResultAnswers:
    """Answers with views of events."""

    def __init__(self, events: EventDirectory, door: ResultsAccess, results: ResultRenderer) -> None:
        self._events = events
        self._door = door
        self._results = results

    async def answer(self, request: Request, event_id: str, view: View) -> HTTPResponse:
        """What everybody sees; to those who may see all, what they alone see, if there is such."""
        event = await self._events.current(uuid_of(event_id, "event_id"))
        self._door.require_listed(event, request)
        rendered = await self._results.rendered(UUID(event.event_id), view, Audience.PUBLIC)
        headers = _CACHING[rendered is None or rendered.held_back]
        if (rendered is None or rendered.held_back) and self._door.all_seer(request):
            rendered = await self._results.rendered(UUID(event.event_id), view, Audience.STAFF)
            headers = _PRIVATE
        if rendered is None:
            raise ResultsHidden
        headers = {"ETag": rendered.etag, **headers}
        if is_known(request, rendered.etag):
            return HTTPResponse(status=304, headers=headers)
        return HTTPResponse(rendered.body, headers=headers, content_type=rendered.content_type)


_PUBLIC = {"Cache-Control": "public, max-age=1"}
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_CACHING = {False: _PUBLIC, True: {**_PUBLIC, "Vary": "Authorization"}}  # by whether something is held back
