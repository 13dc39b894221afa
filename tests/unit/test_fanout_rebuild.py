"""When stored tallies may be continued."""

import pytest

from contract.position import Position
from fanout.checkpoint import Checkpoint
from fanout.rebuild import SlotState, why_rebuild
from fanout.wal_listener import Identity

SERVER = Identity(7, 3)
FINE = SlotState(confirmed=100, active=False, lost=False)


def stored(lsn: int = 100, system_id: int = 7, timeline: int = 3) -> Checkpoint:
    return Checkpoint(1, Position(system_id, timeline, lsn), 0)


@pytest.mark.parametrize(
    ("slot", "checkpoint", "reason"),
    [
        (FINE, stored(), ""),
        (FINE, stored(lsn=101), ""),
        (FINE, stored(timeline=2), ""),  # promoted with a synchronised slot: the checkpoint travelled with the ledger
        (None, stored(), "missing"),
        (FINE._replace(lost=True), stored(), "invalidated"),
        (FINE, None, "no checkpoint"),
        (FINE, stored(system_id=8), "another system"),
        (FINE, stored(lsn=99), "beyond"),
    ],
)
def test_continue_or_rebuild(slot: SlotState | None, checkpoint: Checkpoint | None, reason: str) -> None:
    """Continue only if every commit after the checkpoint is still to come from the slot."""
    why = why_rebuild(slot, checkpoint, SERVER)
    assert reason in why if reason else not why
