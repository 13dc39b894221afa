"""What the verbs of the command line work with, each opened when a verb first asks for it."""

import contextlib
import getpass
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from uuid import UUID

import psycopg

from command.durable_pool import DurablePool
from command.events.ballot_sealer import BallotSealer
from command.events.change_runner import Actor as Changer
from command.events.change_runner import ChangeRunner
from command.events.event_changes import EventChanges
from command.events.event_making import EventMaking
from command.events.hearing_wait import HearingWait
from command.identity.audit import Actor
from command.identity.factor_policy import FactorPolicy
from command.identity.identity_database import IdentityDatabase
from command.identity.settings import Signing, StaffLogin
from command.identity.signing_keys import SigningKeys, load_signing_keys
from command.identity.staff import Staff
from command.identity.token_mint import TokenMint
from command.identity_door import IdentityDoor
from command.settings import Hearing
from contract import path_patience, queries, settings
from contract.tokens import SeedBox
from ops.operator.settings import Operator, operator_name

NOBODY = UUID(int=0)  # who changes events without being a person


class Office:
    """An async context: what was opened in it is closed at its end. Raises `SettingError` where one is missing."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.name = settings.read(Operator, env).name or operator_name(getpass.getuser())
        self.trace_id = uuid.uuid4().hex
        self.actor = Actor(self.name, "operator", self.trace_id)
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def people(self) -> IdentityDatabase:
        """The database of people."""
        database = IdentityDatabase(settings.read(settings.IdentityDatabase, self.env).url)
        await database.open()
        self._open.push_async_callback(database.close)
        return database

    async def staff(self) -> Staff:
        """The use cases of roles."""
        policy = FactorPolicy(required=settings.read(StaffLogin, self.env).is_strict)
        return Staff(await self.people(), policy)

    def signing(self) -> Signing:
        """Where the keys of identity are."""
        return settings.read(Signing, self.env)

    def keys(self) -> SigningKeys:
        """The keys that sign tokens."""
        signing = self.signing()
        return SigningKeys(load_signing_keys(signing.key_folder), signing.key_overlap_seconds)

    def mint(self) -> TokenMint:
        """Makes tokens."""
        signing = self.signing()
        return TokenMint(self.keys(), SeedBox(signing.seed_keys), signing.cohort_key)

    def bulk(self) -> psycopg.Connection:
        """A connection to the database of people for what goes on for long; each statement is committed by itself."""
        return psycopg.connect(
            settings.read(settings.IdentityDatabase, self.env).url,
            autocommit=True,
            application_name="vote_identity operator",
            connect_timeout=3,
            target_session_attrs="read-write",
            **path_patience.LIBPQ,
        )

    async def ledger(self) -> DurablePool:
        """The database of events; what is logged there says who the operator is."""
        pool = DurablePool(
            settings.read(settings.Primary, self.env).url,
            "operator",
            "plan_cache_mode=force_custom_plan",
            "lock_timeout=10s",
            f"vote.operator={self.name}",
            connections_max=1,
            waiting_max=1,
        )
        await pool.open()
        self._open.push_async_callback(pool.close)
        return pool

    async def events(self) -> EventChanges:
        """The use cases of a show that is on."""
        seal_keys = settings.read(settings.SealKeys, self.env).by_number
        ledger = await self.ledger()
        hearing = HearingWait(ledger, settings.read(Hearing, self.env))
        self._open.push_async_callback(hearing.close)
        return EventChanges(ChangeRunner(ledger), BallotSealer(seal_keys), hearing)

    async def making(self) -> EventMaking:
        """The use cases of making events; whom the operator is can't be asked of anybody."""
        seal_keys = settings.read(settings.SealKeys, self.env).by_number
        newest = max(number for number in seal_keys if number < settings.REHEARSAL_KEYS)
        people = IdentityDoor(settings.read(settings.IdentityDatabase, self.env).url)
        return EventMaking(ChangeRunner(await self.ledger()), people, newest)

    @property
    def changer(self) -> Changer:
        """The operator, as the log of the ledger knows whoever acts; it says beside it which operator."""
        return Changer(NOBODY, "operator", self.trace_id)


def statement(file_name: str, name: str) -> bytes:
    """A named statement of one file of sql/queries."""
    return queries.load(file_name)[name].encode()
