"""A Postgres whose host vanished says nothing any more: who asks it by an old connection gets another one soon."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, Mock
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from command import durable_pool
from command.durable_pool import Connection, DurablePool
from command.settings import Commit
from command.votes import ledger_connection
from command.votes.change_listener import ChangeListener
from command.votes.ledger_connection import LedgerConnection
from command.votes.vote_batcher import EventKey
from contract import settings
from contract.errors import Busy
from contract.revocations import RevocationList
from contract.web.revocation_listener import RevocationListener
from fanout.conninfo import conninfo
from ops.backups.source_server import SourceServer
from ops.observe.postgres_statistics import PostgresStatistics
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from query.replica_reader import ReplicaReader

CHUNK_BYTES = 65_536
SOON_S = 0.5


class Road:
    """A way to the server at `port`; `cut` makes what goes there now silent, while new connections get through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pumps: set[asyncio.Task[None]] = set()
        self._ends: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """The port of its near end."""
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            self.cut()
            server.close()
            for end in self._ends:
                end.transport.abort()

    def cut(self) -> None:
        """Nobody is told."""
        for pump in self._pumps:
            pump.cancel()

    async def _join(self, near: asyncio.StreamReader, near_end: asyncio.StreamWriter) -> None:
        far, far_end = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends += (near_end, far_end)
        for source, target in ((near, far_end), (far, near_end)):
            pump = asyncio.create_task(self._pump(source, target))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                target.write(chunk)
        target.close()


@contextlib.asynccontextmanager
async def road_to(url: str) -> AsyncIterator[tuple[Road, str]]:
    """A road to this Postgres and its URL by it."""
    port = urlsplit(url).port
    assert port
    road = Road(port)
    async with road.open() as near:
        yield road, url.replace(f":{port}/", f":{near}/")


async def ask(connection: Connection) -> Any:
    return await (await connection.execute("SELECT pg_backend_pid() AS pid")).fetchone()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a silent server doesn't wait for long."""
    monkeypatch.setattr(durable_pool, "CHECK_WITHIN_S", SOON_S)
    monkeypatch.setattr(ledger_connection, "HEARD_WITHIN_S", SOON_S)


@pytest.mark.usefixtures("hasty")
async def test_a_silent_connection_of_a_pool_is_replaced(database: Database) -> None:
    """One that lay idle costs nobody an answer."""
    async with road_to(database.url("vote_command")) as (road, url):
        pool = DurablePool(url, "test", connections_max=1, waiting_max=1)
        await pool.open()
        before = await pool.read(ask)
        road.cut()
        after = await pool.run(ask)
        await pool.close()
    assert before != after


async def test_what_reads_gives_its_place_back(database: Database) -> None:
    """A server that is silent in the midst of a read is let go: the next one is answered."""
    async with road_to(database.url("vote_command")) as (road, url):
        pool = DurablePool(url, "test", connections_max=1, waiting_max=1)

        async def be_cut(connection: Connection) -> Any:
            road.cut()
            return await ask(connection)

        await pool.open()
        await pool.read(ask)
        pool._answer_within_s = SOON_S
        with pytest.raises(Busy):
            await pool.read(be_cut)
        pool._answer_within_s = durable_pool.ANSWER_WITHIN_S
        assert await pool.read(ask)
        await pool.close()


def votes_of(*voters: bytes) -> ledger_connection.Columns:
    """One vote each."""
    no = {"devices": None, "regions": None, "seals": bytes(16), "refused": 0, "contestants": 1}
    return {"voters": list(voters), **{name: [value] * len(voters) for name, value in no.items()}}


@pytest.mark.usefixtures("hasty")
async def test_a_silent_connection_of_a_writer_is_replaced(database: Database, owner: psycopg.Connection) -> None:
    """A look at the time commits nothing, and isn't waited for; the batch that wanted it goes again."""
    event: Event = make_event(owner)
    key = EventKey(event.event_no, UUID(event.event_id))
    async with road_to(database.url("vote_command")) as (road, url):
        ledger = LedgerConnection(url, settings.read(Commit, {}))
        await ledger.cast(key, lambda _: votes_of(b"a" * 12))
        road.cut()
        ledger._clock.forget()
        with pytest.raises(TimeoutError):
            await ledger.cast(key, lambda _: votes_of(b"b" * 12))
        await ledger.cast(key, lambda _: votes_of(b"b" * 12))
        ledger.close()


LIMITS = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)


def paths_to(port: int) -> Iterator[tuple[socket.socket, tuple[int, ...]]]:
    """All of this process' connections to the port, and their limits; none: nobody asks after the server."""
    for file in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(file.name))) as path:
            if path.family == socket.AF_INET and path.getpeername()[1] == port:
                asked_after = path.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                yield path, tuple(path.getsockopt(socket.IPPROTO_TCP, each) for each in LIMITS if asked_after)


async def test_kernels_ask_after_every_server(database: Database, identity_database: Database) -> None:
    """Each connection of the services to Postgres has its limits: of silence, and of what is unacknowledged."""
    command, port = database.url("vote_command"), urlsplit(database.url()).port
    assert port
    before = {path.getsockname() for path, _ in paths_to(port)}
    heard, looked = asyncio.Event(), asyncio.Event()
    changes = ChangeListener(command, Mock(forget_all=heard.set))
    listed = MagicMock(RevocationList, add=lambda _: looked.set())
    revocations = RevocationListener(identity_database.url("vote_command"), listed)
    pool, reader = DurablePool(command, "test", connections_max=1, waiting_max=1), ReplicaReader(database.url())
    ledger, statistics = LedgerConnection(command, settings.read(Commit, {})), PostgresStatistics(database.url())
    source = SourceServer(database.url())
    async with contextlib.AsyncExitStack() as held:
        for each in (changes, revocations):
            held.callback(asyncio.create_task(each.run()).cancel)
        for close in (pool.close, reader.close):
            held.push_async_callback(close)
        held.callback(ledger.close)
        held.callback(statistics.close)
        held.enter_context(psycopg.connect(conninfo(database.url(), "test")))
        held.enter_context(psycopg.connect(source.address, password=source.environment["PGPASSWORD"]))
        statistics.read()
        await asyncio.gather(pool.open(), reader.open(), ledger._ready_connection(), heard.wait(), looked.wait())
        await pool.read(ask)
        assert await reader.why_not_ready() == ""
        found = [limits for path, limits in paths_to(port) if path.getsockname() not in before]
    assert found == [(10_000, 5, 2, 3)] * 8
