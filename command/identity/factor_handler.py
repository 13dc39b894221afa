"""The calls about one's second factors, as /v1 says them; what they do is in factor_enrolment and factor_proof."""

from typing import Annotated, Any

import msgspec
from sanic import HTTPResponse, Request

from command.identity.factor_enrolment import FactorEnrolment
from command.identity.factor_proof import FactorProof
from command.identity.one_time_codes import CODE_CHARS_MAX
from command.identity.signed_in import SignedIn
from contract.answer_text import Id, Time
from contract.errors import BadCredentials, Forbidden, InvalidField, NotDurable, NotFound, Taken, TooMany, WrongState
from contract.moment import rfc3339
from contract.visible_text import NO_NUL
from contract.web.answering import answer, trace_id
from contract.web.call import call
from contract.web.request_content import json_body, uuid_of

NAME_CHARS_MAX = 100
Code = Annotated[str, msgspec.Meta(max_length=CODE_CHARS_MAX)]


class FactorView(msgspec.Struct):
    """A second factor: `kind` is totp (an app's codes) or passkey."""

    factor_id: Id
    kind: str
    name: str
    created_at: Time
    last_used_at: Time | None


class FactorsView(msgspec.Struct):
    """The caller's second factors."""

    factors: list[FactorView]


class TotpSecret(msgspec.Struct):
    """What an app is told, as text or by `uri` in a QR code; it counts once a code of it was confirmed."""

    factor_id: Id
    secret: str
    uri: str


class GivenCode(msgspec.Struct):
    """Six digits of an app, or a recovery code."""

    code: Code


class Proof(msgspec.Struct):
    """One of them: a code, or what navigator.credentials.get() gave, as JSON."""

    code: Code | None = None
    credential: dict[str, Any] | None = None


class GivenPasskey(msgspec.Struct):
    """What navigator.credentials.create() gave, as JSON, and a name for its owner's eyes."""

    credential: dict[str, Any]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARS_MAX, pattern=NO_NUL)] = "passkey"


class PasskeyRequest(msgspec.Struct):
    """What navigator.credentials is to be given as `publicKey`, after parse…OptionsFromJSON()."""

    options: dict[str, Any]


class FactorAdded(msgspec.Struct):
    """It counts from now on, and this session has shown it: refresh to have the roles.

    The first one brings ten recovery codes, which are shown once and taken once each.
    """

    factor_id: Id
    recovery_codes: list[str]


class RecoveryCodes(msgspec.Struct):
    """New ones; the old ones count no more."""

    recovery_codes: list[str]


