"""The replication connection: one slot, streamed, never polled.

    connect ─► identify ─► (create slot) ─► start ─► read ⇄ report ─► close

It uses psycopg's pq level, the only one in Python that streams. `read` takes what has arrived and never
waits; the caller selects on `fileno`. The server is asked for a sign of life with each report, and gives up a
listener that stays silent for SENDER_TIMEOUT_S: so the slot of a stopped one is soon free for the next.
Every failure is a psycopg.Error; the connection is then closed and a new one starts from the slot.
"""

import fcntl
import select
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
from psycopg import pq

from contract.position import parse_lsn
from fanout.conninfo import conninfo
from fanout.slot_state import WalHistory
from fanout.wal_decoder import Keepalive, StreamEndedError, Transaction, WalDecoder

SENDER_TIMEOUT_S = 5
SLOT_POLL_S = 0.25
PUBLICATION = "votes_inserts"
_READ_BYTES = 16 * 1024  # libpq's buffer: one consume_input takes so much
_STATUS = struct.Struct("!cQQQqB")
_POSTGRES_EPOCH_S = 946_684_800
_OK = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK, pq.ExecStatus.COPY_BOTH)


class NewSlot(NamedTuple):
    """A slot streams what was committed from `lsn` on; the snapshot, of use until `start`, shows all before."""

    lsn: int
    snapshot: str


class WalListener:
    """A replication connection to the database of `url`; raises psycopg.OperationalError."""

    def __init__(self, url: str, name: str) -> None:
        words = conninfo(url, name, f"wal_sender_timeout={SENDER_TIMEOUT_S}s", replication="database")
        # Not by PGconn.connect(), which holds the interpreter while a server is silent: then nobody learns why.
        self._owner = psycopg.connect(words, autocommit=True)
        self._connection = self._owner.pgconn
        self._connection.nonblocking = 0
        self._decoder = WalDecoder()

    @property
    def backend_pid(self) -> int:
        """The walsender's process: a checkpoint is stored only while this one is at the slot."""
        return self._connection.backend_pid

    def fileno(self) -> int:
        """For select."""
        return self._connection.socket

    def identify(self) -> WalHistory:
        """The server's system identifier and timeline."""
        row = self._command("IDENTIFY_SYSTEM")
        return WalHistory(int(_text(row, 0)), int(_text(row, 1)))

    def create_slot(self, slot: str, while_waiting: Callable[[], None], *, temporary: bool = False) -> NewSlot:
        """Make the slot, synchronised to standbys. Waits for every transaction that is running in the cluster.

        Calls `while_waiting` every SLOT_POLL_S meanwhile; what that raises ends the wait and leaves no slot behind.
        """
        kind, failover = ("TEMPORARY", "false") if temporary else ("", "true")
        command = (
            f"CREATE_REPLICATION_SLOT {self._quoted(slot)} {kind} LOGICAL pgoutput"
            f" (SNAPSHOT 'export', FAILOVER {failover})"
        )
        self._connection.send_query(command.encode())
        try:
            while self._connection.is_busy():
                if not select.select([self.fileno()], [], [], SLOT_POLL_S)[0]:
                    while_waiting()
                self._connection.consume_input()
        except BaseException:
            self._connection.get_cancel().cancel()
            raise
        row = self._answer(self._connection.get_result())
        self._connection.get_result()  # None: the command is done
        return NewSlot(parse_lsn(_text(row, 1)), _text(row, 2))

    def drop_slot(self, slot: str) -> None:
        """Drop a slot that is of no use any more; fails while another listener is at it."""
        self._command(f"DROP_REPLICATION_SLOT {self._quoted(slot)}")

    def start(self, slot: str) -> None:
        """Stream from what the slot has confirmed. psycopg.errors.ObjectInUse: another listener is at it."""
        self._command(
            f"START_REPLICATION SLOT {self._quoted(slot)} LOGICAL 0/0"
            f" (proto_version '1', publication_names '{PUBLICATION}', binary 'true', messages 'true')"
        )

    def read(self) -> Iterator[Transaction | Keepalive]:
        """What has arrived by now, without waiting."""
        try:
            for _ in range(1 + self._arrived_bytes() // _READ_BYTES):
                self._connection.consume_input()
                yield from self._decoder.messages(self._connection.get_copy_data)
        except StreamEndedError:
            self._answer(self._connection.get_result())
            raise psycopg.OperationalError("the server ended the stream") from None

    def report(self, received_lsn: int, confirmed_lsn: int) -> None:
        """Tell how far we got, and ask for an answer. The server may forget the WAL before `confirmed_lsn`."""
        clock_us = int((time.time() - _POSTGRES_EPOCH_S) * 1_000_000)
        self._connection.put_copy_data(_STATUS.pack(b"r", received_lsn, confirmed_lsn, confirmed_lsn, clock_us, 1))
        self._connection.flush()

    def close(self) -> None:
        """Leave the slot."""
        self._owner.close()

    def _arrived_bytes(self) -> int:
        return int.from_bytes(fcntl.ioctl(self.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)

    def _quoted(self, name: str) -> str:
        return pq.Escaping(self._connection).escape_identifier(name.encode()).decode()

    def _command(self, command: str) -> pq.abc.PGresult:
        return self._answer(self._connection.exec_(command.encode()))

    def _answer(self, result: pq.abc.PGresult | None) -> pq.abc.PGresult:
        if result is None or result.status not in _OK:
            raise _error(result, self._connection)
        return result


def _error(result: pq.abc.PGresult | None, connection: pq.abc.PGconn) -> psycopg.Error:
    if result is None:
        return psycopg.OperationalError(connection.get_error_message())
    return psycopg.errors.error_from_result(result)


def _text(result: pq.abc.PGresult, column: int) -> str:
    return (result.get_value(0, column) or b"").decode()
