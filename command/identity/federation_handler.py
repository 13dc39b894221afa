"""POST /v1/auth/exchange, as /v1 says it: an outside identity for a session; what it does is in federation."""

from typing import Annotated

import msgspec
from sanic import HTTPResponse, Request

from command.identity.federation import Federation
from command.identity.session_handler import Session, device_of, session_answer
from contract.errors import Busy, Forbidden, NotDurable, Unauthorized
from contract.web.answering import trace_id
from contract.web.call import Access, call
from contract.web.request_content import json_body

NONCE_CHARS_MAX = 200


class OutsideIdentity(msgspec.Struct):
    """What an OpenID Connect issuer gave to a client that is configured here.

    The client draws a secret, keeps it, and puts BASE64URL(SHA-256(secret)), without padding, into `nonce` of its
    authorization request; here it sends the secret as `nonce`. Each id_token is good for once, within minutes.
    """

    id_token: str
    nonce: Annotated[str, msgspec.Meta(min_length=1, max_length=NONCE_CHARS_MAX)] | None = None


class FederationHandler:
    """Turns id_tokens into sessions."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    @call(
        "POST",
        "/v1/auth/exchange",
        name="auth_exchange",
        access=Access.PUBLIC,
        body=OutsideIdentity,
        answers={200: Session},
        refusals=[Unauthorized, Forbidden, Busy, NotDurable],
    )
    async def exchange(self, request: Request) -> HTTPResponse:
        """Log in by an OpenID Connect issuer.

        Who comes for the first time gets an account. When the answer was lost, the id_token may be used up.
        """
        given = json_body(request, OutsideIdentity)
        issued = await self._federation.exchange(given.id_token, given.nonce, device_of(request), trace_id(request))
        return session_answer(issued)
