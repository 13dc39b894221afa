"""A writer's connection to a real ledger."""

import time
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from command.settings import Commit
from command.votes.ledger_connection import Columns, LedgerConnection
from command.votes.vote_batcher import EventKey
from contract import settings
from ops.rig.database import Database
from ops.rig.event import Event, make_event


def batch_of(*voters: bytes) -> Columns:
    """One vote each."""
    return {
        "voters": list(voters),
        "contestants": [1] * len(voters),
        "devices": [None] * len(voters),
        "regions": [None] * len(voters),
        "seals": [bytes(16)] * len(voters),
        "refused": [0] * len(voters),
    }


def key_of(event: Event) -> EventKey:
    return EventKey(event.event_no, UUID(event.event_id))


async def test_a_step_of_our_clock_moves_no_vote(
    database: Database, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of acceptance follows the database's clock by one that nobody can set."""
    event = make_event(owner)
    ledger = LedgerConnection(database.url("vote_command"), settings.read(Commit, {}))
    await ledger.cast(key_of(event), lambda _: batch_of(b"a" * 12))
    stepped = time.time() + 3600
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: stepped)
        began = datetime.now(UTC)
        voted_at, _ = await ledger.cast(key_of(event), lambda _: batch_of(b"b" * 12))
    ledger.close()
    assert (voted_at - began).total_seconds() < 1800
