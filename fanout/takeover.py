"""How a process gets hold of a slot, and what it then has to know before it counts.

    connect ─► wait hot while another is at the slot ─► checkpoint fits? ─► start ─► read tallies ─► WAL end
                                                              └─ no: new slot ─► start ─► recount ─► WAL end

A slot admits one listener: that is the leader election. What is read after the slot is ours can't change under us,
since a checkpoint is refused from anybody else. What was read before is looked at again: meanwhile somebody may have
dropped the slot and made another one of its name.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from contract.backoff import jittered
from contract.position import Position
from fanout import vitals
from fanout.checkpoint import Checkpoint
from fanout.conninfo import conninfo
from fanout.ledger_reader import LedgerReader
from fanout.rebuild import Recount
from fanout.redis_writer import RedisWriter
from fanout.settings import Fanout
from fanout.slot_state import SlotState, why_rebuild
from fanout.tally import Tally
from fanout.vitals import Vitals
from fanout.wal_listener import WalListener

log = logging.getLogger(__name__)

POLL_S = 0.25
SLOT_WITHIN_S = 60.0


@dataclass(frozen=True)
class Lead:
    """What the holder of a slot starts from. Without a recount the tally is whole."""

    connection: psycopg.Connection[Any]
    listener: WalListener
    stored: Checkpoint | None
    tally: Tally
    recount: Recount | None
    catch_up_lsn: int  # publish nothing before this is counted


@contextlib.contextmanager
def take_over(url: str, settings: Fanout, writer: RedisWriter, stop: threading.Event, health: Vitals) -> Iterator[Lead]:
    """Wait for the slot and lead until the end of the block. Raises psycopg.Error: begin again."""
    name = f"fanout {settings.source}"
    health.why_not_ready = "waiting for the slot"
    with contextlib.ExitStack() as held:
        # A checkpoint waits for no standby. It may be lost with this server: its successor then counts anew. And if our
        # own listener passed for a standby (synchronous_standby_names = '*'), each would wait for the other for ever.
        words = conninfo(url, name, "synchronous_commit=local")
        connection = psycopg.connect(words, autocommit=True)
        held.callback(connection.close)
        ledger = LedgerReader(connection)
        slot = _wait_until_free(ledger, settings.slot, stop, health)
        listener = WalListener(url, name)
        held.callback(listener.close)
        stored, saved = ledger.stored_tally(settings.source)
        why = why_rebuild(slot, stored, saved, listener.identify())
        if why:
            wait = _SlotWait(ledger, listener.backend_pid, stop, health)
            epoch = (stored.epoch if stored else 0) + 1
            log.warning("counting the ledger anew", extra={"slot": settings.slot, "epoch": epoch, "reason": why})
            vitals.REBUILDS.labels(why).inc()
            believed = bool(stored and saved and stored.digest == saved.digest)
            rebuilding = _rebuild(url, settings, ledger, listener, epoch, wait, freezes_believed=believed)
            tally, recount = held.enter_context(rebuilding)
        else:
            stored, tally = _continue(settings, listener, ledger, health)
            recount = None
        writer.outrank(tally, wal_end := ledger.wal_end())
        yield Lead(connection, listener, stored, tally, recount, wal_end)


def _wait_until_free(ledger: LedgerReader, slot: str, stop: threading.Event, health: Vitals) -> SlotState | None:
    """Wait while another listener is at the slot, unless told to stop."""
    while (state := ledger.slot(slot)) and state.active and not stop.is_set():
        health.note_pass()
        stop.wait(jittered(POLL_S))
    return state


def _continue(
    settings: Fanout, listener: WalListener, ledger: LedgerReader, health: Vitals
) -> tuple[Checkpoint, Tally]:
    """Take the slot, then read what the last holder has stored; a new timeline is a new epoch."""

    def between() -> None:
        listener.report(0, 0)
        health.note_pass()

    history = listener.identify()
    listener.start(settings.slot)
    slot = ledger.slot(settings.slot)
    stored, tally = ledger.stored_tally(settings.source, between)
    why = why_rebuild(slot, stored, tally, history)
    if stored is None or tally is None or why:
        raise psycopg.OperationalError(why)
    tally.epoch = stored.epoch + (stored.position.timeline != history.timeline)
    if stored.position.timeline != history.timeline:
        log.warning("another server is the primary now", extra={"timeline": history.timeline, "epoch": tally.epoch})
    tally.position = Position(*history, stored.position.lsn)
    extra = {"slot": settings.slot, "epoch": tally.epoch, "lsn": tally.position.lsn}
    log.info("continuing from the checkpoint", extra=extra)
    return stored, tally


class _SlotWait:
    """Says who keeps a new slot from being made, and gives up after SLOT_WITHIN_S or when told to stop."""

    def __init__(self, ledger: LedgerReader, walsender_pid: int, stop: threading.Event, health: Vitals) -> None:
        self._ledger = ledger
        self._walsender_pid = walsender_pid
        self._stop = stop
        self._health = health
        self._until = time.monotonic() + SLOT_WITHIN_S
        self._named: set[str] = set()

    def __call__(self) -> None:
        if self._stop.is_set() or time.monotonic() > self._until:
            raise psycopg.OperationalError(f"gave up making the slot; {self._health.why_not_ready}")
        self._health.note_pass()
        blockers = self._ledger.slot_blockers(self._walsender_pid)
        self._health.why_not_ready = f"the new slot waits for the end of transactions: {', '.join(blockers)}"
        for blocker in blockers:
            if blocker not in self._named:
                log.warning("a transaction keeps the slot from being made", extra={"blocker": blocker})
            self._named.add(blocker)


@contextlib.contextmanager
def _rebuild(
    url: str,
    settings: Fanout,
    ledger: LedgerReader,
    listener: WalListener,
    epoch: int,
    wait: _SlotWait,
    *,
    freezes_believed: bool,
) -> Iterator[tuple[Tally, Recount]]:
    """Make the slot anew, stream it, and begin to count what its snapshot shows."""
    if ledger.slot(settings.slot):
        listener.drop_slot(settings.slot)
    history = listener.identify()
    new = listener.create_slot(settings.slot, wait)
    with contextlib.closing(Recount(url, new.snapshot, freezes_believed=freezes_believed)) as recount:
        listener.start(settings.slot)
        ours = ledger.slot(settings.slot)
        if ours is None or ours.confirmed != new.lsn:
            raise psycopg.OperationalError("another fanout has made the slot anew, too")
        events = LedgerReader(recount.connection).events(new.lsn, int(time.time() * 1_000_000))
        recount.begin()
        yield Tally(settings.source, epoch, Position(*history, new.lsn), events), recount
