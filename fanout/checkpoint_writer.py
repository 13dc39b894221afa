"""Writes tallies and position to Postgres in one fenced statement; only then the position is confirmed to the slot.

    counted ─► written (stored, if the fence lets it) ─► confirmed
                  └─ refused: somebody else is at the slot, or went further ─► FencedError, the session ends

The statement is awaited by the select loop: a slow one stops neither reading nor publishing. Storing one makes WAL, so
it happens rarely while nothing is counted.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import psycopg

from contract import queries
from fanout import vitals
from fanout.checkpoint import Checkpoint, FencedError
from fanout.event_freeze import EventFreeze
from fanout.polled_statement import PolledStatement, array
from fanout.tally import Part, Tally, in_turn
from fanout.wal_decoder import CountKey

LOOK_ROWS_MAX = 5_000  # read and compared in the loop, which takes some milliseconds


class CheckpointWriter:
    """Stores a session's checkpoints and looks whether they stay as they were; one statement at a time."""

    def __init__(
        self, connection: psycopg.Connection[Any], slot: str, walsender_pid: int, stored: Checkpoint | None
    ) -> None:
        self.stored = stored
        self.may_be_standby = False  # whether Postgres may take our listener for a synchronous standby
        self._connection = connection
        self._slot = slot
        self._walsender_pid = walsender_pid
        self._sql = queries.load_positional("fanout.sql")
        self._writing: PolledStatement | None = None
        self._looking: PolledStatement | None = None
        self._next = stored
        self._asked_at = 0.0
        self._parts: Iterator[Part] = iter(())
        self._expected: tuple[dict[CountKey, int], dict[int, EventFreeze]] = {}, {}

    @property
    def busy(self) -> bool:
        """Whether a statement is under way."""
        return self._writing is not None or self._looking is not None

    def waited_s(self, now: float) -> float:
        """For how long the statement that is under way has had no answer; 0 without one."""
        return now - self._asked_at if self.busy else 0.0

    def begin(self, tally: Tally, now: float, *, replace_all: bool) -> None:
        """Send the counts and freezes that changed, and the position; `now` in monotonic seconds."""
        self._asked_at = now
        rows, freezes = tally.take_unsaved(), tally.take_unsaved_freezes()
        self._next = Checkpoint(tally.epoch, tally.position, int(time.time() * 1_000_000), tally.digest)
        self._writing = PolledStatement(
            self._connection,
            self._sql["write_checkpoint"],
            source=tally.source,
            epoch=tally.epoch,
            **tally.position._asdict(),
            slot=self._slot,
            walsender_pid=self._walsender_pid,
            known_epoch=self.stored.epoch if self.stored else 0,
            replace_all=replace_all,
            event_nos=array([key.event_no for key in rows]),
            contestant_nos=array([key.contestant_no for key in rows]),
            votes=array(rows.values()),
            lsns=array([tally.events[key.event_no].lsn for key in rows]),
            as_of_us=array([tally.events[key.event_no].as_of_us for key in rows]),
            freezes=_json(freezes),
            thawed=array([event_no for event_no, freeze in freezes.items() if freeze is None]),
            digest=tally.digest,
        )

    def look(self, tally: Tally, now: float) -> None:
        """Read a part of what is stored; all come up in turn, those in which all events are over seldom."""
        part = next(self._parts, None)
        if part is None:
            self._parts = in_turn(list(tally.parts(LOOK_ROWS_MAX)))
            part = next(self._parts)
        self._asked_at = now
        self._expected = tally.saved_in(part), tally.freezes.between(part.first_no, part.last_no)
        self._looking = PolledStatement(
            self._connection,
            self._sql["some_tallies"],
            first_no=part.first_no,
            last_no=part.last_no,
            rows_max=len(self._expected[0]) + len(self._expected[1]) + 1,
        )

    def poll_look(self) -> bool:
        """Whether what was just read has been changed by another hand. Raises psycopg.Error."""
        rows = self._looking.poll() if self._looking else None
        if rows is None:
            return False
        self._looking = None
        counts, freezes = {}, {}
        for event_no, contestant_no, content in rows:
            if contestant_no:
                counts[CountKey(int(event_no), int(contestant_no))] = int(content)
            else:
                freezes[int(event_no)] = msgspec.json.decode(content, type=EventFreeze)
        return (counts, freezes) != self._expected

    def poll(self) -> bool:
        """Whether the one under way has just been stored. Raises `FencedError`, psycopg.Error."""
        rows = self._writing.poll() if self._writing else None
        if rows is None:
            return False
        ((stored, may_be_standby),) = rows
        if stored != "t":
            raise FencedError("the checkpoint was refused: another fanout has taken over")
        self.stored, self._writing = self._next, None
        vitals.CHECKPOINT_SECONDS.observe(time.monotonic() - self._asked_at)
        vitals.CHECKPOINT_UNIX.set_to_current_time()
        self.may_be_standby = may_be_standby == "t"
        return True


def _json(freezes: Mapping[int, EventFreeze | None]) -> str:
    rows = [
        {"event_no": event_no, "lsn": freeze.lsn, "as_of_us": freeze.as_of_us, "votes": freeze.counts or {}}
        for event_no, freeze in freezes.items()
        if freeze
    ]
    return msgspec.json.encode(rows).decode()
