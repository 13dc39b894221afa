"""Who a token names, for identity itself: it needs no fetched keys, since only it can have signed the token.

All calls raise `Unauthorized` for whatever isn't a valid token of their type, one with a foreign key id included.
"""

import functools

from command.identity.signing_key import SigningKey
from command.identity.signing_keys import SigningKeys
from contract.errors import Unauthorized
from contract.tokens import (
    CHALLENGE_TYPE,
    CLIENT_TYPE,
    CONFIRM_TYPE,
    PASSKEY_TYPE,
    Caller,
    Claims,
    KeySet,
    UnknownKeyError,
)


class OwnTokenVerifier:
    """Verifies tokens that were signed with these keys: people's with the published ones, others with all."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def caller(self, token: str) -> Caller:
        """The person whom an access token names."""
        try:
            return _key_set(self._keys.published()).caller(token)
        except UnknownKeyError as error:
            raise Unauthorized from error

    def registrar(self, token: str) -> Claims:
        """What a token says that may register people: an application's (`sub` is its name), or a solved challenge's."""
        try:
            return _claims(token, CLIENT_TYPE, self._keys.all)
        except Unauthorized:
            solved = _claims(token, CHALLENGE_TYPE, self._keys.published())
        if solved.purpose != "register":
            raise Unauthorized
        return solved

    def passkey_challenge(self, token: str) -> Claims:
        """What the challenge for a passkey says; `sub` is the person's user_id."""
        return _claims(token, PASSKEY_TYPE, self._keys.published())

    def confirmation(self, token: str) -> Claims:
        """What the link to a mail address says; `sub` is the person's user_id."""
        return _claims(token, CONFIRM_TYPE, self._keys.all)


def _claims(token: str, token_type: str, keys: tuple[SigningKey, ...]) -> Claims:
    try:
        return _key_set(keys).claims(token, token_type)
    except UnknownKeyError as error:
        raise Unauthorized from error


@functools.lru_cache(maxsize=4)
def _key_set(keys: tuple[SigningKey, ...]) -> KeySet:
    """Made once for the same keys, since they change twice a rotation."""
    key_set = KeySet()
    key_set.replace({"keys": [key.jwk for key in keys]})
    return key_set
