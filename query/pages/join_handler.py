"""How people come to an event from a screen: what the screen shows of it, its short code, and its QR code."""

import functools
import io
from uuid import UUID

import segno
from sanic import HTTPResponse, Request

from contract.errors import Busy, InvalidField, NotFound
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import uuid_of
from query.event_look import EventLook
from query.recent_cache import RecentCache
from query.replica_reader import ReplicaReader
from query.settings import PublicAddress

AGE_S = 2
EVENTS_MAX = 1_000
CODE_CHARACTERS_MAX = 20
ORIGIN_CHARS_MAX = 100  # a code of more has no place on a screen, and takes ever longer to draw
DRAWN_MAX = 1_000  # of at most 4 KB
HEADERS = {"Cache-Control": f"public, max-age={AGE_S}"}
CODE_HEADERS = {"Cache-Control": "public, max-age=60"}  # the code of an event stays
_NO_SUCH_EVENT = "event not found"


class JoinHandler:
    """Answers from events that are at most two seconds old; a draft isn't here."""

    def __init__(self, replica: ReplicaReader, address: PublicAddress) -> None:
        self._looks = RecentCache(replica.look, AGE_S, EVENTS_MAX)
        self._joined = RecentCache(replica.joined_event, AGE_S, EVENTS_MAX)
        self._address = address

    @call(
        "GET",
        "/live/{event_id}/look",
        name="look",
        access=Access.PUBLIC,
        answers={200: EventLook},
        refusals=[NotFound, Busy],
    )
    async def look(self, _request: Request, event_id: str) -> HTTPResponse:
        """How an event presents itself on screens."""
        return answer(await self._look(uuid_of(event_id, "event_id")), headers=HEADERS)

    @call("GET", "/j/{code}", name="join", access=Access.PUBLIC, answers={302: None}, refusals=[NotFound, Busy])
    async def join(self, _request: Request, code: str) -> HTTPResponse:
        """The way from a short code, in upper or lower case, to the page to vote on."""
        known = code.isascii() and code.isalnum() and len(code) <= CODE_CHARACTERS_MAX
        event_id = await self._joined.get(code.upper()) if known else None
        if event_id is None:
            raise NotFound(_NO_SUCH_EVENT)
        return HTTPResponse(status=302, headers={**CODE_HEADERS, "Location": f"/vote/{event_id}"})

    @call(
        "GET",
        "/v1/event/{event_id}/qr.svg",
        name="qr_code",
        access=Access.PUBLIC,
        answers={200: "image/svg+xml"},
        refusals=[InvalidField, NotFound, Busy],
    )
    async def qr_code(self, request: Request, event_id: str) -> HTTPResponse:
        """A QR code that leads to the page to vote on."""
        look = await self._look(uuid_of(event_id, "event_id"))
        join = f"{self._address.url or _origin_of(request)}/j/{look.short_code}"
        return HTTPResponse(_svg(join), headers=CODE_HEADERS, content_type="image/svg+xml")

    async def _look(self, event_id: UUID) -> EventLook:
        look = await self._looks.get(event_id)
        if look is None:
            raise NotFound(_NO_SUCH_EVENT, field="event_id")
        return look


def _origin_of(request: Request) -> str:
    """Where this browser reaches us, as the edge says; `InvalidField`."""
    origin = f"{request.headers.get('x-forwarded-proto', 'http')}://{request.headers.get('host', '')}"
    if len(origin) > ORIGIN_CHARS_MAX:
        raise InvalidField("Host is too long for a QR code", field="Host")
    return origin


@functools.lru_cache(DRAWN_MAX)  # drawing takes milliseconds, and anybody may ask
def _svg(address: str) -> bytes:
    """As large as its place, with its quiet border."""
    drawn = io.BytesIO()
    code = segno.make(address, error="m", micro=False)
    code.save(drawn, kind="svg", omitsize=True, svgclass=None, lineclass=None, light="#fff")
    return drawn.getvalue()
