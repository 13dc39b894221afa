"""Postgres and Redis that take TLS only: every road to them checks who answers, and all of the system works by it."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import psycopg
import pytest
import redis

from command.durable_pool import Connection, DurablePool
from command.identity import attempt_limits
from command.identity.attempt_limits import AttemptLimits
from command.identity.personal_data import PersonHash
from command.identity.settings import Attempts
from command.settings import Commit
from command.votes.ledger_connection import LedgerConnection
from contract import settings
from contract.errors import Busy
from fanout.conninfo import conninfo
from fanout.redis_writer import RedisWriter
from fanout.wal_listener import WalListener
from ops.embedded import readiness
from ops.migrate import LEDGER, migrate
from ops.rig import python_process
from ops.rig.database import Database
from ops.rig.event import make_event
from ops.rig.eventually import PATIENCE_S, eventually
from ops.rig.fanout_process import FanoutProcess
from ops.rig.identity_process import identity_process
from ops.rig.people import TokenMint
from ops.rig.service import command_process, read_process
from ops.rig.tls_front import LET_IN, REFUSED, Authority, TlsFront, tls_front
from ops.rig.votes import submit, vote_of
from query import redis_reader
from query.redis_reader import redis_client
from query.replica_reader import ReplicaReader

Road = Callable[[str], None]


def by_migrations(url: str) -> None:
    migrate(url, LEDGER)


def by_fanout(url: str) -> None:
    psycopg.connect(conninfo(url, "test")).close()


def by_replication(url: str) -> None:
    WalListener(url, "test").close()


def by_votes(url: str) -> None:
    async def connect() -> None:
        ledger = LedgerConnection(url, settings.read(Commit, {}))
        await (await ledger._connect()).close()

    asyncio.run(connect())


def by_pools(url: str) -> None:
    async def ask(connection: Connection) -> None:
        await connection.execute("SELECT")

    async def connect() -> None:
        pool = DurablePool(url, "test", connections_max=1, waiting_max=1)
        await pool.open()
        try:
            await pool.run(ask)
        finally:
            await pool.close()

    asyncio.run(connect())


def by_reads(url: str) -> None:
    async def connect() -> None:
        reader = ReplicaReader(url)
        await reader.open()
        reason = await reader.why_not_ready()
        await reader.close()
        if reason:
            raise ConnectionError(reason)

    asyncio.run(connect())


def by_counts(url: str) -> None:
    writer = RedisWriter(url)
    try:
        writer._client.ping()
    finally:
        writer.close()


def by_standings(url: str) -> None:
    async def connect() -> None:
        client = redis_client(url)
        try:
            await client.ping()
        finally:
            await client.aclose()

    asyncio.run(connect())


def by_up(url: str) -> None:
    reason = readiness.postgres(url) if url.startswith("postgresql") else readiness.redis_server(url)
    if reason:
        raise ConnectionError(reason)


TO_POSTGRES = [by_migrations, by_fanout, by_replication, by_votes, by_pools, by_reads, by_up]


def by_limits(url: str) -> None:
    limits = AttemptLimits(url, settings.read(Attempts, {}), PersonHash(bytes(32)))
    assert limits._windows
    storage: Any = limits._windows.storage

    async def connect() -> None:
        found = await storage.check()
        await storage.bridge.storage.aclose()
        if not found:
            raise ConnectionError

    asyncio.run(connect())


TO_REDIS = [by_counts, by_standings, by_limits, by_up]
# What is said when Redis isn't there within a quarter of a second; a first handshake may take longer.
SLOW = ("attempts can't be counted", "Redis is away, showing checkpoints", "the subscription broke")
REFUSALS = (psycopg.OperationalError, asyncpg.PostgresConnectionError, OSError, Busy, redis.ConnectionError)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["right", "wrong name", "unknown authority"])
def certificate(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> tuple[bool, Path]:
    """Whether it is the server's, and its file."""
    signer, name = {
        "right": (authority, "127.0.0.1"),
        "wrong name": (authority, "elsewhere.test"),
        "unknown authority": (Authority(tmp_path), "127.0.0.1"),
    }[request.param]
    return request.param == "right", signer.certificate(name)


def lets_through(road: Road, url: str) -> bool:
    try:
        road(url)
    except REFUSALS:
        return False
    return True


def check(road: Road, url: str, front: TlsFront, *, right: bool) -> None:
    """It leads to who shows the right certificate; to anybody else nothing is said but that it isn't wanted."""
    if right:
        eventually(lambda: lets_through(road, url), "it is let in")  # limits give up after a quarter of a second
        front.process.wait_for(LET_IN)
        assert (front.count(LET_IN) > 0, front.count(REFUSED)) == (True, 0)
    else:
        with pytest.raises(REFUSALS):
            road(url)
        front.process.wait_for(REFUSED)
        assert front.count(LET_IN) == 0


