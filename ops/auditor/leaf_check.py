"""Checks the seals of one partition, and counts it anew: the work of one process of an audit.

A row comes as its seal and what it was made of (sealed_rows() in SQL), so nothing is parsed but what is counted.
"""

import hashlib
from collections import Counter
from typing import NamedTuple

import psycopg

from contract import path_patience, queries
from contract.seal import SEAL_BYTES

SEALS = "Has any row another seal than its own?"
NAMED_MAX = 1000  # of the wrong rows of one partition; all are counted
_MESSAGE_HEAD = 6  # of a row in binary COPY: how many fields, and the length of its one field
_CONTESTANT = slice(SEAL_BYTES + 20, SEAL_BYTES + 22)
_VOTER = slice(SEAL_BYTES + 25, SEAL_BYTES + 37)
_ROW_BYTES = SEAL_BYTES + 37
SUM_MODULUS = 1 << (8 * SEAL_BYTES)


class Leaf(NamedTuple):
    """One partition under a snapshot that somebody holds."""

    url: str
    snapshot: str
    event_no: int
    leaf: int


class LeafCheck(NamedTuple):
    """What is in it; `wrong` are pseudonyms in hexadecimal, the first `NAMED_MAX` of `wrong_rows`."""

    rows: int
    votes: Counter[int]  # by contestant_no
    seal_sum: int  # of all seals, modulo 2^128: the same for the same rows in any order
    wrong_rows: int
    wrong: list[str]


def check_leaf(leaf: Leaf, key: bytes) -> LeafCheck:
    """Check it from its first row to its last; raises psycopg.Error."""
    sql = queries.load("audit.sql")
    with psycopg.connect(leaf.url, **path_patience.LIBPQ) as connection, connection.cursor() as cursor:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        psycopg.ClientCursor(connection).execute(sql["take_snapshot"], {"snapshot": leaf.snapshot})
        with cursor.copy(sql["sealed_rows"], {"event_no": leaf.event_no, "leaf": leaf.leaf}) as rows:
            return _check(rows, key)


def _check(messages: psycopg.Copy, key: bytes) -> LeafCheck:
    sealer = hashlib.blake2b(key=key, digest_size=SEAL_BYTES)
    contestants: Counter[bytes] = Counter()
    seal_sum = wrong_rows = 0
    wrong: list[str] = []
    for message in messages:
        row = bytes(message)[-_ROW_BYTES:]
        if len(row) < _ROW_BYTES:
            continue  # the end of the copy
        made = sealer.copy()
        made.update(row[SEAL_BYTES:])
        seal = row[:SEAL_BYTES]
        if made.digest() != seal:
            wrong_rows += 1
            if wrong_rows <= NAMED_MAX:
                wrong.append(row[_VOTER].hex())
        contestants[row[_CONTESTANT]] += 1
        seal_sum += int.from_bytes(seal, "big")
    votes = Counter({int.from_bytes(number, "big", signed=True): count for number, count in contestants.items()})
    return LeafCheck(votes.total(), votes, seal_sum % SUM_MODULUS, wrong_rows, wrong)
