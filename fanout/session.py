"""One session: as long as the slot is ours and both connections live; after that everything is read anew.

    ┌─► wait on the sockets ─► read, count ─► checkpoint ─► publish ─► report ─┐
    └──────────────────────────────────────────────────────────────────────────┘

What is written to Redis says when Postgres was last heard, and not when it was written. So readers call it stale when
the writing process had been paused and doesn't know yet that another one leads.

When the SQL connection dies, the replication connection is closed with it. Without SQL no checkpoint is stored, so no
more WAL is confirmed; and Postgres can't shut down while a listener has WAL left to confirm.
"""

import logging
import math
import select
import threading
import time

import psycopg

from fanout import vitals
from fanout.checkpoint import CheckpointPace, lsn_to_confirm
from fanout.checkpoint_writer import CheckpointWriter
from fanout.counting_log import CountingLog
from fanout.publisher import Publisher
from fanout.redis_writer import RedisWriter
from fanout.settings import Fanout
from fanout.slot_watch import SlotWatch
from fanout.takeover import Lead
from fanout.vitals import Vitals
from fanout.wal_decoder import Transaction

log = logging.getLogger(__name__)

# Postgres sends each row by itself, and waking a reader is the dearest part of that: let some rows gather first.
GATHER_S = 0.001
REPORT_S = 1.0
SILENCE_S = 10.0  # the server answers each report, so several answers in a row are missing
STUCK_S = 10.0


class Session:
    """Counts, publishes and stores from one lead; `run` ends by an exception unless it is told to stop."""

    def __init__(self, lead: Lead, settings: Fanout, redis_writer: RedisWriter, health: Vitals) -> None:
        self._connection = lead.connection
        self._listener = lead.listener
        self._tally = lead.tally
        self._recount = lead.recount
        self._replace_all = lead.recount is not None
        self._checkpoints = CheckpointWriter(lead.connection, settings.slot, lead.listener.backend_pid, lead.stored)
        self._slot = SlotWatch(lead.connection, settings.slot)
        self._pace = CheckpointPace(settings.checkpoint_ms / 1000, settings.idle_checkpoint_ms / 1000)
        self._publisher = Publisher(lead.tally, lead.catch_up_lsn, settings.flush_ms / 1000, redis_writer, health)
        self._now = self._heard_at = time.monotonic()
        self._heard_unix = time.time()
        self._report_at = self._stored_at = self._looked_at = 0.0
        self._received_lsn = 0
        # When the newest commit was made that is counted, in Unix seconds.
        self._newest_at = lead.stored.written_us / 1_000_000 if lead.stored else self._heard_unix
        self._told = CountingLog(settings.lag_max_ms / 1000)
        self._health = health
        vitals.LAG.begin(lead.tally.position.lsn, self._newest_at)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop. Raises psycopg.Error, `FencedError`."""
        while not stop.is_set():
            self._wait()
            self._read()
            self._poll_recount()
            self._poll_checkpoint()
            if self._now >= self._publish_at():
                self._publisher.publish(self._now, self._heard_unix, self._trouble(), self._report)
            if self._now >= self._report_at:
                self._report()

    def _wait(self) -> None:
        """Until something arrives or the next thing is due."""
        sockets = [self._listener.fileno(), self._connection.pgconn.socket]
        if self._recount:
            sockets.append(self._recount.connection.pgconn.socket)
        due = min(self._report_at, self._publish_at())
        arrived, _, _ = select.select(sockets, [], [], max(0.0, due - time.monotonic()))
        if self._listener.fileno() in arrived:
            time.sleep(GATHER_S)
            self._heard_at, self._heard_unix = time.monotonic(), time.time()
        self._now = time.monotonic()
        if self._now - self._heard_at > SILENCE_S:
            raise psycopg.OperationalError("the server is silent")
        self._connection.pgconn.consume_input()  # notices its death

    def _read(self) -> None:
        """Count what has arrived."""
        for message in self._listener.read():
            if isinstance(message, Transaction):
                self._received_lsn = message.end_lsn
                if self._tally.apply(message):
                    self._newest_at = message.committed_us / 1_000_000
                    votes = sum(message.votes.values())
                    vitals.COMMITS.inc()
                    vitals.ROWS.inc(votes)
                    self._told.note(votes)
                continue
            if message.wal_end:
                self._received_lsn = message.wal_end
                self._tally.advance(message.wal_end)

    def _poll_recount(self) -> None:
        """Add what the ledger held when the slot was made."""
        if self._recount and (base := self._recount.poll()) is not None:
            log.info("counted the ledger anew", extra={"votes": sum(base.values())})
            self._tally.add_base(base, self._recount.frozen)
            self._recount.close()
            self._recount = None

    def _publish_at(self) -> float:
        """When Redis has to be written: not before all is counted."""
        return math.inf if self._recount else self._publisher.due_at()

    def _trouble(self) -> str:
        """What an operator has to look after though the numbers are right, or "" ."""
        if self._checkpoints.may_be_standby:
            return "commits may wait for this listener: synchronous_standby_names must name the standbys, '*' won't do"
        if max(self._checkpoints.waited_s(self._now), self._slot.waited_s(self._now)) > STUCK_S:
            return "Postgres doesn't answer a checkpoint"
        return ""

    def _poll_checkpoint(self) -> None:
        """Store a checkpoint when it is time, and confirm it once it is stored; look after it now and then."""
        if self._checkpoints.poll():
            self._report()
        if self._checkpoints.poll_look():
            self._repair()
        self._slot.poll()
        if self._checkpoints.busy or self._slot.busy:
            return
        self._slot.ask_when_due(self._now)
        if self._recount or self._slot.busy:
            return
        stored = self._checkpoints.stored
        moved = stored is None or self._tally.position != stored.position
        if self._pace.due(self._now - self._stored_at, counted=self._tally.has_unsaved, moved=moved):
            self._checkpoints.begin(self._tally, self._now, replace_all=self._replace_all)
            self._replace_all = False
            self._stored_at = self._now
        elif stored and self._now - self._looked_at >= self._pace.idle_s:
            self._checkpoints.look(self._tally, self._now)
            self._looked_at = self._now

    def _repair(self) -> None:
        """What is counted here doesn't come from the stored tallies: write all of them again."""
        log.error("the stored tallies were changed by another hand, writing them again")
        vitals.REPAIRS.inc()
        self._tally.save_all_again()
        self._replace_all = True

    def _report(self) -> None:
        """Tell the server how far we are and what it may forget; those who watch us, that we go on."""
        recounted_to = self._tally.position.lsn if self._recount else None
        confirmed_lsn = lsn_to_confirm(self._checkpoints.stored, self._tally.epoch, recounted_to)
        self._listener.report(self._received_lsn, confirmed_lsn)
        vitals.LAG.count(self._tally.position.lsn, self._newest_at)
        self._told.tell(self._tally.position.lsn)
        self._health.note_pass()
        self._report_at = time.monotonic() + REPORT_S
