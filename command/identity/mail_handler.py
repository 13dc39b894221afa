"""The calls about mail addresses, as /v1 says them: send the link again, use it; the rest is in mail_confirmation."""

import msgspec
from sanic import HTTPResponse, Request

from command.identity.mail_confirmation import LINK_S, MailConfirmation
from command.identity.signed_in import SignedIn
from contract.answer_text import Id
from contract.errors import Busy, NotDurable, NotFound, TooMany, Unauthorized, WrongState
from contract.web.answering import answer, trace_id
from contract.web.call import Access, call
from contract.web.request_content import json_body


class LinkSent(msgspec.Struct):
    """A mail is on its way; its link counts for so many seconds."""

    expires_in: int


class MailLink(msgspec.Struct):
    """What stands behind the # in the link that was mailed."""

    token: str


class ConfirmedMail(msgspec.Struct):
    """Whose address is confirmed."""

    user_id: Id


class MailHandler:
    """Turns requests about mail addresses into mails and confirmations."""

    def __init__(self, signed_in: SignedIn, confirmation: MailConfirmation) -> None:
        self._signed_in = signed_in
        self._confirmation = confirmation

    @call(
        "POST",
        "/v1/auth/mail/confirmation",
        name="auth_mail_confirmation",
        answers={202: LinkSent},
        refusals=[NotFound, WrongState, TooMany, Busy, NotDurable],
    )
    async def send_again(self, request: Request) -> HTTPResponse:
        """Mail me the link again that confirms my address."""
        await self._confirmation.send_again(await self._signed_in.caller(request))
        return answer(LinkSent(LINK_S), 202)

    @call(
        "POST",
        "/v1/auth/mail/confirm",
        name="auth_mail_confirm",
        access=Access.PUBLIC,
        body=MailLink,
        answers={200: ConfirmedMail},
        refusals=[Unauthorized, WrongState, Busy, NotDurable],
    )
    async def confirm(self, request: Request) -> HTTPResponse:
        """Confirm a mail address by the link that was sent to it.

        A link counts once. Sessions by password are of the level `mail` from their next refresh on.
        """
        given = json_body(request, MailLink)
        return answer(ConfirmedMail(str(await self._confirmation.confirm(given.token, trace_id(request)))))
