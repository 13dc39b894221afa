"""The checkpoint: tallies and position in Postgres, written in one fenced statement; only then confirmed to the slot.

    counted ─► written (stored, if the fence lets it) ─► confirmed
                  └─ refused: somebody else is at the slot, or went further ─► FencedError, the session ends

What is confirmed depends on what is stored and never on Redis, so the server forgets no WAL whose votes are not in a
stored tally (but during a recount, which nothing that is stored fits). The statement is awaited by the select loop:
a slow one stops neither reading nor publishing. Storing one makes WAL: while nothing is counted it happens rarely.
"""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from contract import queries
from contract.position import Position
from fanout.polled_statement import PolledStatement, array
from fanout.tally import Tally, digest_of
from fanout.wal_decoder import CountKey


class FencedError(Exception):
    """Another fanout is at the slot or has stored a later position: nothing more may be written from here."""


class Checkpoint(NamedTuple):
    """What is stored of a source."""

    epoch: int
    position: Position
    written_us: int
    digest: int | None  # of the tallies; None: somebody asks for a recount


def lsn_to_confirm(stored: Checkpoint | None, epoch: int, recounted_to: int | None = None) -> int:
    """The LSN that the slot may forget the WAL before; 0 is nothing.

    A checkpoint of another epoch counts another history, or the same one up to another slot: its LSN says nothing here.
    While a recount runs (it is in memory up to `recounted_to`) nothing that is stored fits the slot: whoever starts
    after us makes another slot, so this one needs to hold no WAL, and a long recount can't be overtaken by its limit.
    """
    if recounted_to is not None:
        return recounted_to
    return stored.position.lsn if stored and stored.epoch == epoch else 0


@dataclass(frozen=True, slots=True)
class CheckpointPace:
    """How often a checkpoint is stored, in seconds."""

    busy_s: float
    idle_s: float

    def due(self, since_last_s: float, *, counted: bool, moved: bool) -> bool:
        """Whether to store one: `counted` says that a tally changed, `moved` that the position did."""
        return (counted and since_last_s >= self.busy_s) or (moved and since_last_s >= self.idle_s)


class CheckpointWriter:
    """Stores a session's checkpoints and looks whether they stay as they were; one statement at a time."""

    def __init__(
        self, connection: psycopg.Connection[Any], slot: str, walsender_pid: int, stored: Checkpoint | None
    ) -> None:
        self.stored = stored
        self.lag_bytes = 0
        self.may_be_standby = False  # whether Postgres may take our listener for a synchronous standby
        self._connection = connection
        self._slot = slot
        self._walsender_pid = walsender_pid
        self._sql = queries.load("fanout.sql")
        self._writing: PolledStatement | None = None
        self._looking: PolledStatement | None = None
        self._next = stored

    @property
    def busy(self) -> bool:
        """Whether a statement is under way."""
        return self._writing is not None or self._looking is not None

    def begin(self, tally: Tally, *, replace_all: bool) -> None:
        """Send the counts that changed, and the position."""
        rows = tally.take_unsaved()
        self._next = Checkpoint(tally.epoch, tally.position, int(time.time() * 1_000_000), tally.digest)
        parameters = (
            tally.source,
            tally.epoch,
            *tally.position,
            self._slot,
            self._walsender_pid,
            self.stored.epoch if self.stored else 0,
            replace_all,
            array([key.event_no for key in rows]),
            array([key.contestant_no for key in rows]),
            array(rows.values()),
            array([tally.events[key.event_no].lsn for key in rows]),
            array([tally.events[key.event_no].as_of_us for key in rows]),
            tally.digest,
        )
        self._writing = PolledStatement(self._connection, self._sql["write_checkpoint"], parameters)

    def look(self) -> None:
        """Read what is stored."""
        self._looking = PolledStatement(self._connection, self._sql["tallies"])

    def poll_look(self) -> bool:
        """Whether what was just read has been changed by another hand. Raises psycopg.Error."""
        rows = self._looking.poll() if self._looking else None
        if rows is None:
            return False
        self._looking = None
        stored = {CountKey(int(event_no), int(contestant_no)): int(votes) for event_no, contestant_no, votes in rows}
        return self.stored is not None and digest_of(stored) != self.stored.digest

    def poll(self) -> bool:
        """Whether the one under way has just been stored. Raises `FencedError`, psycopg.Error."""
        rows = self._writing.poll() if self._writing else None
        if rows is None:
            return False
        ((stored, lag_bytes, may_be_standby),) = rows
        if stored != "t":
            raise FencedError("the checkpoint was refused: another fanout has taken over")
        self.stored, self.lag_bytes, self._writing = self._next, int(lag_bytes), None
        self.may_be_standby = may_be_standby == "t"
        return True
