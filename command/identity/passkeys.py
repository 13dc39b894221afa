"""Passkeys (WebAuthn): what a browser is asked, and whether its answer is good. Knows no database.

    options ─► the browser asks its authenticator, which asks the person ─► answer: of our origin, for our challenge

A challenge is a token of ours, for one person and one purpose: nobody remembers those that were handed out, and whoever
takes an answer burns its challenge.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from command.identity.own_token_verifier import OwnTokenVerifier
from command.identity.settings import SecondFactors
from command.identity.token_mint import TokenMint
from contract.errors import Forbidden, InvalidField, WrongState
from contract.tokens import Claims

CHALLENGE_S = 300
VERIFIED = UserVerificationRequirement.REQUIRED


class NewPasskey(NamedTuple):
    """What is kept of one: the public key as COSE has it, and how often it has signed (0: it doesn't count)."""

    credential_id: bytes
    public_key: bytes
    counter: int


class Passkeys:
    """Asks for passkeys of the pages at `settings.origins`."""

    def __init__(self, settings: SecondFactors, mint: TokenMint, verifier: OwnTokenVerifier) -> None:
        self._settings = settings
        self._mint = mint
        self._verifier = verifier

    def to_enrol(self, user_id: UUID, username: str, known: Iterable[bytes]) -> dict[str, Any]:
        """What navigator.credentials.create() is given; `WrongState` where no page may."""
        self._check()
        options = webauthn.generate_registration_options(
            rp_id=self._settings.rp_id,
            rp_name=self._settings.name,
            user_id=user_id.bytes,
            user_name=username,
            challenge=self._challenge(user_id, "enrol"),
            timeout=CHALLENGE_S * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=VERIFIED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        )
        return options_to_json_dict(options)

    def to_show(self, user_id: UUID, known: Iterable[bytes]) -> dict[str, Any]:
        """What navigator.credentials.get() is given; `WrongState` where no page may."""
        self._check()
        options = webauthn.generate_authentication_options(
            rp_id=self._settings.rp_id,
            challenge=self._challenge(user_id, "show"),
            timeout=CHALLENGE_S * 1000,
            allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
            user_verification=VERIFIED,
        )
        return options_to_json_dict(options)

    def enrolled(self, answer: Mapping[str, Any], user_id: UUID) -> tuple[NewPasskey, Claims]:
        """A new passkey of this person, and the challenge that is to be burned; `InvalidField`."""
        challenge, claims = self._challenge_of(answer, user_id, "enrol")
        try:
            good = webauthn.verify_registration_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self._settings.rp_id,
                expected_origin=list(self._settings.origins),
                require_user_verification=True,
            )
        except Exception as error:  # whatever the answer of a stranger trips over
            raise InvalidField("this is no new passkey for this page", field="credential") from error
        return NewPasskey(good.credential_id, good.credential_public_key, good.sign_count), claims

    def shown(self, answer: Mapping[str, Any], user_id: UUID, known: NewPasskey) -> tuple[int, Claims]:
        """How often the passkey has signed by now, and the challenge that is to be burned; `Forbidden`."""
        challenge, claims = self._challenge_of(answer, user_id, "show")
        try:
            good = webauthn.verify_authentication_response(
                credential=dict(answer),
                expected_challenge=challenge,
                expected_rp_id=self._settings.rp_id,
                expected_origin=list(self._settings.origins),
                credential_public_key=known.public_key,
                credential_current_sign_count=known.counter,
                require_user_verification=True,
            )
        except Exception as error:  # as above
            raise Forbidden("this passkey isn't taken") from error
        return good.new_sign_count, claims

    def _challenge(self, user_id: UUID, purpose: str) -> bytes:
        return self._mint.passkey_challenge(user_id, purpose, CHALLENGE_S).encode()

    def _challenge_of(self, answer: Mapping[str, Any], user_id: UUID, purpose: str) -> tuple[bytes, Claims]:
        """The challenge that an answer says it is for, if it is one of ours for this."""
        try:
            client_data = base64url_to_bytes(answer["response"]["clientDataJSON"])
            challenge = webauthn.helpers.parse_client_data_json(client_data).challenge
            claims = self._verifier.passkey_challenge(challenge.decode())
        except Exception as error:  # as above
            raise InvalidField("this answers no challenge of ours", field="credential") from error
        if claims.sub != str(user_id) or claims.purpose != purpose:
            raise InvalidField("this answers another challenge", field="credential")
        return challenge, claims

    def _check(self) -> None:
        if not self._settings.origins:
            raise WrongState("passkeys aren't set up here (PASSKEY_ORIGINS)")


def credential_id_of(answer: Mapping[str, Any]) -> bytes:
    """Which passkey an answer says it is of; `InvalidField`."""
    try:
        return base64url_to_bytes(answer["rawId"])
    except Exception as error:
        raise InvalidField("credential must be what the browser gave", field="credential") from error
