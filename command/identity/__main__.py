"""The identity process: opens its pool, serves until SIGTERM.

python -m command.identity
"""

import sys
from collections.abc import Iterable, Mapping

import redis.asyncio

from command.identity.account_handler import AccountHandler
from command.identity.account_store import AccountStore
from command.identity.accounts import Accounts
from command.identity.attempt_limits import AttemptLimits
from command.identity.challenge_handler import ChallengeHandler
from command.identity.challenge_store import ChallengeStore
from command.identity.challenges import Challenges
from command.identity.election_auth_handler import ElectionAuthHandler
from command.identity.factor_enrolment import FactorEnrolment
from command.identity.factor_handler import FactorHandler
from command.identity.factor_policy import FactorPolicy
from command.identity.factor_proof import FactorProof
from command.identity.factor_store import FactorStore
from command.identity.fair_queue import FairQueue
from command.identity.federation import Federation
from command.identity.federation_handler import FederationHandler
from command.identity.federation_store import FederationStore
from command.identity.id_token_verifier import IdTokenVerifier
from command.identity.identity_database import IdentityDatabase
from command.identity.key_handler import KeyHandler
from command.identity.mail_confirmation import MailConfirmation
from command.identity.mail_handler import MailHandler
from command.identity.mail_outbox import MailOutbox
from command.identity.mailboxes import Mailboxes, load_mail_rules
from command.identity.own_token_verifier import OwnTokenVerifier
from command.identity.passkeys import Passkeys
from command.identity.password_hasher import PasswordHasher, Turn, yield_as_a_whole
from command.identity.personal_data import PersonalRecords, PersonHash
from command.identity.personal_data_handler import PersonalDataHandler
from command.identity.secret_box import SecretBox
from command.identity.session_handler import SessionHandler
from command.identity.session_list import SessionList
from command.identity.session_list_handler import SessionListHandler
from command.identity.sessions import Sessions
from command.identity.settings import (
    Attempts,
    ChallengeEffort,
    IdentityListening,
    OutsideIdentities,
    Registering,
    Retention,
    SecondFactors,
    Signing,
    Smtp,
    StaffLogin,
)
from command.identity.signed_in import SignedIn
from command.identity.signing_keys import SigningKeys, load_signing_keys
from command.identity.smtp_sender import SmtpSender
from command.identity.staff import Staff
from command.identity.staff_handler import StaffHandler
from command.identity.token_mint import TokenMint
from contract import settings
from contract.challenge import Challenger
from contract.road import Part
from contract.tokens import SeedBox
from contract.web.background import Work
from contract.web.road_beacon import RoadBeacon
from contract.web.service import Service, run_service

ACCESS_SECONDS_MAX = 3600  # so long a revocation is kept


