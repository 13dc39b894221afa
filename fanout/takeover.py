"""How a process gets hold of a slot, and what it then has to know before it counts.

    connect ─► wait hot while another is at the slot ─► checkpoint fits? ─► start ─► read tallies ─► WAL end
                                                              └─ no: new slot ─► start ─► recount ─► WAL end

A slot admits one listener: that is the leader election. What is read after the slot is ours can't change under us,
since a checkpoint is refused from anybody else.
"""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from contract.position import Position
from contract.settings import Fanout
from fanout import vitals
from fanout.checkpoint import Checkpoint
from fanout.ledger_reader import LedgerReader
from fanout.rebuild import Recount, SlotState, why_rebuild
from fanout.tally import Tally
from fanout.wal_listener import CONNECT_TIMEOUT_S, WalListener

log = logging.getLogger(__name__)

POLL_S = 0.25


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
def take_over(url: str, settings: Fanout, stop: threading.Event) -> Iterator[Lead]:
    """Wait for the slot and lead until the end of the block. Raises psycopg.Error: begin again."""
    name = f"fanout {settings.source}"
    with contextlib.ExitStack() as held:
        connection = psycopg.connect(url, autocommit=True, application_name=name, connect_timeout=CONNECT_TIMEOUT_S)
        held.callback(connection.close)
        ledger = LedgerReader(connection)
        slot = _wait_until_free(ledger, settings.slot, stop)
        listener = WalListener(url, name)
        held.callback(listener.close)
        why = why_rebuild(slot, stored := ledger.checkpoint(settings.source), listener.identify())
        if why:
            tally, recount = _rebuild(url, settings, listener, slot, stored, why)
            held.callback(recount.close)
        else:
            stored, tally = _continue(settings, listener, ledger)
            recount = None
        yield Lead(connection, listener, stored, tally, recount, ledger.wal_end())


def _wait_until_free(ledger: LedgerReader, slot: str, stop: threading.Event) -> SlotState | None:
    """Wait while another listener is at the slot, unless told to stop."""
    while (state := ledger.slot(slot)) and state.active and not stop.is_set():
        stop.wait(POLL_S * random.uniform(0.5, 1))  # noqa: S311  # jitter
    return state


def _continue(settings: Fanout, listener: WalListener, ledger: LedgerReader) -> tuple[Checkpoint, Tally]:
    """Take the slot, then read what the last holder has stored; a new timeline is a new epoch."""
    server = listener.identify()
    listener.start(settings.slot)
    stored, events = ledger.stored_tallies(settings.source)
    if stored is None:
        raise psycopg.OperationalError("the checkpoint is gone")
    epoch = stored.epoch + (stored.position.timeline != server.timeline)
    position = Position(*server, stored.position.lsn)
    log.info("continuing from the checkpoint", extra={"slot": settings.slot, "epoch": epoch, "lsn": position.lsn})
    return stored, Tally(settings.source, epoch, position, events)


def _rebuild(
    url: str, settings: Fanout, listener: WalListener, slot: SlotState | None, stored: Checkpoint | None, why: str
) -> tuple[Tally, Recount]:
    """Make the slot anew, stream it, and begin to count what its snapshot shows."""
    epoch = (stored.epoch if stored else 0) + 1
    log.warning("counting the ledger anew", extra={"slot": settings.slot, "epoch": epoch, "reason": why})
    vitals.REBUILDS.labels(why).inc()
    if slot:
        listener.drop_slot(settings.slot)
    server = listener.identify()
    new = listener.create_slot(settings.slot)
    recount = Recount(url, new.snapshot)
    listener.start(settings.slot)
    events = LedgerReader(recount.connection).events(new.lsn, int(time.time() * 1_000_000))
    recount.begin()
    return Tally(settings.source, epoch, Position(*server, new.lsn), events), recount
