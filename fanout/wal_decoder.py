"""pgoutput's messages, decoded without being parsed row by row. Pure: knows no socket and no clock.

    copy data ─► insert: count its bytes          (the hot path: one dict increment a row)
              ─► Relation, Begin, Message: remember
              ─► Commit: decode each distinct value once ─► Transaction
              ─► keepalive ─► Keepalive

The publication sends two short columns, so the inserts of one contestant are the same bytes. A transaction of a
million rows is therefore a handful of counters, and nothing of it is seen before its Commit. When a stream
breaks, its decoder is thrown away with whatever was open: the server sends that transaction again.
"""

import logging
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from contract.standings import EVENT_MESSAGE_PREFIX, EventChange
from contract.wal_trace import TRACE_MESSAGE_PREFIX, TracedVote, traced_votes

log = logging.getLogger(__name__)

NextMessage = Callable[[int], tuple[int, memoryview]]  # PGconn.get_copy_data: (size, message), 0: none yet, -1: ended

_HEAD = 25  # of XLogData: 'w', two LSNs, a clock
_INSERT = ord("I")
_KEEPALIVE = struct.Struct("!xQ9x")  # a report is sent each second, whether or not an answer is asked for
_BEGIN = struct.Struct("!8xq4x")
_COMMIT = struct.Struct("!9xQ8x")
_LENGTH = struct.Struct("!i")
_COUNT = struct.Struct("!h")
_RELATION_ID = struct.Struct("!I")
_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01 in Unix microseconds


class StreamEndedError(Exception):
    """The server ended the stream; its reason is in the connection's result."""


class CountKey(NamedTuple):
    """What rows are counted by: one count for each contestant of an event."""

    event_no: int
    contestant_no: int


class Transaction(NamedTuple):
    """What one commit brings. `changes` holds the last change of each event by event_no."""

    end_lsn: int
    committed_us: int  # Unix microseconds, by the server's clock
    votes: dict[CountKey, int]
    changes: dict[int, EventChange]
    traces: Sequence[TracedVote] = ()  # of some of these votes


class Keepalive(NamedTuple):
    """The server is alive. All that was committed before `wal_end` has been sent; 0 inside a transaction."""

    wal_end: int


class _Columns(NamedTuple):
    """Where the two columns are in a row of the votes table."""

    event_no: int
    contestant_no: int


class WalDecoder:
    """Decodes one stream from its start; of no use for another one."""

    def __init__(self) -> None:
        self._relations: dict[int, _Columns | None] = {}
        self._rows: defaultdict[bytes, int] = defaultdict(int)
        self._votes: defaultdict[CountKey, int] = defaultdict(int)
        self._changes: dict[int, EventChange] = {}
        self._traces: Sequence[TracedVote] = ()
        self._committed_us = 0
        self._in_transaction = False

    def messages(self, next_message: NextMessage) -> Iterator[Transaction | Keepalive]:
        """Decode what is there; ends when no whole message is left. Raises `StreamEndedError`."""
        rows = self._rows
        while True:
            size, view = next_message(1)
            if size <= 0:
                break
            message = view.tobytes()
            if size > _HEAD and message[_HEAD] == _INSERT:
                rows[message[_HEAD:]] += 1
            elif decoded := self._decode(message):
                yield decoded
        if size < 0:
            raise StreamEndedError

    def _decode(self, message: bytes) -> Transaction | Keepalive | None:
        if message[:1] == b"k":
            (wal_end,) = _KEEPALIVE.unpack(message)
            return Keepalive(0 if self._in_transaction else wal_end)
        kind, body = message[_HEAD : _HEAD + 1], message[_HEAD + 1 :]
        if kind == b"C":
            return self._commit(*_COMMIT.unpack(body))
        if kind == b"B":
            (since_2000_us,) = _BEGIN.unpack(body)
            self._committed_us = since_2000_us + _POSTGRES_EPOCH_US
            self._in_transaction = True
        elif kind == b"R":
            self._fold()  # the rows so far have the layout that they were sent with
            relation_id, columns = _relation(body)
            self._relations[relation_id] = columns
        elif kind == b"M":
            self._remember_message(body)
        return None  # Origin and Type say nothing here; nothing but inserts is published

    def _commit(self, end_lsn: int) -> Transaction:
        self._fold()
        done = Transaction(end_lsn, self._committed_us, dict(self._votes), self._changes, self._traces)
        self._votes.clear()
        self._changes = {}
        self._traces = ()
        self._in_transaction = False
        return done

    def _fold(self) -> None:
        """Decode each distinct row once."""
        for row, count in self._rows.items():
            columns = self._relations[_RELATION_ID.unpack_from(row, 1)[0]]
            if columns:
                values = _values(row)
                self._votes[CountKey(values[columns.event_no], values[columns.contestant_no])] += count
        self._rows.clear()

    def _remember_message(self, body: bytes) -> None:
        """Take what is ours; a message outside a transaction is somebody else's: ours are undone by a rollback."""
        prefix_end = body.index(0, 9)
        if not body[0]:
            return
        prefix, content = body[9:prefix_end], body[prefix_end + 5 :]
        if prefix == EVENT_MESSAGE_PREFIX.encode():
            self._remember_change(content)
        elif prefix == TRACE_MESSAGE_PREFIX.encode():
            self._traces = traced_votes(content)  # one message a commit

    def _remember_change(self, content: bytes) -> None:
        try:
            change = _CHANGE.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.warning("skipped a malformed message about an event", extra={"reason": str(error)})
            return
        self._changes[change.event_no] = change


_CHANGE = msgspec.json.Decoder(EventChange)


def _relation(body: bytes) -> tuple[int, _Columns | None]:
    """The id of a relation, and its columns if it is the votes table."""
    (relation_id,) = _RELATION_ID.unpack_from(body)
    namespace, table, rest = body[4:].split(b"\0", 2)
    if (namespace, table) != (b"public", b"votes"):
        return relation_id, None
    (columns,) = _COUNT.unpack_from(rest, 1)
    names, at = [], 3
    for _ in range(columns):
        name_end = rest.index(0, at + 1)
        names.append(rest[at + 1 : name_end])
        at = name_end + 9  # type and its modifier
    return relation_id, _Columns(names.index(b"event_no"), names.index(b"contestant_no"))


def _values(row: bytes) -> list[int]:
    """The columns of an insert as integers, binary or text; 0 for what is null or isn't sent."""
    (columns,) = _COUNT.unpack_from(row, 6)
    values, at = [], 8
    for _ in range(columns):
        kind = row[at : at + 1]
        if kind not in (b"b", b"t"):
            values.append(0)
            at += 1
            continue
        (length,) = _LENGTH.unpack_from(row, at + 1)
        at += 5 + length
        value = row[at - length : at]
        values.append(int.from_bytes(value, "big", signed=True) if kind == b"b" else int(value))
    return values
