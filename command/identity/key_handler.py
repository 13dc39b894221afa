"""GET /.well-known/jwks.json: the public keys, for whoever verifies access tokens."""

import msgspec
from sanic import HTTPResponse, Request

from command.identity.signing_keys import SigningKeys
from contract.web.answering import answer
from contract.web.call import Access, call

KEYS_KEPT_S = 300


class KeyList(msgspec.Struct):
    """Public keys as in RFC 7517."""

    keys: list[dict[str, str]]


class KeyHandler:
    """Tells everybody the public halves of the signing keys."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    @call("GET", "/.well-known/jwks.json", name="jwks", access=Access.PUBLIC, answers={200: KeyList})
    async def jwks(self, _request: Request) -> HTTPResponse:
        """The keys that verify access tokens."""
        return answer(
            KeyList([key.jwk for key in self._keys.published()]),
            headers={"Cache-Control": f"public, max-age={KEYS_KEPT_S}"},
        )
