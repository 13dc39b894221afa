"""What a command process does while nobody tells it of changes of events, or of sessions that end."""

import asyncio
import contextlib
import struct
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY

from command.durable_pool import DurablePool
from command.votes import change_listener
from command.votes.change_listener import ChangeListener
from command.votes.voting_event_directory import VotingEvent, VotingEventDirectory
from contract import metric_names
from contract.errors import ContractError
from contract.revocations import RevocationList
from contract.web import revocation_listener
from contract.web.revocation_listener import RevocationListener
from ops.rig.database import Database
from ops.rig.event import Event, make_event
from ops.rig.eventually import PATIENCE_S

CANCEL = 80_877_102  # in the place of the protocol's version
CAPTCHA = "UPDATE events SET captcha = %s"


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """It goes on until the end of the block, which has a limit."""
    task = asyncio.create_task(work)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[DurablePool]:
    made = DurablePool(database.url("vote_command"), "look-ups", connections_max=2, waiting_max=50)
    await made.open()
    yield made
    await made.close()


async def found(events: VotingEventDirectory, event: Event) -> VotingEvent:
    """The event, as a vote finds it."""
    voting, _ = await events.find("somebody", uuid.UUID(event.event_id), uuid.UUID(event.contestants[0]))
    return voting


def heard_at() -> float:
    return REGISTRY.get_sample_value(metric_names.CHANGES_HEARD_UNIX_SECONDS) or 0.0


async def test_a_deaf_process_acts_on_old_settings_for_moments(
    owner: psycopg.Connection, pool: DurablePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads again what it remembers; when it can't even do that, votes go on by what it knew. A metric tells."""
    monkeypatch.setattr(change_listener, "READ_AGAIN_S", 0.05)
    event, events = make_event(owner), VotingEventDirectory(pool, 10)
    async with running(ChangeListener("postgresql://127.0.0.1:1/nowhere", events).run()):
        assert not (await found(events, event)).captcha
        began_at = heard_at()
        owner.execute(CAPTCHA, [True])
        while not (await found(events, event)).captcha:
            await asyncio.to_thread(owner.execute, "SELECT")  # each round asks
        await pool.close()
        first = await found(events, event)
        with pytest.raises(ContractError):
            await events.read_again()
        assert await found(events, event) is first
        assert heard_at() == began_at > 0


async def test_a_process_that_hears_reads_nothing_again(
    database: Database, owner: psycopg.Connection, pool: DurablePool
) -> None:
    """The metric moves with each look, and what is remembered stays until a change of it is told."""
    event, events = make_event(owner), VotingEventDirectory(pool, 10)
    async with running(ChangeListener(database.url("vote_command"), events).run()):
        await asyncio.sleep(0)  # it begins
        began_at = heard_at()
        while heard_at() == began_at:
            await asyncio.to_thread(owner.execute, "SELECT")
        first = await found(events, event)
        owner.execute("SELECT pg_notify('event_change', %s)", [str(uuid.uuid4())])
        for _ in range(2):  # the look that hears it, and one after it
            looked_at = heard_at()
            while heard_at() == looked_at:
                await asyncio.to_thread(owner.execute, "SELECT")
        assert await found(events, event) is first
        owner.execute("SELECT pg_notify('event_change', %s)", [event.event_id])
        while await found(events, event) is first:
            await asyncio.to_thread(owner.execute, "SELECT")


class MutePostgres:
    """Lets everybody in, and answers no statement; ends all connections when it is asked to cancel one."""

    def __init__(self) -> None:
        self.again = asyncio.Event()  # somebody has come a second time
        self._open: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        """Its port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self._end_all()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            length, code = struct.unpack("!ii", await reader.readexactly(8))
            await reader.readexactly(length - 8)
            if code == CANCEL:
                self._end_all()
                writer.close()
                return
            if self._open:
                self.again.set()
            self._open.append(writer)
            writer.write(GREETING)
            while await reader.read(1024):
                pass
        writer.close()

    def _end_all(self) -> None:
        for each in self._open:
            each.close()


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


GREETING = (
    message(b"R", struct.pack("!i", 0))  # no password is asked for
    + b"".join(message(b"S", each) for each in (b"in_hot_standby\0off\0", b"default_transaction_read_only\0off\0"))
    + message(b"S", b"server_version\x0018.0\0")
    + message(b"S", b"client_encoding\0UTF8\0")
    + message(b"K", struct.pack("!ii", 1, 1))
    + message(b"Z", b"I")
)
LISTENERS: dict[str, Callable[[str], Coroutine[Any, Any, None]]] = {
    "changes": lambda url: ChangeListener(
        url, VotingEventDirectory(DurablePool(url, "none", connections_max=1, waiting_max=1), 10)
    ).run(),
    "revocations": lambda url: RevocationListener(url, RevocationList()).run(),
}


@pytest.mark.parametrize("name", LISTENERS)
async def test_a_server_that_says_nothing_is_left(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has connected and gets no answer to LISTEN gives up, and connects anew."""
    for module in (change_listener, revocation_listener):
        monkeypatch.setattr(module, "ANSWER_WITHIN_S", 0.5)
    mute = MutePostgres()
    async with mute.running() as port:
        url = f"postgresql://somebody@127.0.0.1:{port}/any?sslmode=disable&gssencmode=disable"
        async with running(LISTENERS[name](url)):
            await mute.again.wait()
