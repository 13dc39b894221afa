"""GET /.well-known/jwks.json: the public keys, for whoever verifies access tokens."""

import msgspec
from sanic import HTTPResponse, Request

from command.identity.signing_key import SigningKey
from contract.web.call import Access, call
from contract.web.service import answer

KEYS_MAY_BE_KEPT = {"Cache-Control": "public, max-age=300"}


class KeyList(msgspec.Struct):
    """Public keys as in RFC 7517."""

    keys: list[dict[str, str]]


class KeyHandler:
    """Tells everybody the public half of the signing key."""

    def __init__(self, key: SigningKey) -> None:
        self._keys = KeyList(key.jwks["keys"])

    @call("GET", "/.well-known/jwks.json", name="jwks", access=Access.PUBLIC, answers={200: KeyList})
    async def jwks(self, _request: Request) -> HTTPResponse:
        """The keys that verify access tokens."""
        return answer(self._keys, headers=KEYS_MAY_BE_KEPT)
