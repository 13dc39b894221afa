"""Confirming a mail address: the use cases of sending a link to it and of using that, in whatever dialect.

    registered, or asked again ─► outbox ─► a mail with PUBLIC_URL/confirm#token ─► a click on that page ─► confirmed

The token is signed for this purpose alone, ends after a day, names the account and a hash of the address, and counts
once. It stands behind the #, so no server's log has it; and since the page waits for a click, no program that looks at
links confirms anything. The mail says nothing that whoever registered has chosen: it may go to a stranger.
"""

import hashlib
import logging
from uuid import UUID

from psycopg.rows import dict_row

from command.identity.identity_database import IdentityDatabase
from command.identity.mail_outbox import Mail, MailOutbox
from command.identity.own_token_verifier import OwnTokenVerifier
from command.identity.token_mint import TokenMint
from contract import base64url
from contract.errors import Busy, ContractError, NotFound, TooMany, Unauthorized, WrongState
from contract.tokens import Caller

LINK_S = 86_400
AGAIN_S = 120
SUBJECT = "Please confirm your mail address"
TEXT = """\
This address was given to us for an account of the vote. If that was you, please confirm it here within a day:

{link}

If it wasn't you, do nothing: then nothing happens.
"""

log = logging.getLogger(__name__)


class MailConfirmation:
    """Sends links and takes them back; without an outbox no mail is sent here."""

    def __init__(
        self,
        database: IdentityDatabase,
        mint: TokenMint,
        verifier: OwnTokenVerifier,
        outbox: MailOutbox | None,
        public_url: str,
    ) -> None:
        self._database = database
        self._mint = mint
        self._verifier = verifier
        self._outbox = outbox
        self._public_url = public_url

    def invite(self, user_id: UUID, address: str) -> None:
        """Let a mail to a new person wait; it never fails, and there may be none."""
        if self._outbox:
            self._outbox.put(self._mail(str(user_id), address))

    async def send_again(self, caller: Caller) -> None:
        """Let another mail to the caller wait; `NotFound`, `WrongState`, `TooMany`, `Busy`."""
        if self._outbox is None:
            raise NotFound("no mail is sent here")
        claimed = await self._database.write("claim_confirmation", dict_row, user_id=caller.user_id)
        if claimed is None:
            raise await self._why_not(caller)
        if not self._outbox.put(self._mail(caller.user_id, claimed["email"])):
            raise Busy

    async def confirm(self, token: str, trace_id: str) -> UUID:
        """Confirm the address that the link with this token was sent to; whose it is. `Unauthorized`, `WrongState`."""
        claims = self._verifier.confirmation(token)
        user_id = UUID(claims.sub)
        address_hash = base64url.decode(claims.address.encode())
        arguments = {"user_id": user_id, "address_hash": address_hash}
        if await self._database.write("confirm_mail", dict_row, **arguments) is None:
            raise WrongState("the link was used already, or the address is not the account's any more")
        log.info("mail address confirmed", extra={"user_id": user_id, "trace_id": trace_id})
        return user_id

    async def _why_not(self, caller: Caller) -> ContractError:
        state = await self._database.one("confirmation_state", dict_row, user_id=caller.user_id)
        if state is None:
            return Unauthorized()
        if not state["has_address"]:
            return WrongState("your account has no mail address")
        if state["confirmed"]:
            return WrongState("your mail address is confirmed")
        return TooMany("mails are sent two minutes apart, and five a day", retry_after_s=AGAIN_S)

    def _mail(self, user_id: str, address: str) -> Mail:
        address_hash = base64url.encode(hashlib.sha256(address.encode()).digest()).decode()
        token = self._mint.confirmation(user_id, address_hash, LINK_S)
        return Mail(address, SUBJECT, TEXT.format(link=f"{self._public_url}/confirm#{token}"))
