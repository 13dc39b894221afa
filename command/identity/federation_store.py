"""People of outside issuers in the identity schema: found or made, and their session started, in one transaction.

    the token's proof is new ─► who has this issuer and subject, else a new person ─► a session ─► COMMIT
                          └─ it was used before: nothing

So a token that was used is used for good, and one whose transaction failed may come again.
"""

import secrets
from typing import NamedTuple

import psycopg
from psycopg.rows import class_row, dict_row

from command.identity.account_store import StartedSession, User, session_arguments
from command.identity.id_token_verifier import OutsidePerson
from command.identity.identity_database import IdentityDatabase, Statements
from command.identity.personal_data import PersonHash, outside_identity
from command.identity.refresh_token import RefreshToken
from contract.errors import Forbidden, Unauthorized
from contract.pseudonym import SEED_BYTES

MADE_NAME = "viewer-{}"
TRIES_MAX = 3  # two first logins of one person may meet, and only one makes the account


class OutsideLogin(NamedTuple):
    """A person whose session was started."""

    user: User
    session: StartedSession


class FederationStore:
    """Reads and writes people of outside issuers."""

    def __init__(self, database: IdentityDatabase, hashes: PersonHash) -> None:
        self._database = database
        self._hashes = hashes

    async def log_in(self, person: OutsidePerson, first: RefreshToken, lifetime_s: int, device: str) -> OutsideLogin:
        """Start a session of this person.

        `Unauthorized` when the token was used before, `Forbidden` for who was erased a while ago; `Busy`, `NotDurable`.
        """

        async def work(statements: Statements) -> OutsideLogin:
            if await statements.one("use_id_token", dict_row, proof=person.proof) is None:
                raise Unauthorized("the id_token was used already, get a new one from its issuer")
            who = {"issuer": person.issuer, "subject": person.subject}
            user = await statements.one("find_outside_person", class_row(User), **who)
            user = user or await self._make(statements, person)
            session = await statements.one(
                "start_session",
                class_row(StartedSession),
                assurance=person.assurance.value,
                **session_arguments(user, first, lifetime_s, device),
            )
            if session is None:
                raise Unauthorized("your account was erased meanwhile")
            return OutsideLogin(user, session)

        for _ in range(TRIES_MAX - 1):
            try:
                return await self._database.together(work)
            except psycopg.errors.UniqueViolation:
                continue
        return await self._database.together(work)

    async def _make(self, statements: Statements, person: OutsidePerson) -> User:
        user = await statements.one(
            "add_outside_person",
            class_row(User),
            issuer=person.issuer,
            subject=person.subject,
            username=MADE_NAME.format(secrets.token_hex(8)),
            voter_seed=secrets.token_bytes(SEED_BYTES),
            identity_hash=self._hashes.of(outside_identity(person.issuer, person.subject)),
        )
        if user is None:
            raise Forbidden("your account was erased not long ago: a new one would be a second vote")
        return user
