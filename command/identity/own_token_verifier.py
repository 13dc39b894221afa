"""Who a token names, for identity itself: it needs no fetched keys, since only it can have signed the token.

Both calls raise `Unauthorized` for whatever isn't a valid token of their type, one with a foreign key id included.
"""

import functools

from command.identity.signing_key import SigningKey
from command.identity.signing_keys import SigningKeys
from contract.errors import Unauthorized
from contract.tokens import CLIENT_TYPE, Caller, Claims, KeySet, UnknownKeyError


class OwnTokenVerifier:
    """Verifies tokens that were signed with these keys: people's with the published ones, applications' with all."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def caller(self, token: str) -> Caller:
        """The person whom an access token names."""
        try:
            return _key_set(self._keys.published()).caller(token)
        except UnknownKeyError as error:
            raise Unauthorized from error

    def application(self, token: str) -> Claims:
        """What a client token says; `sub` is the application's name."""
        try:
            return _key_set(self._keys.all).claims(token, CLIENT_TYPE)
        except UnknownKeyError as error:
            raise Unauthorized from error


@functools.lru_cache(maxsize=4)
def _key_set(keys: tuple[SigningKey, ...]) -> KeySet:
    """Made once for the same keys, since they change twice a rotation."""
    key_set = KeySet()
    key_set.replace({"keys": [key.jwk for key in keys]})
    return key_set
