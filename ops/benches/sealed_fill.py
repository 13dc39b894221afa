"""Votes with true seals, put into the ledger as fast as it takes rows, by the key of the rig.

Binary COPY by processes beside each other, each row packed by hand; pseudonyms come in ascending order, so an index
grows at one place and what stands there in the end is the same as if they had come at random.
"""

import os
import struct
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from multiprocessing import get_context

import psycopg

from contract.seal import seal_of
from ops.rig.event import Event
from ops.rig.people import SEAL_KEY

PROCESSES = 2
COMMIT_ROWS = 50_000
CONTESTANTS = 5
_COPY = "COPY votes (voted_at, device, event_no, contestant_no, region, voter, seal) FROM STDIN (FORMAT binary)"
_HEAD, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_ROW = struct.Struct("!h iq iq ii ih i2s i12s i16s")
_POSTGRES_EPOCH_US = 946_684_800_000_000  # 2000-01-01 in Unix microseconds


def fill_sealed(url: str, event: Event, votes: int) -> None:
    """Let the event, which is open and empty, have so many votes, each contestant of `CONTESTANTS` as many."""
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        list(pool.map(partial(_commit, url, event.event_no, votes), range(0, votes, COMMIT_ROWS)))


def _commit(url: str, event_no: int, votes: int, first: int) -> None:
    """The rows from `first` on, one commit of them."""
    with closing(psycopg.connect(url, autocommit=True)) as connection, connection.cursor() as cursor:
        [(now_us,)] = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchall()
        with cursor.copy(_COPY) as copy:
            copy.write(_HEAD)
            copy.write(b"".join(_rows(event_no, votes, range(first, min(first + COMMIT_ROWS, votes)), now_us)))
            copy.write(_END)


def _rows(event_no: int, votes: int, numbers: range, now_us: int) -> Iterator[bytes]:
    for number in numbers:
        voter = (number * 2**32 // votes).to_bytes(4, "big") + os.urandom(8)
        contestant_no = 1 + number % CONTESTANTS
        seal = seal_of(
            SEAL_KEY, voted_at_us=now_us, device=number, event_no=event_no, contestant_no=contestant_no, region="DE",
            voter=voter,
        )  # fmt: skip
        yield _ROW.pack(
            7, 8, now_us - _POSTGRES_EPOCH_US, 8, number, 4, event_no, 2, contestant_no, 2, b"DE", 12, voter, 16, seal
        )
