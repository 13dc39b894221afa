"""Who an id_token names: verified with its issuer's public keys, by PyJWT, and by what we ask of that issuer.

Of what isn't verified only two things are looked at, and only to choose among what the operator configured: the
issuer's name and the key id. Keys and addresses that a token brings with it are ignored.

The client shows that the token was made for it: the nonce of its authorization request is the hash of a secret that
it kept, as in PKCE (S256), and it sends that secret with the token. Who merely got hold of a token can't use it.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from command.identity.issuer_keys import IssuerKeys, Jwk
from command.identity.issuers import Issuer
from contract import base64url
from contract.assurance import Assurance
from contract.errors import Forbidden, Unauthorized
from contract.tokens import CLOCK_SKEW_S

AGE_MAX_S = 600  # since it was issued, whatever lifetime its issuer gives it
PERSON_CLAIM_BYTES_MAX = 255
TYPES = (None, "jwt")  # an issuer's other tokens aren't about who logs in

BAD = "the id_token is not valid"
OLD = "the id_token is too old, get a new one from its issuer"


@dataclass(frozen=True, slots=True)
class OutsidePerson:
    """A person as an issuer knows them; `proof` (32 bytes) is the same for each spelling of the token, and no other."""

    issuer: str
    subject: list[str]
    assurance: Assurance
    proof: bytes


class IdTokenVerifier:
    """Verifies tokens of these issuers."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = {each.issuer: each for each in issuers}
        self._keys = {each.issuer: IssuerKeys(each) for each in issuers}

    async def open(self) -> None:
        """Make ready to ask the issuers for their keys."""
        for keys in self._keys.values():
            await keys.open()

    async def close(self) -> None:
        """Let go of connections."""
        for keys in self._keys.values():
            await keys.close()

    async def person(self, id_token: str, nonce: str | None) -> OutsidePerson:
        """Whom a token names, which the client got by an authorization request with the hash of this nonce.

        `Unauthorized` for one that isn't valid, `Forbidden` when its issuer isn't sure enough, `Busy` when the issuer
        can't be asked.
        """
        issuer, header = self._claimed(id_token)
        jwk = await self._keys[issuer.issuer].find(header.get("kid"))
        if jwk is None:
            raise Unauthorized("the id_token is signed with a key that its issuer doesn't have")
        claims = _verified(id_token, issuer, _key(jwk, header["alg"], issuer))
        _check_age(claims)
        _check_audience(claims, issuer)
        _check_nonce(claims, issuer, nonce)
        _check_assurance(claims, issuer)
        signed = id_token.rpartition(".")[0].encode()
        return OutsidePerson(issuer.issuer, _subject(claims, issuer), issuer.level, hashlib.sha256(signed).digest())

    def _claimed(self, id_token: str) -> tuple[Issuer, dict[str, Any]]:
        """The configured issuer that the token says it is of, and its header; nothing of it is verified yet."""
        try:
            token = jwt.decode_complete(id_token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise Unauthorized(BAD) from error
        name, header = token["payload"].get("iss"), token["header"]
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise Unauthorized("the id_token is of an issuer that isn't taken here")
        kind = header.get("typ")
        if (kind.lower() if isinstance(kind, str) else kind) not in TYPES or header["alg"] not in issuer.algorithms:
            raise Unauthorized(BAD)
        return issuer, header


def _key(jwk: Jwk, algorithm: str, issuer: Issuer) -> jwt.PyJWK:
    """The key, good for this algorithm alone; `Unauthorized` when the key isn't meant for it."""
    if jwk.get("alg", algorithm) != algorithm or algorithm not in issuer.algorithms:
        raise Unauthorized(BAD)
    try:
        return jwt.PyJWK(jwk, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Unauthorized(BAD) from error


def _verified(id_token: str, issuer: Issuer, key: jwt.PyJWK) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            list(issuer.algorithms),
            {"require": ["iss", "sub", "aud", "exp", "iat"], "enforce_minimum_key_length": True},
            audience=issuer.audiences,
            issuer=issuer.issuer,
            leeway=CLOCK_SKEW_S,
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized(OLD) from error
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Unauthorized(BAD) from error
    return claims


def _check_age(claims: Mapping[str, Any]) -> None:
    if int(claims["iat"]) < time.time() - AGE_MAX_S - CLOCK_SKEW_S:  # that it is a number, PyJWT has seen to
        raise Unauthorized(OLD)


def _check_audience(claims: Mapping[str, Any], issuer: Issuer) -> None:
    """PyJWT has found one of ours in `aud`; one for several audiences has to say that it was made for one of ours."""
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    authorized = claims.get("azp")
    if (several or authorized is not None) and authorized not in issuer.audiences:
        raise Unauthorized("the id_token was made for somebody else")


def _check_nonce(claims: Mapping[str, Any], issuer: Issuer, nonce: str | None) -> None:
    given = claims.get("nonce")
    if given is None and nonce is None and not issuer.nonce_required:
        return
    hashed = base64url.encode(hashlib.sha256((nonce or "").encode()).digest()).decode()
    if nonce is None or given != hashed:
        raise Unauthorized("the id_token's nonce must be the SHA-256 hash, as base64url, of the nonce that you send")


def _check_assurance(claims: Mapping[str, Any], issuer: Issuer) -> None:
    methods = claims.get("amr")
    by_methods = isinstance(methods, list) and all(each in methods for each in issuer.amr_values)
    by_class = claims.get("acr") in issuer.acr_values
    if (issuer.acr_values and not by_class) or (issuer.amr_values and not by_methods):
        raise Forbidden("the issuer was not sure enough who you are: log in there in a stronger way")


def _subject(claims: Mapping[str, Any], issuer: Issuer) -> list[str]:
    """The claims that make a person; `Unauthorized` when one is missing, or is no short text."""
    subject = [claims.get(name) for name in issuer.person_claims]
    for value in subject:
        if (
            not isinstance(value, str)
            or not value.isprintable()
            or not 0 < len(value.encode()) <= PERSON_CLAIM_BYTES_MAX
        ):
            raise Unauthorized("the id_token doesn't say who you are")
    return [str(value) for value in subject]