@pytest.mark.parametrize("road", TO_POSTGRES)
def test_roads_to_postgres(
    road: Road, certificate: tuple[bool, Path], authority: Authority, database: Database
) -> None:
    """By `sslmode=verify-full&sslrootcert=…` in the connection string, whatever driver reads it."""
    right, file = certificate
    with tls_front(database.url(), file) as front:
        check(road, front.before(database.url(), **_trusting(authority)), front, right=right)


@pytest.mark.parametrize("road", TO_REDIS)
def test_roads_to_redis(
    road: Road,
    certificate: tuple[bool, Path],
    authority: Authority,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By `rediss://…?ssl_ca_certs=…`, however long that takes."""
    monkeypatch.setattr(attempt_limits, "REDIS_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(redis_reader, "ANSWER_WITHIN_S", PATIENCE_S)
    right, file = certificate
    with tls_front(redis_url, file) as front:
        check(road, front.before(redis_url, ssl_ca_certs=str(authority.file)), front, right=right)


@pytest.mark.parametrize("road", TO_POSTGRES)
def test_a_server_that_demands_tls(road: Road, authority: Authority, database: Database) -> None:
    """Nobody gets in without it: what passes above has passed by TLS."""
    with tls_front(database.url(), authority.certificate("127.0.0.1")) as front:
        check(road, front.before(database.url(), sslmode="disable"), front, right=False)


def _trusting(authority: Authority) -> dict[str, str]:
    return {"sslmode": "verify-full", "sslrootcert": str(authority.file)}


async def test_all_of_it_by_tls(
    tmp_path: Path,
    authority: Authority,
    database: Database,
    identity_database: Database,
    redis_url: str,
    mint: TokenMint,
    owner: psycopg.Connection,
) -> None:
    """A vote goes its whole way, and the operator's command lines go theirs."""
    certificate, event, voter = authority.certificate("127.0.0.1"), make_event(owner), mint.voter()
    with contextlib.ExitStack() as held:
        postgres = held.enter_context(tls_front(database.url(), certificate))
        valkey = held.enter_context(tls_front(redis_url, certificate))

        def url(role: str, where: Database = database) -> str:
            return postgres.before(where.url(role), **_trusting(authority))

        standings = valkey.before(redis_url, ssl_ca_certs=str(authority.file))
        command = held.enter_context(command_process(tmp_path, url("vote_command"), mint))
        query = held.enter_context(read_process("query.reads", tmp_path, url("vote_query"), standings, mint))
        fanout = held.enter_context(FanoutProcess(url("vote_fanout"), standings, IDLE_CHECKPOINT_MS="300").running())
        people = url("vote_identity", identity_database)
        identity = held.enter_context(identity_process(tmp_path, people, REDIS_URL=standings))
        eventually(identity.is_ready, "identity is ready")
        async with aiohttp.ClientSession() as session:
            async with aiohttp.ClientSession(command.url) as voting:
                assert (await submit(voting, voter, vote_of(voter, event)))[0] == 200
            await _until_shown(session, f"{query.url}/v1/event/{event.event_id}/results")
            nobody = {"username": "nobody", "password": "no password"}
            counts = held.enter_context(redis.Redis.from_url(redis_url))
            while not counts.keys("attempts*"):
                async with session.post(f"{identity.url}/v1/auth/login", json=nobody) as answer:
                    assert answer.status == 401
        lines = {
            "identity": identity.operator("add-application", "app"),
            "live": _line(fanout.auditing, "ops.auditor", "--live"),
            "migrate": _line(_migrating(url("postgres"), url("postgres", identity_database)), "ops.migrate"),
            "audit": _line(_auditing(tmp_path, url("vote_auditor")), "ops.auditor", event.event_id),
        }
        assert {name: done.stderr for name, done in lines.items() if done.returncode} == {}
        assert postgres.count(REFUSED) == 0
        said = [line for service in (command, query, identity) for line in service.process.said()]
        unforeseen = [line for line in said if '"info"' not in line and not any(words in line for words in SLOW)]
        assert unforeseen == []  # nothing else that is needed was away


async def _until_shown(session: aiohttp.ClientSession, url: str) -> None:
    """Asks until one vote is shown, and not from the checkpoint; the test's own time limit ends it."""
    while True:
        async with session.get(url) as answer:
            content = await answer.json()
            if (content["total_votes"], content["stale"]) == (1, False):
                return


def _migrating(url: str, identity_url: str) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": url, "IDENTITY_DATABASE_URL": identity_url}


def _auditing(folder: Path, url: str) -> dict[str, str]:
    keys = {"SEAL_KEYS_FILE": str(folder / "seals"), "RECEIPT_KEYS_FILE": str(folder / "receipts")}
    return {**os.environ, **keys, "DATABASE_URL": url}


def _line(env: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return python_process.run([sys.executable, "-m", *words], env)