class FactorHandler:
    """Turns requests into second factors of those who call."""

    def __init__(self, signed_in: SignedIn, enrolment: FactorEnrolment, proof: FactorProof) -> None:
        self._signed_in = signed_in
        self._enrolment = enrolment
        self._proof = proof

    @call("GET", "/v1/auth/factors", name="auth_factors", answers={200: FactorsView})
    async def list(self, request: Request) -> HTTPResponse:
        """The caller's second factors."""
        caller = await self._signed_in.caller(request)
        views = [
            FactorView(
                str(each.factor_id),
                each.kind,
                each.name,
                rfc3339(each.created_at),
                rfc3339(each.last_used_at) if each.last_used_at else None,
            )
            for each in await self._enrolment.of(caller)
        ]
        return answer(FactorsView(views))

    @call(
        "POST",
        "/v1/auth/factors/totp",
        name="auth_factor_totp",
        answers={201: TotpSecret},
        refusals=[Forbidden, Taken, NotDurable],
    )
    async def begin_totp(self, request: Request) -> HTTPResponse:
        """Get a secret for an app; the last one that wasn't confirmed counts no more."""
        new = await self._enrolment.begin_totp(await self._signed_in.caller(request))
        return answer(TotpSecret(str(new.factor_id), new.secret, new.address), 201)

    @call(
        "POST",
        "/v1/auth/factors/totp/confirm",
        name="auth_factor_totp_confirm",
        body=GivenCode,
        answers={200: FactorAdded},
        refusals=[Forbidden, NotFound, BadCredentials, TooMany, NotDurable],
    )
    async def confirm_totp(self, request: Request) -> HTTPResponse:
        """Confirm an app by its first code."""
        caller = await self._signed_in.caller(request)
        code = json_body(request, GivenCode).code
        added = await self._enrolment.confirm_totp(caller, code, trace_id(request))
        return answer(FactorAdded(str(added.factor_id), added.recovery_codes))

    @call(
        "POST",
        "/v1/auth/factors/passkey/options",
        name="auth_factor_passkey_options",
        answers={200: PasskeyRequest},
        refusals=[Forbidden, WrongState],
    )
    async def ask_for_new_passkey(self, request: Request) -> HTTPResponse:
        """Get what a browser needs to make a passkey; its challenge counts for five minutes."""
        return answer(PasskeyRequest(await self._enrolment.ask_for_passkey(await self._signed_in.caller(request))))

    @call(
        "POST",
        "/v1/auth/factors/passkey",
        name="auth_factor_passkey",
        body=GivenPasskey,
        answers={201: FactorAdded},
        refusals=[Forbidden, Taken, NotDurable],
    )
    async def add_passkey(self, request: Request) -> HTTPResponse:
        """Add the passkey that a browser has made."""
        caller = await self._signed_in.caller(request)
        given = json_body(request, GivenPasskey)
        added = await self._enrolment.add_passkey(caller, given.name, given.credential, trace_id(request))
        return answer(FactorAdded(str(added.factor_id), added.recovery_codes), 201)

    @call(
        "POST",
        "/v1/auth/factors/show/options",
        name="auth_factor_show_options",
        answers={200: PasskeyRequest},
        refusals=[WrongState],
    )
    async def ask_for_passkey(self, request: Request) -> HTTPResponse:
        """Get what a browser needs to show a passkey; its challenge counts for five minutes."""
        return answer(PasskeyRequest(await self._proof.ask_for_passkey(await self._signed_in.caller(request))))

    @call(
        "POST",
        "/v1/auth/factors/show",
        name="auth_factor_show",
        body=Proof,
        answers={204: None},
        refusals=[Forbidden, BadCredentials, TooMany, NotDurable],
    )
    async def show(self, request: Request) -> HTTPResponse:
        """Show a second factor: tokens of this session have their roles from the next refresh on."""
        caller = await self._signed_in.caller(request)
        given = json_body(request, Proof)
        if (given.code is None) == (given.credential is None):
            raise InvalidField("give a code or a credential", field="code")
        if given.code is not None:
            await self._proof.show_code(caller, given.code)
        elif given.credential is not None:
            await self._proof.show_passkey(caller, given.credential)
        return HTTPResponse(status=204)

    @call(
        "POST",
        "/v1/auth/factors/recovery-codes",
        name="auth_factor_codes",
        answers={200: RecoveryCodes},
        refusals=[Forbidden, NotDurable],
    )
    async def renew_codes(self, request: Request) -> HTTPResponse:
        """Get new recovery codes, within ten minutes of showing a factor."""
        caller = await self._signed_in.caller(request)
        return answer(RecoveryCodes(await self._enrolment.renew_codes(caller, trace_id(request))))

    @call(
        "DELETE",
        "/v1/auth/factors/{factor_id}",
        name="auth_factor_remove",
        answers={204: None},
        refusals=[Forbidden, NotFound, NotDurable],
    )
    async def remove(self, request: Request, factor_id: str) -> HTTPResponse:
        """Remove a second factor, within ten minutes of showing one; with the last one the recovery codes go."""
        caller = await self._signed_in.caller(request)
        await self._enrolment.remove(caller, uuid_of(factor_id, "factor_id"), trace_id(request))
        return HTTPResponse(status=204)
