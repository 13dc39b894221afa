"""Who a token names, for identity itself: it needs no fetched keys, since only it can have signed the token.

Both calls raise `Unauthorized` for whatever isn't a valid token of their type, one with a foreign key id included.
"""

from command.identity.signing_key import SigningKey
from contract.errors import Unauthorized
from contract.tokens import CLIENT_TYPE, Caller, Claims, KeySet, UnknownKeyError


class OwnTokenVerifier:
    """Verifies tokens that were signed with this key."""

    def __init__(self, key: SigningKey) -> None:
        self._keys = KeySet()
        self._keys.replace(key.jwks)

    def caller(self, token: str) -> Caller:
        """The person whom an access token names."""
        try:
            return self._keys.caller(token)
        except UnknownKeyError as error:
            raise Unauthorized from error

    def application(self, token: str) -> Claims:
        """What a client token says; `sub` is the application's name."""
        try:
            return self._keys.claims(token, CLIENT_TYPE)
        except UnknownKeyError as error:
            raise Unauthorized from error
