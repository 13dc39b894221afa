"""Accounts: the use cases of registering a person and of finding who a token names, whatever dialect they are asked in.

Limits are in account_fields, right passwords in password_hasher, who is who in Postgres. An account is told of after
the COMMIT that made it.
"""

import secrets
from typing import NamedTuple
from uuid import UUID

from command.identity import account_fields
from command.identity.account_store import AccountStore, Registration, User
from command.identity.attempt_limits import AttemptLimits
from command.identity.mail_confirmation import MailConfirmation
from command.identity.mailboxes import Mailboxes
from command.identity.password_hasher import PasswordHasher
from command.identity.personal_data import PersonHash
from command.likeness import skeleton_of
from contract.errors import NotFound, Taken, Unauthorized
from contract.pseudonym import SEED_BYTES
from contract.tokens import Caller, Claims


class NewPerson(NamedTuple):
    """What somebody gives to register, as it came."""

    username: str
    email: str
    date_of_birth: str
    password: str


class Accounts:
    """Makes and finds people."""

    def __init__(
        self,
        store: AccountStore,
        hasher: PasswordHasher,
        hashes: PersonHash,
        limits: AttemptLimits,
        mailboxes: Mailboxes,
        min_age_years: int,
        mail: MailConfirmation,
    ) -> None:
        self._limits = limits
        self._store = store
        self._hashes = hashes
        self._hasher = hasher
        self._mailboxes = mailboxes
        self._min_age_years = min_age_years
        self._mail = mail

    async def register(self, registrar: Claims, person: NewPerson, address: str) -> UUID:
        """The new person's user_id; the same call again, its token included, gets the same one.

        `InvalidField`, `NotFound` for an application that is gone, `Unauthorized` for a solved challenge that has
        registered somebody else, `Taken`; `TooMany` at this address.
        """
        username, email = account_fields.check_username(person.username), account_fields.check_email(person.email)
        self._mailboxes.refuse_disposable(email)
        new = Registration(
            username,
            skeleton_of(username),
            email,
            self._mailboxes.mailbox_of(email),
            account_fields.check_date_of_birth(person.date_of_birth, self._min_age_years),
            registered_with=registrar.jti,
        )
        password = account_fields.check_password(person.password)
        await self._limits.registration(address)
        async with self._hasher.turn(address):
            if not registrar.purpose and not await self._store.may_register(registrar):
                raise NotFound("the token's application no longer exists")
            return (await self._register(new, password, registrar)).user_id

    async def find(self, caller: Caller) -> User:
        """The person whom an access token names; `Unauthorized` when erased."""
        user = await self._store.by_id(caller.user_id)
        if user is None:
            raise Unauthorized
        return user

    async def _register(self, new: Registration, password: str, registrar: Claims) -> User:
        password_hash = await self._hasher.hash(password)
        user = await self._store.register(
            new, password_hash, secrets.token_bytes(SEED_BYTES), self._hashes.of(new.mailbox.casefold())
        )
        if user is not None:
            self._mail.invite(user.user_id, new.email)
            return user
        earlier = await self._store.registered_alike(new)
        if earlier is not None and await self._hasher.verify(earlier.password_hash, password):
            return earlier
        if registrar.purpose and await self._store.has_registered(registrar):
            raise Unauthorized("this token has registered somebody")
        raise Taken
