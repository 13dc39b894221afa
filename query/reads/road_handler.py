"""GET /v1/status/road: what staff are told of a vote's road while they are on air."""

from uuid import UUID

from sanic import HTTPResponse, Request

from contract.errors import InvalidField
from contract.web.answering import answer
from contract.web.call import Access, call
from contract.web.request_content import parameter_of, uuid_of
from contract.web.token_verifier import TokenVerifier
from query.reads.road_health import RoadHealth, RoadWatch


class RoadHandler:
    """Turns the road's health into an answer."""

    def __init__(self, verifier: TokenVerifier, road: RoadWatch) -> None:
        self._verifier = verifier
        self._road = road

    @call(
        "GET",
        "/v1/status/road",
        name="road_status",
        access=Access.STAFF,
        query={"event_id": UUID},
        refusals=[InvalidField],
        answers={200: RoadHealth},
    )
    async def road(self, request: Request) -> HTTPResponse:
        """How votes are taken, counted and shown right now; with an event, who watches it.

        It answers also while parts of the road are away.
        """
        self._verifier.staff(request)
        event_id = parameter_of(request, "event_id")
        return answer(await self._road.look(str(uuid_of(event_id, "event_id")) if event_id is not None else ""))