class IdentityService(Service):
    """Everything that this process holds."""

    handler_types = (
        AccountHandler,
        ChallengeHandler,
        SessionHandler,
        FederationHandler,
        MailHandler,
        SessionListHandler,
        PersonalDataHandler,
        FactorHandler,
        StaffHandler,
        KeyHandler,
        ElectionAuthHandler,
    )

    _redis: redis.asyncio.Redis | None = None  # how it does is told there

    def __init__(self, env: Mapping[str, str]) -> None:
        self.listening = settings.read(IdentityListening, env)
        signing = settings.read(Signing, env)
        self._key_folder = signing.key_folder
        self._keys = SigningKeys(load_signing_keys(signing.key_folder), signing.key_overlap_seconds)
        self._keys.check_lifetime(signing.access_seconds, "ACCESS_TOKEN_SECONDS")
        if signing.access_seconds > ACCESS_SECONDS_MAX:
            raise settings.SettingError(f"ACCESS_TOKEN_SECONDS is over {ACCESS_SECONDS_MAX}, the life of a revocation")
        retention = settings.read(Retention, env)
        self._database = IdentityDatabase(settings.read(settings.IdentityDatabase, env).url)
        store = AccountStore(self._database)
        waiting: FairQueue[Turn] = FairQueue(signing.password_queue_max, signing.password_queue_per_address_max)
        self._hasher = PasswordHasher(signing.password_hashes_max, waiting)
        self._niceness = signing.niceness
        verifier, hashes = OwnTokenVerifier(self._keys), PersonHash(retention.key)
        attempts = settings.read(Attempts, env)
        self._redis_url = attempts.redis_url
        limits = AttemptLimits(attempts.redis_url, attempts, hashes)
        signed_in, session_list = SignedIn(verifier, self._database), SessionList(self._database)
        mailboxes = Mailboxes(load_mail_rules())
        mint = TokenMint(self._keys, SeedBox(signing.seed_keys), signing.cohort_key)
        registering = settings.read(Registering, env)
        challenges = Challenges(
            Challenger(settings.read(settings.ChallengeKeys, env).by_number),
            settings.read(ChallengeEffort, env),
            ChallengeStore(self._database),
            mint,
            registering.solved_seconds,
        )
        self._records = PersonalRecords(self._database, hashes, mailboxes, retention)
        factors = settings.read(SecondFactors, env)
        factor_store, box = FactorStore(self._database), SecretBox(factors.keys)
        policy, passkeys = (
            FactorPolicy(required=settings.read(StaffLogin, env).is_strict),
            Passkeys(factors, mint, verifier),
        )
        proof = FactorProof(self._database, factor_store, box, passkeys)
        enrolment = FactorEnrolment(self._database, factor_store, box, passkeys, proof, policy, issuer=factors.name)
        sessions = Sessions(store, self._hasher, mint, signing, limits, challenges, proof=proof, policy=policy)
        self._issuers = IdTokenVerifier(settings.read(OutsideIdentities, env).issuers)
        federation_store = FederationStore(self._database, hashes)
        smtp = settings.read(Smtp, env)
        smtp.check()
        self._outbox = MailOutbox(SmtpSender(smtp)) if smtp.host else None
        mail = MailConfirmation(self._database, mint, verifier, self._outbox, smtp.public_url)
        accounts = Accounts(store, self._hasher, hashes, limits, mailboxes, registering.min_age_years, mail)
        self.handlers = (
            AccountHandler(verifier, signed_in, accounts),
            ChallengeHandler(verifier, challenges),
            SessionHandler(sessions),
            FederationHandler(Federation(self._issuers, federation_store, sessions, signing.refresh_seconds)),
            MailHandler(signed_in, mail),
            SessionListHandler(signed_in, session_list),
            PersonalDataHandler(signed_in, self._records, session_list),
            FactorHandler(signed_in, enrolment, proof),
            StaffHandler(signed_in, Staff(self._database, policy)),
            KeyHandler(self._keys),
            ElectionAuthHandler(verifier, signed_in, accounts, sessions, session_list),
        )

    async def why_not_ready(self) -> str:
        """Everything here needs Postgres."""
        return await self._database.why_not_ready()

    async def open(self) -> None:
        """Start connecting; from now on votes go first on this machine."""
        yield_as_a_whole(self._niceness)
        if self._redis_url:
            self._redis = redis.asyncio.Redis.from_url(self._redis_url, socket_timeout=1, socket_connect_timeout=1)
        await self._database.open()
        await self._issuers.open()

    def work(self) -> Iterable[Work]:
        """Keys come and go; mails go out; what isn't needed any more is deleted; how it does is told."""
        mails = self._outbox.work() if self._outbox else ()
        return [self._keys.follow(self._key_folder), self._records.forget(), *mails, *self._beacon()]

    async def close(self) -> None:
        """Let go of threads and connections; requests have been answered by now."""
        self._hasher.close()
        await self._issuers.close()
        await self._database.close()
        if self._redis:
            await self._redis.aclose()

    def _beacon(self) -> Iterable[Work]:
        return [RoadBeacon(self._redis, Part.PEOPLE, self.why_not_ready).run()] if self._redis else []


if __name__ == "__main__":
    sys.exit(run_service("identity", IdentityService))
